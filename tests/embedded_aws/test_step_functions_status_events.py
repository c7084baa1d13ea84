"""Step Functions tells EventBridge of each change of a Standard execution's status."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import arn, deployed, physical_id, role, state_machine

ENDS = {
    "SUCCEEDED": {"Type": "Pass", "End": True},
    "FAILED": {"Type": "Fail", "Error": "Wrong", "Cause": "It is wrong."},
    "TIMED_OUT": {"Type": "Wait", "Seconds": 3600, "End": True},
    "ABORTED": {"Type": "Wait", "Seconds": 3600, "End": True},
}


def deploy(cloud: Cloud, folder: Path, status: str) -> None:
    definition: dict[str, Any] = {"StartAt": "Only", "States": {"Only": ENDS[status]}}
    if status == "TIMED_OUT":
        definition["TimeoutSeconds"] = 60
    deployed(
        cloud,
        folder,
        {
            "Runner": role("states.amazonaws.com"),
            "Machine": state_machine(definition, "Runner"),
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
            "QueuePolicy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {
                    "Queues": [{"Ref": "Queue"}],
                    "PolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"Service": "events.amazonaws.com"},
                                "Action": "sqs:SendMessage",
                                "Resource": arn("Queue"),
                            }
                        ]
                    },
                },
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {
                        "source": ["aws.states"],
                        "detail-type": ["Step Functions Execution Status Change"],
                        "detail": {"stateMachineArn": [{"Ref": "Machine"}]},
                    },
                    "Targets": [{"Id": "queue", "Arn": arn("Queue")}],
                },
            },
        },
    )


def events(cloud: Cloud) -> list[dict[str, Any]]:
    assert cloud.clock.wait_until_idle(30)
    found = cloud.client("sqs").receive_message(
        QueueUrl=physical_id(cloud, "Queue"), MaxNumberOfMessages=10
    )
    return [json.loads(message["Body"]) for message in found.get("Messages", [])]


def start(cloud: Cloud, given: Any) -> str:
    started: str = cloud.client("stepfunctions").start_execution(
        stateMachineArn=physical_id(cloud, "Machine"), name="one", input=json.dumps(given)
    )["executionArn"]
    return started


@pytest.mark.parametrize("status", list(ENDS))
def test_each_change_of_a_status_is_an_event(cloud: Cloud, tmp_path: Path, status: str) -> None:
    deploy(cloud, tmp_path, status)
    with cloud.clock.running():
        execution = start(cloud, {"n": 1})
        if status == "ABORTED":
            cloud.client("stepfunctions").stop_execution(
                executionArn=execution, error="Stopped", cause="by hand"
            )
    first, last = sorted(events(cloud), key=lambda e: e["detail"]["status"] != "RUNNING")
    assert first["source"] == "aws.states"
    assert first["resources"] == [execution]
    assert first["detail"] == {
        "executionArn": execution,
        "stateMachineArn": physical_id(cloud, "Machine"),
        "name": "one",
        "status": "RUNNING",
        "startDate": 1601253000000,
        "stopDate": None,
        "input": '{"n": 1}',
        "output": None,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is RUNNING and cannot be redriven",
        "inputDetails": {"included": True},
        "outputDetails": None,
        "error": None,
        "cause": None,
    }
    told = {
        "SUCCEEDED": (None, None, 0),
        "FAILED": ("Wrong", "It is wrong.", 0),
        "TIMED_OUT": (None, None, 60_000),
        "ABORTED": ("Stopped", "by hand", 0),
    }
    detail = last["detail"]
    took = detail["stopDate"] - detail["startDate"]
    assert (detail["error"], detail["cause"], took) == told[status]
    assert detail["status"] == status
    assert (detail["output"] is not None) == (status == "SUCCEEDED")
    assert detail["redriveStatus"] == ("NOT_REDRIVABLE" if status == "SUCCEEDED" else "REDRIVABLE")


def test_an_input_that_would_make_the_event_too_large_is_left_out(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(cloud, tmp_path, "SUCCEEDED")
    start(cloud, "x" * 130_000)
    by_status = {event["detail"]["status"]: event["detail"] for event in events(cloud)}
    assert by_status["RUNNING"]["inputDetails"] == {"included": True}
    assert by_status["SUCCEEDED"]["inputDetails"] == {"included": False}
    assert by_status["SUCCEEDED"]["input"] is None
    assert by_status["SUCCEEDED"]["outputDetails"] == {"included": True}
