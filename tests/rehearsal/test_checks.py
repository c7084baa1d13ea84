"""What is looked at before anything is paid: the campaign, the solution and the input."""

import json
from typing import Any

import pytest

from rehearsal.shop import MINUTE, Shop, glue_event
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import JOB, ONCE, counts, dispatches, only_row

NOTHING = {"dataset_import_jobs": 0, "solution_versions": 0, "campaign_updates": 0}


def refused(shop: Shop) -> str:
    """Let Glue succeed; return why the refresh has failed, before anything was paid."""
    shop.succeed()
    result = shop.result()
    row = only_row(result)
    assert (row["refresh_status"], row["failed_stage"]) == ("FAILED", "check")
    assert row["failure_kind"] == "NEEDS_A_PERSON"
    assert counts(result) == NOTHING
    assert "Traceback" not in row["failure_reason"]
    reason: str = row["failure_reason"]
    assert reason.startswith("CheckFailed: ")
    return reason


def completes(shop: Shop) -> None:
    """Start the refresh again, now that the cause is fixed."""
    shop.ask(refresh="weekly")
    result = shop.result()
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert counts(result) == ONCE


def test_a_campaign_that_follows_the_latest_version_is_refused_until_it_is_put_on_one_version(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    personalize = shop.cloud.client("personalize")
    (campaign,), version = shop.campaigns, shop.served()
    personalize.update_campaign(
        campaignArn=campaign["campaign_arn"],
        solutionVersionArn=f"{campaign['solution_arn']}/$LATEST",
        campaignConfig={"syncWithLatestSolutionVersion": True},
    )
    shop.later(20 * MINUTE)
    shop.began = int(shop.cloud.clock.time())
    reason = refused(shop)
    assert "syncWithLatestSolutionVersion" in reason
    assert (
        f"aws personalize update-campaign --campaign-arn {campaign['campaign_arn']} "
        f"--solution-version-arn {version} "
        "--campaign-config syncWithLatestSolutionVersion=false" in reason
    )
    personalize.update_campaign(
        campaignArn=campaign["campaign_arn"],
        solutionVersionArn=version,
        campaignConfig={"syncWithLatestSolutionVersion": False},
    )
    shop.ask(refresh="weekly")  # while that update is still going on
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"


def test_a_solution_that_trains_by_itself_is_refused_until_that_is_turned_off(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    personalize = shop.cloud.client("personalize")
    solution = shop.campaigns[0]["solution_arn"]
    personalize.update_solution(solutionArn=solution, performAutoTraining=True)
    reason = refused(shop)
    assert (
        f"aws personalize update-solution --solution-arn {solution} --no-perform-auto-training"
        in reason
    )
    shop.later(MINUTE)
    personalize.update_solution(solutionArn=solution, performAutoTraining=False)
    completes(shop)


def test_with_automatic_training_set_to_warn_the_refresh_goes_on_and_says_so(
    open_shop: OpenShop,
) -> None:
    shop = open_shop("shared")
    shop.cloud.client("personalize").update_solution(
        solutionArn=shop.campaigns[0]["solution_arn"], performAutoTraining=True
    )
    shop.ask(refresh="weekly")
    result = shop.result()
    assert {row["refresh_status"] for row in result["rows"]} == {"COMPLETE"}
    output = shop.cloud.client("stepfunctions").describe_execution(
        executionArn=result["rows"][0]["execution_arn"]
    )["output"]
    assert "--no-perform-auto-training" in json.loads(output)["warning"]


def test_a_missing_campaign_is_refused_with_the_command_that_creates_it(
    open_shop: OpenShop,
) -> None:
    shop = open_shop(new=True)
    personalize = shop.cloud.client("personalize")
    (campaign,), version = shop.campaigns, shop.served()
    personalize.delete_campaign(campaignArn=campaign["campaign_arn"])
    shop.later(MINUTE)
    reason = refused(shop)
    assert f"Campaign {campaign['campaign_arn']} does not exist" in reason
    assert (
        f"aws personalize create-campaign --name {campaign['campaign_name']} "
        f"--solution-version-arn {version}" in reason
    )
    shop.behaviour.planned_failures = {"campaign": ["no capacity"]}
    personalize.create_campaign(name=campaign["campaign_name"], solutionVersionArn=version)
    shop.later(20 * MINUTE)
    shop.ask(refresh="weekly")
    reason = only_row(shop.result())["failure_reason"]
    assert f"Campaign {campaign['campaign_arn']} is CREATE FAILED (no capacity)" in reason
    personalize.delete_campaign(campaignArn=campaign["campaign_arn"])
    shop.later(MINUTE)
    personalize.create_campaign(name=campaign["campaign_name"], solutionVersionArn=version)
    shop.later(20 * MINUTE)
    shop.ask(refresh="weekly")
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"


def test_a_missing_permission_to_look_is_named_and_nothing_is_paid(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.cloud.faults.add("personalize:DescribeSolution=denied")
    assert "is not authorized to perform: personalize:DescribeSolution" in refused(shop)
    shop.cloud.faults.clear()
    completes(shop)


# The door of the dispatch workflow.


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"detail": None}, "an object as its detail, not None"),
        ({"time": "2999-01-01T00:00:00Z"}, "a time in the future"),
        ({"account": "999999999999"}, "of account '999999999999'"),
        ({"detail": {"jobName": JOB, "state": "SUCCEEDED", "jobRunId": [1]}}, "a text as its jobR"),
    ],
)
def test_an_event_that_cannot_be_is_refused_in_one_sentence(
    open_shop: OpenShop, changes: dict[str, Any], reason: str
) -> None:
    shop = open_shop()
    event = {
        "source": "aws.glue",
        "detail-type": "Glue Job State Change",
        "account": shop.cloud.account,
        "region": shop.cloud.region,
        "time": "2020-09-28T01:00:00Z",
        "detail": json.loads(glue_event(JOB, run_id=shop.run_id)["Detail"]),
    }
    assert_refused(shop.ask(**event | changes), reason)
    assert counts(shop.result()) == NOTHING
    assert shop.rows() == []


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"reconcile": 1}, "neither Glue's"),
        ({"refresh": "weekly", "base_date": 10000101}, "before Amazon Personalize existed"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused_in_one_sentence(
    open_shop: OpenShop, request_: dict[str, Any], reason: str
) -> None:
    shop = open_shop()
    assert_refused(shop.ask(**request_), reason)
    (only,) = dispatches(shop.result())
    assert only["states"][-2:] == ["Plan refresh", "Trigger refused"]


def assert_refused(execution: dict[str, Any], reason: str) -> None:
    assert (execution["status"], execution["error"]) == ("FAILED", "InvalidTrigger")
    assert reason in execution["cause"]
    for part in ("Traceback", "stackTrace", "errorMessage", "\n"):
        assert part not in execution["cause"]


# The refresh workflow, started by hand.


def of_a_refresh(shop: Shop) -> dict[str, Any]:
    """The input that the dispatch workflow gives to a refresh."""
    shop.ask(refresh="weekly")
    execution = shop.cloud.client("stepfunctions").describe_execution(
        executionArn=only_row(shop.result())["execution_arn"]
    )
    shop.new_day()
    given: dict[str, Any] = json.loads(execution["input"])
    now = int(shop.cloud.clock.time())
    return given | {"base_date": 20990101, "run_key": "12345678", "triggered": now}


def start_by_hand(shop: Shop, given: object) -> dict[str, Any]:
    client = shop.cloud.client("stepfunctions")
    arn = client.start_execution(
        stateMachineArn=shop.outputs["RefreshWorkflowArn"], input=json.dumps(given)
    )["executionArn"]
    shop.settle()
    execution: dict[str, Any] = client.describe_execution(executionArn=arn)
    assert execution["status"] == "FAILED"
    assert counts(shop.result()) == NOTHING
    assert all(row["refresh_status"] != "RUNNING" for row in shop.table_rows())
    for part in ("Traceback", "stackTrace", "errorMessage", "\n"):
        assert part not in execution["cause"]
    return execution


@pytest.mark.parametrize("given", [{}, [], None, "weekly", 7, {"refresh": "weekly"}], ids=str)
def test_a_refresh_that_is_started_by_hand_with_something_else_says_what_to_start(
    open_shop: OpenShop, given: object
) -> None:
    execution = start_by_hand(open_shop(), given)
    assert execution["error"] == "InvalidInput"
    assert "campaign_name (a string)" in execution["cause"]
    assert "Start the dispatch workflow instead" in execution["cause"]


def test_a_refresh_that_is_started_by_hand_with_a_wrong_field_names_it(open_shop: OpenShop) -> None:
    shop = open_shop()
    right = of_a_refresh(shop)
    for field, wrong, reason in [
        ("base_date", "20200928", "base_date (a number)"),
        ("base_date", None, "base_date (a number)"),
        ("base_date", 10000101, "base_date (from 20180101 to 99991231)"),
        ("campaign_name", ["x"], "campaign_name (a string)"),
        ("run_key", 1, "run_key (a string)"),
        ("triggered", 32503680000, "triggered (from 1 to "),
        ("attempt", 0, "attempt (from 1 to 99)"),
        ("attempt", 1.5, "attempt (from 1 to 99)"),
    ]:
        execution = start_by_hand(shop, right | {field: wrong})
        assert execution["error"] == "InvalidInput"
        assert reason in execution["cause"]
    elsewhere = right["campaign_arn"].replace(shop.cloud.account, "999999999999")
    for date, (field, wrong, reason) in enumerate(
        [
            ("campaign_arn", None, "the input.campaign_arn must be a text, not None"),
            ("campaign_arn", elsewhere, f"{elsewhere} is not of this account and region"),
            ("datasets", [], "the input.datasets must be a list that is not empty"),
            ("datasets", [{}], "the input.datasets[0].dataset_arn is missing"),
            ("solution_version", {}, "the input.solution_version.solution_arn is missing"),
            (
                "solution_version",
                right["solution_version"] | {"training_mode": "HALF"},
                "the input.solution_version.training_mode must be FULL or UPDATE, not 'HALF'",
            ),
            ("stages", {}, "the input.stages.dataset_import is missing"),
        ],
        start=20500101,
    ):
        execution = start_by_hand(shop, right | {"base_date": date, field: wrong})
        assert execution["error"] == "CheckFailed"
        assert reason in execution["cause"]
