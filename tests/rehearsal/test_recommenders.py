"""Recommenders of a domain dataset group: imports, their own update, and what goes wrong."""

from pathlib import Path
from typing import Any

import pytest

from ops.__main__ import main
from rehearsal.scenario_names import ENVIRONMENTS
from rehearsal.shop import HOUR, MINUTE, Shop
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.ops_commands import refusal
from tests.rehearsal.refreshes import abort, counts, only_row, refreshes

WANTED = {"excludedDatasetColumns": {"ITEMS": ["CATEGORY"]}}
IMPORTS = {"dataset_import_jobs": 2, "solution_versions": 0, "campaign_updates": 0}
NOTHING = dict.fromkeys(IMPORTS, 0)
HERE = ("--environment", "domain")


def recommender(shop: Shop) -> dict[str, Any]:
    """Return the recommender as it is now."""
    found: dict[str, Any] = shop.cloud.client("personalize").describe_recommender(
        recommenderArn=shop.campaigns[0]["recommender_arn"]
    )["recommender"]
    return found


def change(shop: Shop, **config: Any) -> None:
    """Change the recommender by hand."""
    shop.cloud.client("personalize").update_recommender(
        recommenderArn=shop.campaigns[0]["recommender_arn"], recommenderConfig=config
    )


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """A day on which the recommender learns from all columns."""
    opened = open_shop("domain")
    if recommender(opened)["recommenderConfig"].get("trainingDataConfig"):
        change(opened, trainingDataConfig={})
        opened.later(HOUR)
        opened.began = int(opened.cloud.clock.time())
    return opened


def asked(shop: Shop) -> int:
    """Count the requests of this day's tasks to update the recommender."""
    called = [c for c in shop.calls() if c.action == "personalize:UpdateRecommender"]
    return len(called)


def test_a_lost_response_and_an_aborted_execution_do_not_train_it_twice(shop: Shop) -> None:
    change(shop, minRecommendationRequestsPerSecond=3)
    shop.later(20 * MINUTE)
    shop.began = int(shop.cloud.clock.time())
    shop.cloud.faults.add("personalize:UpdateRecommender=lost")
    shop.succeed()
    shop.later(20 * MINUTE)
    (row,) = shop.rows()
    assert row["recommender_update_status"] == "IN_PROGRESS"
    abort(shop)
    assert only_row(shop.result())["failed_stage"] == "recommender update"
    shop.later(HOUR)  # its update ends meanwhile
    shop.ask(refresh="weekly")
    result = shop.result()
    row = only_row(result)
    assert (row["refresh_status"], row["recommender_update_status"]) == ("COMPLETE", "ACTIVE")
    assert (row["solution_name"], row["attempt"]) == (None, 2)
    assert row["recommender_retraining"].startswith("Personalize has retrained for-you-domain")
    assert counts(result) == IMPORTS
    assert asked(shop) == 1
    config = recommender(shop)["recommenderConfig"]
    assert config == {"minRecommendationRequestsPerSecond": 3, "trainingDataConfig": WANTED}
    path = refreshes(result)[-1]["states"]
    assert "Train solution version" not in path
    assert path[-5:] == [
        "Recommender updated?",
        "Record recommender done",
        "Recommender in place",
        "Record recommender",
        "Refresh complete",
    ]


def test_an_older_refresh_does_not_import_over_a_newer_ones_data(shop: Shop) -> None:
    shop.succeed()
    newer = only_row(shop.result())
    assert newer["refresh_status"] == "COMPLETE"
    shop.began = int(shop.cloud.clock.time())
    shop.ask(refresh="weekly", base_date=20200901, run="late")  # before the first day of the shop
    result = shop.result()
    row = only_row(result)
    assert (row["refresh_status"], row["superseded_by"]) == ("SUPERSEDED", newer["execution_arn"])
    assert counts(result) == NOTHING


def test_another_change_that_follows_ours_is_left_to_the_next_attempt(shop: Shop) -> None:
    shop.succeed()
    while recommender(shop).get("latestRecommenderUpdate", {}).get("status") != "CREATE PENDING":
        shop.later(MINUTE)
    while recommender(shop)["latestRecommenderUpdate"]["status"] != "ACTIVE":
        shop.later(1)
    change(shop, minRecommendationRequestsPerSecond=5)
    row = only_row(shop.result())
    assert row["failure_reason"].startswith("RecommenderUnavailable: ")
    assert row["failure_reason"].endswith("Another update has followed ours.")
    assert row["failure_kind"] == "PASSING"
    shop.ask(reconcile=True)
    result = shop.result()
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert counts(result) == IMPORTS
    assert asked(shop) == 1


def test_a_failed_update_is_told_and_tried_again_without_another_import(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop.behaviour.planned_failures = {"recommender-update": ["An internal error occurred."]}
    shop.succeed()
    row = only_row(shop.result())
    assert (row["refresh_status"], row["failed_stage"]) == ("FAILED", "recommender update")
    assert row["recommender_update_status"] == "FAILED"
    arn = shop.campaigns[0]["recommender_arn"]
    assert row["failure_reason"].startswith(
        f"RecommenderFailed: The update of recommender {arn} is CREATE FAILED after "
    )
    assert row["failure_reason"].endswith("An internal error occurred.")
    for name, value in {**shop.cloud.environment, "ENVIRONMENTS": str(ENVIRONMENTS)}.items():
        monkeypatch.setenv(name, value)
    said = []
    with shop.time_passing():
        for words in (
            ["status"],
            ["retry", "for-you-domain", "--yes"],
            ["watch"],
            ["explain", "for-you-domain"],
            ["history", "for-you-domain"],
            ["costs"],
            ["report", "for-you-domain", "--output", str(tmp_path / "page.html")],
            ["doctor", "--json"],
        ):
            main([*words, *HERE])
            said.append(capsys.readouterr().out)
        refused = refusal(capsys, "promote", "for-you-domain", "--yes", *HERE)
        assert refused.startswith("ops: for-you-domain is a recommender: Personalize trains")
        assert refusal(capsys, "rollback", "for-you-domain", "--yes", *HERE) == refused
    status, _, _, explained, history, _, _, doctor = said
    assert "FAILED" in status
    assert "Why: Personalize has retrained for-you-domain" in explained
    assert "Personalize trains it by itself" in explained
    assert history.splitlines()[0].split("  ")[5] not in {"", "-"}  # its update
    assert "the recommender for-you-domain is ACTIVE" in doctor
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "Configure recommender" in page
    assert "Move campaign" not in page
    result = shop.result()
    assert counts(result) == IMPORTS
    assert asked(shop) == 2


def test_a_recommender_that_does_not_serve_is_refused_before_anything_is_paid(shop: Shop) -> None:
    personalize, arn = shop.cloud.client("personalize"), shop.campaigns[0]["recommender_arn"]

    def refused() -> str:
        shop.new_day()
        shop.succeed()
        result = shop.result()
        row = only_row(result)
        assert counts(result) == NOTHING
        assert row["failed_stage"] == "check"
        return str(row["failure_reason"])

    personalize.stop_recommender(recommenderArn=arn)
    shop.later(MINUTE)
    assert f"aws personalize start-recommender --recommender-arn {arn}." in refused()
    personalize.start_recommender(recommenderArn=arn)
    shop.later(MINUTE)
    personalize.delete_recommender(recommenderArn=arn)
    shop.later(MINUTE)
    reason = refused()
    assert reason.startswith(f"CheckFailed: Recommender {arn} does not exist. Create it: ")
    assert "aws personalize create-recommender --name for-you-domain --dataset-group-arn" in reason
