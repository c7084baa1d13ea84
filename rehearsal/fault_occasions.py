"""What happens on the day of a case of the fault matrix, and what may happen a second time."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rehearsal.shop import Shop, glue_event

BATCH = 10  # records of a stream that come again together
TRAINING = 150.0  # seconds after the Glue job's success at which the case's training is under way


@dataclass(frozen=True)
class Occasion:
    """What happens; whose calls are failed then (none: everybody's); what its end's reason says."""

    happen: Callable[[Shop], object]
    callers: frozenset[str] = frozenset()
    reason: str = ""
    has_row: bool = True


def shorten(shop: Shop) -> None:
    """Let a stage take a round of polling or two: each call is made, but not often."""
    shop.behaviour.import_seconds = 60
    shop.behaviour.training_seconds = 120
    shop.behaviour.campaign_update_seconds = 60


def _stop(shop: Shop) -> None:
    """Stop a refresh while it trains."""
    shop.succeed()
    shop.later(TRAINING)
    (running,) = shop.rows()
    shop.cloud.client("stepfunctions").stop_execution(executionArn=running["execution_arn"])


def _start_by_hand(shop: Shop) -> None:
    """Start a refresh with an input that names no row."""
    shop.cloud.client("stepfunctions").start_execution(
        stateMachineArn=shop.outputs["RefreshWorkflowArn"], name=f"by-hand-{shop.began}", input="{}"
    )


def _fail_glue(shop: Shop) -> None:
    shop.send(glue_event(shop.stack.glue_jobs[0], run_id=shop.run_id, state="FAILED"))


_RECORD_END, _ANNOUNCE_FAILURE = frozenset({"RecordEnd"}), frozenset({"AnnounceFailure"})
# What a clean refresh does not call is called on the other occasions.
OCCASIONS = {
    "refresh": Occasion(Shop.succeed),
    "stopped": Occasion(_stop, _RECORD_END, "Somebody stopped the execution"),
    "by hand": Occasion(_start_by_hand, _RECORD_END, "InvalidInput", has_row=False),
    "Glue failure": Occasion(_fail_glue, _ANNOUNCE_FAILURE, "Glue job ", has_row=False),
    "bad request": Occasion(
        lambda shop: shop.start(refresh="monthly"),
        _ANNOUNCE_FAILURE,
        "InvalidTrigger",
        has_row=False,
    ),
}


def stream_records(shop: Shop) -> list[dict[str, Any]]:
    """Return what the table's stream has recorded of runs on this day, as Lambda sends it."""
    table = shop.cloud.client("dynamodb").describe_table(TableName=shop.outputs["TableName"])
    arn = table["Table"]["LatestStreamArn"]
    streams = shop.cloud.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[dict[str, Any]] = []
    for record in streams.get_records(ShardIterator=iterator)["Records"]:
        change: dict[str, Any] = {**record["dynamodb"]}
        change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
        is_new = change["ApproximateCreationDateTime"] >= shop.began
        if is_new and "run_key" in change.get("NewImage", {}):
            found.append({**record, "dynamodb": change})
    return found


def deliver_again(shop: Shop, caller: str, function: str, events: list[dict[str, Any]]) -> int:
    """Deliver to a task's function once more what it has had on this day; return how much that is.

    `events` are those that AWS's services have sent, as EventBridge delivers them.
    """
    if caller == "Announce":
        records = stream_records(shop)
        payloads = [
            {"Records": records[first : first + BATCH]} for first in range(0, len(records), BATCH)
        ]
    else:
        payloads = [event for event in events if _is_for(caller, event, shop)]
    for payload in payloads:
        shop.cloud.client("lambda").invoke(
            FunctionName=function,
            InvocationType="RequestResponse" if caller == "Announce" else "Event",
            Payload=json.dumps(payload).encode(),
        )
    return len(payloads)


def _is_for(caller: str, event: dict[str, Any], shop: Shop) -> bool:
    of_refresh = event["detail"].get("stateMachineArn") == shop.outputs["RefreshWorkflowArn"]
    status = event["detail"].get("status", event["detail"].get("state"))
    has_failed = isinstance(status, str) and status in {"FAILED", "ABORTED", "TIMED_OUT"}
    return has_failed and of_refresh == (caller == "RecordEnd")
