"""The whole product in the embedded cloud: from Glue's event to the moved campaign, or the reason.

Every test deploys the synthesised template and asserts the path of states and the rows written.
"""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.result import RefreshResult
from rehearsal.shop import DAY, HOUR, TODAY, glue_event
from tests.rehearsal.conftest import OpenShop

RUN_ID = "jr_" + "0123456789abcdef" * 4


def counts(result: RefreshResult) -> dict[str, int]:
    return {kind: len(made) for kind, made in result["personalize"].items()}


ONCE = {"dataset_import_jobs": 1, "solution_versions": 1, "campaign_updates": 1}


def runs(result: RefreshResult) -> list[Any]:
    return [e for e in result["executions"] if e["machine"].endswith("-refresh")]


def without_polls(states: list[str]) -> list[str]:
    """Return a path without the repetitions of its poll loops."""
    loops = ("Wait for ", "Describe ", "Import done?", "Trained?", "Updated?")
    return [s for i, s in enumerate(states) if not (s.startswith(loops) and s in states[:i])]


HEALTHY_PATH = [
    "Begin",
    "Read row",
    "Whose row?",
    "Claim refresh",
    "Find newer refresh",
    "Overtaken?",
    "Import datasets",
    "Create import",
    "Record import",
    "Wait for import",
    "Describe import",
    "Import done?",
    "Record import done",
    "Train solution version",
    "Record intent",
    "Create solution version",
    "Record training",
    "Wait for training",
    "Describe training",
    "Trained?",
    "Record training done",
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


def test_a_glue_event_leads_to_the_moved_campaign_and_the_articles_row(
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
    assert without_polls(runs(result)[0]["states"]) == HEALTHY_PATH
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


def test_an_event_that_comes_three_times_leads_to_one_training(open_shop: OpenShop) -> None:
    shop = open_shop()
    event = glue_event("Job-Brandi-Commerce-API", run_id=shop.run_id)
    shop.send(event, event)
    shop.result()
    shop.send(event)
    result = shop.result()
    assert len(result["executions"]) == 4
    assert len(runs(result)) == 1
    assert counts(shop.result()) == ONCE
    dispatches = [e for e in result["executions"] if e["machine"].endswith("-dispatch")]
    assert [e["status"] for e in dispatches] == ["SUCCEEDED"] * 3
    assert "Already started" in dispatches[-1]["states"]


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
        for n in range(200):
            rows.writerow([f"U{n % 50:05}", f"P{n % 7:04}", 1600000000 + n, "view"])
    return path


def test_a_failed_import_ends_the_refresh_with_personalizes_reason(
    open_shop: OpenShop, without_timestamp: Path
) -> None:
    shop = open_shop("prod", without_timestamp)
    before = shop.served()
    shop.succeed()
    result = shop.result()
    reason = "Input CSV is missing the following columns:[TIMESTAMP]"
    (run,) = runs(result)
    assert run["status"] == "FAILED"
    assert reason in run["cause"]
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
    shop = open_shop("prod", too_few)
    before = shop.served()
    shop.succeed()
    result = shop.result()
    (run,) = runs(result)
    assert run["status"] == "FAILED"
    assert "Dataset has fewer than 1000 interactions after filtering" in run["cause"]
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
    assert runs(result)[0]["status"] == "FAILED"
    assert row["campaign_update_status"] == "FAILED"
    assert row["failure_reason"].startswith("UpdateFailed: ")
    assert 'Internal "capacity" error; 다시' in row["failure_reason"]
    assert shop.served() == before


def test_a_training_of_seven_days_ends_far_below_the_limit_of_events(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.behaviour.training_seconds = 7 * DAY
    shop.succeed()
    result = shop.result()
    (run,) = runs(result)
    assert run["status"] == "SUCCEEDED"
    assert run["events"] < 12_500
    (version,) = result["personalize"]["solution_versions"]
    assert version["status"] == "ACTIVE"
    row = result["rows"][0]
    assert 7 * DAY <= row["campaign_update_datetime"] - row["solution_version_datetime"] < 7.1 * DAY


@pytest.mark.parametrize("prefix", ["CREATE", "UPDATE"])
def test_the_campaigns_update_is_awaited_whatever_its_status_strings_are(
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


def test_a_missing_permission_fails_at_once_and_says_which(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.cloud.faults.add("personalize:CreateSolutionVersion=denied")
    shop.succeed()
    result = shop.result()
    (row,) = result["rows"]
    assert row["refresh_status"] == "FAILED"
    assert "personalize:CreateSolutionVersion" in row["failure_reason"]
    assert "Traceback" not in row["failure_reason"]
    assert runs(result)[0]["states"].count("Create solution version") == 1


def test_no_deployed_role_is_refused_anything_on_the_healthy_path(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.result()
    assert len(shop.calls()) > 50
    assert [call for call in shop.calls() if not call.allowed] == []


def test_a_failed_refresh_goes_on_when_a_person_starts_it_again(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"solution-version": ["out of capacity"]}
    shop.succeed()
    failed = shop.result()
    assert failed["rows"][0]["refresh_status"] == "FAILED"
    assert shop.ask(refresh="weekly")["status"] == "SUCCEEDED"
    result = shop.result()
    (row,) = result["rows"]
    assert row["refresh_status"] == "COMPLETE"
    assert row["attempt"] == 2
    assert "failure_reason" not in row
    assert row["run_key"] == failed["rows"][0]["run_key"]
    assert counts(result) == {**ONCE, "solution_versions": 2}
    assert [run["status"] for run in runs(result)] == ["FAILED", "SUCCEEDED"]


def test_starting_a_complete_refresh_again_trains_nothing(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.result()
    output = json.loads(shop.ask(refresh="weekly")["output"])
    assert [started["outcome"] for started in output] == ["ALREADY_STARTED"]
    assert counts(shop.result()) == ONCE


def test_a_person_can_ask_for_another_run_of_the_same_day(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.result()
    shop.ask(refresh="weekly", run="after the fix of the catalogue")
    result = shop.result()
    assert counts(result)["solution_versions"] == 2
    assert result["rows"][0]["refresh_status"] == "COMPLETE"


def test_a_wrong_request_fails_the_dispatch_with_everything_that_is_wrong(
    open_shop: OpenShop,
) -> None:
    execution = open_shop().ask(refresh="daily", colour="red")
    assert execution["status"] == "FAILED"
    assert execution["error"] == "InvalidTrigger"
    assert "refresh 'daily' is not in this environment: weekly" in execution["cause"]
    assert "colour is unknown" in execution["cause"]


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


def test_of_two_trainings_created_at_the_same_moment_one_is_stopped_before_it_trains(
    open_shop: OpenShop,
) -> None:
    shop = open_shop("shared")
    shop.behaviour.taken_solution_version_name = "accepted"
    # both have looked before either creates, since the first one's answer takes a while
    shop.cloud.faults.add("personalize:ListSolutionVersions=slow:20")
    shop.succeed()
    result = shop.result()
    versions = result["personalize"]["solution_versions"]
    assert sorted(version["status"] for version in versions) == ["ACTIVE", "CREATE STOPPED"]
    assert [row["refresh_status"] for row in result["rows"]] == ["COMPLETE", "COMPLETE"]
    assert {row["solution_version_status"] for row in result["rows"]} == {"ACTIVE"}


def test_a_second_glue_run_of_the_day_waits_for_the_first(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(600)
    shop.succeed("jr_" + "f" * 64)
    result = shop.result()
    first, second = runs(result)
    assert (first["status"], second["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert second["states"][:6] == [
        "Begin",
        "Read row",
        "Whose row?",
        "Describe owner",
        "Owner running?",
        "Wait for owner",
    ]
    assert second["states"][6:9] == ["Describe owner", "Owner running?", "Wait for owner"]
    (row,) = result["rows"]
    assert row["execution_arn"].endswith(second["name"])
    assert row["refresh_status"] == "COMPLETE"


def test_a_run_that_was_aborted_is_taken_over_and_its_training_adopted(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(900)
    stepfunctions = shop.cloud.client("stepfunctions")
    (running,) = shop.rows()
    stepfunctions.stop_execution(executionArn=running["execution_arn"])
    shop.ask(refresh="weekly")
    result = shop.result()
    assert [run["status"] for run in runs(result)] == ["ABORTED", "SUCCEEDED"]
    (row,) = result["rows"]
    assert (row["attempt"], row["refresh_status"]) == (2, "COMPLETE")
    assert counts(result) == ONCE


def test_a_training_past_its_time_limit_is_stopped(open_shop: OpenShop) -> None:
    shop = open_shop("hasty")
    shop.behaviour.training_seconds = 5 * HOUR
    shop.succeed()
    result = shop.result()
    (run,) = runs(result)
    assert "Stop training" in run["states"]
    (row,) = result["rows"]
    assert row["failure_reason"].startswith("TrainingOverdue: ")
    assert row["solution_version_status"] == "FAILED"
    (version,) = result["personalize"]["solution_versions"]
    assert version["status"] == "CREATE STOPPED"


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


def test_a_full_quota_is_waited_for(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.behaviour.import_jobs_in_progress = 0
    shop.succeed()
    shop.later(HOUR)
    assert "dataset_import_job_arn" not in shop.rows()[0]
    shop.behaviour.import_jobs_in_progress = 5
    result = shop.result()
    assert result["rows"][0]["refresh_status"] == "COMPLETE"
    assert counts(result) == ONCE


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


def test_two_rehearsals_are_the_same_to_the_event(open_shop: OpenShop) -> None:
    results = []
    for _ in range(2):
        shop = open_shop(new=True)
        shop.deliver()
        result = shop.result()
        for execution in result["executions"]:
            if execution["machine"].endswith("-dispatch"):
                execution["name"] = "EventBridge gives it a random one"
        results.append(result)
    assert results[0] == results[1]
