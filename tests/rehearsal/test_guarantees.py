"""Exactly once, never lost, always bounded: each guarantee under the fault that would break it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import deploy
from rehearsal.result import Execution, RefreshResult
from rehearsal.shop import DAY, HOUR, Shop, glue_event
from stacks.bounds import worst_cases
from stacks.load import load
from tests.conftest import ROOT
from tests.rehearsal.conftest import OpenShop

JOB = "Job-Brandi-Commerce-API"
ONCE = {"dataset_import_jobs": 1, "solution_versions": 1, "campaign_updates": 1}


def counts(result: RefreshResult) -> dict[str, int]:
    return {kind: len(made) for kind, made in result["personalize"].items()}


def of(machine: str, result: RefreshResult) -> list[Execution]:
    return [e for e in result["executions"] if e["machine"].endswith(machine)]


def row(result: RefreshResult) -> dict[str, Any]:
    (only,) = result["rows"]
    return only


def abort(shop: Shop) -> None:
    """Stop the execution that the day's only row names."""
    (running,) = shop.rows()
    shop.cloud.client("stepfunctions").stop_execution(executionArn=running["execution_arn"])
    shop.settle()


def change_row(shop: Shop, row: dict[str, Any], **values: str) -> None:
    """Change a row behind the workflow's back."""
    names = {f"#{name}": name for name in values}
    shop.cloud.client("dynamodb").update_item(
        TableName=shop.outputs["TableName"],
        Key={
            "campaign_name": {"S": row["campaign_name"]},
            "base_date": {"N": str(row["base_date"])},
        },
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
    )


# Duplicates


def test_an_event_that_comes_ten_times_in_as_many_hours_is_one_refresh(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.training_seconds = 4 * HOUR  # so that some come while it runs
    event = {**glue_event(JOB, run_id=shop.run_id), "Time": shop.cloud.clock.now()}
    for _ in range(10):
        shop.send(event)
        shop.later(HOUR)
    result = shop.result()
    assert counts(result) == ONCE
    assert row(result)["refresh_status"] == "COMPLETE"
    assert [e["status"] for e in of("-dispatch", result)] == ["SUCCEEDED"] * 10
    assert len(of("-refresh", result)) == 1


def test_a_hundred_duplicates_at_once_are_one_refresh_and_no_red_execution(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.send(*[glue_event(JOB, run_id=shop.run_id)] * 100)
    result = shop.result()
    assert counts(result) == ONCE
    assert len(of("-dispatch", result)) == 100
    assert {e["status"] for e in result["executions"]} == {"SUCCEEDED"}


def test_two_people_who_start_the_same_refresh_start_it_once_and_are_told_where(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    today = int(f"{shop.cloud.clock.now():%Y%m%d}")
    dispatches = [shop.start(refresh="weekly", base_date=today) for _ in range(2)]
    result = shop.result()
    describe = shop.cloud.client("stepfunctions").describe_execution
    outputs = [json.loads(describe(executionArn=arn)["output"])[0] for arn in dispatches]
    assert counts(result) == ONCE
    assert {one["execution_arn"] for one in outputs} == {row(result)["execution_arn"]}
    assert {one["outcome"] for one in outputs} <= {"STARTED", "ALREADY_STARTED"}


@pytest.mark.parametrize(
    ("later", "expected"), [(900, "LEFT_TO_OWNER"), (3 * HOUR, "ALREADY_COMPLETE")]
)
def test_a_copy_of_an_execution_leaves_the_run_to_its_owner_and_says_who_that_is(
    open_shop: OpenShop, later: float, expected: str
) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(later)
    stepfunctions = shop.cloud.client("stepfunctions")
    (owned,) = shop.rows()
    original = stepfunctions.describe_execution(executionArn=owned["execution_arn"])
    copy = stepfunctions.start_execution(
        stateMachineArn=shop.outputs["RefreshWorkflowArn"],
        name=f"copy-{int(later)}-{int(shop.began)}",
        input=original["input"],
    )["executionArn"]
    result = shop.result()
    ended = stepfunctions.describe_execution(executionArn=copy)
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]) == {"outcome": expected, "owner": owned["execution_arn"]}
    assert counts(result) == ONCE
    assert row(result)["execution_arn"] == owned["execution_arn"]


# Claim and takeover


def test_of_two_runs_that_have_both_read_the_empty_row_one_claims_it_and_the_other_waits(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    # the first one's claim comes after the second's, on what it read before it
    shop.cloud.faults.add("dynamodb:GetItem@1=slow:20")
    shop.send(glue_event(JOB, run_id=f"jr_{'a' * 64}"), glue_event(JOB, run_id=f"jr_{'b' * 64}"))
    result = shop.result()
    late, early = sorted(of("-refresh", result), key=lambda e: "Look again" not in e["states"])
    assert "Look again" in late["states"]
    assert [late["status"], early["status"]] == ["SUCCEEDED", "SUCCEEDED"]
    assert row(result)["execution_arn"].endswith(late["name"])


def test_of_two_copies_that_have_both_read_the_empty_row_one_refreshes(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.cloud.faults.add("dynamodb:GetItem@1=slow:20")
    shop.succeed()
    shop.later(10)  # it has read the empty row and has not claimed it
    stepfunctions = shop.cloud.client("stepfunctions")
    (first,) = stepfunctions.list_executions(
        stateMachineArn=shop.outputs["RefreshWorkflowArn"], statusFilter="RUNNING"
    )["executions"]
    original = stepfunctions.describe_execution(executionArn=first["executionArn"])
    copy = stepfunctions.start_execution(
        stateMachineArn=shop.outputs["RefreshWorkflowArn"],
        name=f"copy-{int(shop.began)}",
        input=original["input"],
    )["executionArn"]
    result = shop.result()
    described = stepfunctions.describe_execution(executionArn=first["executionArn"])
    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["output"]) == {"outcome": "LEFT_TO_OWNER", "owner": copy}
    assert row(result)["execution_arn"] == copy
    assert counts(result) == ONCE


def test_an_owner_that_cannot_be_asked_about_is_waited_for_as_a_living_one(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(300)
    shop.cloud.faults.add("states:DescribeExecution=error*2")
    shop.succeed("jr_" + "f" * 64)
    result = shop.result()
    assert [run["status"] for run in of("-refresh", result)] == ["SUCCEEDED", "SUCCEEDED"]


@pytest.mark.parametrize(
    "call", ["CreateDatasetImportJob", "CreateSolutionVersion", "UpdateCampaign"]
)
def test_an_execution_that_is_taken_over_while_it_asks_writes_nothing_of_what_it_gets(
    open_shop: OpenShop, call: str
) -> None:
    shop = open_shop()
    shop.cloud.faults.add(f"personalize:{call}=throttle*always")
    shop.succeed()
    shop.later(2 * HOUR)
    (owned,) = shop.rows()
    change_row(shop, owned, execution_arn=f"{owned['execution_arn']}-another")
    (left,) = shop.rows()
    shop.cloud.faults.clear()
    assert row(shop.result()) == left


@pytest.mark.parametrize("seconds", [30, HOUR])
def test_an_execution_that_is_taken_over_while_it_waits_writes_nothing_of_what_comes(
    open_shop: OpenShop, seconds: float
) -> None:
    shop = open_shop()
    shop.behaviour.campaign_update_seconds = 2 * HOUR
    shop.succeed()
    shop.later(seconds)  # the import, or the update, is under way
    (owned,) = shop.rows()
    change_row(shop, owned, execution_arn=f"{owned['execution_arn']}-another")
    (left,) = shop.rows()
    assert row(shop.result()) == left


def test_an_owner_that_step_functions_has_forgotten_is_taken_over(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(900)
    abort(shop)
    (dead,) = shop.rows()
    change_row(shop, dead, execution_arn=f"{dead['execution_arn']}-that-was-deleted")
    shop.ask(refresh="weekly")
    result = shop.result()
    assert (row(result)["refresh_status"], row(result)["attempt"]) == ("COMPLETE", 2)
    assert counts(result) == ONCE


def test_an_execution_that_was_taken_over_writes_no_more(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(900)
    (owned,) = shop.rows()
    change_row(shop, owned, execution_arn=f"{owned['execution_arn']}-another")
    result = shop.result()
    assert row(result)["execution_arn"] == f"{owned['execution_arn']}-another"
    assert row(result)["solution_version_status"] == "IN_PROGRESS"
    assert "The conditional request failed" in str(of("-refresh", result)[0]["cause"])


# Resume


def test_after_a_failed_import_the_next_attempt_imports_under_a_new_name(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"dataset-import-job": ["no capacity"]}
    shop.succeed()
    failed = shop.result()
    assert row(failed)["failed_stage"] == "dataset import"
    shop.ask(refresh="weekly")
    result = shop.result()
    first, second = result["personalize"]["dataset_import_jobs"]
    assert second["jobName"] == f"{first['jobName']}-2"
    assert row(result)["attempt"] == 2
    assert counts(result) == {**ONCE, "dataset_import_jobs": 2}
    assert "failure_reason" not in row(result)


def test_a_refresh_goes_on_after_another_definition_was_deployed(
    open_shop: OpenShop, assembly: Path, tmp_path: Path
) -> None:
    shop = open_shop(new=True)
    shop.behaviour.planned_failures = {"campaign-update": ["no capacity"]}
    shop.succeed()
    assert row(shop.result())["failed_stage"] == "campaign update"
    changed = tmp_path / "changed"
    shutil.copytree(assembly, changed)
    template = changed / "PersonalizeRefresh-prod.template.json"
    template.write_text(template.read_text().replace("Record intent", "Note intent"))
    deploy(changed, "PersonalizeRefresh-prod", shop.cloud)
    shop.ask(refresh="weekly")
    result = shop.result()
    assert row(result)["refresh_status"] == "COMPLETE"
    assert "Note intent" in of("-refresh", result)[1]["states"]
    assert counts(result) == ONCE
    shop.cloud.stop()


# Lost answers


@pytest.mark.parametrize("taken", ["refused", "accepted"])
@pytest.mark.parametrize("fault", ["lost*2", "hung:25", "killed", "slow:130"])
def test_a_training_whose_answer_is_lost_is_adopted_not_repeated(
    open_shop: OpenShop, fault: str, taken: Any
) -> None:
    shop = open_shop()
    shop.behaviour.taken_solution_version_name = taken
    shop.cloud.faults.add(f"personalize:CreateSolutionVersion={fault}")
    shop.cloud.faults.add(f"personalize:CreateDatasetImportJob={fault}")
    shop.succeed()
    result = shop.result()
    assert shop.cloud.faults.unused == []
    assert row(result)["refresh_status"] == "COMPLETE"
    assert counts(result) == ONCE


def test_a_training_started_by_hand_on_the_same_data_is_used_not_paid_again(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.cloud.faults.add("personalize:CreateSolutionVersion=throttle*5")
    shop.succeed()
    shop.later(320)  # the import is done and ours is throttled
    by_hand = shop.cloud.client("personalize").create_solution_version(
        solutionArn=shop.settings["refreshes"][0]["campaigns"][0]["solution_arn"]
    )["solutionVersionArn"]
    result = shop.result()
    assert row(result)["solution_version_arn"] == by_hand
    assert counts(result) == ONCE


def test_a_training_started_by_hand_before_the_import_was_done_is_not_ours(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(60)
    by_hand = shop.cloud.client("personalize").create_solution_version(
        solutionArn=shop.settings["refreshes"][0]["campaigns"][0]["solution_arn"]
    )["solutionVersionArn"]
    result = shop.result()
    assert row(result)["solution_version_arn"] != by_hand
    assert row(result)["refresh_status"] == "COMPLETE"


# Quotas and throttling


def test_a_full_quota_of_trainings_is_a_queue(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.behaviour.solution_versions_in_progress = 0
    shop.succeed()
    shop.later(2 * HOUR)
    (waiting,) = shop.rows()
    assert waiting["refresh_status"] == "RUNNING"
    assert "solution_version_arn" not in waiting
    shop.behaviour.solution_versions_in_progress = 20
    result = shop.result()
    assert row(result)["refresh_status"] == "COMPLETE"
    assert counts(result) == ONCE


@pytest.mark.parametrize(
    ("call", "stage"),
    [
        ("CreateDatasetImportJob", "dataset import"),
        ("DescribeDatasetImportJob@3", "dataset import"),
        ("CreateSolutionVersion", "solution version"),
        ("DescribeCampaign@3", "campaign update"),
    ],
)
def test_a_refusal_fails_at_once_with_the_services_words_and_the_stage(
    open_shop: OpenShop, call: str, stage: str
) -> None:
    shop = open_shop()
    shop.cloud.faults.add(f"personalize:{call}=denied")
    shop.succeed()
    result = shop.result()
    assert row(result)["failed_stage"] == stage
    assert f"is not authorized to perform: personalize:{call.split('@', maxsplit=1)[0]}" in str(
        row(result)["failure_reason"]
    )
    (run,) = of("-refresh", result)
    assert run["cause"] in row(result)["failure_reason"]


def test_a_campaign_that_is_gone_fails_at_once(open_shop: OpenShop) -> None:
    shop = open_shop(new=True)
    shop.succeed()
    shop.later(900)
    shop.cloud.client("personalize").delete_campaign(campaignArn=shop.campaigns[0]["campaign_arn"])
    result = shop.result()
    assert "ResourceNotFoundException" in row(result)["failure_reason"]
    assert row(result)["failure_reason"].startswith("UpdateFailed: ")
    shop.cloud.stop()


# Bounds


def test_a_training_past_its_limit_may_be_left_for_the_next_attempt(open_shop: OpenShop) -> None:
    shop = open_shop("patient")
    shop.behaviour.training_seconds = 90 * 60
    shop.succeed()
    overdue = shop.result()
    assert row(overdue)["failure_reason"].startswith("TrainingOverdue: ")
    shop.ask(refresh="weekly")
    result = shop.result()
    assert row(result)["refresh_status"] == "COMPLETE"
    assert [v["status"] for v in result["personalize"]["solution_versions"]] == ["ACTIVE"]


def test_a_run_that_waits_for_another_and_to_every_limit_stays_within_the_computed_bound(
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
    for run in of("-refresh", result):
        assert "It was stopped" in str(run["cause"])
        assert 1_000 < run["events"] < worst.events
        assert run["transitions"] < worst.transitions


# Order


def test_a_failed_refresh_that_a_newer_one_has_overtaken_ends_superseded_and_costs_nothing(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"solution-version": ["no capacity"]}
    shop.succeed()
    (failed,) = shop.result()["rows"]
    shop.new_day()
    shop.succeed()
    newer = shop.result()
    served = shop.served()
    shop.ask(refresh="weekly", base_date=failed["base_date"])
    result = shop.result()
    (overtaken,) = [r for r in shop.table_rows() if r["base_date"] == failed["base_date"]]
    assert overtaken["refresh_status"] == "SUPERSEDED"
    assert overtaken["superseded_by"] == served == row(newer)["solution_version_arn"]
    assert overtaken["attempt"] == 2
    assert counts(result) == counts(newer) == ONCE
    assert shop.served() == served


def test_a_slow_refresh_never_moves_the_campaign_back_from_a_newer_ones_version(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.training_seconds = 30 * HOUR
    shop.succeed()
    shop.later(HOUR)
    (slow,) = shop.rows()
    shop.behaviour.training_seconds = HOUR
    shop.later(DAY)
    shop.succeed(f"jr_{'e' * 64}")
    shop.settle()
    rows = {r["base_date"]: r for r in shop.rows()}
    assert rows[slow["base_date"]]["refresh_status"] == "SUPERSEDED"
    (newest,) = [r for r in rows.values() if r["base_date"] > slow["base_date"]]
    assert newest["refresh_status"] == "COMPLETE"
    assert rows[slow["base_date"]]["superseded_by"] == newest["solution_version_arn"]
    assert shop.served() == newest["solution_version_arn"]


def test_an_older_run_of_the_same_day_that_comes_late_is_superseded(open_shop: OpenShop) -> None:
    shop = open_shop()
    earlier = {**glue_event(JOB, run_id=f"jr_{'d' * 64}"), "Time": shop.cloud.clock.now()}
    shop.later(HOUR)
    shop.succeed()
    complete = row(shop.result())
    shop.send(earlier)
    result = shop.result()
    assert row(result) == complete
    assert [e["status"] for e in of("-refresh", result)] == ["SUCCEEDED", "SUCCEEDED"]
    assert of("-refresh", result)[1]["states"][-1] == "Left to newer run"
    assert counts(result) == ONCE


# Reconciliation, by the deployed schedule


def test_a_lost_glue_event_is_caught_within_a_day(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.cloud.glue.record_run(JOB, run_id=shop.run_id)
    shop.later(DAY + HOUR)
    result = shop.result()
    assert row(result)["refresh_status"] == "COMPLETE"
    assert counts(result) == ONCE
    shop.send({**glue_event(JOB, run_id=shop.run_id)})  # it was only late
    assert counts(shop.result()) == ONCE


def test_a_refresh_whose_execution_died_is_taken_over_within_a_day(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(900)
    abort(shop)
    assert shop.rows()[0]["refresh_status"] == "RUNNING"
    shop.later(DAY + HOUR)
    result = shop.result()
    assert (row(result)["refresh_status"], row(result)["attempt"]) == ("COMPLETE", 2)
    assert counts(result) == ONCE


def test_a_failure_that_passes_is_tried_again_up_to_the_set_number_of_attempts(
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
        lasted = failed["ended_datetime"] - failed["started_datetime"]
        assert 3 * HOUR < lasted < 5 * HOUR  # patience_hours is 4
        assert failed["attempt"] == attempt
        shop.later(DAY + HOUR)
    assert shop.rows()[0]["attempt"] == 3
    shop.behaviour.import_jobs_in_progress = 5
    shop.ask(refresh="weekly")
    assert row(shop.result())["refresh_status"] == "COMPLETE"


# The failure path


@pytest.mark.parametrize("fault", ["throttle*always", "denied*always", "error*always"])
def test_a_failure_that_cannot_be_recorded_still_ends_the_execution_with_the_first_reason(
    open_shop: OpenShop, fault: str
) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"dataset-import-job": ["no capacity"]}
    shop.cloud.faults.add(f"dynamodb:UpdateItem@2={fault}")
    shop.succeed()
    result = shop.result()
    (run,) = of("-refresh", result)
    assert run["status"] == "FAILED"
    assert "no capacity" in str(run["cause"])
    assert row(result)["refresh_status"] == "RUNNING"
    shop.cloud.faults.clear()
    shop.ask(refresh="weekly")
    assert row(shop.result())["refresh_status"] == "COMPLETE"


def test_a_refresh_that_finds_no_table_fails_and_says_so(open_shop: OpenShop) -> None:
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
