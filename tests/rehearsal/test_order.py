"""Refreshes that end out of order: an older one never moves the campaign back."""

from rehearsal.shop import DAY, HOUR, glue_event
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import JOB, ONCE, counts, only_row, refreshes


def test_an_older_run_of_the_same_day_that_arrives_late_is_superseded(open_shop: OpenShop) -> None:
    shop = open_shop()
    earlier = {**glue_event(JOB, run_id=f"jr_{'d' * 64}"), "Time": shop.cloud.clock.now()}
    shop.later(HOUR)
    shop.succeed()
    complete = only_row(shop.result())
    shop.send(earlier)
    result = shop.result()
    assert only_row(result) == complete
    assert [e["status"] for e in refreshes(result)] == ["SUCCEEDED", "SUCCEEDED"]
    assert refreshes(result)[1]["states"][-1] == "Left to newer run"
    assert counts(result) == ONCE


def test_a_failed_refresh_that_a_newer_one_has_overtaken_ends_superseded_and_costs_nothing(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"solution-version": ["no capacity"]}
    shop.succeed()
    (failed,) = shop.result()["rows"]
    shop.new_day()
    shop.succeed()
    newer = shop.result()
    served = shop.served()
    shop.ask(refresh="weekly", base_date=failed["base_date"])
    result = shop.result()
    (overtaken,) = [r for r in shop.table_rows() if r["base_date"] == failed["base_date"]]
    assert overtaken["refresh_status"] == "SUPERSEDED"
    assert overtaken["superseded_by"] == served == only_row(newer)["solution_version_arn"]
    assert overtaken["attempt"] == 2
    assert counts(result) == counts(newer) == ONCE
    assert shop.served() == served


def test_a_slow_refresh_never_moves_the_campaign_back_from_a_newer_version(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.training_seconds = 30 * HOUR
    shop.succeed()
    shop.later(HOUR)
    (slow,) = shop.rows()
    shop.behaviour.training_seconds = HOUR
    shop.later(DAY)
    shop.succeed(f"jr_{'e' * 64}")
    shop.settle()
    rows = {r["base_date"]: r for r in shop.rows()}
    assert rows[slow["base_date"]]["refresh_status"] == "SUPERSEDED"
    (newest,) = [r for r in rows.values() if r["base_date"] > slow["base_date"]]
    assert newest["refresh_status"] == "COMPLETE"
    assert rows[slow["base_date"]]["superseded_by"] == newest["solution_version_arn"]
    assert shop.served() == newest["solution_version_arn"]
