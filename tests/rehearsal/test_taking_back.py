"""Promotion and rollback: whose word counts, and that nothing comes back without one."""

from typing import Any

import pytest

from ops.__main__ import main
from rehearsal.scenario_names import ENVIRONMENTS
from rehearsal.shop import DAY, MINUTE, Shop
from tests.rehearsal.conftest import OpenShop

ALARM = "shop-checkout-errors"


@pytest.fixture
def shop(open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("ENVIRONMENTS", str(ENVIRONMENTS))
    return open_shop("careful", new=True)


def newest(shop: Shop) -> dict[str, Any]:
    rows = sorted(shop.table_rows(), key=lambda row: row["base_date"])
    return rows[-1] if rows else {}


def operate(shop: Shop, *arguments: str) -> None:
    with shop.time_passing():
        assert main([*arguments, "--environment", "careful", "--yes"]) == 0
    shop.settle()


def until_it_has_moved(shop: Shop) -> None:
    for _ in range(90):
        if newest(shop).get("campaign_update_status") == "ACTIVE":
            return
        shop.later(MINUTE)
    raise AssertionError("the campaign has not moved")


def ring(shop: Shop, state: str = "ALARM") -> None:
    shop.cloud.client("cloudwatch").set_alarm_state(
        AlarmName=ALARM, StateValue=state, StateReason="customers cannot check out"
    )


def begun_to_be_taken_back(
    shop: Shop, fault: str = "personalize:UpdateCampaign=denied*always"
) -> tuple[str, str]:
    """Let a rollback begin and fail; return the versions before and after the move."""
    first = shop.served()
    shop.succeed()
    until_it_has_moved(shop)
    bad = shop.served()
    ring(shop)
    shop.cloud.faults.add(fault)
    shop.settle()
    shop.cloud.faults.clear()
    ring(shop, "OK")
    return first, bad


def test_a_person_rolls_back_and_takes_that_back(shop: Shop) -> None:
    first = shop.served()
    shop.succeed()
    shop.settle()
    second = shop.served()
    shop.new_day()
    operate(shop, "rollback", "home-page-careful", "--reason", "bad sales")
    assert shop.served() == first != second
    row = newest(shop)
    assert row["refresh_status"] == "COMPLETE"
    assert (row["promoted_by"], row["promotion_reason"]) == (
        "arn:aws:sts::111122223333:user/moto", "bad sales",
    )  # fmt: skip
    assert row["previous_solution_version_arn"] == second
    assert "dataset_import_job_arn" not in row
    assert row["ended_datetime"] - row["started_datetime"] < 15 * MINUTE
    shop.later(2 * DAY)
    operate(shop, "rollback", "home-page-careful")
    assert shop.served() == second


def test_an_older_refresh_does_not_overrun_a_persons_word(shop: Shop) -> None:
    shop.behaviour.planned_failures = {"campaign-update": ["out of capacity"]}
    shop.succeed()
    shop.settle()
    failed = newest(shop)
    assert failed["refresh_status"] == "FAILED"
    first = shop.served()
    shop.new_day()
    trained = failed["solution_version_arn"]
    operate(shop, "promote", "home-page-careful", "--version", trained)
    assert shop.served() == trained
    shop.new_day()
    operate(shop, "rollback", "home-page-careful")
    assert shop.served() == first
    shop.ask(refresh="weekly", base_date=failed["base_date"])
    assert shop.served() == first
    (row,) = (r for r in shop.table_rows() if r["base_date"] == failed["base_date"])
    assert row["refresh_status"] == "SUPERSEDED"


def test_a_rollback_that_died_goes_on_and_nothing_brings_the_version_back(shop: Shop) -> None:
    first, _ = begun_to_be_taken_back(shop, "personalize:UpdateCampaign=aborted")
    assert newest(shop)["execution_status"] == "ABORTED"
    assert newest(shop)["rollback_reason"].startswith(f"Alarm {ALARM} went to ALARM")
    shop.ask(reconcile=True)
    assert newest(shop)["refresh_status"] == "ROLLED_BACK"
    assert shop.served() == first
    for again in ({"reconcile": True}, {"refresh": "weekly"}):
        shop.ask(**again)
        assert (newest(shop)["refresh_status"], shop.served()) == ("ROLLED_BACK", first)


def test_a_rollback_goes_on_whatever_the_next_training_would_need(shop: Shop) -> None:
    first, bad = begun_to_be_taken_back(shop)
    shop.cloud.client("cloudwatch").delete_alarms(AlarmNames=[ALARM])
    shop.ask(refresh="weekly")
    assert newest(shop)["refresh_status"] == "ROLLED_BACK"
    assert shop.served() == first != bad


def test_a_rollback_is_refused_for_a_campaign_that_another_moves(shop: Shop) -> None:
    _, bad = begun_to_be_taken_back(shop)
    (campaign,) = shop.campaigns
    shop.cloud.client("personalize").update_campaign(
        campaignArn=campaign["campaign_arn"],
        solutionVersionArn=f"{campaign['solution_arn']}/$LATEST",
        campaignConfig={"syncWithLatestSolutionVersion": True},
    )
    shop.settle()
    shop.ask(refresh="weekly")
    row = newest(shop)
    assert row["refresh_status"] == "FAILED"
    assert row["failure_reason"].startswith("CheckFailed: Campaign ")
    assert "--campaign-config syncWithLatestSolutionVersion=false" in row["failure_reason"]
    shop.cloud.client("personalize").update_campaign(
        campaignArn=campaign["campaign_arn"],
        solutionVersionArn=bad,
        campaignConfig={"syncWithLatestSolutionVersion": False},
    )
    shop.settle()
    shop.ask(refresh="weekly")
    assert newest(shop)["refresh_status"] == "ROLLED_BACK"


def test_a_person_who_moves_the_campaign_during_the_bake_time_is_right(shop: Shop) -> None:
    first = shop.served()
    shop.succeed()
    until_it_has_moved(shop)
    personalize = shop.cloud.client("personalize")
    (campaign,) = shop.campaigns
    personalize.update_campaign(campaignArn=campaign["campaign_arn"], solutionVersionArn=first)
    shop.later(10 * MINUTE)
    ring(shop)
    shop.settle()
    row = newest(shop)
    assert (row["refresh_status"], row["superseded_by"]) == ("SUPERSEDED", first)
    assert shop.served() == first


def test_an_alarm_that_rang_before_the_move_takes_nothing_back(shop: Shop) -> None:
    ring(shop)
    shop.succeed()
    shop.settle()
    assert newest(shop)["refresh_status"] == "COMPLETE"


def test_an_alarm_that_does_not_exist_is_found_before_anything_is_paid_for(shop: Shop) -> None:
    shop.cloud.client("cloudwatch").delete_alarms(AlarmNames=[ALARM])
    shop.succeed()
    shop.settle()
    row = newest(shop)
    assert row["failure_reason"].startswith(
        f"CheckFailed: The alarms {ALARM} of bake.alarms do not"
    )
    assert "dataset_import_job_arn" not in row
