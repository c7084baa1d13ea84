"""Reconciliation by the deployed schedule: lost and aborted refreshes start within a day."""

from rehearsal.shop import DAY, HOUR, glue_event
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import JOB, ONCE, abort, counts, only_row


def test_a_lost_glue_event_is_found_within_a_day(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.cloud.glue.record_run(JOB, run_id=shop.run_id)
    shop.later(DAY + HOUR)
    result = shop.result()
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert counts(result) == ONCE
    shop.send({**glue_event(JOB, run_id=shop.run_id)})  # the event was only late
    assert counts(shop.result()) == ONCE


def test_a_refresh_whose_execution_was_aborted_is_taken_over_within_a_day(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(900)
    abort(shop)
    assert shop.rows()[0]["refresh_status"] == "RUNNING"
    shop.later(DAY + HOUR)
    result = shop.result()
    assert (only_row(result)["refresh_status"], only_row(result)["attempt"]) == ("COMPLETE", 2)
    assert counts(result) == ONCE


def test_a_failure_that_passes_with_time_is_retried_up_to_the_configured_attempts(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.import_jobs_in_progress = 0
    shop.succeed()
    for attempt in (1, 2, 3):
        shop.settle()
        (failed,) = shop.rows()
        assert failed["failure_reason"].startswith("ImportUnavailable: No dataset import job could")
        assert "LimitExceededException" in failed["failure_reason"]
        assert failed["failure_kind"] == "PASSING"
        lasted = failed["ended_datetime"] - failed["started_datetime"]
        assert 23 * HOUR < lasted < 25 * HOUR  # queue_hours is 24
        assert failed["attempt"] == attempt
        shop.later(DAY + HOUR)
    assert shop.rows()[0]["attempt"] == 3
    shop.behaviour.import_jobs_in_progress = 5
    shop.ask(refresh="weekly")
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"
