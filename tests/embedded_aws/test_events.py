"""EventBridge: what starts, and what happens to an event that cannot be delivered."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import (
    ECHO,
    MAY_START,
    allow,
    arn,
    dead_letters,
    deployed,
    function,
    physical_id,
    role,
    state_machine,
)

GLUE = {"source": ["aws.glue"], "detail": {"state": ["SUCCEEDED"], "jobName": ["nightly"]}}


def rule(**target: Any) -> dict[str, Any]:
    properties = {
        "EventPattern": GLUE,
        "Targets": [{"Id": "machine", "Arn": arn("Machine"), "RoleArn": arn("Sender"), **target}],
    }
    return {"Type": "AWS::Events::Rule", "Properties": properties}


def queue_policy(*principals: str) -> dict[str, Any]:
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": principal},
            "Action": "sqs:SendMessage",
            "Resource": arn("Queue"),
            "Condition": {"ArnEquals": {"aws:SourceArn": arn("Rule")}},
        }
        for principal in principals
    ]
    properties = {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Statement": statements}}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": properties}


def deploy_rule(cloud: Cloud, folder: Path, *statements: Any, **target: Any) -> None:
    deployed(
        cloud,
        folder,
        {
            "Runner": role("states.amazonaws.com"),
            "Machine": state_machine(ECHO, "Runner"),
            "Sender": role("events.amazonaws.com", *statements),
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
            "QueuePolicy": queue_policy("events.amazonaws.com"),
            "Rule": rule(DeadLetterConfig={"Arn": arn("Queue")}, **target),
        },
    )


def glue_event(cloud: Cloud, job: str = "nightly", state: str = "SUCCEEDED") -> str:
    return cloud.send_service_event(
        "aws.glue",
        "Glue Job State Change",
        {"jobName": job, "state": state, "jobRunId": "jr_" + "0" * 64},
    )


def started(cloud: Cloud) -> list[Any]:
    """Return the inputs of all executions so far, after they have ended."""
    assert cloud.clock.wait_until_idle(30)
    api = cloud.client("stepfunctions")
    machine = physical_id(cloud, "Machine")
    return [
        json.loads(api.describe_execution(executionArn=e["executionArn"])["input"])
        for e in api.list_executions(stateMachineArn=machine)["executions"]
    ]


def test_a_matching_event_starts_the_machine_with_the_whole_event(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_rule(cloud, tmp_path, MAY_START)
    event_id = glue_event(cloud)
    (received,) = started(cloud)
    assert received == {
        "version": "0",
        "id": event_id,
        "detail-type": "Glue Job State Change",
        "source": "aws.glue",
        "account": "111122223333",
        "time": "2020-09-28T00:30:00Z",
        "region": "ap-northeast-1",
        "resources": [],
        "detail": {"jobName": "nightly", "state": "SUCCEEDED", "jobRunId": "jr_" + "0" * 64},
    }


@pytest.mark.parametrize(("job", "state"), [("other", "SUCCEEDED"), ("nightly", "FAILED")])
def test_an_event_that_the_pattern_does_not_match_starts_nothing(
    cloud: Cloud, tmp_path: Path, job: str, state: str
) -> None:
    deploy_rule(cloud, tmp_path, MAY_START)
    glue_event(cloud, job, state)
    assert started(cloud) == []


def test_a_disabled_rule_starts_nothing(cloud: Cloud, tmp_path: Path) -> None:
    deploy_rule(cloud, tmp_path, MAY_START)
    cloud.client("events").disable_rule(Name=physical_id(cloud, "Rule"))
    glue_event(cloud)
    assert started(cloud) == []


def test_root_may_send_a_glue_event_with_its_own_time_through_put_events(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_rule(cloud, tmp_path, MAY_START)
    detail = json.dumps({"jobName": "nightly", "state": "SUCCEEDED"})
    response = cloud.client("events").put_events(
        Entries=[
            {
                "Source": "aws.glue",
                "DetailType": "Glue Job State Change",
                "Detail": detail,
                "Time": datetime(2020, 9, 27, 20, 1, 2, tzinfo=UTC),
            }
        ]
    )
    assert response["FailedEntryCount"] == 0
    (received,) = started(cloud)
    assert received["time"] == "2020-09-27T20:01:02Z"
    assert received["id"] == response["Entries"][0]["EventId"]


def test_a_deployed_role_may_not_send_events_as_an_aws_service(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = """
import boto3
def handler(event, context):
    entry = {"Source": "aws.glue", "DetailType": "Glue Job State Change", "Detail": "{}"}
    return boto3.client("events").put_events(Entries=[entry])["Entries"]
"""
    bus = "arn:aws:events:ap-northeast-1:111122223333:event-bus/default"
    resources = {
        "Role": role("lambda.amazonaws.com", allow("events:PutEvents", bus)),
        "Task": function(code, "Role"),
    }
    deployed(cloud, tmp_path, resources)
    response = cloud.client("lambda").invoke(FunctionName=physical_id(cloud, "Task"))
    (entry,) = json.loads(response["Payload"].read())
    assert entry["ErrorCode"] == "NotAuthorizedForSourceException"


def test_an_event_of_a_deployed_role_is_delivered_when_its_sender_waits_or_ends(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = """
import boto3
def handler(event, context):
    entry = {"Source": "shop", "DetailType": "Sale", "Detail": '{"sold": 1}'}
    return boto3.client("events").put_events(Entries=[entry])["Entries"]
"""
    bus = "arn:aws:events:ap-northeast-1:111122223333:event-bus/default"
    sale = rule()
    sale["Properties"]["EventPattern"] = {"source": ["shop"]}
    resources = {
        "Runner": role("states.amazonaws.com"),
        "Machine": state_machine(ECHO, "Runner"),
        "Sender": role("events.amazonaws.com", MAY_START),
        "Rule": sale,
        "Role": role("lambda.amazonaws.com", allow("events:PutEvents", bus)),
        "Task": function(code, "Role"),
    }
    deployed(cloud, tmp_path, resources)
    cloud.client("lambda").invoke(FunctionName=physical_id(cloud, "Task"))
    (received,) = started(cloud)
    assert received["detail"] == {"sold": 1}


def test_invalid_entries_do_not_fail_the_other_entries(cloud: Cloud) -> None:
    good = {"Source": "shop", "DetailType": "Sale", "Detail": "{}"}
    response = cloud.client("events").put_events(
        Entries=[good, {**good, "Detail": "{"}, {"Source": "shop", "Detail": "{}"}]
    )
    assert response["FailedEntryCount"] == 2
    assert [entry.get("ErrorCode") for entry in response["Entries"]] == [
        None,
        "MalformedDetail",
        "InvalidArgument",
    ]


def test_without_permission_to_start_the_event_goes_to_the_dead_letter_queue_with_the_reason(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_rule(cloud, tmp_path)
    glue_event(cloud)
    assert started(cloud) == []
    ((event, attributes),) = dead_letters(cloud)
    assert event["detail"]["jobName"] == "nightly"
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert "is not authorized to perform: states:StartExecution" in attributes["ERROR_MESSAGE"]
    assert attributes["RULE_ARN"].endswith(physical_id(cloud, "Rule"))
    assert attributes["TARGET_ARN"] == physical_id(cloud, "Machine")
    assert attributes["RETRY_ATTEMPTS"] == "0"
    assert "EXHAUSTED_RETRY_CONDITION" not in attributes


def test_a_role_that_does_not_trust_eventbridge_starts_nothing(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_rule(cloud, tmp_path, MAY_START, RoleArn=arn("Runner"))
    glue_event(cloud)
    ((_, attributes),) = dead_letters(cloud)
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_throttled_start_is_retried_until_it_succeeds(cloud: Cloud, tmp_path: Path) -> None:
    deploy_rule(cloud, tmp_path, MAY_START)
    cloud.faults.add("states:StartExecution=throttle*4")
    began = cloud.clock.time()
    glue_event(cloud)
    assert len(started(cloud)) == 1
    assert cloud.clock.time() == began + 5 + 10 + 20 + 40
    assert dead_letters(cloud) == []


@pytest.mark.parametrize(
    ("policy", "condition", "retries"),
    [
        ({"MaximumRetryAttempts": 3}, "MaximumRetryAttempts", "3"),
        ({"MaximumEventAgeInSeconds": 60}, "MaximumEventAgeInSeconds", "3"),
    ],
)
def test_an_event_that_exhausts_its_retry_policy_goes_to_the_dead_letter_queue(
    cloud: Cloud, tmp_path: Path, policy: dict[str, int], condition: str, retries: str
) -> None:
    deploy_rule(cloud, tmp_path, MAY_START, RetryPolicy=policy)
    cloud.faults.add("states:StartExecution=error*always")
    glue_event(cloud)
    ((_, attributes),) = dead_letters(cloud)
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == condition
    assert attributes["RETRY_ATTEMPTS"] == retries
    assert attributes["ERROR_CODE"] == "INTERNAL_ERROR"


def test_without_a_retry_policy_retries_end_after_one_day_at_most(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_rule(cloud, tmp_path, MAY_START)
    cloud.faults.add("states:StartExecution=throttle*always")
    began = cloud.clock.time()
    glue_event(cloud)
    ((_, attributes),) = dead_letters(cloud)
    assert attributes["ERROR_CODE"] == "THROTTLING"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"
    assert 86_400 - 600 <= cloud.clock.time() - began <= 86_400


def test_a_lost_response_delivers_the_event_twice(cloud: Cloud, tmp_path: Path) -> None:
    deploy_rule(cloud, tmp_path, MAY_START)
    cloud.faults.add("states:StartExecution=lost")
    glue_event(cloud)
    first, second = started(cloud)
    assert first == second


def test_a_queue_that_does_not_allow_eventbridge_receives_nothing(
    cloud: Cloud, tmp_path: Path
) -> None:
    deployed(
        cloud,
        tmp_path,
        {
            "Runner": role("states.amazonaws.com"),
            "Machine": state_machine(ECHO, "Runner"),
            "Sender": role("events.amazonaws.com"),
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
            "QueuePolicy": queue_policy("sns.amazonaws.com"),
            "Rule": rule(DeadLetterConfig={"Arn": arn("Queue")}),
        },
    )
    glue_event(cloud)
    assert dead_letters(cloud) == []
    refused = [call for call in cloud.calls if not call.allowed]
    assert ("events.amazonaws.com", "sqs:SendMessage") in {(c.caller, c.action) for c in refused}
