"""Schedules of the state machine in a small stack: create them, let time pass, see what started."""

import json
from datetime import UTC
from pathlib import Path
from typing import Any

from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import (
    ECHO,
    allow,
    arn,
    deployed,
    physical_id,
    role,
    state_machine,
)

MAY_SEND_TO_QUEUE = allow("sqs:SendMessage", arn("Queue"))
GROUP = "arn:aws:scheduler:ap-northeast-1:111122223333:schedule-group/default"
HOUR = 3600.0
EXACTLY = {"Mode": "OFF"}


def sender(*statements: Any, source: str = GROUP) -> dict[str, Any]:
    """A role as CDK creates it for the target of a schedule."""
    made = role("scheduler.amazonaws.com", *statements)
    condition = {"StringEquals": {"aws:SourceAccount": "111122223333", "aws:SourceArn": source}}
    made["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] = condition
    return made


def schedule(*, target: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    """A schedule that starts the machine, as CDK writes it."""
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "FlexibleTimeWindow": EXACTLY,
            "ScheduleExpression": "rate(1 hour)",
            "ScheduleExpressionTimezone": "Etc/UTC",
            "State": "ENABLED",
            "Target": {
                "Arn": arn("Machine"),
                "RoleArn": arn("Sender"),
                "Input": '{"reconcile":true}',
                "DeadLetterConfig": {"Arn": arn("Queue")},
                **(target or {}),
            },
            **properties,
        },
    }


def stack(*statements: Any, **more: Any) -> dict[str, Any]:
    return {
        "Runner": role("states.amazonaws.com"),
        "Machine": state_machine(ECHO, "Runner"),
        "Sender": sender(*statements),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        **more,
    }


def deploy_schedule(cloud: Cloud, folder: Path, *statements: Any, **properties: Any) -> None:
    deployed(cloud, folder, stack(*statements, Schedule=schedule(**properties)))


def create(cloud: Cloud, name: str = "mine", **settings: Any) -> dict[str, Any]:
    """Create a schedule that starts the deployed machine, through the API."""
    target = {
        "Arn": physical_id(cloud, "Machine"),
        "RoleArn": f"arn:aws:iam::111122223333:role/{physical_id(cloud, 'Sender')}",
    }
    response: dict[str, Any] = cloud.client("scheduler").create_schedule(
        **{
            "Name": name,
            "ScheduleExpression": "rate(1 hour)",
            "FlexibleTimeWindow": EXACTLY,
            "Target": target,
            **settings,
        }
    )
    return response


def change(cloud: Cloud, name: str, **settings: Any) -> None:
    """Update a schedule, and keep all other settings."""
    group = settings.get("GroupName", "default")
    known = cloud.client("scheduler").get_schedule(Name=name, GroupName=group)
    given = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    kept = {key: known[key] for key in given}
    cloud.client("scheduler").update_schedule(**{**kept, **settings})


def pass_time(cloud: Cloud, seconds: float) -> None:
    with cloud.clock.running():
        cloud.clock.sleep(seconds)


def starts(cloud: Cloud) -> list[tuple[str, Any]]:
    """Return the start time and input of every execution so far, after all have ended."""
    assert cloud.clock.wait_until_idle(30)
    api = cloud.client("stepfunctions")
    found = api.list_executions(stateMachineArn=physical_id(cloud, "Machine"))["executions"]
    described = [api.describe_execution(executionArn=each["executionArn"]) for each in found]
    return [
        (each["startDate"].astimezone(UTC).strftime("%H:%M:%S"), json.loads(each["input"]))
        for each in sorted(described, key=lambda each: each["startDate"])
    ]


def start_times(cloud: Cloud) -> list[str]:
    return [when for when, _ in starts(cloud)]
