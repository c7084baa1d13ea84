"""Trains a small recommender on the imported data: popular items and related items.

An item's popularity is the sum of its interactions; the weight of an interaction halves with every
two weeks that it is older than the newest one. Two items are related as far as the same users
interacted with both (cosine of co-occurrence). A user is recommended the items that are related to
their latest items, then popular items. The result depends only on the data.

Memory holds, per user, the latest items, and per item its neighbours; the interactions themselves
are read as streams.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from embedded_aws.services.personalize.evaluation import Metrics, folds, measure
from embedded_aws.services.personalize.training_rules import (
    EVERYTHING,
    LEAST_INTERACTIONS,
    Parts,
    TrainingRules,
    chosen_interactions,
    collect,
    count,
    too_few_interactions,
    too_few_users,
    too_many_event_types,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

_HALF_LIFE = 14 * 24 * 3600.0
_ROWS_AT_ONCE = 2_000_000  # processed together, of users chosen by hash
_KEPT_BYTES = 2_000_000  # of data whose training is not repeated
_LATEST_ITEMS = 50  # kept for each user
_PAIRED_ITEMS = 20  # of these, how many are paired with each other
_PAIRED_USERS = 20_000  # with more users, a sample of them decides which items are related
_NEIGHBOURS = 50  # kept for each item
_POPULARITY_WEIGHT = 0.05  # compared with a neighbour, whose weight is at most 1

History = dict[str, list[str]]  # by user, items in the order of their last interaction


@dataclass(frozen=True)
class Trained:
    """A model: which items are popular, which are related, and which each user had."""

    items: dict[str, float]  # popularity, between 0 and 1, most popular first
    neighbours: dict[str, list[tuple[str, float]]] = field(repr=False)
    history: History = field(repr=False)
    metrics: Metrics = field(default_factory=dict)

    def recommend(self, user: str, most: int, since: Sequence[str] = ()) -> list[tuple[str, float]]:
        """Return the best items for a user, best first, with their share of all scores.

        Items that the user has interacted with come last, so that they appear only when nothing
        else is left; unknown users get popular items, and unknown items never appear. `since` has
        the items of the user's interactions after the training, oldest first.
        """
        latest = list(dict.fromkeys(item for item in reversed(since) if item in self.items))[::-1]
        earlier = [item for item in self.history.get(user, []) if item not in latest]
        return self.ranked([*earlier, *latest], most)

    def ranked(self, had: Sequence[str], most: int) -> list[tuple[str, float]]:
        """Return the best items for a user who had these, oldest first."""
        weights = [(item, 1 / (1 + age)) for age, item in enumerate(reversed(had))]
        return self._best(weights, most, last=set(had))

    def related(self, item: str, most: int) -> list[tuple[str, float]]:
        """Return the items related to this one, then popular ones, and the item itself last."""
        return self._best([(item, 1.0)], most, last={item})

    def rank(
        self, user: str, items: Sequence[str], since: Sequence[str] = ()
    ) -> list[tuple[str, float]]:
        """Return these items, best first for a user; those that are not known come last."""
        score = dict(self.recommend(user, len(self.items), since))
        order = sorted(dict.fromkeys(items), key=lambda item: -score.get(item, -1.0))
        known = [score.get(item, 0.0) for item in order]
        total = sum(known) or 1.0
        return [(item, round(s / total, 7)) for item, s in zip(order, known, strict=True)]

    def _best(
        self, weights: Iterable[tuple[str, float]], most: int, *, last: set[str]
    ) -> list[tuple[str, float]]:
        close: dict[str, float] = {}
        for item, weight in weights:
            for other, closeness in self.neighbours.get(item, ()):
                close[other] = close.get(other, 0.0) + weight * closeness
        # Of the items that are only popular, no more than these can be among the best.
        popular = islice(self.items, most + len(last) + len(close))
        scores = {
            item: close.get(item, 0.0) + _POPULARITY_WEIGHT * self.items[item]
            for item in (*close, *popular)
        }
        total = sum(close.values()) + _POPULARITY_WEIGHT * self.total_popularity
        order = sorted((item in last, -score, item) for item, score in scores.items())[:most]
        return [(item, round(-negative / total, 7)) for _, negative, item in order]

    @cached_property
    def total_popularity(self) -> float:
        """The sum of all items' popularity."""
        return sum(self.items.values())


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended: a model, or the failureReason."""

    interactions: int
    trained: Trained | None = None
    failure: str | None = None


def train(files: Iterable[Path], rules: TrainingRules = EVERYTHING) -> TrainingResult:
    """Train on imported interactions (Parquet).

    The same small data is trained on once in a process, since its result is the same.
    """
    paths = tuple(files)
    if not paths:
        return TrainingResult(0, failure=too_few_interactions(rules))
    if sum(path.stat().st_size for path in paths) > _KEPT_BYTES:
        return _train(paths, rules)
    content = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).digest()
    return _train_once(_SmallData(content, paths), rules)


@dataclass(frozen=True)
class _SmallData:
    content: bytes  # its hash
    paths: tuple[Path, ...] = field(compare=False)


@lru_cache(maxsize=8)
def _train_once(data: _SmallData, rules: TrainingRules) -> TrainingResult:
    return _train(data.paths, rules)


def _train(paths: tuple[Path, ...], rules: TrainingRules) -> TrainingResult:
    rows = pl.scan_parquet(list(paths))
    if failure := too_many_event_types(rows, rules.most_event_types):
        return TrainingResult(0, failure=failure)
    parts = _parts(chosen_interactions(rows, rules.choices))
    interactions = sum(count(part) for part in parts)
    if interactions < LEAST_INTERACTIONS:
        return TrainingResult(interactions, failure=too_few_interactions(rules))
    if failure := too_few_users(parts, rules.least_share_of_users):
        return TrainingResult(interactions, failure=failure)
    history = _history(parts)
    metrics = measure((_model(parts, history, fold.hidden), fold) for fold in folds(history))
    return TrainingResult(interactions, replace(_model(parts, history), metrics=metrics))


def _model(parts: Parts, history: History, without: Collection[str] = ()) -> Trained:
    """Learn from all users but those `without` whom the model is to be tested."""
    if not without:
        return Trained(_popularity(parts), _neighbours(history), history)
    seen = {user: items for user, items in history.items() if user not in without}
    tested = pl.Series(list(without), dtype=pl.String).implode()
    others = [part.filter(~pl.col("USER_ID").is_in(tested)) for part in parts]
    return Trained(_popularity(others), _neighbours(seen), seen)


def _parts(rows: pl.LazyFrame) -> Parts:
    """Divide the interactions by their users, with each of several equal ones once.

    Personalize keeps only one of two events with the same timestamp and identical properties.
    """
    parts = 1 + count(rows) // _ROWS_AT_ONCE
    if parts == 1:
        return [collect(rows.unique()).lazy()]
    return [rows.filter(pl.col("USER_ID").hash() % parts == part).unique() for part in range(parts)]


def _history(parts: Parts) -> History:
    same: dict[str, str] = {}  # one object for all occurrences of an item
    found: History = {}
    for part in parts:
        last = part.group_by("USER_ID", "ITEM_ID").agg(pl.col("TIMESTAMP").max())
        latest = collect(
            last.sort("USER_ID", "TIMESTAMP", "ITEM_ID")
            .group_by("USER_ID", maintain_order=True)
            .agg(pl.col("ITEM_ID").tail(_LATEST_ITEMS))
        )
        for user, items in latest.iter_rows():
            found[user] = [same.setdefault(item, item) for item in items]
    return dict(sorted(found.items()))


def _popularity(parts: Parts) -> dict[str, float]:
    newest = max(collect(part.select(pl.col("TIMESTAMP").max())).item() for part in parts)
    # Whole numbers, so that the sum does not depend on the order in which threads add it up.
    weight = (2.0 ** ((pl.col("TIMESTAMP") - newest) / _HALF_LIFE) * 1e6).round().cast(pl.Int64)
    counted = pl.concat(
        collect(part.group_by("ITEM_ID").agg(weight.sum().alias("weight"))) for part in parts
    )
    summed = counted.group_by("ITEM_ID").sum()
    ordered = summed.sort(["weight", "ITEM_ID"], descending=[True, False])
    most = max(int(ordered["weight"][0]), 1)
    return {str(item): weight / most for item, weight in ordered.iter_rows()}


def _neighbours(history: History) -> dict[str, list[tuple[str, float]]]:
    users = list(history.items())
    users = users[:: 1 + len(users) // _PAIRED_USERS]
    flat = [(n, item) for n, (_, items) in enumerate(users) for item in items[-_PAIRED_ITEMS:]]
    had = pl.LazyFrame(flat, schema={"user": pl.Int64, "item": pl.String}, orient="row")
    counts = had.group_by("item").len("users")
    closeness = pl.col("both") / (pl.col("users") * pl.col("users_other")).sqrt()
    pairs = (
        had.join(had, on="user", suffix="_other")
        .filter(pl.col("item") != pl.col("item_other"))
        .group_by("item", "item_other")
        .len("both")
        .filter(pl.col("both") > 1)
        .join(counts, on="item")
        .join(counts, left_on="item_other", right_on="item", suffix="_other")
        .select("item", "item_other", closeness=closeness)
        .sort(["item", "closeness", "item_other"], descending=[False, True, False])
        .group_by("item", maintain_order=True)
        .head(_NEIGHBOURS)
    )
    found: dict[str, list[tuple[str, float]]] = {}
    for item, other, close in collect(pairs).iter_rows():
        found.setdefault(item, []).append((other, close))
    return found
