"""Reconciliation by the deployed schedule: lost and aborted refreshes start within a day."""

from pathlib import Path

import pytest

from embedded_aws import deploy
from rehearsal.assembly import SynthesisedStack, find_stack, synthesise
from rehearsal.shop import DAY, HOUR, glue_event
from rehearsal.shop import open_shop as open_shop_on
from tests.conftest import ROOT
from tests.rehearsal.conftest import Kept, OpenShop
from tests.rehearsal.refreshes import (
    JOB,
    ONCE,
    abort_while_training,
    counts,
    dispatches,
    only_row,
    refreshes,
)


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
    aborted = abort_while_training(shop)
    assert (aborted["refresh_status"], aborted["execution_status"]) == ("FAILED", "ABORTED")
    shop.later(DAY + HOUR)
    result = shop.result()
    assert (only_row(result)["refresh_status"], only_row(result)["attempt"]) == ("COMPLETE", 2)
    assert counts(result) == ONCE


@pytest.mark.slow
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


MORE = """
      - {name: added-later, solution: brandi-hrnn-solution}
"""


@pytest.fixture(scope="module")
def with_another_campaign(tmp_path_factory: pytest.TempPathFactory) -> SynthesisedStack:
    """The stack of prod, to which a second campaign has been added."""
    folder = tmp_path_factory.mktemp("environments")
    text = (ROOT / "environments" / "prod.yaml").read_text().rstrip()
    (folder / "prod.yaml").write_text(text + MORE)
    return find_stack(synthesise(tmp_path_factory.mktemp("assembly"), folder), "prod")


@pytest.mark.slow
def test_a_deployment_starts_no_success_of_glue_that_is_older_than_the_campaigns_deployment(
    assembly: Path, with_another_campaign: SynthesisedStack, kept: Kept
) -> None:
    kept.stack.close()
    kept.shop = None
    with open_shop_on(
        find_stack(assembly, "prod"),
        kept.sample,
        before_deployment=lambda cloud: cloud.glue.record_run(JOB),
    ) as shop:
        shop.began -= 120
        result = shop.result()
        (by_schedule,) = dispatches(result)  # at once, since its rate has no start date
        assert by_schedule["status"] == "SUCCEEDED"
        assert (refreshes(result), result["rows"]) == ([], [])
        assert not any(counts(result).values())

        shop.send()
        shop.cloud.glue.record_run(JOB)  # its event is lost, and the schedule finds it
        shop.later(DAY)
        first = only_row(shop.result())
        assert first["refresh_status"] == "COMPLETE"

        shop.cloud.client("personalize").create_campaign(
            name="added-later", solutionVersionArn=shop.served()
        )
        shop.later(HOUR)
        deploy(with_another_campaign.assembly, with_another_campaign.name, shop.cloud)
        shop.later(DAY)
        assert shop.result()["rows"] == [first]

        shop.send()
        shop.cloud.glue.record_run(JOB)
        shop.later(DAY)
        after = [row for row in shop.result()["rows"] if row["base_date"] > first["base_date"]]
        assert {row["campaign_name"]: row["refresh_status"] for row in after} == {
            "brandi-hrnn-campaign-v2": "COMPLETE",
            "added-later": "COMPLETE",
        }


def test_a_success_of_glue_that_is_older_than_three_periods_is_left_to_a_person(
    open_shop: OpenShop,
) -> None:
    shop = open_shop(new=True)
    shop.cloud.faults.add("glue:GetJobRuns=denied*always")
    shop.cloud.glue.record_run(JOB)
    shop.later(3 * DAY + HOUR)
    shop.cloud.faults.clear()
    shop.later(2 * DAY)
    assert shop.result()["rows"] == []
    shop.ask(refresh="weekly")
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"
