"""What happens on the day of a case of the fault matrix, and what may happen a second time."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rehearsal.assembly import STACK_PREFIX
from rehearsal.shop import MINUTE, Shop, glue_event

BATCH = 10  # records of a stream that come again together
TRAINING = 150.0  # seconds after the Glue job's success at which the case's training is under way
MOST_MINUTES = 600  # until the campaign has moved
BAD_END = ""
INVOKE = "lambda:Invoke"


@dataclass(frozen=True)
class Occasion:
    """What happens in which environment, and which calls are failed then.

    These are the calls of `callers` (none: everybody's), and the workflow's that run these, from
    `since` on: from the write of the row before the last call of that operation; and those in
    `also`, by caller and operation. Of each caller's calls of an operation only the `first` are
    (0: all), where there are not as many polls on each day: a later call has another number then.
    `reason` is in the reason of its end, and `ends` is the status that an undisturbed row has
    (BAD_END: it fails by itself). `day_before` happens on another day, so that each case finds the
    same past.
    """

    happen: Callable[[Shop], object]
    callers: frozenset[str] = frozenset()
    reason: str = ""
    has_row: bool = True
    ends: str = "COMPLETE"
    environment: str = "prod"
    since: str = ""
    also: frozenset[tuple[str, str]] = frozenset()
    day_before: Callable[[Shop], object] | None = None
    first: int = 0

    def failing(self, calls: list[tuple[str, str]]) -> list[bool]:
        """Return which of the calls (caller, operation) are failed.

        With `since`, of a loop's calls only the first two are.
        """
        begin = _write_before(calls, self.since) if self.since else 0
        return [
            call in self.also
            or (
                number >= begin
                and not (self.first and calls[:number].count(call) >= self.first)
                and (
                    not self.callers
                    or not self.callers.isdisjoint({call[0], _invoked(calls, number)})
                )
                and not (self.since and _is_repeated(calls[: number + 1]))
            )
            for number, call in enumerate(calls)
        ]


def _write_before(calls: list[tuple[str, str]], operation: str) -> int:
    """Return the position of the workflow's write of the row before an operation's last call."""
    last = max(number for number, call in enumerate(calls) if call[1] == operation)
    write = ("Refresh", "dynamodb:UpdateItem")
    return max(number for number, call in enumerate(calls[:last]) if call == write)


def _invoked(calls: list[tuple[str, str]], number: int) -> str:
    """Return the caller whose function a call runs; "" if it runs none that calls anything."""
    following = calls[number + 1 : number + 2]
    return following[0][0] if following and calls[number] == ("Refresh", INVOKE) else ""


def _is_repeated(calls: list[tuple[str, str]]) -> bool:
    """Whether the last call's caller has made the same call twice before, and none between."""
    own = [call for call in calls if call[0] == calls[-1][0]]
    return own[-3:] == [calls[-1]] * 3


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
    shop.send()  # this week's files, for the refresh that comes afterwards
    shop.cloud.client("stepfunctions").start_execution(
        stateMachineArn=shop.outputs["RefreshWorkflowArn"], name=f"by-hand-{shop.began}", input="{}"
    )


def _fail_glue(shop: Shop) -> None:
    shop.send(glue_event(shop.stack.glue_jobs[0], run_id=shop.run_id, state="FAILED"))


def _ask_for_another(shop: Shop) -> None:
    """Ask for a refresh that there is none of."""
    shop.send()
    shop.start(refresh="monthly")


def _be_tried(shop: Shop) -> None:
    """Let a campaign move, and all be quiet afterwards."""
    set_alarms(shop, "OK")
    shop.succeed()


def _be_taken_back(shop: Shop) -> None:
    """Let the shop's alarm go off as soon as the campaign has moved."""
    _be_tried(shop)
    for _ in range(MOST_MINUTES):
        row = next(iter(shop.rows()), {})
        if row.get("campaign_update_status") == "ACTIVE":
            set_alarms(shop, "ALARM")
        if "ended_datetime" in row or are_ringing(shop):
            return
        shop.later(MINUTE)
    raise TimeoutError("the campaign has not moved")


def set_alarms(shop: Shop, state: Literal["OK", "ALARM"]) -> None:
    """Set the state of each alarm that is watched after a campaign has moved."""
    for name in _alarms(shop):
        shop.cloud.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue=state, StateReason="customers say so"
        )


def are_ringing(shop: Shop) -> bool:
    """Whether one of these alarms is in the state ALARM."""
    names = _alarms(shop)
    alarms = shop.cloud.client("cloudwatch").describe_alarms(AlarmNames=names) if names else {}
    return any(alarm["StateValue"] == "ALARM" for alarm in alarms.get("MetricAlarms", []))


def _alarms(shop: Shop) -> list[str]:
    return sorted({name for c in shop.campaigns if "bake" in c for name in c["bake"]["alarms"]})


def _promote(shop: Shop) -> None:
    """Ask for another version, as a person does."""
    shop.send()
    shop.start(
        refresh=shop.settings["refreshes"][0]["name"],
        solution_version_arn=_another_version(shop),
        by="a person",
        reason="it is better",
    )


def _move_on_by_hand(shop: Shop) -> None:
    """Stop what takes a campaign back, move it by hand, and start the refresh again."""
    _be_taken_back(shop)
    for _ in range(MOST_MINUTES):
        (row,) = shop.rows()
        if "rollback_reason" in row:
            break
        shop.later(MINUTE / 4)
    shop.cloud.client("stepfunctions").stop_execution(executionArn=row["execution_arn"])
    shop.settle()
    shop.cloud.client("personalize").update_campaign(
        campaignArn=shop.campaigns[0]["campaign_arn"], solutionVersionArn=_another_version(shop)
    )
    shop.settle()
    shop.start(refresh=shop.settings["refreshes"][0]["name"])


def _another_version(shop: Shop) -> str:
    """Return the newest version that the campaign does not serve, and that was not taken back."""
    listed = shop.cloud.client("personalize").get_paginator("list_solution_versions")
    pages = listed.paginate(solutionArn=shop.campaigns[0]["solution_arn"])
    versions = [version for page in pages for version in page["solutionVersions"]]
    taken_back = {r["solution_version_arn"] for r in shop.table_rows() if "rollback_reason" in r}
    wrong = {shop.served(), *taken_back}
    others = [v for v in versions if v["status"] == "ACTIVE"]
    others = [v for v in others if v["solutionVersionArn"] not in wrong]
    newest = max(others, key=lambda version: version["creationDateTime"])
    return str(newest["solutionVersionArn"])


def _refresh_in_full(shop: Shop) -> None:
    """Import and train last week's data in full, so that this week's are new on the next day."""
    this_week, shop.this_week = shop.this_week, shop.last_week
    shop.send()
    name = shop.settings["refreshes"][0]["name"]
    shop.ask(refresh=name, import_mode="FULL", training_mode="FULL")
    shop.this_week = this_week


def _learn_from_all_columns(shop: Shop) -> None:
    """Undo what the settings want of the recommender, so that the next refresh changes it."""
    shop.cloud.client("personalize").update_recommender(
        recommenderArn=shop.campaigns[0]["recommender_arn"],
        recommenderConfig={"trainingDataConfig": {}},
    )
    shop.settle()


def _remove_all(shop: Shop) -> None:
    """Delete all that Personalize has, each after what needs it, so that all is made again."""
    personalize = shop.cloud.client("personalize")
    for kind in ("campaign", "solution", "dataset", "schema", "dataset_group"):
        listed = getattr(personalize, f"list_{kind}s")()
        arn = kind.replace("_g", "G") + "Arn"
        for each in next(value for value in listed.values() if isinstance(value, list)):
            getattr(personalize, f"delete_{kind}")(**{arn: each[arn]})
        shop.settle()


_RECORD_END, _ANNOUNCE_FAILURE = frozenset({"RecordEnd"}), frozenset({"AnnounceFailure"})
_MOVES = frozenset({"Refresh", "UpdateCampaign"})
# What a clean refresh does not call is called on the other occasions.
OCCASIONS = {
    "refresh": Occasion(Shop.succeed),
    "stopped": Occasion(_stop, _RECORD_END, "Somebody stopped the execution", ends=BAD_END),
    "by hand": Occasion(_start_by_hand, _RECORD_END, "InvalidInput", has_row=False, ends=BAD_END),
    "Glue failure": Occasion(
        _fail_glue, _ANNOUNCE_FAILURE, "Glue job ", has_row=False, ends=BAD_END
    ),
    "bad request": Occasion(
        _ask_for_another, _ANNOUNCE_FAILURE, "InvalidTrigger", has_row=False, ends=BAD_END
    ),
    "trial": Occasion(
        _be_tried,
        frozenset({"Refresh", "TryCampaign"}),
        environment="careful",
        since="personalize:GetRecommendations",
        also=frozenset({("CheckCampaign", "monitoring:DescribeAlarms")}),
    ),
    "taken back": Occasion(
        _be_taken_back,
        _MOVES,
        "went to ALARM after the campaign had moved",
        ends="ROLLED_BACK",
        environment="careful",
        since="monitoring:DescribeAlarms",
    ),
    "moved by hand": Occasion(
        _move_on_by_hand,
        _MOVES,
        "Somebody stopped the execution",
        ends="SUPERSEDED",
        environment="careful",
        since="lambda:Invoke",
    ),
    "promotion": Occasion(_promote, _MOVES, environment="careful"),
    "modes": Occasion(
        Shop.succeed,
        frozenset({"ChooseModes"}),
        environment="growing",
        day_before=_refresh_in_full,
    ),
    "recommender": Occasion(
        Shop.succeed,
        frozenset({"Refresh", "UpdateRecommender"}),
        environment="domain",
        since="personalize:UpdateRecommender",
        day_before=_learn_from_all_columns,
    ),
    "from nothing": Occasion(
        Shop.succeed,
        frozenset({"MakeMissing", "UpdateCampaign"}),
        environment="new",
        day_before=_remove_all,
        # The invocations: one of Check campaign, and two of Make what is missing. That of Update
        # campaign comes after as many as there were polls; it fails on all other occasions.
        first=3,
    ),
}
ENVIRONMENTS = list(dict.fromkeys(occasion.environment for occasion in OCCASIONS.values()))


def occasions_of(shop: Shop) -> list[str]:
    """Return the occasions of a shop's environment: those of prod if it has none of its own."""
    environment = shop.stack.name.removeprefix(STACK_PREFIX)
    of = environment if environment in ENVIRONMENTS else ENVIRONMENTS[0]
    return [name for name, occasion in OCCASIONS.items() if occasion.environment == of]


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
        # of the last execution: the stream has passed what came before it, and never goes back
        records = stream_records(shop)
        of_last = [r for r in records if _execution(r) == _execution(records[-1])]
        payloads = [
            {"Records": of_last[first : first + BATCH]} for first in range(0, len(of_last), BATCH)
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


def _execution(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["NewImage"]["execution_arn"]["S"])


def _is_for(caller: str, event: dict[str, Any], shop: Shop) -> bool:
    of_refresh = event["detail"].get("stateMachineArn") == shop.outputs["RefreshWorkflowArn"]
    status = event["detail"].get("status", event["detail"].get("state"))
    has_failed = isinstance(status, str) and status in {"FAILED", "ABORTED", "TIMED_OUT"}
    return has_failed and of_refresh == (caller == "RecordEnd")
