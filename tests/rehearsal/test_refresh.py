"""The whole product in the embedded cloud: from Glue's event to the moved campaign.

Every test deploys the synthesised template and asserts the path of states and the rows written.
"""

from typing import Any

import pytest

from rehearsal.shop import DAY, HOUR, TODAY, glue_event
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import ONCE, counts, refreshes

RUN_ID = "jr_" + "0123456789abcdef" * 4


def without_polls(states: list[str]) -> list[str]:
    """Return a path without the repetitions of its poll loops."""
    loops = ("Wait for ", "Describe ", "Import done?", "Trained?", "Updated?")
    return [s for i, s in enumerate(states) if not (s.startswith(loops) and s in states[:i])]


HEALTHY_PATH = [
    "Begin",
    "Input usable?",
    "Read row",
    "Whose row?",
    "Claim refresh",
    "Check campaign",
    "Find newer refresh",
    "Overtaken?",
    "Check data",
    "Data good?",
    "Import datasets",
    "Create import",
    "Import created?",
    "Record import",
    "Wait for import",
    "Describe import",
    "Import done?",
    "Record import done",
    "Recommender?",
    "Train solution version",
    "Record intent",
    "Create solution version",
    "Training created?",
    "Record training",
    "Wait for training",
    "Describe training",
    "Trained?",
    "Read metrics",
    "Record training done",
    "Judge version",
    "Good enough?",
    "Move campaign",
    "Update campaign",
    "Campaign ahead?",
    "Record update",
    "Wait for update",
    "Describe campaign",
    "Updated?",
    "Campaign serves it",
    "Moved?",
    "Record completion",
    "Refresh complete",
]


def test_a_glue_event_moves_the_campaign_and_writes_the_row_of_the_article(
    open_shop: OpenShop,
) -> None:
    shop = open_shop("prod", new=True)
    before = shop.served()
    shop.deliver()
    result = shop.result()

    assert [e["status"] for e in result["executions"]] == ["SUCCEEDED", "SUCCEEDED"]
    assert result["executions"][0]["states"] == [
        "Plan refresh",
        "Start refreshes",
        "Start refresh",
        "All started?",
        "Dispatched",
    ]
    assert without_polls(refreshes(result)[0]["states"]) == HEALTHY_PATH
    assert counts(result) == ONCE

    row = shop.item()
    (job,) = result["personalize"]["dataset_import_jobs"]
    (version,) = result["personalize"]["solution_versions"]
    assert {name: row[name] for name in row if name in ARTICLE} == {
        "campaign_name": {"S": "brandi-hrnn-campaign-v2"},
        "base_date": {"N": "20200928"},
        "dataset_import_job_arn": {"S": job["datasetImportJobArn"]},
        "dataset_import_job_status": {"S": "ACTIVE"},
        "dataset_import_job_datetime": {"N": str(int(TODAY.timestamp()))},
        "solution_name": {"S": "brandi-hrnn-solution"},
        "solution_version_arn": {"S": version["solutionVersionArn"]},
        "solution_version_status": {"S": "ACTIVE"},
        "solution_version_datetime": {"N": str(int(TODAY.timestamp()) + 300)},
    }
    assert row["refresh_status"] == {"S": "COMPLETE"}
    assert row["previous_solution_version_arn"] == {"S": before}
    assert shop.served() == version["solutionVersionArn"] != before

    glue_job = shop.stack.glue_jobs[0]
    (ran,) = shop.cloud.client("glue").get_job_runs(JobName=glue_job)["JobRuns"]
    assert ran["JobRunState"] == "SUCCEEDED"
    assert ran["CompletedOn"] == TODAY

    shown = result["recommendations"]
    assert shown["new_items"]
    assert not set(shown["new_items"]) & set(shown["before"])
    assert set(shown["new_items"]) <= set(shown["after"])


ARTICLE = {
    "campaign_name",
    "base_date",
    "dataset_import_job_arn",
    "dataset_import_job_status",
    "dataset_import_job_datetime",
    "solution_name",
    "solution_version_arn",
    "solution_version_status",
    "solution_version_datetime",
}


def test_each_stage_begins_only_when_the_one_before_is_active(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    made = shop.result()["personalize"]
    (job,), (version,), (update,) = (
        made[kind] for kind in ("dataset_import_jobs", "solution_versions", "campaign_updates")
    )
    assert job["lastUpdatedDateTime"] <= version["creationDateTime"]
    assert version["lastUpdatedDateTime"] <= update["creationDateTime"]


@pytest.mark.parametrize(
    "event",
    [
        glue_event("Job-Brandi-Commerce-Web", run_id=RUN_ID),
        glue_event("Job-Brandi-Commerce-API", run_id=RUN_ID, state="FAILED"),
        glue_event("Job-Brandi-Commerce-API", run_id=RUN_ID, state="STOPPED"),
    ],
    ids=["another job", "a failed job", "a stopped job"],
)
def test_an_event_that_is_not_ours_starts_nothing(
    open_shop: OpenShop, event: dict[str, Any]
) -> None:
    shop = open_shop()
    shop.send(event)
    result = shop.result()
    assert result["executions"] == []
    assert result["rows"] == []
    assert set(counts(result).values()) == {0}


@pytest.mark.slow
def test_a_training_of_seven_days_ends_far_below_the_limit_of_events(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.behaviour.training_seconds = 7 * DAY
    shop.succeed()
    result = shop.result()
    (run,) = refreshes(result)
    assert run["status"] == "SUCCEEDED"
    assert run["events"] < 12_500
    (version,) = result["personalize"]["solution_versions"]
    assert version["status"] == "ACTIVE"
    row = result["rows"][0]
    assert 7 * DAY <= row["campaign_update_datetime"] - row["solution_version_datetime"] < 7.1 * DAY


@pytest.mark.parametrize("prefix", ["CREATE", "UPDATE"])
def test_a_campaign_update_is_waited_for_with_either_prefix_of_its_status(
    open_shop: OpenShop, prefix: Any
) -> None:
    shop = open_shop()
    shop.behaviour.campaign_update_status = prefix
    shop.behaviour.campaign_update_seconds = 2 * HOUR
    shop.succeed()
    result = shop.result()
    (row,) = result["rows"]
    assert row["refresh_status"] == "COMPLETE"
    assert row["ended_datetime"] - row["campaign_update_datetime"] >= 2 * HOUR


def test_no_deployed_role_is_refused_anything_on_the_healthy_path(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.result()
    assert len(shop.calls()) > 50
    assert [call for call in shop.calls() if not call.allowed] == []


def test_a_campaign_that_already_serves_the_version_is_not_updated(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(26 * 60)
    (row,) = shop.rows()
    campaign = shop.campaigns[0]["campaign_arn"]
    shop.cloud.client("personalize").update_campaign(
        campaignArn=campaign, solutionVersionArn=row["solution_version_arn"]
    )
    result = shop.result()
    assert result["rows"][0]["refresh_status"] == "COMPLETE"
    assert "personalize:UpdateCampaign" not in {call.action for call in shop.calls()}


def test_two_rehearsals_give_the_same_result(open_shop: OpenShop) -> None:
    results = []
    for _ in range(2):
        shop = open_shop(new=True)
        shop.deliver()
        result = shop.result()
        for execution in result["executions"]:
            if execution["machine"].endswith("-dispatch"):
                execution["name"] = "EventBridge chooses a random one"
        results.append(result)
    assert results[0] == results[1]
