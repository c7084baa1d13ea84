"""The order in which executions get the slots of a full quota, over a real table."""

import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import queue_item
from personalize import personalize
from plan_types import Ticket
from quota_queue import ASK_ANYWAY, LATE, LONGEST_WAIT, MOST_LATE, MustWait, Queued, QuotaQueue

from embedded_aws import Cloud

TABLE = "rows"
QUOTA = "dataset import jobs"
NOON = 1_601_294_400
LASTS = 600


@pytest.fixture(autouse=True)
def _table(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[None]:
    monkeypatch.setattr(queue_item, "dynamodb", boto3.resource("dynamodb"))  # this cloud's
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
    yield
    assert not capsys.readouterr().out, "a change of the item was refused"


@dataclass
class Account:
    """Personalize's quota and what fills it: jobs of ten minutes each, and others' work."""

    slots: int = 5
    others: int = 0
    ends: dict[str, int] = field(default_factory=dict)  # ARN → when the job ends
    now: int = NOON
    asked: int = 0

    def describe(self, arn: str) -> dict[str, Any]:
        end = self.ends[arn]
        return {
            "status": "ACTIVE" if end <= self.now else "CREATE IN_PROGRESS",
            "creationDateTime": datetime.fromtimestamp(end - LASTS, UTC),
            "lastUpdatedDateTime": datetime.fromtimestamp(min(end, self.now), UTC),
        }

    def make(self) -> str:
        self.asked += 1
        if self.others + sum(end > self.now for end in self.ends.values()) >= self.slots:
            full: Any = {"Error": {"Code": "LimitExceededException", "Message": "5 in progress"}}
            raise personalize.exceptions.LimitExceededException(full, "CreateDatasetImportJob")
        arn = f"job-{len(self.ends)}"
        self.ends[arn] = self.now + LASTS
        return arn

    def ask(self, ticket: Ticket | None = None, *, at: int = 0) -> Queued | None:
        """Ask for a slot at a time after noon; return the place in the queue, None for a slot."""
        self.now = NOON + at
        try:
            QuotaQueue(TABLE, QUOTA, self.describe, ticket, self.now).create(self.make)
        except MustWait as waiting:
            return waiting.queued
        return None

    def wait(self, at: int = 0) -> Ticket:
        queued = self.ask(at=at)
        assert queued
        return queued["ticket"]


@pytest.fixture
def full() -> Account:
    """An account whose five slots are taken by jobs of our own until ten minutes past noon."""
    account = Account()
    for _ in range(5):
        assert account.ask() is None
    account.asked = 0
    return account


@contextmanager
def asking_nothing(account: Account) -> Iterator[None]:
    before = account.asked
    yield
    assert account.asked == before


def test_nobody_queues_while_slots_are_free() -> None:
    account = Account()
    assert [account.ask(at=second) for second in range(5)] == [None] * 5
    assert account.asked == 5


def test_each_one_refused_gets_the_next_number_and_the_reason_of_personalize(full: Account) -> None:
    first, second = full.ask(), full.ask(at=5)
    assert first
    assert second
    assert [first["ticket"]["number"], second["ticket"]["number"]] == [1, 2]
    assert "LimitExceededException" in first["reason"]
    assert second["reason"] == f"others wait for {QUOTA} longer"
    assert full.asked == 1


def test_a_newcomer_does_not_overtake_those_who_wait_even_if_a_slot_is_free(full: Account) -> None:
    ticket = full.wait()
    with asking_nothing(full):
        assert full.ask(at=LATE) is not None
    assert full.ask(ticket, at=LASTS) is None


def test_while_our_own_jobs_go_on_the_first_looks_and_does_not_ask(full: Account) -> None:
    ticket = full.wait()
    assert full.ask(ticket, at=30)  # refused: so many jobs fill the quota
    with asking_nothing(full):
        for at in range(60, LASTS, 60):
            queued = full.ask(ticket, at=at)
            assert queued
            assert queued["reason"] == f"all slots for {QUOTA} are taken"
    assert full.ask(ticket, at=LASTS) is None


def test_others_who_fill_the_quota_are_noticed_after_ten_minutes(full: Account) -> None:
    ticket = full.wait()
    full.others = 5
    assert full.ask(ticket, at=LASTS + 1) is not None  # ours have ended, theirs go on
    full.others = 0
    assert full.ask(ticket, at=LASTS + 1 + ASK_ANYWAY) is None


def test_as_many_as_there_is_room_for_ask_without_another_look(full: Account) -> None:
    tickets = [full.wait(at=second) for second in range(7)]
    full.ask(tickets[0], at=30)
    assert full.ask(tickets[0], at=LASTS) is None
    for ticket in tickets[1:5]:
        assert full.ask(ticket, at=LASTS + 20) is None
    with asking_nothing(full):
        assert full.ask(tickets[5], at=LASTS + 20) is not None
        assert full.ask(tickets[6], at=LASTS + 20) is not None


def test_a_number_whose_execution_has_ended_holds_nobody_up(full: Account) -> None:
    full.wait()
    later = full.wait(at=10)
    with asking_nothing(full):
        assert full.ask(later, at=LATE) is not None
    assert full.ask(later, at=LASTS + LATE) is None
    assert full.ask(at=LASTS + LATE) is None  # nobody waits any more


def test_one_who_was_overtaken_gets_the_next_slot(full: Account) -> None:
    overtaken, second, third = full.wait(), full.wait(), full.wait()
    assert full.ask(second, at=LASTS + LATE + 1) is None
    assert full.ask(overtaken, at=LASTS + LATE + 2) is None
    assert full.ask(third, at=LASTS + LATE + 3) is None


def test_who_stands_further_behind_sleeps_longer(full: Account) -> None:
    tickets = [full.wait() for _ in range(40)]
    waits = []
    for ticket in (tickets[5], tickets[20], tickets[39]):
        queued = full.ask(ticket, at=30)
        assert queued
        waits.append(queued["wait_seconds"])
    assert waits == sorted(set(waits))
    assert max(waits) <= LONGEST_WAIT


def test_a_job_that_was_deleted_has_left_its_slot(
    full: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = full.wait()
    full.ask(ticket, at=30)

    def gone(arn: str) -> dict[str, Any]:
        missing: Any = {"Error": {"Code": "ResourceNotFoundException", "Message": arn}}
        raise personalize.exceptions.ResourceNotFoundException(missing, "Describe")

    monkeypatch.setattr(full, "describe", gone)
    full.ends.clear()
    assert full.ask(ticket, at=60) is None


def test_a_queue_that_cannot_be_read_keeps_nobody_from_asking(
    cloud: Cloud, full: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    full.wait()
    cloud.client("dynamodb").delete_table(TableName=TABLE)
    assert full.ask(at=LASTS) is None
    assert "The queue goes on without" in capsys.readouterr().out


def test_only_so_many_jobs_are_remembered_while_nobody_waits() -> None:
    account = Account(slots=1000)
    for second in range(120):
        assert account.ask(at=second) is None
    looks = []
    account.slots = 0
    ticket = account.wait(at=130)
    described = account.describe
    account.describe = lambda arn: looks.append(arn) or described(arn)  # type: ignore[method-assign,func-returns-value]
    account.ask(ticket, at=160)
    assert 0 < len(looks) <= 60


def test_forty_jobs_behind_five_slots_take_hardly_longer_than_they_must_and_few_refusals() -> None:
    account = Account()
    asking: list[tuple[int, int, Ticket | None]] = [(second, second, None) for second in range(40)]
    while asking:
        at, name, ticket = heapq.heappop(asking)
        if queued := account.ask(ticket, at=at):
            heapq.heappush(asking, (at + queued["wait_seconds"] + 3, name, queued["ticket"]))
    took = max(account.ends.values()) - NOON
    assert took <= 1.06 * 40 / 5 * LASTS
    assert account.asked - 40 <= 20  # refused


def test_those_who_were_all_aborted_hold_nobody_up_for_long(full: Account) -> None:
    full.ask(full.wait(), at=30)
    for second in range(40):
        full.wait(at=second)
    last = full.wait(at=50)
    assert full.ask(last, at=LASTS + MOST_LATE * LATE + 31) is None


def test_a_newcomer_after_an_aborted_queue_leaves_it_behind(full: Account) -> None:
    full.ask(full.wait(), at=30)
    for second in range(40):
        full.wait(at=second)
    next_week = 7 * 24 * 3600
    assert full.ask(at=next_week) is None
    assert full.ask(at=next_week + 1) is None
