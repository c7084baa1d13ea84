"""Time limits, in environments where they are short: a training or a run that reaches them."""

from rehearsal.shop import HOUR
from stacks.bounds import worst_cases
from stacks.load import load
from tests.conftest import ROOT
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import only_row, refreshes


def test_a_training_past_its_time_limit_is_stopped(open_shop: OpenShop) -> None:
    shop = open_shop("hasty")
    shop.behaviour.training_seconds = 5 * HOUR
    shop.succeed()
    result = shop.result()
    (run,) = refreshes(result)
    assert "Stop training" in run["states"]
    (row,) = result["rows"]
    assert row["failure_reason"].startswith("TrainingOverdue: ")
    assert row["solution_version_status"] == "FAILED"
    (version,) = result["personalize"]["solution_versions"]
    assert version["status"] == "CREATE STOPPED"


def test_a_training_that_ends_just_as_it_is_to_be_stopped_is_used(open_shop: OpenShop) -> None:
    shop = open_shop("hasty")
    shop.behaviour.training_seconds = HOUR + 30
    shop.succeed()
    shop.later(20 * 60)
    (row,) = shop.rows()
    shop.later(row["solution_version_datetime"] + HOUR - 30 - shop.cloud.clock.time())
    # carried out at its time limit, and answered when it has ended
    shop.cloud.faults.add("personalize:DescribeSolutionVersion=slow:60")
    result = shop.result()
    (run,) = refreshes(result)
    assert "Stop training" in run["states"]
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert [v["status"] for v in result["personalize"]["solution_versions"]] == ["ACTIVE"]
    assert shop.served() == only_row(result)["solution_version_arn"]


def test_a_stop_that_is_refused_for_another_reason_is_told_and_ends_the_refresh(
    open_shop: OpenShop,
) -> None:
    shop = open_shop("hasty")
    shop.behaviour.training_seconds = 90 * 60
    shop.behaviour.planned_errors = {"StopSolutionVersionCreation": ["ResourceNotFoundException"]}
    shop.succeed()
    row = only_row(shop.result())
    assert row["failure_reason"].startswith("TrainingOverdue: ")
    assert (
        "It could not be stopped: StopSolutionVersionCreation is refused" in row["failure_reason"]
    )


def test_a_run_that_waits_for_another_and_up_to_every_limit_stays_within_the_computed_bound(
    open_shop: OpenShop,
) -> None:
    shop = open_shop("hasty")
    shop.behaviour.import_seconds = 0.9 * HOUR
    shop.behaviour.training_seconds = 10 * HOUR
    shop.cloud.faults.add("personalize:DescribeSolutionVersion=error*20")
    shop.succeed()
    shop.later(120)
    shop.succeed("jr_" + "f" * 64)
    result = shop.result()
    environments = load(ROOT / "tests" / "rehearsal" / "environments")
    worst = worst_cases(environments["hasty"])["refresh.asl.yaml"]
    for run in refreshes(result):
        assert "It was stopped" in str(run["cause"])
        assert 1_000 < run["events"] < worst.events
        assert run["transitions"] < worst.transitions


def test_a_training_past_its_limit_may_be_left_for_the_next_attempt(open_shop: OpenShop) -> None:
    shop = open_shop("patient")
    shop.behaviour.training_seconds = 90 * 60
    shop.succeed()
    overdue = shop.result()
    assert only_row(overdue)["failure_reason"].startswith("TrainingOverdue: ")
    shop.ask(refresh="weekly")
    result = shop.result()
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert [v["status"] for v in result["personalize"]["solution_versions"]] == ["ACTIVE"]
