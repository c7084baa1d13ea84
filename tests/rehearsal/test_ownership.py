"""Which execution owns a row: others wait for it, leave the run to it, or take the row over."""

import json
from typing import Any

import pytest

from rehearsal.shop import HOUR, Shop, glue_event
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import (
    JOB,
    ONCE,
    abort_while_training,
    counts,
    only_row,
    refreshes,
)


def change_row(shop: Shop, row: dict[str, Any], **values: str) -> None:
    """Change a row from outside the workflow."""
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


def test_a_second_glue_run_of_the_day_waits_for_the_first(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(600)
    shop.succeed("jr_f" + shop.run_id[4:])
    result = shop.result()
    first, second = refreshes(result)
    assert (first["status"], second["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert second["states"][:7] == [
        "Begin",
        "Input usable?",
        "Read row",
        "Whose row?",
        "Describe owner",
        "Owner running?",
        "Wait for owner",
    ]
    assert second["states"][7:10] == ["Describe owner", "Owner running?", "Wait for owner"]
    (row,) = result["rows"]
    assert row["execution_arn"].endswith(second["name"])
    assert row["refresh_status"] == "COMPLETE"


@pytest.mark.parametrize(
    ("later", "expected"), [(900, "LEFT_TO_OWNER"), (3 * HOUR, "ALREADY_COMPLETE")]
)
def test_a_copy_of_an_execution_leaves_the_run_to_its_owner_and_returns_its_arn(
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
    assert only_row(result)["execution_arn"] == owned["execution_arn"]


def test_when_two_runs_have_read_the_empty_row_one_claims_it_and_the_other_waits(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    # the first run reads the row before the second one claims it, and claims it afterwards
    shop.cloud.faults.add("dynamodb:GetItem@1=slow:20")
    shop.send(glue_event(JOB, run_id=f"jr_{'a' * 64}"), glue_event(JOB, run_id=f"jr_{'b' * 64}"))
    result = shop.result()
    late, early = sorted(refreshes(result), key=lambda e: "Look again" not in e["states"])
    assert "Look again" in late["states"]
    assert [late["status"], early["status"]] == ["SUCCEEDED", "SUCCEEDED"]
    assert only_row(result)["execution_arn"].endswith(late["name"])


def test_when_two_copies_have_read_the_empty_row_only_one_refreshes(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.cloud.faults.add("dynamodb:GetItem@1=slow:20")
    shop.succeed()
    shop.later(10)  # it has read the empty row and has not claimed it yet
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
    assert only_row(result)["execution_arn"] == copy
    assert counts(result) == ONCE


def test_an_owner_that_cannot_be_described_is_waited_for_like_a_running_one(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(300)
    shop.cloud.faults.add("states:DescribeExecution=error*2")
    shop.succeed("jr_f" + shop.run_id[4:])
    result = shop.result()
    assert [run["status"] for run in refreshes(result)] == ["SUCCEEDED", "SUCCEEDED"]


@pytest.mark.parametrize("seconds", [30, HOUR])
def test_an_execution_that_is_taken_over_while_it_waits_does_not_write_the_result(
    open_shop: OpenShop, seconds: float
) -> None:
    shop = open_shop()
    shop.behaviour.campaign_update_seconds = 2 * HOUR
    shop.succeed()
    shop.later(seconds)  # the import, or the update, is under way
    (owned,) = shop.rows()
    change_row(shop, owned, execution_arn=f"{owned['execution_arn']}-another")
    (left,) = shop.rows()
    assert only_row(shop.result()) == left


@pytest.mark.parametrize(
    "call", ["CreateDatasetImportJob", "CreateSolutionVersion", "UpdateCampaign"]
)
def test_an_execution_that_is_taken_over_during_a_call_does_not_write_the_result(
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
    assert only_row(shop.result()) == left


def test_a_run_that_was_aborted_is_taken_over_and_its_training_adopted(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    abort_while_training(shop)
    shop.ask(refresh="weekly")
    result = shop.result()
    assert [run["status"] for run in refreshes(result)] == ["ABORTED", "SUCCEEDED"]
    (row,) = result["rows"]
    assert (row["attempt"], row["refresh_status"]) == (2, "COMPLETE")
    assert counts(result) == ONCE


def test_an_owner_that_step_functions_does_not_know_any_more_is_taken_over(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    dead = abort_while_training(shop)
    change_row(shop, dead, execution_arn=f"{dead['execution_arn']}-that-was-deleted")
    shop.ask(refresh="weekly")
    result = shop.result()
    assert (only_row(result)["refresh_status"], only_row(result)["attempt"]) == ("COMPLETE", 2)
    assert counts(result) == ONCE


def test_an_execution_that_was_taken_over_does_not_write_any_more(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(900)
    (owned,) = shop.rows()
    change_row(shop, owned, execution_arn=f"{owned['execution_arn']}-another")
    result = shop.result()
    assert only_row(result)["execution_arn"] == f"{owned['execution_arn']}-another"
    assert only_row(result)["solution_version_status"] == "IN_PROGRESS"
    assert "The conditional request failed" in str(refreshes(result)[0]["cause"])


def test_an_owner_that_describe_execution_does_not_show_yet_keeps_its_row(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.cloud.behaviour.stepfunctions.describe_lag_seconds = 60
    shop.succeed()
    shop.later(5)
    shop.succeed("jr_e" + shop.run_id[4:])
    first, second = refreshes(shop.result())
    assert (first["status"], second["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert first["states"][-1] == "Refresh complete"
    assert "Wait for owner" in second["states"]
