"""Events and requests that arrive more than once: each refresh runs exactly once."""

import json

from rehearsal.shop import HOUR, glue_event
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import JOB, ONCE, counts, dispatches, only_row, refreshes


def test_an_event_that_arrives_three_times_leads_to_one_training(open_shop: OpenShop) -> None:
    shop = open_shop()
    event = glue_event("Job-Brandi-Commerce-API", run_id=shop.run_id)
    shop.send(event, event)
    shop.result()
    shop.send(event)
    result = shop.result()
    assert len(result["executions"]) == 4
    assert len(refreshes(result)) == 1
    assert counts(shop.result()) == ONCE
    dispatches = [e for e in result["executions"] if e["machine"].endswith("-dispatch")]
    assert [e["status"] for e in dispatches] == ["SUCCEEDED"] * 3
    assert "Already started" in dispatches[-1]["states"]


def test_an_event_that_arrives_ten_times_in_ten_hours_leads_to_one_refresh(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.training_seconds = 4 * HOUR  # so that some arrive while it runs
    event = {**glue_event(JOB, run_id=shop.run_id), "Time": shop.cloud.clock.now()}
    for _ in range(10):
        shop.send(event)
        shop.later(HOUR)
    result = shop.result()
    assert counts(result) == ONCE
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert [e["status"] for e in dispatches(result)] == ["SUCCEEDED"] * 10
    assert len(refreshes(result)) == 1


def test_a_hundred_duplicates_at_once_lead_to_one_refresh_and_no_failed_execution(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.send(*[glue_event(JOB, run_id=shop.run_id)] * 100)
    result = shop.result()
    assert counts(result) == ONCE
    assert len(dispatches(result)) == 100
    assert {e["status"] for e in result["executions"]} == {"SUCCEEDED"}


def test_two_people_who_start_the_same_refresh_start_it_once_and_get_the_same_execution(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    today = int(f"{shop.cloud.clock.now():%Y%m%d}")
    dispatches = [shop.start(refresh="weekly", base_date=today) for _ in range(2)]
    result = shop.result()
    describe = shop.cloud.client("stepfunctions").describe_execution
    outputs = [json.loads(describe(executionArn=arn)["output"])[0] for arn in dispatches]
    assert counts(result) == ONCE
    assert {one["execution_arn"] for one in outputs} == {only_row(result)["execution_arn"]}
    assert {one["outcome"] for one in outputs} <= {"STARTED", "ALREADY_STARTED"}


def test_starting_a_complete_refresh_again_trains_nothing(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.result()
    output = json.loads(shop.ask(refresh="weekly")["output"])
    assert [started["outcome"] for started in output] == ["ALREADY_STARTED"]
    assert counts(shop.result()) == ONCE


def test_a_person_can_ask_for_another_run_of_the_same_day(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.result()
    shop.ask(refresh="weekly", run="after the fix of the catalogue")
    result = shop.result()
    assert counts(result)["solution_versions"] == 2
    assert result["rows"][0]["refresh_status"] == "COMPLETE"
