"""The console's Redrive on a refresh: what it repeats, what it continues, and what the row says."""

from rehearsal.shop import MINUTE, Shop
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import ONCE, abort, abort_while_training, counts, only_row, refreshes

NOTHING_FAILED = {"failed_stage", "failure_reason", "failure_kind", "execution_status"}


def redrive(shop: Shop, execution: str) -> None:
    shop.cloud.client("stepfunctions").redrive_execution(executionArn=execution)
    shop.settle()


def test_a_redrive_of_a_failed_refresh_fails_again_and_changes_nothing(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"solution-version": ["out of capacity"]}
    shop.succeed()
    before = shop.result()
    redrive(shop, only_row(before)["execution_arn"])
    after = shop.result()
    assert [run["status"] for run in refreshes(after)] == ["FAILED"]
    assert only_row(after) == only_row(before)
    assert counts(after) == counts(before)


def test_a_redrive_of_an_aborted_refresh_continues_it_to_its_end(open_shop: OpenShop) -> None:
    shop = open_shop()
    aborted = abort_while_training(shop)
    assert (aborted["refresh_status"], aborted["execution_status"]) == ("FAILED", "ABORTED")
    redrive(shop, aborted["execution_arn"])
    result = shop.result()
    row = only_row(result)
    assert (row["refresh_status"], row["attempt"]) == ("COMPLETE", 1)
    assert row.keys().isdisjoint(NOTHING_FAILED)
    assert counts(result) == ONCE


def test_a_redriven_recommender_leaves_no_reason_of_a_failure_either(open_shop: OpenShop) -> None:
    shop = open_shop("domain", new=True)
    shop.succeed()
    while not any("recommender_update_status" in row for row in shop.rows()):
        shop.later(MINUTE)
    abort(shop)
    (aborted,) = shop.rows()
    assert aborted["failed_stage"] == "recommender update"
    redrive(shop, aborted["execution_arn"])
    row = only_row(shop.result())
    assert row["refresh_status"] == "COMPLETE"
    assert row.keys().isdisjoint(NOTHING_FAILED)


def test_a_redriven_refresh_whose_row_was_taken_over_writes_nothing_into_it(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    aborted = abort_while_training(shop)
    shop.ask(refresh="weekly")
    before = shop.result()
    redrive(shop, aborted["execution_arn"])
    after = shop.result()
    assert only_row(after) == only_row(before)
    assert only_row(after)["attempt"] == 2
    assert counts(after) == ONCE
