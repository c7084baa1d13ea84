"""Which executions a trigger starts: decisions of plan_refresh, without any AWS."""

from pathlib import Path
from typing import Any

import plan_refresh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.plan import plan_settings
from stacks.settings import load

ROOT = Path(__file__).parents[2]
SETTINGS = plan_settings(load(ROOT / "environments")["prod"], import_role_arn="arn:role")
NOW = "2020-09-28T01:00:00Z"
RUN_ID = "jr_" + "a" * 64


def glue_event(**detail: str) -> dict[str, Any]:
    return {
        "source": "aws.glue",
        "detail-type": "Glue Job State Change",
        "time": NOW,
        "detail": {
            "jobName": "Job-Brandi-Commerce-API",
            "state": "SUCCEEDED",
            "jobRunId": RUN_ID,
            **detail,
        },
    }


def plan(
    trigger: dict[str, Any], earlier: plan_refresh.Attempt | None = None
) -> list[dict[str, Any]]:
    runs = plan_refresh.runs_of(trigger, SETTINGS, NOW)
    return plan_refresh.executions(runs, SETTINGS, lambda *_: earlier)


def attempt(trigger: dict[str, Any], *, number: int = 1, failed: bool) -> plan_refresh.Attempt:
    key = plan(trigger)[0]["input"]["run_key"]
    return {"key": key, "number": number, "failed": failed}


def test_a_glue_event_starts_one_named_execution_per_campaign() -> None:
    (only,) = plan(glue_event())
    key = plan_refresh.run_key(RUN_ID)
    assert only["name"] == f"brandi-hrnn-campaign-v2-20200928-{key}"
    assert only["input"]["datasets"][0]["job_name"] == (
        f"brandi-dataset-group-prod-interactions-20200928-{key}"
    )
    assert only["input"]["solution_version"]["name"] == f"brandi-hrnn-solution-20200928-{key}"


def test_the_same_event_yields_the_same_plan_and_another_run_of_the_day_another() -> None:
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


def test_a_repeated_event_never_tries_a_failed_run_again() -> None:
    (only,) = plan(glue_event(), attempt(glue_event(), failed=True))
    assert only["name"] == plan(glue_event())[0]["name"]


def test_a_persons_start_tries_a_failed_run_again_under_its_own_key() -> None:
    failed = attempt(glue_event(), failed=True)
    (only,) = plan({"refresh": "weekly"}, failed)
    assert only["name"] == f"{plan(glue_event())[0]['name']}-2"
    assert only["input"]["run_key"] == failed["key"]
    assert only["input"]["datasets"][0]["attempt"] == 2
    assert only["input"]["solution_version"]["attempt"] == 2


def test_a_persons_start_meets_the_execution_of_a_run_that_runs_or_is_complete() -> None:
    (only,) = plan({"refresh": "weekly"}, attempt(glue_event(), number=2, failed=False))
    assert only["name"] == f"{plan(glue_event())[0]['name']}-2"


def test_a_named_run_of_the_same_date_is_a_run_of_its_own() -> None:
    (only,) = plan({"refresh": "weekly", "run": "again"}, attempt(glue_event(), failed=False))
    assert only["input"]["attempt"] == 1
    assert only["input"]["run_key"] not in plan(glue_event())[0]["name"]


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


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        ({}, "neither Glue's"),
        (glue_event(state="FAILED"), "the Glue job is FAILED, not SUCCEEDED"),
        (glue_event(jobName="Other"), "no refresh of this environment has glue_job Other"),
        ({"refresh": "daily"}, "refresh 'daily' is not in this environment: weekly"),
        ({"refresh": "weekly", "date": 1}, "date is unknown; a request may hold refresh, "),
        ({"refresh": "weekly", "base_date": "20200928"}, "base_date must be a number"),
        ({"refresh": "weekly", "base_date": 20200931}, "base_date must be a number"),
        ({"refresh": "weekly", "base_date": 20200929}, "base_date 20200929 is in the future"),
        ({"refresh": "weekly", "campaigns": ["x"]}, "campaigns x are not of this refresh"),
        ({"refresh": "weekly", "campaigns": []}, "campaigns must be a list of campaign names"),
        ({"refresh": "weekly", "training_mode": "ALL"}, "training_mode must be FULL or UPDATE"),
    ],
)
def test_a_trigger_that_cannot_start_anything_says_why(
    trigger: dict[str, Any], reason: str
) -> None:
    with pytest.raises(plan_refresh.InvalidTrigger, match=reason):
        plan(trigger)


def test_all_that_is_wrong_with_a_request_is_said_at_once() -> None:
    with pytest.raises(plan_refresh.InvalidTrigger) as caught:
        plan({"refresh": "daily", "colour": 1, "base_date": 0, "import_mode": "HALF"})
    for reason in ("colour is unknown", "'daily' is not in", "base_date must", "import_mode must"):
        assert reason in str(caught.value)


@given(st.integers(1, 200))
def test_names_stay_within_the_limits_of_aws_at_any_attempt(number: int) -> None:
    longest = load(ROOT / "environments")["prod"]
    refresh = longest.refreshes[0]
    dataset = refresh.datasets[0].model_copy(update={"dataset_group": "g" * 63})
    campaign = refresh.campaigns[0].model_copy(update={"name": "c" * 63, "solution": "s" * 63})
    refresh = refresh.model_copy(update={"datasets": [dataset], "campaigns": [campaign]})
    settings = plan_settings(
        longest.model_copy(update={"refreshes": [refresh]}), import_role_arn="arn:role"
    )
    runs = plan_refresh.runs_of({"refresh": "weekly"}, settings, NOW)
    before: plan_refresh.Attempt = {"key": "0123abcd", "number": number, "failed": True}
    (only,) = plan_refresh.executions(runs, settings, lambda *_: before)
    suffix = f"-{only['input']['attempt']}"
    assert len(only["name"]) <= 80
    assert len(only["input"]["datasets"][0]["job_name"] + suffix) <= 63
    assert len(only["input"]["solution_version"]["name"] + suffix) <= 63
