"""The deployed alarms, on the virtual clock: what raises each, whom it tells, and when it ends."""

from datetime import datetime
from typing import Any

import pytest

from rehearsal.shop import DAY, HOUR, Shop
from rehearsal.told import Told
from tests.rehearsal.conftest import OpenShop

CAMPAIGN = "brandi-hrnn-campaign-v2"
STACK = "PersonalizeRefresh-prod-"


def states(shop: Shop, value: str = "ALARM") -> set[str]:
    """Return the names of the alarms in a state, without the stack's."""
    shop.later(0)
    pages = shop.cloud.client("cloudwatch").get_paginator("describe_alarms").paginate()
    return {
        alarm["AlarmName"].removeprefix(STACK)
        for page in pages
        for alarm in page["MetricAlarms"]
        if alarm["StateValue"] == value
    }


def days(shop: Shop, number: float) -> None:
    """Let days pass hour by hour, as background schedules need somebody who waits."""
    shop.later(number * DAY)
    shop.settle()


def empty(shop: Shop, queue: str) -> None:
    """Empty a queue; SQS purges one only once a minute, of real time here."""
    sqs, url = shop.cloud.client("sqs"), shop.outputs[queue]
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.slow
def test_two_healthy_weeks_raise_no_alarm(open_shop: OpenShop) -> None:
    shop = open_shop(new=True, freshness=True)
    told = Told.by(shop)
    for _ in range(2):
        shop.succeed()
        shop.settle()
        days(shop, 7)
        assert states(shop) == set()
    assert [mail for mail in told.alarms() if mail["NewStateValue"] == "ALARM"] == []


@pytest.mark.slow
def test_three_weeks_without_data_are_told_once_and_their_end_too(open_shop: OpenShop) -> None:
    shop = open_shop(new=True, freshness=True)
    shop.succeed()
    shop.settle()
    days(shop, 7)
    assert states(shop) == set()
    told = Told.by(shop)
    days(shop, 14)
    assert states(shop) == {f"stale-{CAMPAIGN}"}
    (stale,) = told.alarms()
    assert stale["NewStateValue"] == "ALARM"
    assert CAMPAIGN in stale["AlarmDescription"]
    assert "docs/operations.md#stale" in stale["AlarmDescription"]
    began = shop.began + 8 * DAY  # fresh_within_hours: 192, noticed within the hour
    (row,) = shop.rows()
    assert row["ended_datetime"] + 8 * DAY < _moment(stale) <= began + 2 * HOUR + HOUR

    shop.began = int(shop.cloud.clock.time())
    shop.succeed()
    shop.settle()
    shop.later(2 * HOUR)
    assert states(shop) == set()
    (fresh,) = told.alarms()
    assert (fresh["NewStateValue"], fresh["OldStateValue"]) == ("OK", "ALARM")


@pytest.mark.parametrize(
    ("queue", "alarm"),
    [
        ("UndeliveredEventsUrl", "events-undelivered"),
        ("UnannouncedEventsUrl", "changes-unannounced"),
    ],
)
def test_a_dead_letter_is_told(open_shop: OpenShop, queue: str, alarm: str) -> None:
    shop = open_shop(new=True, freshness=True)  # whose schedules have not been paused
    told = Told.by(shop)
    sqs = shop.cloud.client("sqs")
    sqs.send_message(QueueUrl=shop.outputs[queue], MessageBody="{}")
    shop.later(HOUR / 2)
    assert states(shop) == {alarm}
    (mail,) = told.alarms()
    assert "python -m ops undelivered --environment prod" in mail["AlarmDescription"]
    empty(shop, queue)
    shop.later(HOUR)
    assert states(shop) == set()


def test_executions_that_end_badly_raise_an_alarm_that_sends_nothing(open_shop: OpenShop) -> None:
    shop = open_shop(freshness=True)
    told = Told.by(shop)
    shop.succeed()
    shop.later(900)
    (running,) = [row for row in shop.rows() if row["refresh_status"] == "RUNNING"]
    shop.cloud.client("stepfunctions").stop_execution(executionArn=running["execution_arn"])
    shop.ask(refresh="none")
    assert states(shop) >= {"refresh-aborted", "dispatch-failed"}
    assert told.alarms() == []


def test_a_schedule_that_is_paused_is_missed(open_shop: OpenShop) -> None:
    shop = open_shop(new=True, freshness=True)
    shop.succeed()
    shop.settle()
    days(shop, 1)
    told = Told.by(shop)
    shop.pause("PersonalizeRefresh")
    days(shop, 3)
    assert states(shop) >= {"freshness-unchecked", "reconciliation-missing"}
    told_of = {mail["AlarmName"].removeprefix(STACK) for mail in told.alarms()}
    assert told_of >= {"freshness-unchecked", "reconciliation-missing"}


def _moment(mail: dict[str, Any]) -> float:
    return datetime.fromisoformat(mail["StateChangeTime"]).timestamp()
