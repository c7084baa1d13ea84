"""A queue for one of Personalize's quotas: who has waited longest gets the next free slot.

Personalize only refuses a create while its quota is full. So who is refused takes a number, as at a
counter, and the item of the queue in the table says which number was served last, and when. Only
the first in the line ask Personalize again; the others wait until their turn may be near. The queue
orders what would be tried anyway: if it cannot be read, or nobody was served for an hour, everyone
asks, and Personalize decides. A number whose execution has ended is skipped with the next served.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypedDict, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from personalize import personalize
from plan_types import Ticket
from retry_later import NEVER_TWICE

T = TypeVar("T")
SHORTEST_WAIT, LONGEST_WAIT = 30, 1800
DEFAULT_INTERVAL = 60  # seconds from one served to the next, until that is known
ASKING = 2  # who is so near the front asks Personalize
# What began together ends together: soon after two slots were free, others may be.
BURST_SECONDS, ASKING_IN_BURST = 60, 6
# How much of the time until its expected turn who asks sleeps, and who only looks at the queue: the
# latter would miss slots that become free together.
SHARE_OF_ASKING, SHARE = 0.7, 0.3
STALLED = 3600  # without anyone served for so many seconds the order is not kept


class Queued(TypedDict):
    """What a task returns that must wait for a slot."""

    ticket: Ticket
    wait_seconds: int
    reason: str


class MustWaitResult(TypedDict):
    """The result of a task that has created nothing yet."""

    queued: Queued


class MustWait(Exception):
    """No slot is free, or others have waited longer."""

    def __init__(self, queued: Queued) -> None:
        super().__init__(queued["reason"])
        self.queued = queued


class State(TypedDict):
    """The queue's item; times are epoch seconds, 0 for what has not happened yet.

    The last numbers taken and served, when the last two were served, and with which number and
    when the queue began.
    """

    taken: int
    served: int
    served_at: int
    previous_at: int
    opened: int
    opened_at: int


class QuotaQueue:
    """The place of one execution in the queue of a quota, such as "dataset import jobs"."""

    def __init__(self, table: str, quota: str, ticket: Ticket | None, now: int) -> None:
        self._table = table
        self._key = {"campaign_name": {"S": f"quota:{quota}"}, "base_date": {"N": "0"}}
        self._quota = quota
        self._ticket = ticket
        self._now = now
        self._dynamodb = boto3.client("dynamodb", config=NEVER_TWICE)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Create inside the block; raises MustWait if others come first, or the quota is full."""
        state = self._read()
        if state and self._must_wait(state):
            raise MustWait(self._queued(state, f"others wait for {self._quota} longer"))
        try:
            yield
        except personalize.exceptions.LimitExceededException as full:
            raise MustWait(self._queued(state, str(full))) from full
        self._note_served()

    def _must_wait(self, state: State) -> bool:
        """Whether others come first: all who have a number, or those beyond the first few."""
        if self._now - max(state["served_at"], state["opened_at"]) > STALLED:
            return False
        if self._ticket is None:
            return state["taken"] > state["served"]
        is_burst = self._now - state["previous_at"] <= 2 * BURST_SECONDS
        asking = ASKING_IN_BURST if is_burst else ASKING
        return self._ticket["number"] - state["served"] > asking

    def _queued(self, state: State | None, reason: str) -> Queued:
        if self._ticket is None:
            self._ticket, state = self._take()
        wait = SHORTEST_WAIT
        if state:
            is_asking = self._ticket["number"] - state["served"] <= ASKING
            left = expected_turn(state, self._ticket["number"]) - self._now
            share = SHARE_OF_ASKING if is_asking else SHARE
            wait = max(wait, min(LONGEST_WAIT, int(share * left)))
        return {"ticket": self._ticket, "wait_seconds": wait, "reason": reason}

    def _take(self) -> tuple[Ticket, State]:
        """Take the next number; an error of DynamoDB is the caller's."""
        state = _state(self._update("ADD taken :one", {":one": 1}))
        ticket: Ticket = {"number": state["taken"], "since": self._now}
        if ticket["number"] - state["served"] == 1:  # nobody else waits
            opening = {":number": ticket["number"], ":now": self._now}
            state = _state(self._update("SET opened = :number, opened_at = :now", opening))
        return ticket, state

    def _note_served(self) -> None:
        if self._ticket is None:
            return
        served = {":number": self._ticket["number"], ":now": self._now}
        try:
            self._update(
                "SET served = :number, served_at = :now, "
                "previous_at = if_not_exists(served_at, :none)",
                {**served, ":none": 0},
                "attribute_not_exists(served) OR served < :number",
            )
        except (ClientError, BotoCoreError):
            return  # the next one served makes up for it

    def _read(self) -> State | None:
        """Return the queue's state; None if there is none, or it cannot be read now."""
        try:
            found = self._dynamodb.get_item(TableName=self._table, Key=self._key)
        except (ClientError, BotoCoreError):
            return None
        return _state(found["Item"]) if "Item" in found else None

    def _update(
        self, expression: str, values: dict[str, int], condition: str | None = None
    ) -> dict[str, Any]:
        conditions: Any = {"ConditionExpression": condition} if condition else {}
        return self._dynamodb.update_item(
            TableName=self._table,
            Key=self._key,
            UpdateExpression=expression,
            ExpressionAttributeValues={name: {"N": str(v)} for name, v in values.items()},
            ReturnValues="ALL_NEW",
            **conditions,
        )["Attributes"]


def in_turn(create: Callable[[], T]) -> T | MustWaitResult:
    """Return what `create` does, or the place in the queue if it must wait."""
    try:
        return create()
    except MustWait as waiting:
        return {"queued": waiting.queued}


def expected_turn(state: State, number: int) -> float:
    """Return when a number's turn is expected, by how fast those before it were served."""
    served = state["served"] - state["opened"] + 1
    if served <= 0:  # the first slot has yet to become free
        return state["opened_at"] + DEFAULT_INTERVAL * (number - state["opened"] + 1)
    interval = (state["served_at"] - state["opened_at"]) / served
    return state["served_at"] + interval * (number - state["served"])


def _state(item: dict[str, Any]) -> State:
    def number(name: str) -> int:
        return int(item.get(name, {"N": "0"})["N"])

    return {
        "taken": number("taken"),
        "served": number("served"),
        "served_at": number("served_at"),
        "previous_at": number("previous_at"),
        "opened": number("opened"),
        "opened_at": number("opened_at"),
    }
