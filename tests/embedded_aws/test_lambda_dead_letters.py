"""The dead-letter queue of a function: for events of asynchronous invocations that failed."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import DeploymentError
from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import allow, arn, deployed, function, physical_id, role

FAILS = """
def handler(event, context):
    raise ValueError("on purpose" + "!" * event.get("more", 0))
"""
MAY_SEND = allow("sqs:SendMessage", arn("Queue"))


def deploy(cloud: Cloud, folder: Path, *statements: Any, **more: Any) -> str:
    dead_letter = {"DeadLetterConfig": {"TargetArn": arn("Queue")}}
    deployed(
        cloud,
        folder,
        {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
            "Role": role("lambda.amazonaws.com", *statements),
            "Task": function(FAILS, "Role", **{**dead_letter, **more}),
        },
    )
    return physical_id(cloud, "Task")


def invoke(cloud: Cloud, name: str, **event: int) -> list[Any]:
    cloud.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event)
    )
    assert cloud.clock.wait_until_idle(60)
    found = cloud.client("sqs").receive_message(
        QueueUrl=physical_id(cloud, "Queue"), MessageAttributeNames=["All"]
    )
    return list(found.get("Messages", []))


def test_an_event_that_failed_three_times_is_kept_as_it_was(cloud: Cloud, tmp_path: Path) -> None:
    name = deploy(cloud, tmp_path, MAY_SEND)
    began = cloud.clock.time()
    (letter,) = invoke(cloud, name, more=2000)
    assert cloud.clock.time() - began == 180
    assert json.loads(letter["Body"]) == {"more": 2000}
    attributes = letter["MessageAttributes"]
    assert attributes["ErrorCode"] == {"DataType": "Number", "StringValue": "200"}
    assert attributes["ErrorMessage"]["StringValue"].startswith("on purpose!")
    assert len(attributes["ErrorMessage"]["StringValue"]) == 1024
    assert attributes["RequestID"]["DataType"] == "String"


def test_a_function_tells_its_dead_letter_queue_which_can_change(
    cloud: Cloud, tmp_path: Path
) -> None:
    name = deploy(cloud, tmp_path, MAY_SEND)
    api = cloud.client("lambda")
    target = api.get_function_configuration(FunctionName=name)["DeadLetterConfig"]["TargetArn"]
    assert target.startswith("arn:aws:sqs:ap-northeast-1:111122223333:small-Queue")
    api.update_function_configuration(FunctionName=name, DeadLetterConfig={"TargetArn": ""})
    assert invoke(cloud, name) == []


def test_a_role_that_may_not_send_to_the_queue_gets_no_function(
    cloud: Cloud, tmp_path: Path
) -> None:
    with pytest.raises(DeploymentError, match="permissions to call SendMessage on SQS"):
        deploy(cloud, tmp_path)


def test_an_event_for_a_function_that_was_deleted_is_lost(cloud: Cloud, tmp_path: Path) -> None:
    name = deploy(cloud, tmp_path, MAY_SEND)
    with cloud.clock.running():
        cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
        cloud.client("lambda").delete_function(FunctionName=name)
    assert cloud.clock.wait_until_idle(60)
    found = cloud.client("sqs").receive_message(QueueUrl=physical_id(cloud, "Queue"))
    assert "Messages" not in found
