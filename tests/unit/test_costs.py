"""What a run costs, and what its metrics are, as computed from its row."""

import json
from typing import Any

import pytest
from costs import estimate, transitions_of
from refresh_metrics import metrics_line
from row_changes import details_of

from tests.unit.announced import (
    CAMPAIGN,
    COMPLETE,
    FAILED,
    IMPORTED,
    IMPORTING,
    MOVING,
    RUNNING,
    SETTINGS,
    TRAINED,
    TRAINING,
    record,
)

OVERHEAD = pytest.approx(0.0001, abs=0.0001)


def total(row: dict[str, Any], **known: Any) -> float | None:
    return estimate(row, **known)["total"]


def test_an_import_costs_by_its_gigabytes_once_it_is_done() -> None:
    assert estimate(RUNNING)["import"] == 0
    assert estimate(IMPORTING)["import"] == 0
    assert estimate(IMPORTED)["import"] == pytest.approx(0.10)
    both = {
        **IMPORTED,
        "items_dataset_import_job_status": "ACTIVE",
        "items_dataset_import_job_bytes": 1_000_000_000,
    }
    assert estimate(both)["import"] == pytest.approx(0.15)


@pytest.mark.parametrize("size", [{}, {"dataset_import_job_bytes": None}])
def test_an_import_of_unknown_size_has_no_cost_and_so_has_the_run(size: dict[str, Any]) -> None:
    row = {**IMPORTED, "dataset_import_job_bytes": None, **size}
    assert estimate(row)["import"] is None
    assert total(row) is None


def test_a_training_costs_by_its_billed_hours() -> None:
    assert estimate(TRAINED)["training"] == pytest.approx(0.36)
    assert estimate(IMPORTED)["training"] == 0
    assert total(TRAINED, transitions=130) == pytest.approx(0.46 + 0.00325, abs=0.0002)


def test_a_training_that_goes_on_has_no_cost_yet_and_one_that_failed_that_of_its_time() -> None:
    assert total(TRAINING) is None
    assert estimate(FAILED)["training"] == pytest.approx(390 / 3600 * 0.24)


def test_a_recipe_of_the_second_version_costs_by_its_interactions() -> None:
    row = {**TRAINED, "recipe": "aws-user-personalization-v2"}
    assert estimate(row, interactions=2_000_000)["training"] == pytest.approx(4.0)
    assert estimate(row)["training"] == pytest.approx(100.0)  # 2 GB of 40 bytes each
    assert estimate({**row, "dataset_import_job_bytes": None})["training"] is None


def test_the_rest_is_little_and_counted_once_it_is_known() -> None:
    found = estimate(RUNNING, transitions=transitions_of(390))
    assert found["transitions"] == pytest.approx(0.00325)
    assert found["functions"] + found["table"] == OVERHEAD
    assert estimate(RUNNING)["transitions"] is None
    assert total(RUNNING) == OVERHEAD


def test_metrics_are_one_line_that_cloudwatch_takes_from_the_log() -> None:
    *_, end = details_of(record(MOVING, COMPLETE), SETTINGS)
    line = metrics_line(end, COMPLETE, 1_601_290_860_000)
    assert "\n" not in line
    found = json.loads(line)
    by_campaign, by_status = found["_aws"]["CloudWatchMetrics"]
    assert found["_aws"]["Timestamp"] == 1_601_290_860_000
    assert {by_campaign["Namespace"], by_status["Namespace"]} == {"PersonalizeRefresh"}
    assert by_campaign["Dimensions"] == [["Environment", "Campaign"]]
    assert by_status["Dimensions"] == [["Environment", "Campaign", "Status"]]
    named = {metric["Name"]: found[metric["Name"]] for metric in by_campaign["Metrics"]}
    assert named == {
        "DatasetImportMinutes": 5,
        "SolutionVersionMinutes": 66.67,
        "CampaignUpdateMinutes": 10,
        "RefreshMinutes": 82,
        "TrainingHours": 1.5,
        "EstimatedCostUsd": 0.4601,
        "precision_at_10": 0.25,
    }
    assert (found["Environment"], found["Campaign"], found["Status"]) == (
        "prod",
        CAMPAIGN,
        "COMPLETE",
    )
    assert (by_status["Metrics"], found["Ends"]) == ([{"Name": "Ends", "Unit": "Count"}], 1)


def test_a_failure_has_no_metrics_of_a_model() -> None:
    *_, end = details_of(record(TRAINING, FAILED), SETTINGS)
    found = json.loads(metrics_line(end, {**FAILED, "metrics": {"precision_at_10": 1}}, 0))
    assert "precision_at_10" not in found
    assert found["EstimatedCostUsd"] == pytest.approx(0.126, abs=0.001)
    assert found["RefreshMinutes"] == pytest.approx(11.67)
