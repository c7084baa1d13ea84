"""What AWS knows of one refresh: its execution, its row, the rows before, and the versions."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

EARLIER_ROWS = 6

Client = Callable[[str], Any]
"""Returns the boto3 client of a service by its name."""


class Recommendations(NamedTuple):
    """The items recommended to a user, the best first, by the version before and by the new one."""

    user_id: str
    before: Sequence[str]
    after: Sequence[str]
    new_items: Sequence[str]  # those of `after` that the version before cannot have known


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the page says; None is unknown. Rows have plain values, by their attributes' names.

    `execution` and `definition` are DescribeExecution's answer and the state machine's JSON,
    `events` its whole history. `row` is that of the run's campaign and date, even if another
    execution has it by now; `earlier` are the campaign's rows before it, the newest first.
    """

    execution: Mapping[str, Any]
    definition: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    row: Mapping[str, Any] | None
    earlier: Sequence[Mapping[str, Any]]
    serving: str | None  # the ARN of the version that the campaign serves when this is read
    metrics: Mapping[str, Mapping[str, float]]  # offline metrics by the version's ARN
    read_at: datetime
    next_command: str | None = None
    recommendations: Recommendations | None = None
    cost_usd: Mapping[str, float | None] | None = None  # by what it is for, such as "training"

    @property
    def given(self) -> Mapping[str, Any]:
        """The execution's input, as far as it is an object."""
        return _object(self.execution.get("input"))

    @property
    def output(self) -> Mapping[str, Any]:
        """The execution's output, as far as it is an object."""
        return _object(self.execution.get("output"))

    @property
    def own_row(self) -> Mapping[str, Any]:
        """The row, if this execution has it; else nothing."""
        row = self.row or {}
        return row if row.get("execution_arn") == self.execution["executionArn"] else {}


def gather(client: Client, execution_arn: str, table: str, now: datetime) -> Facts:
    """Read the facts of an execution of the refresh workflow.

    Raises botocore's errors for the execution and the table. What only Personalize knows is
    unknown if it does not tell.
    """
    stepfunctions = client("stepfunctions")
    execution = stepfunctions.describe_execution(executionArn=execution_arn)
    machine = stepfunctions.describe_state_machine_for_execution(executionArn=execution_arn)
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn
    )
    given = _object(execution.get("input"))
    rows = _rows(client("dynamodb"), table, given)
    row = rows[0] if rows and rows[0]["base_date"] == given.get("base_date") else None
    serving = _serving(client("personalize"), given.get("campaign_arn"))
    versions = {serving, *(_versions(row) if row else ())} - {None}
    return Facts(
        execution=execution,
        definition=json.loads(machine["definition"]),
        events=[event for page in pages for event in page["events"]],
        row=row,
        earlier=rows[1 if row else 0 :][:EARLIER_ROWS],
        serving=serving,
        metrics=_metrics(client("personalize"), versions),
        read_at=now,
    )


def _object(text: str | None) -> Mapping[str, Any]:
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _rows(dynamodb: Any, table: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the campaign's rows from the run's date back, the newest first."""
    name, date = given.get("campaign_name"), given.get("base_date")
    if not isinstance(name, str) or not isinstance(date, int):
        return []
    found = dynamodb.query(
        TableName=table,
        KeyConditionExpression="campaign_name = :name AND base_date <= :date",
        ExpressionAttributeValues={":name": {"S": name}, ":date": {"N": str(date)}},
        ScanIndexForward=False,
        Limit=EARLIER_ROWS + 1,
        ConsistentRead=True,
    )
    read = TypeDeserializer().deserialize
    return [{n: _plain(read(value)) for n, value in item.items()} for item in found["Items"]]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value


def _serving(personalize: Any, campaign: str | None) -> str | None:
    try:
        answer = personalize.describe_campaign(campaignArn=campaign) if campaign else None
    except ClientError:  # deleted since, or not ours to read
        return None
    return str(answer["campaign"].get("solutionVersionArn")) if answer else None


def _versions(row: Mapping[str, Any]) -> set[str | None]:
    names = ("solution_version_arn", "previous_solution_version_arn")
    return {row.get(name) for name in names}


def _metrics(personalize: Any, versions: set[str | None]) -> dict[str, dict[str, float]]:
    found = {}
    for version in sorted(filter(None, versions)):
        try:
            found[version] = personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
        except ClientError:  # it was not trained to its end, or is deleted
            continue
    return found
