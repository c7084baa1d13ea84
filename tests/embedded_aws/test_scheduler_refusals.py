"""Scheduler: the schedules and groups that it refuses, with AWS's words where they are public."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import Cloud
from embedded_aws.deployment import DeploymentError
from tests.embedded_aws.schedules import create, schedule, stack
from tests.embedded_aws.small_stack import ACCOUNT, MAY_START, REGION, deployed, physical_id
from tests.embedded_aws.test_quotas import refused

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"


def at_most(name: str, value: object, most: int, kind: str = "value") -> str:
    return (
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must have {kind} less than or equal to {most}"
    )


# a schedule's settings, with those of its target in `target` -> the words
SCHEDULES: dict[str, tuple[dict[str, Any], str]] = {
    "a name of 65 characters": ({"Name": 65 * "n"}, at_most("Name", 65 * "n", 64, "length")),
    "a description of 513": (
        {"Description": 513 * "d"},
        at_most("Description", 513 * "d", 512, "length"),
    ),
    "a window with mode OFF": (
        {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
        "MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode is set to OFF.",
    ),
    "no window with mode FLEXIBLE": (
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
        "MaximumWindowInMinutes must be provided when FlexibleTimeWindowMode is set to FLEXIBLE.",
    ),
    "a window over a day": (
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1441}},
        at_most("FlexibleTimeWindow.MaximumWindowInMinutes", 1441, 1440),
    ),
    "186 retries": (
        {"target": {"RetryPolicy": {"MaximumRetryAttempts": 186}}},
        at_most("Target.RetryPolicy.MaximumRetryAttempts", 186, 185),
    ),
    "events older than a day": (
        {"target": {"RetryPolicy": {"MaximumEventAgeInSeconds": 86_401}}},
        at_most("Target.RetryPolicy.MaximumEventAgeInSeconds", 86_401, 86_400),
    ),
    "an end before the start": (
        {
            "StartDate": datetime(2020, 9, 28, 2, tzinfo=UTC),
            "EndDate": datetime(2020, 9, 28, 1, tzinfo=UTC),
        },
        "The StartDate you specify must come before the EndDate.",
    ),
    "an input that is no JSON": (
        {"target": {"Input": "hello"}},
        "JSON syntax error in input for the target.",
    ),
    "a target elsewhere": (
        {"target": {"Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"}},
        f"The target ARN provided does not match the current region {REGION}.",
    ),
    "settings of another service": (
        {"target": {"SqsParameters": {"MessageGroupId": "one"}}},
        "Parameters SqsParameters not supported for the target.",
    ),
    "a FIFO queue without a group": (
        {"target": {"Arn": f"{QUEUE}.fifo"}},
        "Parameters SqsParameters must be specified.",
    ),
    "a queue with a group": (
        {"target": {"Arn": QUEUE, "SqsParameters": {"MessageGroupId": "one"}}},
        "Parameters MessageGroupId not valid for the target.",
    ),
    "a rate of nothing": (
        {"ScheduleExpression": "rate(0 hours)"},
        "Invalid Schedule Expression rate(0 hours).",
    ),
    "a time with a zone": (
        {"ScheduleExpression": "at(2021-12-31T23:59:59Z)"},
        "Invalid Schedule Expression at(2021-12-31T23:59:59Z).",
    ),
    "a cron with both days": (
        {"ScheduleExpression": "cron(0 1 * * * *)"},
        "Invalid Schedule Expression cron(0 1 * * * *).",
    ),
    "a zone that does not exist": (
        {"ScheduleExpressionTimezone": "Asia/Nowhere"},
        "Invalid Schedule Expression Timezone Asia/Nowhere.",
    ),
}


def target(cloud: Cloud, **settings: Any) -> dict[str, Any]:
    sender = f"arn:aws:iam::{ACCOUNT}:role/{physical_id(cloud, 'Sender')}"
    return {"Arn": physical_id(cloud, "Machine"), "RoleArn": sender, **settings}


def test_schedules_are_refused_with_the_words_of_aws(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    found = {}
    for case, (settings, _) in SCHEDULES.items():
        given = {"Target": target(cloud, **settings.get("target", {})), **settings}
        given.pop("target", None)
        found[case] = refused(create, cloud=cloud, **given)
    assert found == {case: ("ValidationException", words) for case, (_, words) in SCHEDULES.items()}
    assert cloud.client("scheduler").list_schedules()["Schedules"] == []


def test_a_group_exists_once_and_schedules_need_one(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    scheduler = cloud.client("scheduler")
    assert refused(create, cloud=cloud, GroupName="none") == (
        "ResourceNotFoundException",
        "Schedule group none does not exist.",
    )
    scheduler.create_schedule_group(Name="ours")
    assert refused(scheduler.create_schedule_group, Name="ours") == (
        "ConflictException",
        "Schedule group ours already exists.",
    )
    assert refused(scheduler.create_schedule_group, Name="default") == (
        "ValidationException",
        "This operation cannot be performed on schedule group default.",
    )
    code, message = refused(scheduler.create_schedule_group, Name="a b")
    assert (code, "'Name' failed to satisfy constraint" in message) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        (
            {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
            "MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode",
        ),
        ({"target": {"Input": "hello"}}, "JSON syntax error in input for the target."),
        ({"GroupName": "none"}, "Schedule group none does not exist."),
        (
            {"EndDate": "2030-01-01T00:00:00Z"},
            "EndDate needs to follow the format yyyy-MM-ddTHH:mm:ss.SSSZ",
        ),
    ],
)
def test_a_schedule_that_scheduler_refuses_fails_the_deployment(
    cloud: Cloud, tmp_path: Path, properties: dict[str, Any], words: str
) -> None:
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path, stack(MAY_START, Schedule=schedule(**properties)))
    assert "Schedule (AWS::Scheduler::Schedule)" in str(caught.value)
    assert words in str(caught.value)


def test_a_date_with_milliseconds_is_deployed(cloud: Cloud, tmp_path: Path) -> None:
    dated = schedule(EndDate="2030-01-01T00:00:00.000Z")
    deployed(cloud, tmp_path, stack(MAY_START, Schedule=dated))
    assert len(cloud.client("scheduler").list_schedules()["Schedules"]) == 1
