"""Two campaigns of one solution: one import and one training for both."""

from typing import Any

import pytest

from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import counts


@pytest.mark.parametrize("taken", ["refused", "accepted"])
def test_campaigns_of_one_solution_share_one_import_and_one_training(
    open_shop: OpenShop, taken: Any
) -> None:
    shop = open_shop("shared")
    shop.behaviour.taken_solution_version_name = taken
    shop.succeed()
    result = shop.result()
    assert [row["refresh_status"] for row in result["rows"]] == ["COMPLETE", "COMPLETE"]
    live = [v for v in result["personalize"]["solution_versions"] if v["status"] == "ACTIVE"]
    assert len(live) == 1
    assert shop.served(0) == shop.served(1) == live[0]["solutionVersionArn"]
    assert counts(result)["dataset_import_jobs"] == 2  # INTERACTIONS and ITEMS
    first, second = result["rows"]
    assert first["dataset_import_job_arn"] == second["dataset_import_job_arn"]
    assert first["items_dataset_import_job_status"] == "ACTIVE"
    assert first["items_dataset_import_job_arn"] != first["dataset_import_job_arn"]


def test_one_of_two_trainings_created_at_the_same_moment_is_stopped_before_it_trains(
    open_shop: OpenShop,
) -> None:
    shop = open_shop("shared")
    shop.behaviour.taken_solution_version_name = "accepted"
    # both list the versions before either creates one, because the first response is slow
    shop.cloud.faults.add("personalize:ListSolutionVersions=slow:20")
    shop.succeed()
    result = shop.result()
    versions = result["personalize"]["solution_versions"]
    assert sorted(version["status"] for version in versions) == ["ACTIVE", "CREATE STOPPED"]
    assert [row["refresh_status"] for row in result["rows"]] == ["COMPLETE", "COMPLETE"]
    assert {row["solution_version_status"] for row in result["rows"]} == {"ACTIVE"}
