"""Refreshes that fail: the execution and the row have the reason."""

import csv
from pathlib import Path
from typing import Literal

import pytest

from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import ONCE, counts, only_row, refreshes
from tests.slow import slow_but


@pytest.fixture
def without_timestamp(tmp_path: Path) -> Path:
    path = tmp_path / "without-timestamp.csv"
    path.write_text("USER_ID,ITEM_ID,EVENT_TYPE\nU00001,P2009-0001,view\n")
    return path


@pytest.fixture
def too_few(tmp_path: Path) -> Path:
    path = tmp_path / "too-few.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE"])
        for n in [*range(200)] * 6:  # Personalize keeps one of several equal ones
            rows.writerow([f"U{n % 50:05}", f"P{n % 7:04}", 1600000000 + n, "view"])
    return path


def test_a_failed_import_ends_the_refresh_with_personalizes_reason(
    open_shop: OpenShop, without_timestamp: Path
) -> None:
    shop = open_shop("trusting", without_timestamp)
    before = shop.served()
    shop.succeed()
    result = shop.result()
    reason = "Input CSV is missing the following columns:[TIMESTAMP]"
    (run,) = refreshes(result)
    assert run["status"] == "FAILED"
    assert reason in str(run["cause"])
    assert run["states"][-4:] == [
        "Record failed import",
        "Import failed",
        "Record failure",
        "Refresh failed",
    ]
    (row,) = result["rows"]
    assert row["refresh_status"] == "FAILED"
    assert row["dataset_import_job_status"] == "FAILED"
    assert row["failure_reason"].startswith("ImportFailed: Dataset import job arn:")
    assert reason in row["failure_reason"]
    assert counts(result) == {**ONCE, "solution_versions": 0, "campaign_updates": 0}
    assert shop.served() == before


def test_a_failed_training_ends_the_refresh_with_personalizes_reason(
    open_shop: OpenShop, too_few: Path
) -> None:
    shop = open_shop("trusting", too_few)
    before = shop.served()
    shop.succeed()
    result = shop.result()
    (run,) = refreshes(result)
    assert run["status"] == "FAILED"
    assert "Dataset has fewer than 1000 interactions after filtering" in str(run["cause"])
    (row,) = result["rows"]
    assert row["solution_version_status"] == "FAILED"
    assert row["dataset_import_job_status"] == "ACTIVE"
    assert row["refresh_status"] == "FAILED"
    assert row["failure_reason"] == f"TrainingFailed: {run['cause']}"
    assert shop.served() == before


def test_a_failed_campaign_update_ends_the_refresh_with_personalizes_reason(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    before = shop.served()
    shop.behaviour.planned_failures = {"campaign-update": ['Internal "capacity" error; 다시']}
    shop.succeed()
    result = shop.result()
    (row,) = result["rows"]
    assert refreshes(result)[0]["status"] == "FAILED"
    assert row["campaign_update_status"] == "FAILED"
    assert row["failure_reason"].startswith("UpdateFailed: ")
    assert 'Internal "capacity" error; 다시' in row["failure_reason"]
    assert shop.served() == before


def test_a_training_that_someone_stops_ends_the_refresh(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(900)
    (row,) = shop.rows()
    shop.cloud.client("personalize").stop_solution_version_creation(
        solutionVersionArn=row["solution_version_arn"]
    )
    result = shop.result()
    assert result["rows"][0]["refresh_status"] == "FAILED"
    assert "CREATE STOPPED" in result["rows"][0]["failure_reason"]


@pytest.mark.parametrize("form", slow_but(["Sandbox.Timedout", "Lambda.Unknown"]))
def test_a_function_that_always_times_out_fails_the_refresh_until_reconciliation_goes_on(
    open_shop: OpenShop, form: Literal["Sandbox.Timedout", "Lambda.Unknown"]
) -> None:
    shop = open_shop()
    shop.cloud.behaviour.awslambda.timeout = form
    shop.cloud.faults.add("personalize:ListSolutionVersions=hung:900*always")
    shop.succeed()
    row = only_row(shop.result())
    assert row["failure_reason"].startswith("TrainingUnavailable: ")
    assert "Task timed out after 120.00 seconds" in row["failure_reason"]
    assert (row["refresh_status"], row["failure_kind"]) == ("FAILED", "PASSING")
    shop.cloud.faults.clear()
    shop.ask(reconcile=True)
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"


def test_a_poll_that_is_refused_for_its_words_ends_the_refresh_at_once(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(900)  # the training is under way
    began = shop.cloud.clock.time()
    shop.cloud.faults.add("personalize:DescribeSolutionVersion=refused:ValidationException")
    row = only_row(shop.result())
    assert row["failure_reason"].startswith("TrainingFailed: ")
    assert "is NOT READABLE" in row["failure_reason"]
    assert row["failure_kind"] == "NEEDS_A_PERSON"
    assert row["ended_datetime"] - began < 120
    shop.ask(refresh="weekly")
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"


@pytest.mark.parametrize("fault", slow_but(["denied*always", "error*always", "throttle*always"]))
def test_a_failure_that_cannot_be_recorded_still_ends_the_execution_with_the_first_reason(
    open_shop: OpenShop, fault: str
) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"dataset-import-job": ["no capacity"]}
    # the queue notes the job, and its beginning is recorded, before nothing can be written
    shop.cloud.faults.add(f"dynamodb:UpdateItem@3={fault}")
    shop.succeed()
    result = shop.result()
    (run,) = refreshes(result)
    assert run["status"] == "FAILED"
    assert "no capacity" in str(run["cause"])
    assert only_row(result)["refresh_status"] == "RUNNING"
    shop.cloud.faults.clear()
    shop.ask(refresh="weekly")
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"


def test_a_refresh_without_its_table_fails_with_the_error_of_dynamodb(open_shop: OpenShop) -> None:
    shop = open_shop("hasty", new=True)
    shop.succeed()
    shop.later(600)
    shop.cloud.client("dynamodb").delete_table(TableName=shop.outputs["TableName"])
    shop.settle()
    (run,) = shop.cloud.client("stepfunctions").list_executions(
        stateMachineArn=shop.outputs["RefreshWorkflowArn"]
    )["executions"]
    described = shop.cloud.client("stepfunctions").describe_execution(
        executionArn=run["executionArn"]
    )
    assert described["status"] == "FAILED"
    assert "ResourceNotFoundException" in described["error"]
    shop.cloud.stop()
