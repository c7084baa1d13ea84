"""Which executions a trigger starts: planning, without AWS."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import plan_refresh
import pytest
import triggers
from history import Row
from hypothesis import given
from hypothesis import strategies as st

from stacks.load import load
from stacks.plan import plan_settings
from tests.unit.made_up_history import MadeUpHistory, row

ROOT = Path(__file__).parents[2]
SETTINGS = plan_settings(load(ROOT / "environments")["prod"], import_role_arn="arn:role")
TIME = "2020-09-28T01:00:00Z"
NOW = datetime(2020, 9, 28, 1, 0, 5, tzinfo=UTC)
RUN_ID = "jr_" + "a" * 64
KEY = triggers.run_key(RUN_ID)
NAME = f"brandi-hrnn-campaign-v2-20200928-{KEY}"


def glue_event(**detail: object) -> dict[str, Any]:
    return {
        "source": "aws.glue",
        "detail-type": "Glue Job State Change",
        "time": TIME,
        "detail": {
            "jobName": "Job-Brandi-Commerce-API",
            "state": "SUCCEEDED",
            "jobRunId": RUN_ID,
            **detail,
        },
    }


def plan(trigger: object, past: MadeUpHistory | None = None) -> list[Any]:
    return plan_refresh.plan(trigger, SETTINGS, NOW, past or MadeUpHistory())


def ended(*rows: Row, status: str) -> MadeUpHistory:
    """A history in which each row's execution has this status."""
    return MadeUpHistory(list(rows), {r["execution_arn"].rsplit(":", 1)[-1]: status for r in rows})


def test_a_glue_event_starts_one_named_execution_per_campaign() -> None:
    (only,) = plan(glue_event())
    assert only["name"] == NAME
    assert only["execution_arn"] == f"arn:executions:{NAME}"
    assert only["input"]["datasets"][0]["job_name"] == (
        f"brandi-dataset-group-prod-interactions-20200928-{KEY}"
    )
    assert only["input"]["solution_version"]["name"] == f"brandi-hrnn-solution-20200928-{KEY}"
    assert only["input"]["triggered"] == 1601254800


def test_the_same_event_gives_the_same_plan_and_another_run_of_the_day_a_different_one() -> None:
    assert plan(glue_event()) == plan(glue_event())
    assert plan(glue_event())[0]["name"] != plan(glue_event(jobRunId="jr_" + "b" * 64))[0]["name"]


@pytest.mark.parametrize(
    ("time", "date"),
    [("2020-09-27T14:59:59Z", 20200927), ("2020-09-27T15:00:00Z", 20200928)],
)
def test_the_base_date_is_the_events_date_in_the_environments_time_zone(
    time: str, date: int
) -> None:
    assert plan(glue_event() | {"time": time})[0]["input"]["base_date"] == date


def test_a_repeated_event_never_retries_a_failed_run() -> None:
    (only,) = plan(glue_event(), ended(row("FAILED", key=KEY), status="FAILED"))
    assert only["name"] == NAME


def test_a_repeated_event_finds_the_attempt_that_a_person_has_started() -> None:
    (only,) = plan(glue_event(), ended(row("RUNNING", key=KEY, attempt=2), status="RUNNING"))
    assert only["name"] == f"{NAME}-2"


def test_an_event_after_midnight_finds_the_run_that_was_started_before() -> None:
    before = row("RUNNING", key=KEY, base_date=20200927)
    (only,) = plan(glue_event(), ended(before, status="RUNNING"))
    assert only["input"]["base_date"] == 20200927


@pytest.mark.parametrize("status", ["FAILED", "RUNNING"])
def test_a_persons_start_retries_a_run_that_failed_or_was_aborted(status: str) -> None:
    (only,) = plan({"refresh": "weekly"}, ended(row(status, key=KEY), status="ABORTED"))
    assert only["name"] == f"{NAME}-2"
    assert only["input"]["run_key"] == KEY
    assert only["input"]["datasets"][0]["attempt"] == 2
    assert only["input"]["solution_version"]["attempt"] == 2
    assert only["input"]["triggered"] == 1601254800  # the run keeps its place in the order of runs


def test_a_persons_start_skips_attempts_that_never_had_a_row() -> None:
    past = ended(row("FAILED", key=KEY), status="FAILED")
    past.statuses[f"{NAME}-2"] = "TIMED_OUT"
    (only,) = plan({"refresh": "weekly"}, past)
    assert only["name"] == f"{NAME}-3"


def test_a_persons_start_skips_an_attempt_that_left_the_run_to_an_owner_that_was_aborted() -> None:
    past = ended(row("RUNNING", key=KEY), status="ABORTED")
    past.statuses[f"{NAME}-2"] = "SUCCEEDED"
    (only,) = plan({"refresh": "weekly"}, past)
    assert only["name"] == f"{NAME}-3"


@pytest.mark.parametrize("status", ["RUNNING", "COMPLETE", "SUPERSEDED"])
def test_a_persons_start_finds_the_execution_of_a_run_that_runs_or_is_done(status: str) -> None:
    execution = "RUNNING" if status == "RUNNING" else "SUCCEEDED"
    (only,) = plan({"refresh": "weekly"}, ended(row(status, key=KEY, attempt=2), status=execution))
    assert only["name"] == f"{NAME}-2"


def test_a_person_continues_the_unfinished_run_of_another_date() -> None:
    failed = row("FAILED", key=KEY, base_date=20200921)
    (only,) = plan({"refresh": "weekly"}, ended(failed, status="FAILED"))
    assert (only["input"]["base_date"], only["input"]["attempt"]) == (20200921, 2)


def test_after_a_complete_run_of_another_date_a_person_starts_the_run_of_today() -> None:
    complete = row("COMPLETE", key=KEY, base_date=20200921)
    (only,) = plan({"refresh": "weekly"}, ended(complete, status="SUCCEEDED"))
    assert (only["input"]["base_date"], only["input"]["attempt"]) == (20200928, 1)


def test_a_named_run_of_the_same_date_is_a_separate_run() -> None:
    (only,) = plan(
        {"refresh": "weekly", "run": "again"}, ended(row("FAILED", key=KEY), status="FAILED")
    )
    assert only["input"]["attempt"] == 1
    assert only["input"]["run_key"] != KEY


def test_a_request_may_choose_date_campaigns_and_modes() -> None:
    (only,) = plan(
        {
            "refresh": "weekly",
            "base_date": 20200901,
            "campaigns": ["brandi-hrnn-campaign-v2"],
            "training_mode": "UPDATE",
            "import_mode": "INCREMENTAL",
        }
    )
    assert only["input"]["base_date"] == 20200901
    assert only["input"]["solution_version"]["training_mode"] == "UPDATE"
    assert only["input"]["datasets"][0]["import_mode"] == "INCREMENTAL"


VERSION = "arn:aws:personalize:ap-northeast-1:111122223333:solution/brandi-hrnn-solution/1234abcd"
PROMOTION = {"refresh": "weekly", "solution_version_arn": VERSION, "by": "arn:me", "reason": "why"}


def test_a_request_for_a_version_is_a_run_of_its_own_today() -> None:
    done = row("ROLLED_BACK", key=KEY, base_date=20200928)
    (only,) = plan(PROMOTION, ended(done, status="FAILED"))
    given = only["input"]
    expected = {"solution_version_arn": VERSION, "by": "arn:me", "reason": "why"}
    assert given["promotion"] == expected
    assert (given["base_date"], given["attempt"]) == (20200928, 1)
    assert given["run_key"] != KEY


def test_a_promotion_that_died_goes_on_as_a_promotion() -> None:
    died = row("RUNNING", key=KEY)
    died["promotion"] = {"solution_version_arn": VERSION, "by": "arn:me", "reason": "why"}
    (only,) = plan({"reconcile": True}, ended(died, status="ABORTED"))
    assert only["input"]["promotion"]["solution_version_arn"] == VERSION
    assert only["input"]["attempt"] == 2


@pytest.mark.parametrize("status", ["REJECTED", "NO_NEW_DATA"])
def test_a_person_may_start_todays_rejected_or_empty_run_again(status: str) -> None:
    (only,) = plan({"refresh": "weekly"}, ended(row(status, key=KEY), status="FAILED"))
    assert (only["input"]["run_key"], only["input"]["attempt"]) == (KEY, 2)


@pytest.mark.parametrize("status", ["REJECTED", "NO_NEW_DATA", "ROLLED_BACK"])
def test_after_such_a_run_of_another_date_a_person_starts_the_run_of_today(status: str) -> None:
    earlier = row(status, key=KEY, base_date=20200921)
    (only,) = plan({"refresh": "weekly"}, ended(earlier, status="FAILED"))
    assert (only["input"]["base_date"], only["input"]["attempt"]) == (20200928, 1)
    assert only["input"]["run_key"] != KEY


def test_modes_that_a_person_asks_for_are_told_so() -> None:
    (only,) = plan({"refresh": "weekly", "training_mode": "UPDATE"})
    assert only["input"]["solution_version"]["mode_reason"] == "A person has asked for it."
    assert only["input"]["datasets"][0]["mode_reason"] == "The settings say so."


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        (PROMOTION | {"run": "x"}, "run does not go with solution_version_arn"),
        (PROMOTION | {"base_date": 20200928}, "base_date does not go with solution_version_arn"),
        (PROMOTION | {"reason": "x" * 501}, "reason must have at most 500 characters"),
        (PROMOTION | {"solution_version_arn": "arn:x"}, "'arn:x' is no version of arn:aws:person"),
        ({"refresh": "weekly", "by": "me"}, "by goes with solution_version_arn"),
        ({}, "neither Glue's"),
        ([], "neither Glue's"),
        ({"reconcile": 1, "x": 2}, "neither Glue's"),
        ({"reconcile": 1}, "neither Glue's"),
        ({"reconcile": 1.0}, "neither Glue's"),
        ({"reconcile": False}, "neither Glue's"),
        ({"reconcile": True, "refresh": "weekly"}, "reconcile is unknown; a request may hold"),
        (glue_event() | {"detail": None}, "an object as its detail, not None"),
        (glue_event() | {"detail": []}, r"an object as its detail, not \[\]"),
        (glue_event(jobRunId=None), "a text as its jobRunId, not None"),
        (glue_event(jobRunId=["jr_1"]), r"a text as its jobRunId, not \['jr_1'\]"),
        (glue_event(jobRunId=" "), "a text as its jobRunId, not ' '"),
        (glue_event(jobName={}), "a text as its jobName, not {}"),
        (glue_event(state=None), "a text as its state, not None"),
        (glue_event() | {"time": "2020-09-28T01:06:00Z"}, "a time in the future: 2020-09-28T01:06"),
        (glue_event() | {"time": "9999-12-31T23:59:59Z"}, "a time in the future"),
        (glue_event() | {"time": "0001-01-01T00:00:00Z"}, "a time before Amazon Personalize"),
        (glue_event() | {"time": "2020-09-28T01:00:00"}, "a time without its zone"),
        (glue_event() | {"time": None}, "Glue's event has no time but None"),
        (glue_event() | {"time": 1601254800}, "Glue's event has no time but 1601254800"),
        (glue_event() | {"account": "999999999999"}, "of account '999999999999', and this .* 1111"),
        (glue_event() | {"region": "us-east-1"}, "of region 'us-east-1', and this .* ap-northeast"),
        ({"source": "aws.glue"}, "Glue's event lacks jobName, jobRunId, state, time"),
        (glue_event() | {"time": "noon"}, "Glue's event has no time but 'noon'"),
        (glue_event(state="FAILED"), "the Glue job is FAILED, not SUCCEEDED"),
        (glue_event(jobName="Other"), "no refresh of this environment has glue_job Other"),
        ({"refresh": "daily"}, "refresh 'daily' is not in this environment: weekly"),
        ({"refresh": "weekly", "date": 1}, "date is unknown; a request may hold refresh, "),
        ({"refresh": "weekly", "base_date": "20200928"}, "base_date must be a number"),
        ({"refresh": "weekly", "base_date": 20200931}, "base_date must be a number"),
        ({"refresh": "weekly", "base_date": 20200929}, "base_date 20200929 is in the future"),
        ({"refresh": "weekly", "base_date": 10000101}, "base_date 10000101 is before Amazon Pers"),
        ({"refresh": "weekly", "base_date": True}, "base_date must be a number"),
        ({"refresh": None}, "refresh None is not in this environment"),
        ({"refresh": "weekly", "run": "\ud800"}, "run must be a word"),
        ({"refresh": "weekly", "training_mode": []}, "training_mode must be FULL or UPDATE"),
        ({"refresh": "weekly", "campaigns": ["x"]}, "campaigns x are not of this refresh"),
        ({"refresh": "weekly", "campaigns": []}, "campaigns must be a list of campaign names"),
        ({"refresh": "weekly", "training_mode": "ALL"}, "training_mode must be FULL or UPDATE"),
        ({"refresh": "weekly", "run": " "}, "run must be a word"),
    ],
)
def test_a_trigger_that_cannot_start_anything_says_why(trigger: object, reason: str) -> None:
    with pytest.raises(triggers.InvalidTrigger, match=reason):
        plan(trigger)


def test_an_event_of_this_account_and_region_is_accepted_also_if_its_clock_runs_ahead() -> None:
    here = {"account": "111122223333", "region": "ap-northeast-1", "time": "2020-09-28T01:04:00Z"}
    assert len(plan(glue_event() | here)) == 1


def test_every_problem_of_an_event_is_reported_at_once_and_nothing_is_quoted_at_length() -> None:
    with pytest.raises(triggers.InvalidTrigger) as caught:
        plan(glue_event(jobRunId=["x" * 10_000]) | {"account": "1", "time": "noon"})
    for reason in ("jobRunId", "account", "no time but 'noon'"):
        assert reason in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_every_problem_of_a_request_is_reported_at_once() -> None:
    with pytest.raises(triggers.InvalidTrigger) as caught:
        plan({"refresh": "daily", "colour": 1, "base_date": 0, "import_mode": "HALF"})
    for reason in ("colour is unknown", "'daily' is not in", "base_date must", "import_mode must"):
        assert reason in str(caught.value)


@given(st.integers(1, 99))
def test_names_stay_within_the_limits_of_aws_at_any_attempt(number: int) -> None:
    longest = load(ROOT / "environments")["prod"]
    refresh = longest.refreshes[0]
    dataset = refresh.datasets[0].model_copy(update={"dataset_group": "g" * 63})
    campaign = refresh.campaigns[0].model_copy(update={"name": "c" * 63, "solution": "s" * 63})
    refresh = refresh.model_copy(update={"datasets": [dataset], "entries": [campaign]})
    settings = plan_settings(
        longest.model_copy(update={"refreshes": [refresh]}), import_role_arn="arn:role"
    )
    before = row("RUNNING", key=KEY, attempt=number)
    only: Any
    (only,) = plan_refresh.plan({"refresh": "weekly"}, settings, NOW, MadeUpHistory([before]))
    suffix = f"-{only['input']['attempt']}"
    assert only["input"]["attempt"] == number
    assert len(only["name"]) <= 80
    assert len(only["input"]["datasets"][0]["job_name"] + suffix) <= 63
    assert len(only["input"]["solution_version"]["name"] + suffix) <= 63
