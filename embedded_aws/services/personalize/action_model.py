"""Learns which actions users take, as the recipe Next-Best-Action does, if much more simply.

The score of an action is the likelihood that a user takes it: how often all users took it among
their interactions with it, drawn towards how often this user did. An action has a score only with
50 interactions in which it was taken, and 50 in which it was not, in the last six weeks of data.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from embedded_aws.services.personalize.evaluation import Metrics, cumulative_gain, folds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

EVENT_TYPES = ("TAKEN", "NOT_TAKEN", "VIEWED")  # as `event_type` spells them
_DAY = 24 * 3600.0
_WINDOW = 42 * _DAY
_LEAST = 50  # interactions of either kind, for a score
_PRIOR = 5  # what all users do weighs as much as this number of a user's own interactions
_CUTOFFS = (5, 10, 25)
_LIKELY = 0.5  # a score from which on an action is predicted to be taken


@dataclass(frozen=True)
class Action:
    """One action of the Actions dataset."""

    value: float = 0.0
    expires: float | None = None  # epoch seconds
    repeats_after: float = 0.0  # seconds after a user's last interaction with it


@dataclass(frozen=True)
class Event:
    """One interaction of a user with an action."""

    action: str
    taken: bool
    time: float


Counts = dict[str, tuple[int, int]]  # by action, how often it was taken, and how often it was not
Events = dict[str, list[Event]]  # by user, oldest first


@dataclass(frozen=True)
class ActionModel:
    """The actions that can be recommended, how often they are taken, and who did what."""

    actions: Mapping[str, Action]
    counts: Counts = field(repr=False)  # only of actions that have a score
    events: Events = field(repr=False)
    metrics: Metrics = field(default_factory=dict)

    def recommend(self, user: str, most: int, now: float) -> list[tuple[str, float]]:
        """Return the actions that a user takes most likely, with the likelihood.

        Of equally likely ones the more valuable is first. Expired actions are left out, and those
        with which the user interacted too short a time ago.
        """
        events = self.events.get(user, [])
        last = {event.action: event.time for event in events}
        possible = {
            name: action
            for name, action in self.actions.items()
            if (action.expires is None or action.expires > now)
            and (name not in last or last[name] + action.repeats_after <= now)
        }
        scores = _scores(self.counts, possible, events)
        order = sorted(possible, key=lambda name: (-scores[name], -possible[name].value, name))
        return [(name, round(scores[name], 7)) for name in order[:most]]


def learn_actions(actions: Collection[Path], interactions: Collection[Path]) -> ActionModel:
    """Learn from the files (Parquet) of Actions, and of Action_Interactions if there are any."""
    known, events = known_actions(actions), _events(interactions)
    return ActionModel(known, _counts(events.values()), events, _measure(known, events))


def event_type() -> pl.Expr:
    """Return the column EVENT_TYPE in one spelling: `Not Taken` is NOT_TAKEN."""
    return pl.col("EVENT_TYPE").str.to_uppercase().str.replace_all(" ", "_", literal=True)


def known_actions(files: Collection[Path]) -> dict[str, Action]:
    """Return the actions of files (Parquet), the latest record of each."""
    rows = pl.scan_parquet(list(files)).unique("ACTION_ID", keep="last", maintain_order=True)
    names = rows.collect_schema().names()
    return {
        row["ACTION_ID"]: Action(
            value=float(row.get("VALUE") or 0),
            expires=row.get("EXPIRATION_TIMESTAMP"),
            repeats_after=(row.get("REPEAT_FREQUENCY") or 0) * _DAY,
        )
        for row in rows.select(names).sort("ACTION_ID").collect().iter_rows(named=True)
    }


def _events(files: Collection[Path]) -> Events:
    found: Events = defaultdict(list)
    if files:
        rows = (
            pl.scan_parquet(list(files))
            .filter(event_type().is_in(EVENT_TYPES))
            .select("USER_ID", "ACTION_ID", "TIMESTAMP", taken=event_type() == "TAKEN")
            .unique()
            .sort("USER_ID", "TIMESTAMP", "ACTION_ID", "taken")
        )
        for user, action, time, taken in rows.collect(engine="streaming").iter_rows():
            found[user].append(Event(action, taken, time))
    return dict(found)


def _counts(users: Iterable[list[Event]]) -> Counts:
    everything = [event for events in users for event in events]
    newest = max((event.time for event in everything), default=0.0)
    recent = Counter(
        (event.action, event.taken) for event in everything if event.time >= newest - _WINDOW
    )
    counts = {name: (recent[name, True], recent[name, False]) for name, _ in sorted(recent)}
    return {name: both for name, both in counts.items() if min(both) >= _LEAST}


def _scores(counts: Counts, actions: Collection[str], events: list[Event]) -> dict[str, float]:
    own = Counter((event.action, event.taken) for event in events)
    scores = {}
    for name in actions:
        taken, others = counts.get(name, (0, 0))
        prior = _PRIOR * taken / ((taken + others) or 1)
        total = _PRIOR + own[name, True] + own[name, False]
        scores[name] = (prior + own[name, True]) / total if name in counts else 0.0
    return scores


def _measure(actions: Mapping[str, Action], events: Events) -> Metrics:
    """Return the metrics of GetSolutionMetrics for actions: see `evaluation.folds`."""
    predicted: Counter[str] = Counter()
    right: Counter[str] = Counter()
    real: Counter[str] = Counter()
    judged: list[tuple[float, bool]] = []
    recommended: set[str] = set()
    gains: dict[int, list[float]] = {k: [] for k in _CUTOFFS}
    for fold in folds(events):
        counts = _counts(found for user, found in events.items() if user not in fold.hidden)
        for user, hidden in fold.hidden.items():
            scores = _scores(counts, actions, fold.given[user])
            taken = {event.action for event in hidden if event.taken}
            likely = {name for name, score in scores.items() if score >= _LIKELY}
            predicted.update(likely)
            right.update(likely & taken)
            real.update(taken)
            judged += [(scores[e.action], e.taken) for e in hidden if e.action in scores]
            ranking = sorted(scores, key=lambda name: (-scores[name], -actions[name].value, name))
            recommended.update(ranking[: max(_CUTOFFS)])
            if taken:
                for k, found in gains.items():
                    best = cumulative_gain([True] * min(k, len(taken)))
                    found.append(cumulative_gain([n in taken for n in ranking[:k]]) / best)
    return {
        "area_under_the_curve": _area(judged),
        "coverage": round(len(recommended) / max(len(actions), 1), 4),
        **{
            f"normalized_discounted_cumulative_gain_at_{k}": _mean(found)
            for k, found in gains.items()
        },
        "precision": _mean([right[name] / predicted[name] for name in predicted]),
        "recall": _mean([right[name] / real[name] for name in real]),
    }


def _area(judged: list[tuple[float, bool]]) -> float:
    """Return the share of pairs of a taken and another action in which the taken one scores higher.

    This is the area under the curve; equal scores count half.
    """
    ranks: dict[float, list[int]] = defaultdict(lambda: [0, 0])
    for score, taken in judged:
        ranks[score][taken] += 1
    below, won = 0, 0.0
    for _, (others, wins) in sorted(ranks.items()):
        won += wins * (below + others / 2)
        below += others
    pairs = below * sum(wins for _, wins in ranks.values())
    return round(won / pairs, 4) if pairs else 0.0


def _mean(values: Collection[float]) -> float:
    return round(sum(values) / max(len(values), 1), 4)
