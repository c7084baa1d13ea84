"""How many events and transitions an execution can write at the worst.

AWS ends an execution at its 25,000th history event. The bound follows from the definition: every
state once, every retry used up, every loop as often as the settings let it go round. A loop that
passes no Wait has no bound, and is an error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from typing import TYPE_CHECKING, Any

from stacks.definition import HOUR, MOST_CLAIMS, definition, refresh_values
from stacks.plan import BATCH
from stacks.refresh_settings import Recommender
from stacks.rounds import (
    TRAINING_ROUNDS,
    bake_period,
    bake_seconds,
    import_rounds,
    most_datasets,
    steady_rounds,
    tried,
    update_rounds,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stacks.settings import Environment
    from stacks.stage_settings import Stage

MOST_EVENTS = 24_000  # of AWS's 25,000

# What AWS writes to the history for one visit of a state, and for each retry of a task.
EVENTS = {"Task": 5, "Parallel": 4, "Map": 4, "Fail": 1}
EVENTS_OTHERWISE = 2
EVENTS_OF_RETRY = 3
EVENTS_OF_ITERATION = 2
EVENTS_OF_EXECUTION = 2


class UnboundedLoop(Exception):
    """States that may follow each other forever without time passing."""


@dataclass(frozen=True)
class Worst:
    """The most that an execution can write; transitions are what AWS bills."""

    events: int = 0
    transitions: int = 0

    def __add__(self, other: Worst) -> Worst:
        return Worst(self.events + other.events, self.transitions + other.transitions)

    def times(self, count: int) -> Worst:
        """Return what so many of these write."""
        return Worst(self.events * count, self.transitions * count)


def worst_case(machine: dict[str, Any], rounds: Mapping[str, int], items: int) -> Worst:
    """Return the worst case of an execution.

    `rounds` tells how often each Wait state may be passed, by its name; `items` how many iterations
    a Map has. Raises UnboundedLoop, and KeyError for a Wait whose rounds are not known.
    """
    return Worst(events=EVENTS_OF_EXECUTION) + _scope(machine["States"], rounds, items)


def polls(stage: Stage, rounds_per_elapsed: int) -> int:
    """Return how often a stage is looked at if it lasts to its time limit."""
    return _rounds(
        stage.time_limit_hours * HOUR,
        stage.shortest_wait_seconds,
        stage.longest_wait_seconds,
        fraction=rounds_per_elapsed,
    )


def queue_rounds(hours: int, steady: int) -> int:
    """Return how often a task asks for its turn in a quota's queue (wait_in_queue, shared.yaml)."""
    waited, count = 0, 0
    while waited < hours * HOUR:
        waited += max(30, min(HOUR, int(30 * 2 ** ((count - steady) / 5))))
        count += 1
    return count


def rounds_of_refresh(environment: Environment, *, recommender: bool = False) -> dict[str, int]:
    """Return how often each Wait of a campaign's refresh may be passed, or of a recommender's."""
    longest = refresh_values(environment)["longest_wait_for_owner_seconds"]
    stages, steady = environment.stages, steady_rounds(environment)
    updates = polls(stages.campaign_update, update_rounds(environment))
    campaign = {
        "Wait for training slot": queue_rounds(stages.solution_version.queue_hours, steady),
        "Wait for training": polls(stages.solution_version, TRAINING_ROUNDS),
        "Wait for update": updates,
        "Wait for update (rollback)": updates if tried(environment) else 0,
        "Wait in bake time": max(
            (2 * math.ceil(bake_seconds(c) / bake_period(c)) for c in environment.campaigns),
            default=0,
        ),
    }
    own = {"Wait for recommender": polls(stages.recommender_update, TRAINING_ROUNDS)}
    taken, left = (own, campaign) if recommender else (campaign, own)
    return {
        "Wait for owner": _rounds(longest, 60, 14_400, fraction=12),
        "Look again": MOST_CLAIMS,
        "Wait for import slot": queue_rounds(stages.dataset_import.queue_hours, steady),
        "Wait for import": polls(stages.dataset_import, import_rounds(environment)),
        **taken,
        **dict.fromkeys(left, 0),
    }


def worst_cases(environment: Environment) -> dict[str, Worst]:
    """Return the worst case of each workflow of an environment, by its file."""
    datasets = most_datasets(environment)
    refresh = definition("refresh.asl.yaml", refresh_values(environment))
    return {
        "dispatch.asl.yaml": worst_case(
            definition("dispatch.asl.yaml", {}),
            {"Wait for next batch": math.ceil(len(environment.entries) / BATCH) - 1},
            min(BATCH, len(environment.entries)),
        ),
        "refresh.asl.yaml": max(
            (
                worst_case(
                    refresh, rounds_of_refresh(environment, recommender=recommender), datasets
                )
                for recommender in _kinds(environment)
            ),
            key=lambda worst: worst.events,
        ),
    }


def bound_problems(environment: Environment) -> list[str]:
    """Return, in words, which settings could let an execution outgrow its history."""
    worst = worst_cases(environment)
    problems = []
    if (events := worst["dispatch.asl.yaml"].events) > MOST_EVENTS:
        problems.append(
            f"refreshes: to start {len(environment.entries)} campaigns may write {events:,} "
            f"events, and AWS ends an execution at 25,000 (more than {MOST_EVENTS:,} are refused); "
            "divide the campaigns between two environments"
        )
    if (events := worst["refresh.asl.yaml"].events) > MOST_EVENTS:
        waits = {
            "dataset_import": "Wait for import",
            "solution_version": "Wait for training",
            "campaign_update": "Wait for update",
            "recommender_update": "Wait for recommender",
        }
        rounds = [rounds_of_refresh(environment, recommender=r) for r in _kinds(environment)]
        longest = max(waits, key=lambda stage: max(r[waits[stage]] for r in rounds))
        problems.append(
            f"stages.{longest}: waited for and polled to the limits, a refresh may write "
            f"{events:,} events, and AWS ends an execution at 25,000 (more than {MOST_EVENTS:,} "
            "are refused); "
            "raise longest_wait_seconds, or lower time_limit_hours, patience_hours or queue_hours"
        )
    return problems


def _kinds(environment: Environment) -> set[bool]:
    """Return of what there are refreshes: of campaigns (False), of recommenders (True)."""
    return {isinstance(entry, Recommender) for entry in environment.entries}


def _rounds(limit: int, shortest: int, longest: int, *, fraction: int) -> int:
    elapsed, count = 0, 0
    while elapsed < limit:
        elapsed += min(longest, max(shortest, elapsed // fraction))
        count += 1
    return count


def _scope(states: dict[str, Any], rounds: Mapping[str, int], items: int) -> Worst:
    """Return the worst case of the states of one machine, branch or iteration."""
    follows = {name: set(_targets(state)) for name, state in states.items()}
    waits = {name for name, state in states.items() if state["Type"] == "Wait"}
    try:
        TopologicalSorter({n: f - waits for n, f in follows.items() if n not in waits}).prepare()
    except CycleError as error:
        raise UnboundedLoop(" → ".join(error.args[1])) from error
    total = Worst()
    for name, state in states.items():
        visits = 1 + _most_returns(name, follows, {wait: rounds[wait] for wait in waits})
        total += _visit(state, rounds, items).times(visits)
    return total


def _most_returns(name: str, follows: Mapping[str, set[str]], rounds: Mapping[str, int]) -> int:
    """Return how often a state may come again: as often as the Waits on its every way back to it.

    Of several sets of Waits that cut all these ways, the one with the fewest rounds counts.
    """
    return min(
        sum(rounds[wait] for wait in cut)
        for size in range(len(rounds) + 1)
        for cut in combinations(rounds, size)
        if name in cut or name not in _reached(name, follows, without=set(cut))
    )


def _visit(state: dict[str, Any], rounds: Mapping[str, int], items: int) -> Worst:
    retries = sum(retry["MaxAttempts"] for retry in state.get("Retry", []))
    worst = Worst(
        EVENTS.get(state["Type"], EVENTS_OTHERWISE) + EVENTS_OF_RETRY * retries, 1 + retries
    )
    for branch in state.get("Branches", []):
        worst += _scope(branch["States"], rounds, items)
    if "ItemProcessor" in state:
        iteration = Worst(events=EVENTS_OF_ITERATION)
        iteration += _scope(state["ItemProcessor"]["States"], rounds, items)
        worst += iteration.times(items)
    return worst


def _targets(state: dict[str, Any]) -> Iterator[str]:
    yield from (choice["Next"] for choice in state.get("Choices", []))
    yield from (catch["Next"] for catch in state.get("Catch", []))
    yield from (state[key] for key in ("Default", "Next") if key in state)


def _reached(start: str, follows: Mapping[str, set[str]], *, without: set[str]) -> set[str]:
    """Return the states that may come after one, itself only if a loop leads back to it."""
    found: set[str] = set()
    left = [start]
    while left:
        new = follows[left.pop()] - found - without
        found |= new
        left += new
    return found
