"""Task "Announce": events, messages and metrics from what the table's stream says has changed.

Guarantees that each change of a status becomes an event, in order for each campaign, at least once
and with an id by which a repetition is known; and that each end of a refresh is told to people
once: the row keeps the id of the end that was announced. A message comes twice only if the function
dies between sending it and writing that id. What can never be announced is put aside, whole, and
the records behind it go on.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypedDict

import boto3
from announce_types import AnnounceSettings, Detail
from announcing import Outlets, Unanswered, outlets
from botocore.exceptions import BotoCoreError, ClientError
from costs import estimate, transitions_of
from messages import LastTime, Situation, is_wanted, message_of_end
from personalize import personalize
from refresh_metrics import metrics_line
from retry_later import READ_AGAIN, RetryLater, retry_later
from row_changes import NotAnnounceable, Row, details_of, durations, is_end, plain

dynamodb = boto3.client("dynamodb", config=READ_AGAIN)
stepfunctions = boto3.client("stepfunctions", config=READ_AGAIN)
PAGE = 8  # rows, of which the last COMPLETE one is seldom further away


class Failed(TypedDict):
    """The record from which on Lambda delivers the batch again."""

    itemIdentifier: str


class Outcome(TypedDict):
    """What Lambda asks for: ReportBatchItemFailures."""

    batchItemFailures: list[Failed]


def announce(record: Mapping[str, Any], to: Outlets, table: str) -> None:
    """Announce all that a record of the stream says.

    Raises RetryLater, and NotAnnounceable or an error of AWS if that cannot help.
    """
    details = details_of(record, to.settings)
    row = plain(record["dynamodb"]["NewImage"]) if details else {}
    ends = [detail for detail in details if is_end(detail)]
    for end in ends:
        end["cost_usd"] = cost_of(row)
    to.send(details)
    for end in ends:
        rows = rows_until(table, row)
        if not any(past.get("announced") == end["id"] for past in rows[:1]):
            tell(record, end, row, rows, to, table)


def tell(
    record: Mapping[str, Any],
    end: Detail,
    row: Row,
    rows: list[Row],
    to: Outlets,
    table: str,
) -> None:
    """Tell people of an end, note in its row that they were told, and print its metrics."""
    if is_wanted(end, to.settings):
        try:
            to.publish(message_of_end(end, situation(row, rows, to.settings), to.settings))
        except Unanswered as error:
            to.put_aside({"record": record}, f"the message may not have been sent: {error}")
    note(table, end)
    changed = record["dynamodb"]["ApproximateCreationDateTime"]
    print(metrics_line(end, row, int(float(changed) * 1000)))


def cost_of(row: Row) -> float | None:
    """Return what the run has cost, with the transitions that Step Functions tells of."""
    transitions = None
    with suppress(ClientError, BotoCoreError):  # an estimate holds nothing up
        newest = stepfunctions.get_execution_history(
            executionArn=row["execution_arn"], reverseOrder=True, maxResults=1
        )["events"]
        transitions = transitions_of(newest[0]["id"])
    return estimate(row, transitions=transitions)["total"]


def rows_until(table: str, row: Row) -> list[Row]:
    """Return the row as it is now, if it is still there, and the campaign's rows before it.

    The newest come first, and none after the last COMPLETE one before it.
    """
    found: list[Row] = []
    with retry_later():
        for page in dynamodb.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="campaign_name = :name AND base_date <= :date",
            ExpressionAttributeValues={
                ":name": {"S": row["campaign_name"]},
                ":date": {"N": str(row["base_date"])},
            },
            ScanIndexForward=False,
            ConsistentRead=True,
            PaginationConfig={"PageSize": PAGE},
        ):
            found += [plain(item) for item in page["Items"]]
            if last_complete(found, row["base_date"]):
                break
    return found


def last_complete(rows: list[Row], before: int) -> Row | None:
    """Return the newest row before a date whose refresh is COMPLETE."""
    return next(
        (
            row
            for row in rows
            if row["base_date"] < before
            and row.get("refresh_status") == "COMPLETE"
            and "promoted_by" not in row
        ),
        None,
    )


def situation(row: Row, rows: list[Row], settings: AnnounceSettings) -> Situation:
    """Return what people want to know besides the event."""
    serves = None
    campaign = settings["campaigns"].get(row["campaign_name"])
    if campaign and "campaign_arn" in campaign:
        with suppress(ClientError, BotoCoreError):
            serves = personalize.describe_campaign(campaignArn=campaign["campaign_arn"])[
                "campaign"
            ].get("solutionVersionArn")
    last = last_complete(rows, row["base_date"])
    before: LastTime | None = None
    if last:
        before = {
            "base_date": last["base_date"],
            "seconds": durations(last).get("refresh"),
            "cost_usd": last.get("estimated_cost_usd"),
        }
    return {
        "is_recommender": "recommender_arn" in row,
        "failed_stage": row.get("failed_stage"),
        "serves": serves,
        "serves_since": next(
            (r["base_date"] for r in rows if r.get("solution_version_arn") == serves), None
        ),
        "last": before,
    }


def note(table: str, end: Detail) -> None:
    """Write into the row what its run has cost, and that its end was announced.

    A row that has a new owner since is left alone. A row that cannot be written is no reason to
    tell people again.
    """
    update = "SET announced = :id"
    values: dict[str, Any] = {":id": {"S": end["id"]}}
    if end["cost_usd"] is not None:
        update += ", estimated_cost_usd = :cost"
        values[":cost"] = {"N": str(end["cost_usd"])}
    values[":me"], values[":status"] = {"S": end["execution_arn"]}, {"S": end["status"]}
    try:
        dynamodb.update_item(
            TableName=table,
            Key={
                "campaign_name": {"S": str(end["campaign"])},
                "base_date": {"N": str(end["base_date"])},
            },
            UpdateExpression=update,
            ConditionExpression="execution_arn = :me AND refresh_status = :status",
            ExpressionAttributeValues=values,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        pass
    except (ClientError, BotoCoreError) as error:
        print(f"the row does not say that its end was announced: {error}")


def announce_or_put_aside(record: Mapping[str, Any], to: Outlets, table: str) -> None:
    """Announce a record, or keep it in the queue with the reason; RetryLater while AWS is busy."""
    with retry_later():
        try:
            with retry_later():
                announce(record, to, table)
        except (NotAnnounceable, ClientError) as error:
            to.put_aside({"record": record}, str(error))


def announce_all(batch: list[Mapping[str, Any]], to: Outlets, table: str) -> Outcome:
    """Announce the records of a batch in their order; report the first that must come again."""
    for record in batch:
        try:
            announce_or_put_aside(record, to, table)
        except RetryLater as error:
            print(f"to be announced later: {error}")
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def lambda_handler(event: dict[str, Any], _context: object) -> Outcome:
    """Announce the records of the table's stream in `event`."""
    return announce_all(event["Records"], outlets(os.environ), os.environ["TABLE_NAME"])
