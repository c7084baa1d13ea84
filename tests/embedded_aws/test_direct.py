"""A request that needs no connection gets what the same request gets over one."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

from embedded_aws import Clock, Cloud, start
from tests.conftest import START

VERSION = "2012-10-17"
TRUST = {
    "Version": VERSION,
    "Statement": {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "states.amazonaws.com"},
    },
}


def over_the_network(service: Any) -> Any:
    """A client of the cloud that its variables name, as any other program has it."""
    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))


def shown(response: Any) -> dict[str, Any]:
    """A response without what differs between any two."""
    metadata = response["ResponseMetadata"]
    varying = {"date", "server", "connection", "x-amzn-requestid"}
    headers = {k.lower(): v for k, v in metadata["HTTPHeaders"].items()}
    return {
        **response,
        "ResponseMetadata": {
            "status": metadata["HTTPStatusCode"],
            "headers": {k: v for k, v in headers.items() if k not in varying},
        },
    }


def test_both_ways_lead_to_the_same_objects(cloud: Cloud) -> None:
    here, there = cloud.client("s3"), over_the_network("s3")
    here.create_bucket(
        Bucket="shop", CreateBucketConfiguration={"LocationConstraint": cloud.region}
    )
    key, data = "a b/ü%20+.csv", bytes(range(256)) * 1000
    here.put_object(Bucket="shop", Key=key, Body=data, ContentType="text/csv", Metadata={"A": "b"})
    for one in (here, there):
        assert one.get_object(Bucket="shop", Key=key)["Body"].read() == data
    for call in ("head_object", "get_object_tagging"):
        read = [getattr(one, call)(Bucket="shop", Key=key) for one in (here, there)]
        assert shown(read[0]) == shown(read[1])


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("dynamodb", "describe_table", {"TableName": "none"}),
        ("s3", "head_object", {"Bucket": "none", "Key": "none"}),
        ("lambda", "get_function", {"FunctionName": "none"}),
        ("sqs", "get_queue_url", {"QueueName": "none"}),
    ],
)
def test_both_ways_end_in_the_same_error(
    cloud: Cloud, service: str, call: str, arguments: dict[str, str]
) -> None:
    errors = []
    for one in (cloud.client(service), over_the_network(service)):
        with pytest.raises(ClientError) as raised:
            getattr(one, call)(**arguments)
        errors.append(shown(raised.value.response))
    assert errors[0] == errors[1]


def test_what_has_the_clocks_date_has_it_both_ways(cloud: Cloud) -> None:
    for one in (cloud.client("dynamodb"), over_the_network("dynamodb")):
        headers = one.list_tables()["ResponseMetadata"]["HTTPHeaders"]
        assert headers["date"] == "Mon, 28 Sep 2020 00:30:00 GMT"


def test_a_lost_response_of_a_state_machine_is_a_closed_connection(cloud: Cloud) -> None:
    iam, states = cloud.client("iam"), cloud.client("stepfunctions")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    send_any = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    allowed = {"Version": VERSION, "Statement": send_any}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(allowed))
    queue = cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sqs:sendMessage",
        "Arguments": {"QueueUrl": queue, "MessageBody": "hello"},
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Send", "States": {"Send": send}}
    machine = states.create_state_machine(
        name="m", roleArn=role, definition=json.dumps(definition)
    )["stateMachineArn"]
    cloud.faults.add("sqs:SendMessage=lost")
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    assert cloud.clock.wait_until_idle(30)
    ended = states.describe_execution(executionArn=execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "Sqs.SdkClientException")
    assert cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"


def test_a_cloud_that_has_ended_refuses_the_connection() -> None:
    with start(account="111122223333", region="ap-northeast-1", clock=Clock(START)) as cloud:
        queues = cloud.client("sqs")
        queues.list_queues()
    with pytest.raises((EndpointConnectionError, ConnectionClosedError)):
        queues.list_queues()


def test_a_request_can_be_presigned(cloud: Cloud) -> None:
    url = cloud.client("sts").generate_presigned_url("get_caller_identity")
    assert "X-Amz-Signature=" in url
