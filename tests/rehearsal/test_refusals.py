"""Refused requests: a full quota is waited for, every other refusal fails at once."""

import pytest

from rehearsal.shop import HOUR
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import ONCE, counts, only_row, refreshes


def test_a_wrong_request_fails_the_dispatch_with_everything_that_is_wrong(
    open_shop: OpenShop,
) -> None:
    execution = open_shop().ask(refresh="daily", colour="red")
    assert execution["status"] == "FAILED"
    assert execution["error"] == "InvalidTrigger"
    assert "refresh 'daily' is not in this environment: weekly" in execution["cause"]
    assert "colour is unknown" in execution["cause"]


def test_a_missing_permission_fails_at_once_and_is_named(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.cloud.faults.add("personalize:CreateSolutionVersion=denied")
    shop.succeed()
    result = shop.result()
    (row,) = result["rows"]
    assert row["refresh_status"] == "FAILED"
    assert "personalize:CreateSolutionVersion" in row["failure_reason"]
    assert "Traceback" not in row["failure_reason"]
    assert row["failure_kind"] == "NEEDS_A_PERSON"
    assert refreshes(result)[0]["states"].count("Create solution version") == 1


@pytest.mark.parametrize(
    ("call", "stage"),
    [
        ("CreateDatasetImportJob", "dataset import"),
        ("DescribeDatasetImportJob@3", "dataset import"),
        ("CreateSolutionVersion", "solution version"),
        ("DescribeCampaign@3", "campaign update"),
    ],
)
def test_a_refusal_fails_at_once_with_the_message_of_the_service_and_the_stage(
    open_shop: OpenShop, call: str, stage: str
) -> None:
    shop = open_shop()
    shop.cloud.faults.add(f"personalize:{call}=denied")
    shop.succeed()
    result = shop.result()
    assert only_row(result)["failed_stage"] == stage
    assert f"is not authorized to perform: personalize:{call.split('@', maxsplit=1)[0]}" in str(
        only_row(result)["failure_reason"]
    )
    (run,) = refreshes(result)
    assert run["cause"] in only_row(result)["failure_reason"]


def test_a_refresh_waits_while_the_quota_of_imports_is_full(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.behaviour.import_jobs_in_progress = 0
    shop.succeed()
    shop.later(HOUR)
    assert "dataset_import_job_arn" not in shop.rows()[0]
    shop.behaviour.import_jobs_in_progress = 5
    result = shop.result()
    assert result["rows"][0]["refresh_status"] == "COMPLETE"
    assert counts(result) == ONCE


def test_a_refresh_waits_while_the_quota_of_trainings_is_full(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.behaviour.solution_versions_in_progress = 0
    shop.succeed()
    shop.later(2 * HOUR)
    (waiting,) = shop.rows()
    assert waiting["refresh_status"] == "RUNNING"
    assert "solution_version_arn" not in waiting
    shop.behaviour.solution_versions_in_progress = 20
    result = shop.result()
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert counts(result) == ONCE


def test_a_deleted_campaign_fails_at_once(open_shop: OpenShop) -> None:
    shop = open_shop(new=True)
    shop.succeed()
    shop.later(900)
    shop.cloud.client("personalize").delete_campaign(campaignArn=shop.campaigns[0]["campaign_arn"])
    result = shop.result()
    assert "ResourceNotFoundException" in only_row(result)["failure_reason"]
    assert only_row(result)["failure_reason"].startswith("UpdateFailed: ")
    shop.cloud.stop()
