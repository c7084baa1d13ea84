"""The order in which executions get the slots of a full quota, over a real table."""

from typing import Any

import pytest
from personalize import personalize
from plan_types import Ticket
from quota_queue import STALLED, MustWait, Queued, QuotaQueue

from embedded_aws import Cloud

TABLE = "rows"
QUOTA = "dataset import jobs"
NOON = 1_601_294_400


@pytest.fixture(autouse=True)
def _table(cloud: Cloud) -> None:
    cloud.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "campaign_name", "KeyType": "HASH"},
            {"AttributeName": "base_date", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "campaign_name", "AttributeType": "S"},
            {"AttributeName": "base_date", "AttributeType": "N"},
        ],
    )


def ask(ticket: Ticket | None = None, *, at: int = 0, free: bool = False) -> Queued | None:
    """Ask for a slot at a time after noon; return the place in the queue, None for a slot."""
    try:
        with QuotaQueue(TABLE, QUOTA, ticket, NOON + at).turn():
            if not free:
                full: Any = {
                    "Error": {"Code": "LimitExceededException", "Message": "5 are in progress"}
                }
                raise personalize.exceptions.LimitExceededException(full, "CreateDatasetImportJob")
    except MustWait as waiting:
        return waiting.queued
    return None


def wait(at: int = 0) -> Ticket:
    queued = ask(at=at)
    assert queued
    return queued["ticket"]


def test_nobody_queues_while_slots_are_free() -> None:
    assert ask(free=True) is None
    assert ask(free=True) is None


def test_each_one_refused_gets_the_next_number_and_the_reason_of_personalize() -> None:
    first, second = ask(), ask(at=5)
    assert first
    assert second
    assert [first["ticket"]["number"], second["ticket"]["number"]] == [1, 2]
    assert "LimitExceededException" in first["reason"]
    assert second["reason"] == f"others wait for {QUOTA} longer"  # Personalize was not asked


def test_a_newcomer_does_not_overtake_those_who_wait_even_if_a_slot_is_free() -> None:
    ticket = wait()
    assert ask(at=60, free=True) is not None
    assert ask(ticket, at=60, free=True) is None


def test_only_the_first_in_the_line_ask_and_the_others_move_up_as_they_are_served() -> None:
    tickets = [wait(at=n) for n in range(5)]
    waiting = ask(tickets[4], at=60, free=True)
    assert waiting
    assert waiting["ticket"] == tickets[4]
    for position, ticket in enumerate(tickets):
        assert ask(ticket, at=120 + position, free=True) is None
    assert ask(at=200, free=True) is None  # the queue is empty


def test_a_number_whose_execution_has_ended_holds_nobody_up() -> None:
    wait()
    later = wait(at=10)
    assert ask(later, at=60, free=True) is None
    assert ask(at=90, free=True) is None


def test_after_an_hour_in_which_nobody_was_served_everyone_asks() -> None:
    for n in range(9):
        wait(at=n)
    last = wait(at=10)
    assert ask(last, at=STALLED - 60, free=True) is not None
    assert ask(last, at=STALLED + 60, free=True) is None


def test_who_stands_further_behind_waits_longer() -> None:
    tickets = [wait() for _ in range(40)]
    waits = []
    for ticket in (tickets[5], tickets[20], tickets[39]):
        queued = ask(ticket, at=60, free=True)
        assert queued
        waits.append(queued["wait_seconds"])
    assert waits == sorted(set(waits))
    assert max(waits) <= 1800


def test_a_queue_that_cannot_be_read_keeps_nobody_from_asking(cloud: Cloud) -> None:
    wait()
    cloud.client("dynamodb").delete_table(TableName=TABLE)
    assert ask(free=True) is None
