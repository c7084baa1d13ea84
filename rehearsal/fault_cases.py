"""The cases of the fault matrix: each call of each occasion, in every kind of failure."""

import re
from collections import Counter
from dataclasses import dataclass

from rehearsal.fault_kinds import ANNOUNCING, Kind, kinds
from rehearsal.fault_occasions import OCCASIONS, Occasion, occasions_of, shorten
from rehearsal.shop import Shop

AGAIN = "delivered again"  # what a task had is delivered to it a second time
# The name of a role or function in the template: the construct's, and what makes it unique.
_LOGICAL_ID = re.compile(
    r"(?:Announcements)?(?P<name>([A-Z][a-z]+)+?)(StateMachine)?(Events)?(Role|Function)[0-9A-F]{8}"
)


@dataclass(frozen=True)
class Case:
    """The nth call of a caller's operation on an occasion, and how it fails."""

    caller: str
    operation: str
    nth: int
    kind: str
    occasion: str = "refresh"

    @property
    def name(self) -> str:
        """Return `refresh: CreateImport personalize:CreateDatasetImportJob@1 lost answer`."""
        call = f" {self.operation}@{self.nth}" if self.operation else ""
        return f"{self.occasion}: {self.caller}{call} {self.kind}"

    @property
    def on(self) -> Occasion:
        """What happens."""
        return OCCASIONS[self.occasion]

    @property
    def failure(self) -> Kind | None:
        """How the call fails; None if it does not, and something is delivered again."""
        return kinds(self.caller, self.operation)[self.kind] if self.operation else None


def deployed(shop: Shop, type_name: str) -> dict[str, str]:
    """Return the callers of the stack's resources of a type, by the resources' physical names."""
    pages = shop.cloud.client("cloudformation").get_paginator("list_stack_resources")
    return {
        resource["PhysicalResourceId"]: found["name"]
        for page in pages.paginate(StackName=shop.stack.name)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == type_name
        and (found := _LOGICAL_ID.fullmatch(resource["LogicalResourceId"]))
    }


def clean_calls(shop: Shop, occasion: str = "refresh") -> list[tuple[str, str, int]]:
    """Let an occasion pass undisturbed.

    Return its calls that are to fail: caller, operation, and which of the caller's these it is.
    """
    callers = deployed(shop, "AWS::IAM::Role")
    before = len(shop.cloud.faults.made)
    OCCASIONS[occasion].happen(shop)
    shop.settle()
    made = [(callers.get(role, role), name) for role, name in shop.cloud.faults.made[before:]]
    seen: Counter[tuple[str, str]] = Counter()
    calls = []
    for call, fails in zip(made, OCCASIONS[occasion].failing(made), strict=True):
        seen[call] += 1
        if fails:
            calls.append((*call, seen[call]))
    return calls


def cases(calls: list[tuple[str, str, int]], occasion: str = "refresh") -> list[Case]:
    """Return every call of an occasion in every kind of failure, and what is delivered again."""
    failing = [Case(*call, kind, occasion) for call in calls for kind in kinds(*call[:2])]
    # a stream repeats what it has for any row, a rule its event
    again = ["Announce"] if OCCASIONS[occasion].has_row else []
    again += sorted(OCCASIONS[occasion].callers & ANNOUNCING)
    return failing + [Case(caller, "", 0, AGAIN, occasion) for caller in again]


def every_case(shop: Shop) -> list[Case]:
    """Return the cases of every occasion; each passes once undisturbed, on a day of its own.

    A refresh comes before: what is called only when the stream is first read is no day's call.
    """
    shorten(shop)
    shop.succeed()
    shop.settle()
    found: list[Case] = []
    for occasion in occasions_of(shop):
        begin_day(shop, OCCASIONS[occasion])
        found += cases(clean_calls(shop, occasion), occasion)
        shop.ask(refresh=shop.settings["refreshes"][0]["name"])
    return found


def begin_day(shop: Shop, occasion: Occasion) -> None:
    """Begin a new day for an occasion, after what has to happen on the day before it."""
    shop.new_day()
    shorten(shop)
    if occasion.day_before:
        occasion.day_before(shop)
        shop.new_day()
        shorten(shop)
