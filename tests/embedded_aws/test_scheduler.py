"""EventBridge Scheduler: when schedules start, and which schedules are refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from tests.embedded_aws.schedules import (
    GROUP,
    HOUR,
    change,
    create,
    deploy_schedule,
    pass_time,
    schedule,
    sender,
    stack,
    start_times,
    starts,
)
from tests.embedded_aws.small_stack import MAY_START, arn, deployed, role


@pytest.fixture(autouse=True)
def rates_begin_after_a_period(cloud: Cloud) -> None:
    """The start at once has its own test; the others are about the later ones."""
    cloud.behaviour.scheduler.rate_begins = "after a period"


def refused(call: Any) -> str:
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] == "ValidationException"
    return str(error.value.response["Error"]["Message"])


def test_a_deployed_schedule_starts_the_machine_at_its_times_with_its_input(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_schedule(cloud, tmp_path, MAY_START)  # at 00:30
    pass_time(cloud, 2.5 * HOUR)
    given = {"reconcile": True}
    assert starts(cloud) == [("01:30:00", given), ("02:30:00", given)]
    assert all(call.allowed for call in cloud.calls)


def test_a_schedule_alone_does_not_move_the_clock(cloud: Cloud, tmp_path: Path) -> None:
    began = cloud.clock.time()
    deploy_schedule(cloud, tmp_path, MAY_START)
    assert starts(cloud) == []
    assert cloud.clock.time() == began


def test_a_paced_cloud_starts_its_schedules_by_itself(cloud: Cloud, tmp_path: Path) -> None:
    deploy_schedule(cloud, tmp_path, MAY_START)
    cloud.clock.pace = 36_000  # an hour in a tenth of a second
    while not starts(cloud):
        pass
    cloud.clock.pace = None
    assert start_times(cloud)[0] == "01:30:00"


@pytest.mark.parametrize("end", ["schedule", "group", "update"])
def test_paced_time_stands_still_again_once_no_schedule_is_left(
    cloud: Cloud, tmp_path: Path, end: str
) -> None:
    source = GROUP.replace("default", "weekly")
    deployed(cloud, tmp_path, stack(Sender=sender(MAY_START, source=source)))
    scheduler = cloud.client("scheduler")
    scheduler.create_schedule_group(Name="weekly")
    create(cloud, GroupName="weekly", ScheduleExpression="rate(90000000 days)")
    cloud.clock.pace = 1_000_000  # so fast that any two readings differ
    if end == "schedule":
        scheduler.delete_schedule(Name="mine", GroupName="weekly")
    elif end == "group":
        scheduler.delete_schedule_group(Name="weekly")
    else:
        change(cloud, "mine", GroupName="weekly", State="DISABLED")
    assert len({cloud.clock.time() for _ in range(1000)}) == 1


def test_each_kind_of_expression_is_due_at_its_own_times(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    create(
        cloud,
        "seoul",
        ScheduleExpression="cron(45 9 * * ? *)",
        ScheduleExpressionTimezone="Asia/Seoul",
    )
    create(cloud, "once", ScheduleExpression="at(2020-09-28T01:15:00)")
    create(
        cloud,
        "flexible",
        ScheduleExpression="rate(50 minutes)",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
    )
    pass_time(cloud, HOUR)
    assert start_times(cloud) == ["00:45:00", "01:15:00", "01:20:00"]


def test_a_schedule_is_due_only_between_its_start_and_its_end(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    create(
        cloud,
        StartDate=datetime(2020, 9, 28, 1, 10, tzinfo=UTC),
        EndDate=datetime(2020, 9, 28, 3, 10, tzinfo=UTC),
    )
    pass_time(cloud, 5 * HOUR)
    assert start_times(cloud) == ["01:10:00", "02:10:00", "03:10:00"]


def test_a_rate_without_a_start_date_starts_at_once(cloud: Cloud, tmp_path: Path) -> None:
    cloud.behaviour.reset()
    deployed(cloud, tmp_path, stack(MAY_START))
    create(cloud)
    assert start_times(cloud) == ["00:30:00"]
    pass_time(cloud, 1.5 * HOUR)
    assert start_times(cloud) == ["00:30:00", "01:30:00"]


def test_a_disabled_schedule_starts_nothing_until_it_is_enabled(
    cloud: Cloud, tmp_path: Path
) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    create(cloud, State="DISABLED")
    pass_time(cloud, 1.5 * HOUR)
    assert start_times(cloud) == []
    change(cloud, "mine", State="ENABLED")  # at 02:00
    pass_time(cloud, 1.5 * HOUR)
    change(cloud, "mine", State="DISABLED")
    pass_time(cloud, 2 * HOUR)
    assert start_times(cloud) == ["03:00:00"]


def test_an_update_plans_again_and_keeps_the_creation_date(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    create(cloud)
    pass_time(cloud, 0.5 * HOUR)
    change(cloud, "mine", ScheduleExpression="rate(20 minutes)")
    pass_time(cloud, 0.75 * HOUR)
    assert start_times(cloud) == ["01:20:00", "01:40:00"]
    found = cloud.client("scheduler").get_schedule(Name="mine")
    assert found["CreationDate"] == datetime(2020, 9, 28, 0, 30, tzinfo=UTC)
    assert found["LastModificationDate"] == datetime(2020, 9, 28, 1, 0, tzinfo=UTC)
    assert found["State"] == "ENABLED"


def test_a_deleted_schedule_no_longer_starts_anything(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    create(cloud)
    pass_time(cloud, 1.5 * HOUR)
    cloud.client("scheduler").delete_schedule(Name="mine")
    pass_time(cloud, 2 * HOUR)
    assert start_times(cloud) == ["01:30:00"]


def test_deleting_a_group_deletes_its_schedules(cloud: Cloud, tmp_path: Path) -> None:
    source = GROUP.replace("default", "weekly")
    resources = stack(Sender=sender(MAY_START, source=source))
    deployed(cloud, tmp_path, resources)
    scheduler = cloud.client("scheduler")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        create(cloud, GroupName="weekly")
    scheduler.create_schedule_group(Name="weekly")
    create(cloud, GroupName="weekly")
    pass_time(cloud, 1.5 * HOUR)
    scheduler.delete_schedule_group(Name="weekly")
    pass_time(cloud, 2 * HOUR)
    assert start_times(cloud) == ["01:30:00"]


def test_a_one_time_schedule_may_delete_itself_after_its_completion(
    cloud: Cloud, tmp_path: Path
) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    once = {"ScheduleExpression": "at(2020-09-28T01:00:00)"}
    create(cloud, "kept", **once)
    create(cloud, "deleted", **once, ActionAfterCompletion="DELETE")
    pass_time(cloud, HOUR)
    assert start_times(cloud) == ["01:00:00", "01:00:00"]
    left = cloud.client("scheduler").list_schedules()["Schedules"]
    assert [each["Name"] for each in left] == ["kept"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"ScheduleExpression": "rate(1 fortnight)"}, "Invalid Schedule Expression rate(1 fort"),
        ({"ScheduleExpression": "cron(0 10 * * * *)"}, "Invalid Schedule Expression cron("),
        ({"ScheduleExpressionTimezone": "Mars/Base"}, "Mars/Base"),
        ({"StartDate": datetime(2020, 9, 28, 0, 20, tzinfo=UTC)}, "5 minutes ago"),
        (
            {
                "StartDate": datetime(2020, 9, 28, 2, tzinfo=UTC),
                "EndDate": datetime(2020, 9, 28, 1, tzinfo=UTC),
            },
            "must come before the EndDate",
        ),
    ],
)
def test_an_invalid_schedule_is_not_created_and_does_not_replace_another(
    cloud: Cloud, tmp_path: Path, settings: dict[str, Any], reason: str
) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    assert reason in refused(lambda: create(cloud, **settings))
    assert cloud.client("scheduler").list_schedules()["Schedules"] == []
    create(cloud)
    assert reason in refused(lambda: change(cloud, "mine", **settings))
    pass_time(cloud, 1.5 * HOUR)
    assert start_times(cloud) == ["01:30:00"]


def test_a_start_up_to_five_minutes_ago_is_accepted(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    create(cloud, StartDate=datetime(2020, 9, 28, 0, 25, tzinfo=UTC))
    pass_time(cloud, HOUR)
    assert start_times(cloud) == ["01:25:00"]


def test_an_input_that_is_not_json_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    create(cloud)
    target = cloud.client("scheduler").get_schedule(Name="mine")["Target"] | {"Input": "{"}
    assert "JSON" in refused(lambda: create(cloud, "another", Target=target))


def test_a_name_can_be_used_once(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    create(cloud)
    with pytest.raises(cloud.client("scheduler").exceptions.ConflictException):
        create(cloud)


@pytest.mark.parametrize(
    "untrusting",
    [
        sender(MAY_START, source=GROUP.replace("-group/default", "/default/mine")),
        role("events.amazonaws.com", MAY_START),
    ],
)
def test_a_role_that_does_not_trust_scheduler_for_the_group_is_refused(
    cloud: Cloud, tmp_path: Path, untrusting: dict[str, Any]
) -> None:
    deployed(cloud, tmp_path, stack(Sender=untrusting))
    assert "must allow AWS EventBridge Scheduler to assume" in refused(lambda: create(cloud))


def test_a_stack_updates_replaces_and_deletes_its_schedule(cloud: Cloud, tmp_path: Path) -> None:
    outputs = {"Arn": {"Value": arn("Schedule")}, "Name": {"Value": {"Ref": "Schedule"}}}
    scheduler = cloud.client("scheduler")

    def put(**properties: Any) -> str:
        made = deployed(cloud, tmp_path, stack(MAY_START, Schedule=schedule(**properties)), outputs)
        assert made["Arn"].endswith(f":schedule/default/{made['Name']}")
        (listed,) = scheduler.list_schedules()["Schedules"]
        assert listed["Name"] == made["Name"]
        return made["Name"]

    first = put()
    assert first.startswith("small-Schedule-")
    assert put(ScheduleExpression="rate(30 minutes)") == first
    assert scheduler.get_schedule(Name=first)["ScheduleExpression"] == "rate(30 minutes)"
    pass_time(cloud, 0.75 * HOUR)
    assert put(Name="weekly") == "weekly"
    cloud.client("cloudformation").delete_stack(StackName="small")
    assert scheduler.list_schedules()["Schedules"] == []


def test_a_stack_with_an_invalid_schedule_is_not_deployed(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"Schedule \(AWS::Scheduler::Schedule\).*rate\(one hour\)"):
        deploy_schedule(cloud, tmp_path, MAY_START, ScheduleExpression="rate(one hour)")
