"""Asynchronous invocations: by a rule, a schedule or a caller; retried, then sent on."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import allow, arn, deployed, function, physical_id, role

TASK = """
import json
def handler(event, context):
    print(json.dumps({"got": event}))
    if event.get("detail", event).get("fails"):
        raise ValueError("on purpose")
    return "done"
"""
PATTERN = {"source": ["shop"]}
MAY_LOG = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*")


def permission(**more: Any) -> dict[str, Any]:
    properties = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": arn("Task"),
        "Principal": "events.amazonaws.com",
        "SourceArn": arn("Rule"),
        **more,
    }
    return {"Type": "AWS::Lambda::Permission", "Properties": properties}


def queue_for(principal: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": "sqs:SendMessage",
        "Resource": arn("Letters"),
    }
    properties = {
        "Queues": [{"Ref": "Letters"}],
        "PolicyDocument": {"Statement": [statement]},
    }
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": properties}


def deploy(cloud: Cloud, folder: Path, *, allowed: bool = True, **invoke: Any) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {}}
    rule = {
        "EventPattern": PATTERN,
        "Targets": [
            {"Id": "task", "Arn": arn("Task"), "DeadLetterConfig": {"Arn": arn("Letters")}}
        ],
    }
    deployed(
        cloud,
        folder,
        {
            "Failed": queue,
            "Letters": queue,
            "LettersPolicy": queue_for("events.amazonaws.com"),
            "Role": role("lambda.amazonaws.com", MAY_LOG, allow("sqs:SendMessage", arn("Failed"))),
            "Sender": role("scheduler.amazonaws.com", allow("lambda:InvokeFunction", arn("Task"))),
            "Task": function(TASK, "Role"),
            "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
            **({"Permission": permission()} if allowed else {}),
            "Settings": {
                "Type": "AWS::Lambda::EventInvokeConfig",
                "Properties": {
                    "FunctionName": {"Ref": "Task"},
                    "Qualifier": "$LATEST",
                    "DestinationConfig": {"OnFailure": {"Destination": arn("Failed")}},
                    **invoke,
                },
            },
        },
    )


def send(cloud: Cloud, **detail: Any) -> None:
    cloud.client("events").put_events(
        Entries=[{"Source": "shop", "DetailType": "Sale", "Detail": json.dumps(detail)}]
    )


def messages(cloud: Cloud, queue: str) -> list[Any]:
    assert cloud.clock.wait_until_idle(60)
    found = cloud.client("sqs").receive_message(
        QueueUrl=physical_id(cloud, queue),
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    )
    return list(found.get("Messages", []))


def runs(cloud: Cloud) -> list[Any]:
    """Return what the function got, each time."""
    assert cloud.clock.wait_until_idle(60)
    group = f"/aws/lambda/{physical_id(cloud, 'Task')}"
    events = cloud.client("logs").filter_log_events(logGroupName=group)["events"]
    return [json.loads(e["message"])["got"] for e in events if '"got"' in e["message"]]


def test_a_rule_invokes_a_function_that_lets_it_in(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path)
    send(cloud, n=1)
    assert [event["detail"] for event in runs(cloud)] == [{"n": 1}]


def test_a_function_without_a_permission_for_the_rule_is_a_dead_letter(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(cloud, tmp_path, allowed=False)
    send(cloud, n=1)
    (letter,) = messages(cloud, "Letters")
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert json.loads(letter["Body"])["detail"] == {"n": 1}


def test_an_event_that_was_refused_is_counted_without_a_dead_letter_queue(
    cloud: Cloud, tmp_path: Path
) -> None:
    rule = {"EventPattern": PATTERN, "Targets": [{"Id": "task", "Arn": arn("Task")}]}
    deployed(
        cloud,
        tmp_path,
        {
            "Role": role("lambda.amazonaws.com", MAY_LOG),
            "Task": function(TASK, "Role"),
            "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
        },
    )
    send(cloud, n=1)
    assert cloud.clock.wait_until_idle(60)
    now = cloud.clock.now()
    (point,) = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Events",
        MetricName="FailedInvocations",
        Dimensions=[{"Name": "RuleName", "Value": physical_id(cloud, "Rule")}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=7200,
        Statistics=["Sum"],
    )["Datapoints"]
    assert point["Sum"] == 1


def test_an_event_that_fails_is_tried_three_times_and_then_sent_to_its_destination(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(cloud, tmp_path)
    began = cloud.clock.time()
    send(cloud, fails=True)
    assert len(runs(cloud)) == 3
    assert cloud.clock.time() - began == 180
    (message,) = messages(cloud, "Failed")
    record = json.loads(message["Body"])
    assert record["requestPayload"]["detail"] == {"fails": True}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["functionArn"].endswith(":$LATEST")
    assert record["responsePayload"]["errorMessage"] == "on purpose"


def test_an_event_whose_role_is_deleted_is_tried_again_and_counted_as_failed(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(cloud, tmp_path)
    iam = cloud.client("iam")
    name = physical_id(cloud, "Role")
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    began = cloud.clock.time()
    iam.delete_role(RoleName=name)
    send(cloud)
    assert cloud.clock.wait_until_idle(60)
    assert cloud.clock.time() - began == 180


@pytest.mark.parametrize(
    ("settings", "tries", "condition"),
    [
        ({"MaximumRetryAttempts": 0}, 1, "RetriesExhausted"),
        ({"MaximumEventAgeInSeconds": 100}, 2, "EventAgeExceeded"),
    ],
)
def test_the_functions_settings_limit_the_attempts(
    cloud: Cloud, tmp_path: Path, settings: dict[str, Any], tries: int, condition: str
) -> None:
    deploy(cloud, tmp_path, **settings)
    cloud.client("lambda").invoke(
        FunctionName=physical_id(cloud, "Task"),
        InvocationType="Event",
        Payload=json.dumps({"fails": True}),
    )
    assert len(runs(cloud)) == tries
    (message,) = messages(cloud, "Failed")
    assert json.loads(message["Body"])["requestContext"]["condition"] == condition


def test_a_schedule_invokes_a_function_under_its_role(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path)
    described = cloud.client("lambda").get_function(FunctionName=physical_id(cloud, "Task"))
    role_name = physical_id(cloud, "Sender")
    cloud.client("scheduler").create_schedule(
        Name="hourly",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": described["Configuration"]["FunctionArn"],
            "RoleArn": f"arn:aws:iam::111122223333:role/{role_name}",
            "Input": '{"by": "schedule"}',
        },
    )
    with cloud.clock.running():
        cloud.clock.sleep(7200)
    assert runs(cloud) == [{"by": "schedule"}] * 3


def test_a_bus_of_ones_own_has_its_own_rules_and_one_that_does_not_exist_loses_events(
    cloud: Cloud, tmp_path: Path
) -> None:
    cloud.client("events").create_event_bus(Name="own")
    rule = {
        "EventBusName": "own",
        "EventPattern": PATTERN,
        "Targets": [{"Id": "task", "Arn": arn("Task")}],
    }
    deployed(
        cloud,
        tmp_path,
        {
            "Role": role("lambda.amazonaws.com", MAY_LOG),
            "Task": function(TASK, "Role"),
            "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
            "Permission": permission(),
        },
    )
    for bus in ("own", "default", "none"):
        response = cloud.client("events").put_events(
            Entries=[
                {
                    "Source": "shop",
                    "DetailType": "Sale",
                    "Detail": json.dumps({"bus": bus}),
                    "EventBusName": bus,
                }
            ]
        )
        assert response["FailedEntryCount"] == 0
    assert [event["detail"] for event in runs(cloud)] == [{"bus": "own"}]
