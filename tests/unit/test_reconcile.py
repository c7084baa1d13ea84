"""What reconciliation starts: lost events and refreshes that were interrupted, and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import plan_refresh
import pytest
import triggers

from stacks.load import load
from stacks.plan import plan_settings, reconcile_window
from stacks.settings import Reconcile
from tests.unit.made_up_history import MadeUpHistory, row

ROOT = Path(__file__).parents[2]
SETTINGS = plan_settings(load(ROOT / "environments")["prod"], import_role_arn="arn:role")
DAY = timedelta(days=1)
COMPLETED = datetime(2020, 9, 28, 1, tzinfo=UTC)
RUN_ID = "jr_" + "a" * 64
KEY = triggers.run_key(RUN_ID)
NAME = f"brandi-hrnn-campaign-v2-20200928-{KEY}"


def history(*rows: Any, **statuses: str) -> MadeUpHistory:
    """A history in which Glue has succeeded; `statuses` are by execution name, with _ for -."""
    named = {name.replace("_", "-"): status for name, status in statuses.items()}
    return MadeUpHistory(list(rows), named, {"run_id": RUN_ID, "completed": COMPLETED})


def started(past: MadeUpHistory) -> list[str]:
    later = COMPLETED + timedelta(hours=12)
    return [e["name"] for e in plan_refresh.plan({"reconcile": True}, SETTINGS, later, past)]


def test_a_glue_run_without_a_row_is_started_as_its_event_would_have_started_it() -> None:
    past = history(row("COMPLETE", key="11111111", base_date=20200921))
    assert started(past) == [NAME]
    (by_event,) = plan_refresh.plan(
        {
            "source": "aws.glue",
            "time": "2020-09-28T01:00:00Z",
            "detail": {
                "jobName": "Job-Brandi-Commerce-API",
                "state": "SUCCEEDED",
                "jobRunId": RUN_ID,
            },
        },
        SETTINGS,
        COMPLETED,
        history(),
    )
    assert [by_event] == plan_refresh.plan({"reconcile": True}, SETTINGS, COMPLETED, history())


@pytest.mark.parametrize("status", ["RUNNING", "COMPLETE", "SUPERSEDED", "FAILED"])
def test_a_glue_run_with_a_row_is_not_started_again(status: str) -> None:
    mine = row(status, key=KEY, kind="NEEDS_A_PERSON")
    past = history(mine)
    past.statuses[NAME] = "RUNNING"
    assert started(past) == []


def test_a_glue_run_whose_row_a_later_run_has_taken_is_not_started_again() -> None:
    later = row("COMPLETE", key="22222222")
    later["triggered"] = int(COMPLETED.timestamp()) + 3600
    assert started(history(later)) == []


def test_a_glue_run_whose_execution_has_not_claimed_its_row_yet_is_not_started_again() -> None:
    past = history()
    past.statuses[NAME] = "RUNNING"
    assert started(past) == []


def test_a_glue_run_whose_execution_left_it_to_another_is_not_started_again() -> None:
    past = history()
    past.statuses[NAME] = "SUCCEEDED"
    assert started(past) == []


def test_an_event_that_came_after_midnight_is_not_started_again() -> None:
    past = history()
    past.success = {"run_id": RUN_ID, "completed": datetime(2020, 9, 28, 14, 59, 59, tzinfo=UTC)}
    past.statuses[NAME.replace("20200928", "20200929")] = "RUNNING"
    assert started(past) == []


def test_a_glue_run_whose_execution_failed_before_it_had_a_row_is_retried() -> None:
    past = history()
    past.statuses[NAME] = "FAILED"
    assert started(past) == [f"{NAME}-2"]
    past.statuses |= {f"{NAME}-2": "FAILED", f"{NAME}-3": "FAILED"}
    assert started(past) == []


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED", None])
def test_a_row_that_says_running_is_taken_over_if_its_execution_does_not(
    status: str | None,
) -> None:
    past = history(row("RUNNING", key=KEY))
    if status:
        past.statuses[NAME] = status
    assert started(past) == [f"{NAME}-2"]


@pytest.mark.parametrize("kind", ["PASSING", "NEEDS_A_PERSON"])
def test_a_row_that_was_closed_for_its_execution_is_taken_over_unless_a_person_stopped_it(
    kind: str,
) -> None:
    old = row("FAILED", key="11111111", base_date=20200921, attempt=7, kind=kind, died="ABORTED")
    expected = ["brandi-hrnn-campaign-v2-20200921-11111111-8"] if kind == "PASSING" else []
    assert started(history(row("COMPLETE", key=KEY), old)) == expected


def test_every_row_of_an_ended_execution_is_taken_over_not_only_the_newest() -> None:
    old = row("RUNNING", key="11111111", base_date=20200921)
    past = history(row("COMPLETE", key=KEY), old)
    assert started(past) == ["brandi-hrnn-campaign-v2-20200921-11111111-2"]


@pytest.mark.parametrize(
    ("kind", "is_retried"), [("PASSING", True), ("NEEDS_A_PERSON", False), ("", False)]
)
def test_a_failed_row_is_retried_if_the_reason_passes_with_time(
    kind: str, is_retried: bool
) -> None:
    past = history(row("FAILED", key=KEY, kind=kind))
    past.statuses[NAME] = "FAILED"
    assert started(past) == ([f"{NAME}-2"] if is_retried else [])


def test_a_failed_row_is_retried_up_to_a_number_of_attempts() -> None:
    assert started(history(row("FAILED", key=KEY, kind="PASSING", attempt=2))) == [f"{NAME}-3"]
    assert started(history(row("FAILED", key=KEY, kind="PASSING", attempt=3))) == []


def test_a_failed_row_that_a_newer_refresh_has_followed_is_not_retried() -> None:
    failed = row("FAILED", key="11111111", base_date=20200921, kind="PASSING")
    assert started(history(row("COMPLETE", key=KEY), failed)) == []


def test_a_batch_ends_before_its_executions_exceed_what_a_task_may_return() -> None:
    rows = [row("RUNNING", key=f"{day:08}", base_date=20200901 + day) for day in range(20)]
    later = COMPLETED + timedelta(hours=12)
    (plan,) = plan_refresh.plans({"reconcile": True}, SETTINGS, later, history(*rows))
    every, first = [plan] * 30, 0
    planned: list[Any] = []
    while first or not planned:
        batch = plan_refresh.batch_of(every, first, SETTINGS["batch"])
        assert len(json.dumps(batch)) < 262_144
        planned += batch["executions"]
        first = batch["next_campaign"]
    assert len(planned) == 30 * len(plan()) == 30 * 21


def test_without_a_success_of_glue_nothing_is_started() -> None:
    past = history()
    past.success = None
    assert started(past) == []


MINUTE = timedelta(minutes=1)


def deployed(past: MadeUpHistory, *, created: datetime, updated: datetime) -> MadeUpHistory:
    past.deployed = {"created": created, "updated": updated}
    return past


def test_a_success_before_the_first_deployment_is_not_started() -> None:
    after = COMPLETED + MINUTE
    assert started(deployed(history(), created=after, updated=after)) == []
    before = COMPLETED - MINUTE
    assert started(deployed(history(), created=before, updated=before)) == [NAME]


def test_a_success_before_a_campaign_was_added_is_not_started() -> None:
    past = deployed(history(), created=COMPLETED - 90 * DAY, updated=COMPLETED + MINUTE)
    assert started(past) == []


def test_a_lost_event_of_a_campaign_with_rows_is_found_after_a_later_deployment() -> None:
    before = row("COMPLETE", key="11111111", base_date=20200921)
    past = deployed(history(before), created=COMPLETED - 90 * DAY, updated=COMPLETED + MINUTE)
    assert started(past) == [NAME]


def test_rows_of_a_table_that_was_kept_do_not_make_a_new_stack_start_old_successes() -> None:
    before = row("COMPLETE", key="11111111", base_date=20200921)
    after = COMPLETED + MINUTE
    assert started(deployed(history(before), created=after, updated=after)) == []


@pytest.mark.parametrize(("days", "expected"), [(2.9, [NAME]), (3.1, [])])
def test_a_success_is_started_within_three_periods_of_the_schedule(
    days: float, expected: list[str]
) -> None:
    later = COMPLETED + days * DAY
    plans = plan_refresh.plan({"reconcile": True}, SETTINGS, later, history())
    assert [e["name"] for e in plans] == expected


@pytest.mark.parametrize(
    ("schedule", "days"),
    [
        ("rate(1 day)", 3),
        ("rate(5 minutes)", 1),
        ("rate(12 hours)", 1.5),
        ("rate(7 days)", 21),
        ("cron(0 12 * * ? *)", 3),
        ("cron(0/10 * * * ? *)", 3),
        ("cron(0 12 ? * MON *)", 21),
        ("cron(0 12 1 * ? *)", 93),
        ("cron(0 12 1 1 ? *)", 3 * 366),
    ],
)
def test_reconciliation_looks_back_for_three_periods_and_at_least_a_day(
    schedule: str, days: float
) -> None:
    assert reconcile_window(Reconcile(schedule=schedule)) == days * 86400
