"""Task "Record end": the row of an execution that ended without a word (aborted, timed out).

Guarantees that such a row says FAILED and why, as the workflow itself would have written it, and
only while the row is that execution's and still says RUNNING. What the execution had under way is
left as it is in the row: a training may go on, and the next attempt adopts it. An execution that
failed before it had a row gets one; if it cannot, since another owns the row of its date or its
input names none, its failure is announced without a row.
"""

import json
import os
from typing import Any

import boto3
from announce_failure import tell
from announcing import outlets
from messages import message_of_execution
from retry_later import READ_AGAIN, retry_later
from row_changes import IMPORT_STATUS, Row, plain
from without_row import detail_of_execution, reason_of

dynamodb = boto3.client("dynamodb", config=READ_AGAIN)

STOPPED = "StoppedByOperator"  # the error that `ops stop` gives to an execution
INPUT = {
    "campaign_name": str,
    "base_date": int,
    "run_key": str,
    "attempt": int,
    "triggered": int,
}


def run_of(execution: dict[str, Any]) -> dict[str, Any] | None:
    """Return the input of an execution that has, or may get, a row; None for any other."""
    try:
        run = json.loads(execution.get("input") or "")
    except ValueError:
        return None
    if execution.get("error") == "InvalidInput" or not isinstance(run, dict):
        return None
    usable = all(isinstance(run.get(name), kind) for name, kind in INPUT.items())
    # a recommender has no solution
    usable &= "recommender" in run or isinstance(run.get("solution_name"), str)
    return run if usable else None


def stage_of(row: Row) -> str:
    """Return at which stage an execution was that had written this row."""
    imports = [status for name, status in row.items() if name.endswith(IMPORT_STATUS)]
    training, update = row.get("solution_version_status"), row.get("campaign_update_status")
    if "IN_PROGRESS" in imports or "FAILED" in imports:
        return "dataset import"
    if "recommender_arn" in row and imports:
        return "recommender update"
    if update is not None or training == "ACTIVE":
        return "campaign update"
    if training is not None or imports:
        return "solution version"
    return "claim"


def ended(execution: dict[str, Any], run: dict[str, Any], row: Row) -> dict[str, Any]:
    """Return the attributes that the row of an execution gets, typed for DynamoDB."""
    by_a_person = "promotion" in run or (
        execution["status"] == "ABORTED" and execution.get("error") == STOPPED
    )
    return {
        "refresh_status": {"S": "FAILED"},
        "failed_stage": {"S": stage_of(row)},
        "failure_reason": {"S": reason_of(execution)},
        "failure_kind": {"S": "NEEDS_A_PERSON" if by_a_person else "PASSING"},
        "execution_status": {"S": execution["status"]},
        "ended_datetime": {"N": str(int(execution["stopDate"]) // 1000)},
        "execution_arn": {"S": execution["executionArn"]},
        "run_key": {"S": run["run_key"]},
        "attempt": {"N": str(run["attempt"])},
        "triggered_datetime": {"N": str(run["triggered"])},
        "solution_name": {"S": run["solution_name"]} if "solution_name" in run else {"NULL": True},
    }


def record(execution: dict[str, Any], run: dict[str, Any], table: str) -> bool:
    """Write the end of an execution into its row; return False if it has none and gets none."""
    key = {
        "campaign_name": {"S": run["campaign_name"]},
        "base_date": {"N": str(run["base_date"])},
    }
    item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
    row = plain(item)
    if row.get("execution_arn", execution["executionArn"]) != execution["executionArn"]:
        return False
    if row.get("refresh_status", "RUNNING") != "RUNNING":
        return True  # it has said itself how it ended
    values = ended(execution, run, row)
    try:
        dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in values),
            ConditionExpression="attribute_not_exists(execution_arn) "
            "OR (execution_arn = :execution_arn AND refresh_status = :running)",
            ExpressionAttributeValues={
                **{f":{name}": value for name, value in values.items()},
                ":running": {"S": "RUNNING"},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return record(execution, run, table)  # the row has changed a moment ago
    return True


def lambda_handler(event: dict[str, Any], _context: object) -> None:
    """Record the end in `event`, a "Step Functions Execution Status Change" of the refresh."""
    execution, to = event["detail"], outlets(os.environ)
    run = run_of(execution)
    with retry_later():
        recorded = run is not None and record(execution, run, os.environ["TABLE_NAME"])
    if not recorded:
        detail = detail_of_execution(event, "refresh", to.settings)
        tell(event, detail, message_of_execution(detail, to.settings), to)
