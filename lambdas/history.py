"""What has happened before, as planning asks AWS for it: rows, executions, the Glue job's runs."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol, TypedDict

import boto3
from plan_types import Promotion
from retry_later import READ_AGAIN, RetryLater


class Row(TypedDict):
    """What the table says of a campaign and date; `triggered` is in epoch seconds."""

    base_date: int
    run_key: str
    attempt: int
    status: str
    triggered: int
    execution_arn: str
    failure_kind: str  # PASSING or NEEDS_A_PERSON, of a row that is FAILED
    promotion: Promotion | None  # of a run that only moves the campaign
    execution_status: str  # of an execution that ended without a word (ABORTED), else empty


class Success(TypedDict):
    """A run of a Glue job that has succeeded."""

    run_id: str
    completed: datetime


class Deployment(TypedDict):
    """When this stack was created, and when the settings in use were deployed."""

    created: datetime
    updated: datetime


class History(Protocol):
    """What planning must know."""

    def execution_arn(self, name: str) -> str:
        """Return the ARN of the refresh's execution of a name, whether it exists or not."""

    def rows(self, campaign_name: str, since: int) -> Iterable[Row]:
        """Return the campaign's rows from a date (20200928) on, the newest first, read as used."""

    def status(self, execution_arn: str) -> str | None:
        """Return an execution's status; None if there is none, or none any more (90 days)."""

    def last_success(self, job: str) -> Success | None:
        """Return the Glue job's newest run that succeeded, if any."""

    def deployment(self) -> Deployment:
        """Return when the dispatch workflow was created, and last deployed."""


class RecordedHistory:
    """The history in DynamoDB, Step Functions and Glue.

    `executions` is what the ARNs of the refresh workflow's executions begin with, `dispatched_by`
    the ARN of the dispatch's execution that asks.
    """

    dispatched_by = ""

    def __init__(self, *, table: str, executions: str) -> None:
        self._table = table
        self._executions = executions
        self._dynamodb = boto3.client("dynamodb", config=READ_AGAIN)
        self._glue = boto3.client("glue", config=READ_AGAIN)
        self._stepfunctions = boto3.client("stepfunctions", config=READ_AGAIN)

    def execution_arn(self, name: str) -> str:
        """See History."""
        return f"{self._executions}:{name}"

    def rows(self, campaign_name: str, since: int) -> Iterator[Row]:
        """See History."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="campaign_name = :name AND base_date >= :since",
            ExpressionAttributeValues={":name": {"S": campaign_name}, ":since": {"N": str(since)}},
            ScanIndexForward=False,
            # Not consistent, at half the price: what is started twice meets its own names, and the
            # claim of the row is conditional. A row has up to a KB, and a read unit is four.
            PaginationConfig={"PageSize": 8},
        )
        # a row that another program has written, such as the article's, has no run
        return (_row(item) for page in pages for item in page["Items"] if "run_key" in item)

    def status(self, execution_arn: str) -> str | None:
        """See History."""
        try:
            return self._stepfunctions.describe_execution(executionArn=execution_arn)["status"]
        except (
            self._stepfunctions.exceptions.ExecutionDoesNotExist,
            self._stepfunctions.exceptions.InvalidArn,  # the row was edited by hand
        ):
            return None

    def last_success(self, job: str) -> Success | None:
        """See History."""
        try:
            for page in self._glue.get_paginator("get_job_runs").paginate(JobName=job):
                for run in page["JobRuns"]:
                    if run["JobRunState"] == "SUCCEEDED":
                        return {"run_id": run["Id"], "completed": run["CompletedOn"]}
        except self._glue.exceptions.EntityNotFoundException:
            pass  # the job is yet to be made
        return None

    def deployment(self) -> Deployment:
        """See History; RetryLater while the asking execution cannot be read yet."""
        try:
            running = self._stepfunctions.describe_state_machine_for_execution(
                executionArn=self.dispatched_by
            )
        except self._stepfunctions.exceptions.ExecutionDoesNotExist as unseen:
            raise RetryLater(f"{self.dispatched_by} cannot be read yet") from unseen
        machine = self._stepfunctions.describe_state_machine(
            stateMachineArn=running["stateMachineArn"]
        )
        return {"created": machine["creationDate"], "updated": running["updateDate"]}


def _row(item: dict[str, Any]) -> Row:
    return {
        "base_date": int(item["base_date"]["N"]),
        "run_key": item["run_key"]["S"],
        "attempt": int(item["attempt"]["N"]),
        "status": item["refresh_status"]["S"],
        "triggered": int(item["triggered_datetime"]["N"]),
        "execution_arn": item["execution_arn"]["S"],
        "failure_kind": item.get("failure_kind", {"S": ""})["S"],
        "execution_status": item.get("execution_status", {"S": ""})["S"],
        "promotion": {
            "solution_version_arn": item["solution_version_arn"]["S"],
            "by": item["promoted_by"]["S"],
            "reason": item["promotion_reason"]["S"],
        }
        if "promoted_by" in item
        else None,
    }
