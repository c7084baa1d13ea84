"""What could not be announced: it lies in the queue Unannounced, and is given to its task again.

Four kinds of messages lie there: what the task Announce has put aside, whole and with its reason;
where in the stream a batch lies that Lambda gave up; an asynchronous invocation that failed; and an
event that a rule could not deliver.
"""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.deployment import CONFIG, Deployment, in_words

REFRESH_ENDED = "Step Functions Execution Status Change"


class NotReplayable(Exception):
    """Why a message cannot be announced again; the text says it."""


def announce_again(deployment: Deployment, body: dict[str, Any]) -> str:
    """Give a message's record or event to its task; return the name of the function.

    Raises NotReplayable, or botocore's errors.
    """
    if "record" in body:
        return _call(deployment, "Announce", {"Records": [body["record"]]})
    if "DDBStreamBatchInfo" in body:
        records = _records(deployment, body["DDBStreamBatchInfo"])
        return _call(deployment, "Announce", {"Records": records})
    event = body.get("event") or body.get("requestPayload") or body
    if not isinstance(event, dict) or "detail-type" not in event:
        raise NotReplayable("it is none of the messages that this queue gets")
    machine = event.get("detail", {}).get("stateMachineArn")
    is_refresh = machine == deployment.output("RefreshWorkflowArn")
    return _call(deployment, "RecordEnd" if is_refresh else "AnnounceFailure", event)


def reason_of(body: dict[str, Any]) -> str | None:
    """Return why a message lies here, if it says so."""
    if "reason" in body:
        return str(body["reason"])
    answered = body.get("responsePayload")
    if isinstance(answered, dict) and "errorMessage" in answered:
        return str(answered["errorMessage"])
    condition = body.get("requestContext", {}).get("condition")
    return str(condition) if condition else None


def _call(deployment: Deployment, task: str, payload: dict[str, Any]) -> str:
    """Invoke a task's function and wait for it; raise NotReplayable if it fails again."""
    name = _function(deployment, task)
    response = deployment.session.client("lambda", config=CONFIG).invoke(
        FunctionName=name, Payload=json.dumps(payload).encode()
    )
    answer = json.loads(response["Payload"].read() or "null")
    if response.get("FunctionError"):
        raise NotReplayable(f"{name} failed again: {answer.get('errorMessage', answer)}")
    if isinstance(answer, dict) and answer.get("batchItemFailures"):
        raise NotReplayable(f"{name} cannot announce it yet: its log says why")
    return name


def _function(deployment: Deployment, task: str) -> str:
    resources = (
        deployment.session.client("cloudformation", config=CONFIG)
        .get_paginator("list_stack_resources")
        .paginate(StackName=deployment.stack)
    )
    for page in resources:
        for each in page["StackResourceSummaries"]:
            ours = each["LogicalResourceId"].startswith(f"Announcements{task}Function")
            if each["ResourceType"] == "AWS::Lambda::Function" and ours:
                return each["PhysicalResourceId"]
    raise NotReplayable(f"{deployment.stack} has no function {task}; deploy it")


def _records(deployment: Deployment, batch: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the records that Lambda gave up from the stream, which keeps them for a day."""
    streams = deployment.session.client("dynamodbstreams", config=CONFIG)
    try:
        iterator = streams.get_shard_iterator(
            StreamArn=batch["streamArn"],
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        )["ShardIterator"]
        found = streams.get_records(ShardIterator=iterator, Limit=int(batch["batchSize"]))
    except (ClientError, BotoCoreError) as error:
        raise NotReplayable(f"the stream keeps records for a day: {in_words(error)}") from error
    records: list[dict[str, Any]] = [dict(record) for record in found["Records"]]
    last = int(batch["endSequenceNumber"])
    records = [r for r in records if int(r["dynamodb"]["SequenceNumber"]) <= last]
    if not records:
        raise NotReplayable("the stream keeps records for a day, and these are gone")
    for record in records:
        written = record["dynamodb"]["ApproximateCreationDateTime"]
        record["dynamodb"] = {
            **record["dynamodb"],
            "ApproximateCreationDateTime": int(written.timestamp()),
        }
    return records
