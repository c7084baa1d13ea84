"""The route of an execution through its workflow, from its history. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

Status = Literal["done", "failed", "stopped", "running", "open"]
Definition = Mapping[str, Any]
ENDS = {"ABORTED": "stopped", "TIMED_OUT": "stopped", "RUNNING": "running"}


class Failure(NamedTuple):
    """An event of the history that says that something failed."""

    time: datetime
    state: str
    error: str
    cause: str


@dataclass(frozen=True)
class Route:
    """How often each state was entered, from where to where, and what failed on the way."""

    visits: Counter[str]
    steps: Counter[tuple[str, str]]
    failures: Sequence[Failure]
    entered: Sequence[tuple[str, datetime]]
    unfinished: frozenset[str]  # entered and never left


@dataclass(frozen=True)
class Part:
    """A part of the workflow: a Map or Parallel with its states, or the states between two."""

    name: str
    states: Mapping[str, Any]
    is_stage: bool


def route(events: Sequence[Mapping[str, Any]]) -> Route:
    """Follow a whole history, the oldest event first."""
    by_id = {event["id"]: event for event in events}
    visits: Counter[str] = Counter()
    steps: Counter[tuple[str, str]] = Counter()
    entered: list[tuple[str, datetime]] = []
    left: Counter[str] = Counter()
    failures = []
    for event in events:
        name = _state(event)
        if name and event["type"].endswith("StateEntered"):
            visits[name] += 1
            entered.append((name, event["timestamp"]))
            if before := _state_before(event, by_id):
                steps[before, name] += 1
        elif name:
            left[name] += 1
        elif failed := _failure(event, by_id):
            failures.append(failed)
    unfinished = frozenset(name for name in visits if visits[name] > left[name])
    return Route(visits, steps, failures, entered, unfinished)


def parts(definition: Definition) -> list[Part]:
    """Return the workflow's parts in the order of its definition; a mere question is none."""
    found: list[Part] = []
    between: dict[str, Any] = {}
    for name, state in definition["States"].items():
        inner = [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]
        if not inner:
            between[name] = state
            continue
        if any(each["Type"] != "Choice" for each in between.values()):
            found.append(Part(next(iter(between)), between, is_stage=False))
        between = {}
        states = {n: s for machine in inner for n, s in machine["States"].items()}
        found.append(Part(name, states, is_stage=True))
    if between:
        found.append(Part("End", between, is_stage=False))
    if found and not found[0].is_stage:
        found[0] = Part("Claim and check", found[0].states, is_stage=False)
    return found


def status_of_part(part: Part, went: Route, execution_status: str) -> Status:
    """Return how the route ended in a part of the workflow, or that it never came there."""
    visited = [name for name in part.states if went.visits[name]]
    if not visited:
        return "open"
    if any(status_of_state(n, part.states[n], went, execution_status) == "failed" for n in visited):
        return "failed"
    if execution_status in ENDS and went.unfinished & {*visited}:
        return ENDS[execution_status]  # type: ignore[return-value]
    return "done"


def status_of_state(
    name: str, state: Mapping[str, Any], went: Route, execution_status: str
) -> Status:
    """Return how a state has ended: failed, if what it is for went wrong in the end."""
    if not went.visits[name]:
        return "open"
    caught = [catch["Next"] for catch in state.get("Catch", [])]
    others = {*targets(state)}
    given_up = any(went.steps[name, target] for target in caught if target not in others)
    if state["Type"] == "Fail" or (given_up and execution_status == "FAILED"):
        return "failed"
    if name in went.unfinished and execution_status in ENDS:
        return ENDS[execution_status]  # type: ignore[return-value]
    return "done"


def targets(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield the states that follow one, unless it fails."""
    yield from (choice["Next"] for choice in state.get("Choices", []))
    yield from (state[key] for key in ("Default", "Next") if key in state)


def _state(event: Mapping[str, Any]) -> str | None:
    for details in ("stateEnteredEventDetails", "stateExitedEventDetails"):
        if details in event:
            return str(event[details]["name"])
    return None


def _state_before(event: Mapping[str, Any], by_id: Mapping[int, Mapping[str, Any]]) -> str | None:
    """Return the state that was left, or of which this is the first inside, before an event."""
    while (event := by_id.get(event.get("previousEventId", 0), {})) != {}:
        if name := _state(event):
            return name
    return None


def _failure(event: Mapping[str, Any], by_id: Mapping[int, Mapping[str, Any]]) -> Failure | None:
    for name, details in event.items():
        if name.endswith("EventDetails") and isinstance(details, dict) and "error" in details:
            state = _state_before(event, by_id) or "the execution"
            return Failure(
                event["timestamp"], state, details["error"] or "", details.get("cause") or ""
            )
    return None
