"""A queue for one of Personalize's quotas: who has waited longest gets the next free slot.

Personalize only refuses a create while its quota is full. So who is refused takes a number, as at a
counter. An item of the table has the numbers last taken and served, and what is under way. The
first in the line looks at that work from time to time, and asks Personalize again once some of it
has ended; the item says for how many more there is room. The others sleep until their turn may be
near. What the item does not know of, such as a training by hand, is noticed because the first asks
every ten minutes anyway.

The queue only orders what would be tried: if it cannot be read, everyone asks and Personalize
decides. If the first does not look when it should, as its execution has ended, the next one does.
"""

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

from personalize import ENDED_BADLY, personalize
from plan_types import Ticket
from queue_item import UNKNOWN, Changes, Line, QueueItem

T = TypeVar("T")

SHORTEST_WAIT, LONGEST_WAIT = 30, 3600
SHARE = 2  # who waits sleeps half the time until its expected turn
OVERDUE = 6  # what takes longer than expected is expected to take a sixth of that again
ASK_ANYWAY, ASK_ANYWAY_IF_NOTHING_RUNS = 600, 60
LATE = 60  # so much later the next in the line looks instead of the first, and so on
MOST_LATE = 10  # however many stand before: all of their executions may have been aborted
MOST_WATCHED = 50
ENDED = {"ACTIVE", *ENDED_BADLY}


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


class QuotaQueue:
    """The place of one execution in the queue of a quota, such as "dataset import jobs".

    `describe` reads what was created by its ARN: `status`, `creationDateTime` and
    `lastUpdatedDateTime`.
    """

    def __init__(
        self,
        table: str,
        quota: str,
        describe: Callable[[str], Any],
        ticket: Ticket | None,
        now: int,
    ) -> None:
        self._item = QueueItem(table, quota)
        self._quota = quota
        self._describe = describe
        self._ticket = ticket
        self._now = now

    def create(self, make: Callable[[], str]) -> str:
        """Return the ARN of what `make` creates.

        Raises MustWait if it is not our turn or the quota is full. Errors of DynamoDB are the
        caller's only where a number is taken.
        """
        line = self._item.read()
        busy = None
        if line and not self._has_room(line):
            busy = self._look(line)
        try:
            arn = make()
        except personalize.exceptions.LimitExceededException as full:
            if line and self._ticket:
                filled: Changes = {} if busy is None else {"fits": busy}
                self._item.change({"asked_at": self._now, "open_to": line["served"], **filled})
            raise MustWait(self._queued(line, str(full))) from full
        self._note_created(arn, line)
        return arn

    def _has_room(self, line: Line) -> bool:
        """Whether to ask without a look: nobody waits, or there seemed to be room for us."""
        if self._ticket is None:
            return line["taken"] <= line["served"]
        return line["served"] < self._ticket["number"] <= line["open_to"]

    def _look(self, line: Line) -> int:
        """As the first in the line, return how much goes on; MustWait if that fills the quota."""
        position = self._position(line)
        if position > 1 and self._now <= line["looks_at"] + LATE * min(position - 1, MOST_LATE):
            raise MustWait(self._queued(line, f"others wait for {self._quota} longer"))
        ages, took, ended = self._see(line["running"])
        room = 1 if line["fits"] == UNKNOWN else max(0, line["fits"] - len(ages))
        lasts = min([*took, *filter(None, [line["lasts"]])], default=0)
        line |= {
            "open_to": line["served"] + room,
            "seen": line["served"],
            "frees_at": room * [self._now] + sorted(self._now + _left(lasts, a) for a in ages),
            "lasts": lasts,
        }
        self._item.change(
            {
                "looks_at": self._now + self._wait(line),
                "open_to": line["open_to"],
                "seen": line["seen"],
                "frees_at": line["frees_at"],
                "lasts": line["lasts"],
            },
            ended=ended,
        )
        anyway = ASK_ANYWAY if ages else ASK_ANYWAY_IF_NOTHING_RUNS
        if not room and self._now < line["asked_at"] + anyway:
            raise MustWait(self._queued(line, f"all slots for {self._quota} are taken"))
        return len(ages)

    def _see(self, running: set[str]) -> tuple[list[int], list[int], set[str]]:
        """Return how old in seconds is what goes on, how long took what has ended, and its ARNs."""
        ages, took, ended = [], [], set()
        for arn in running:
            try:
                seen = self._describe(arn)
            except personalize.exceptions.ResourceNotFoundException:
                ended.add(arn)  # it was deleted
                continue
            created = seen["creationDateTime"].timestamp()
            if seen["status"] in ENDED:
                ended.add(arn)
                took.append(int(seen["lastUpdatedDateTime"].timestamp() - created))
            else:
                ages.append(int(self._now - created))
        return ages, took, ended

    def _position(self, line: Line) -> int:
        number = self._ticket["number"] if self._ticket else line["taken"] + 1
        return number - line["served"]

    def _queued(self, line: Line | None, reason: str) -> Queued:
        if self._ticket is None:
            self._ticket, line = self._take()
        wait = self._wait(line) if line else SHORTEST_WAIT
        return {"ticket": self._ticket, "wait_seconds": wait, "reason": reason}

    def _wait(self, line: Line) -> int:
        """Return for how many seconds to sleep: half of what is left until our expected turn."""
        position = max(1, self._position(line))
        left = SHARE * SHORTEST_WAIT * position
        if frees_at := line["frees_at"]:
            generation, slot = divmod(position - 1 + line["served"] - line["seen"], len(frees_at))
            lasts = line["lasts"] or frees_at[-1] - line["opened_at"]
            left = frees_at[slot] + generation * lasts - self._now
        return max(SHORTEST_WAIT, min(LONGEST_WAIT, left // SHARE))

    def _take(self) -> tuple[Ticket, Line]:
        """Take the next number; an error of DynamoDB is the caller's."""
        line = self._item.take_number()
        if line["taken"] - line["served"] == 1:  # nobody else waits: what the item knows is old
            now = dict.fromkeys(("opened_at", "asked_at", "looks_at"), self._now)
            fresh = {"fits": UNKNOWN, "open_to": 0, "seen": line["served"], "lasts": 0}
            self._item.change({**now, **fresh, "frees_at": []})
        return {"number": line["taken"], "since": self._now}, line

    def _note_created(self, arn: str, line: Line | None) -> None:
        if self._ticket:
            number = self._ticket["number"]
        elif line and line["taken"] > line["served"]:
            number = line["taken"]  # all who have a number are late: their executions have ended
        else:
            if line and len(line["running"]) >= MOST_WATCHED:
                self._item.change({}, ended=line["running"])
            self._item.change({}, created={arn})
            return
        changes: Changes = {"served": number}
        if line and (line["fits"] == UNKNOWN or line["open_to"] < number):
            changes |= {"fits": UNKNOWN, "open_to": number + 1}  # there may be room for more
        if not self._item.change(changes, created={arn}):  # who came later was served before
            self._item.change({}, created={arn})


def in_turn(create: Callable[[], T]) -> T | MustWaitResult:
    """Return what `create` does, or the place in the queue if it must wait."""
    try:
        return create()
    except MustWait as waiting:
        return {"queued": waiting.queued}


def _left(lasts: int, age: int) -> int:
    """Return in how many seconds work of that age should end, given how long other work took."""
    return lasts - age if age < lasts else (age - lasts) // OVERDUE
