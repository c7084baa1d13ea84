"""SNS: who may publish, what is refused, and who gets it."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from embedded_aws.services.sns import publish_as_service
from tests.embedded_aws.small_stack import allow, arn, deployed, function, physical_id, role

TOPIC = {"Ref": "Topic"}
CLOUDWATCH = "cloudwatch.amazonaws.com"
ALARM = "arn:aws:cloudwatch:ap-northeast-1:111122223333:alarm:stale"
KEY = "arn:aws:kms:ap-northeast-1:111122223333:key/11111111-2222-3333-4444-555555555555"
PUBLISHER = """
import boto3, os
def handler(event, context):
    boto3.client("sns").publish(TopicArn=os.environ["TOPIC"], **event)
"""


def subscription(protocol: str, endpoint: Any) -> dict[str, Any]:
    properties = {"TopicArn": TOPIC, "Protocol": protocol, "Endpoint": endpoint}
    return {"Type": "AWS::SNS::Subscription", "Properties": properties}


def policy(kind: str, ids: str, principal: str, action: str, resource: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": action,
        "Resource": resource,
    }
    name = {"SQS::QueuePolicy": "Queue", "SNS::TopicPolicy": "Topic"}[kind]
    properties = {ids: [{"Ref": name}], "PolicyDocument": {"Statement": [statement]}}
    return {"Type": f"AWS::{kind}", "Properties": properties}


def deploy(cloud: Cloud, folder: Path, *statements: Any, **topic: Any) -> str:
    grants = statements or (allow("sns:Publish", TOPIC),)
    deployed(
        cloud,
        folder,
        {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": topic},
            "TopicPolicy": policy("SNS::TopicPolicy", "Topics", CLOUDWATCH, "sns:Publish", TOPIC),
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
            "QueuePolicy": policy(
                "SQS::QueuePolicy", "Queues", "sns.amazonaws.com", "sqs:SendMessage", arn("Queue")
            ),
            "Mail": subscription("email", "shop@example.com"),
            "ToQueue": subscription("sqs", arn("Queue")),
            "Role": role("lambda.amazonaws.com", *grants),
            "Task": function(PUBLISHER, "Role", Environment={"Variables": {"TOPIC": TOPIC}}),
        },
    )
    return physical_id(cloud, "Topic")


def publish(cloud: Cloud, **message: str) -> Any:
    response = cloud.client("lambda").invoke(
        FunctionName=physical_id(cloud, "Task"), Payload=json.dumps(message)
    )
    return json.loads(response["Payload"].read())


def test_a_message_reaches_the_mailbox_and_the_queue(cloud: Cloud, tmp_path: Path) -> None:
    topic = deploy(cloud, tmp_path)
    assert publish(cloud, Subject="FAILED", Message="It failed.") is None
    (mail,) = cloud.mailbox
    assert (mail.topic, mail.protocol, mail.endpoint) == (topic, "email", "shop@example.com")
    assert (mail.subject, mail.body, mail.time) == ("FAILED", "It failed.", cloud.clock.time())
    url = physical_id(cloud, "Queue")
    (message,) = cloud.client("sqs").receive_message(QueueUrl=url)["Messages"]
    body = json.loads(message["Body"])
    assert (body["Subject"], body["Message"], body["TopicArn"]) == ("FAILED", "It failed.", topic)
    assert body["Timestamp"] == "2020-09-28T00:30:00.000Z"


def test_a_queue_that_does_not_let_the_topic_in_gets_nothing(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path)
    url = physical_id(cloud, "Queue")
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    publish(cloud, Message="It failed.")
    assert "Messages" not in cloud.client("sqs").receive_message(QueueUrl=url)
    assert len(cloud.mailbox) == 1


def test_a_role_needs_the_permission(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path, allow("sqs:SendMessage", arn("Queue")))
    assert "not authorized to perform: sns:Publish" in publish(cloud, Message="x")["errorMessage"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"Subject": "두 줄", "Message": "x"}, "Invalid parameter: Subject"),
        ({"Subject": "two\nlines", "Message": "x"}, "Invalid parameter: Subject"),
        ({"Subject": "x" * 101, "Message": "x"}, "Invalid parameter: Subject"),
        ({"Subject": " x", "Message": "x"}, "Invalid parameter: Subject"),
        ({"Message": ""}, "Invalid parameter: Empty message"),
        ({"Message": "x" * 262_145}, "Invalid parameter: Message too long"),
    ],
)
def test_what_sns_refuses_is_refused(cloud: Cloud, message: dict[str, Any], reason: str) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    with pytest.raises(ClientError, match=reason):
        sns.publish(TopicArn=topic, **message)
    assert sns.publish(TopicArn=topic, Subject="x" * 100, Message="x")["MessageId"]


def test_a_service_publishes_if_the_topics_policy_lets_it(cloud: Cloud, tmp_path: Path) -> None:
    topic = deploy(cloud, tmp_path)
    given = {"source": ALARM, "subject": "s", "body": "b"}
    assert publish_as_service(CLOUDWATCH, topic, **given)
    assert not publish_as_service("events.amazonaws.com", topic, **given)
    assert [mail.body for mail in cloud.mailbox] == ["b"]


def test_an_encrypted_topic_needs_its_key_too(cloud: Cloud, tmp_path: Path) -> None:
    root = {"AWS": "arn:aws:iam::111122223333:root"}
    statements: list[Any] = [
        {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    ]
    cloud.add_key(KEY, {"Version": "2012-10-17", "Statement": statements})
    topic = deploy(cloud, tmp_path, KmsMasterKeyId=KEY)
    assert "not authorized to perform: kms:" in publish(cloud, Message="x")["errorMessage"]
    given = {"source": ALARM, "subject": "s", "body": "b"}
    assert not publish_as_service(CLOUDWATCH, topic, **given)
    lets_in = {
        "Effect": "Allow",
        "Principal": {"Service": CLOUDWATCH},
        "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
        "Resource": "*",
    }
    cloud.client("kms").put_key_policy(
        KeyId=KEY.rpartition("/")[2],
        PolicyName="default",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [*statements, lets_in]}),
    )
    assert publish_as_service(CLOUDWATCH, topic, **given)


def test_an_update_of_a_topic_keeps_its_subscriptions(cloud: Cloud, tmp_path: Path) -> None:
    topic = deploy(cloud, tmp_path)
    assert deploy(cloud, tmp_path, DisplayName="Shop") == topic
    cloud.client("sns").publish(TopicArn=topic, Message="x")
    assert len(cloud.mailbox) == 1
