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
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import polars as pl

from embedded_aws.services.personalize.evaluation import Metrics, measure, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LEAST_INTERACTIONS = 1000
LEAST_USERS = 25
_HALF_LIFE = 14 * 24 * 3600.0
_ROWS_AT_ONCE = 2_000_000  # processed together, of users chosen by hash
_LATEST_ITEMS = 50  # kept for each user
_PAIRED_ITEMS = 20  # of these, how many are paired with each other
_PAIRED_USERS = 20_000  # with more users, a sample of them decides which items are related
_NEIGHBOURS = 50  # kept for each item
_REMEMBERED_BYTES = 4_000_000  # of the files of a training whose result is kept
_REMEMBERED_RESULTS = 16
_POPULARITY_WEIGHT = 0.05  # compared with a neighbour, whose weight is at most 1

History = dict[str, list[str]]  # by user, items in the order of their last interaction


@dataclass(frozen=True)
class Trained:
    """A model: which items are popular, which are related, and which each user had."""

    items: dict[str, float]  # popularity, between 0 and 1, most popular first
    neighbours: dict[str, list[tuple[str, float]]] = field(repr=False)
    history: History = field(repr=False)
    metrics: Metrics = field(default_factory=dict)

    def recommend(self, user: str, most: int) -> list[tuple[str, float]]:
        """Return the best items for a user, best first, with their share of all scores.

        Items that the user has interacted with come last, so that they appear only when nothing
        else is left; unknown users get popular items, and unknown items never appear.
        """
        return self.ranked(self.history.get(user, []), most)

    def ranked(self, had: Sequence[str], most: int) -> list[tuple[str, float]]:
        """Return the best items for a user who had these, oldest first."""
        weights = [(item, 1 / (1 + age)) for age, item in enumerate(reversed(had))]
        return self._best(weights, most, last=set(had))

    def related(self, item: str, most: int) -> list[tuple[str, float]]:
        """Return the items related to this one, then popular ones, and the item itself last."""
        return self._best([(item, 1.0)], most, last={item})

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
        order = sorted(scores, key=lambda item: (item in last, -scores[item], item))
        return [(item, round(scores[item] / total, 7)) for item in order[:most]]

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


_remembered: dict[tuple[bytes, str | None], TrainingResult] = {}  # by the data's hash


def train(files: Iterable[Path], *, event_type: str | None = None) -> TrainingResult:
    """Train on imported interactions (Parquet), of one event type if one is given.

    Tests and rehearsals train on the same few files again and again: results of such small ones
    are kept.
    """
    paths = list(files)
    if not paths:
        return TrainingResult(0, failure=_too_few(event_type))
    if sum(path.stat().st_size for path in paths) > _REMEMBERED_BYTES:
        return _train(paths, event_type)
    data = hashlib.sha256()
    for path in paths:
        data.update(hashlib.sha256(path.read_bytes()).digest())
    key = (data.digest(), event_type)
    if key not in _remembered:
        while len(_remembered) >= _REMEMBERED_RESULTS:
            _remembered.pop(next(iter(_remembered)), None)
        _remembered[key] = _train(paths, event_type)
    return _remembered[key]


def _train(paths: list[Path], event_type: str | None) -> TrainingResult:
    rows = pl.scan_parquet(paths)
    if event_type is not None:
        if "EVENT_TYPE" not in rows.collect_schema().names():
            return TrainingResult(0, failure=_too_few(event_type))
        rows = rows.filter(pl.col("EVENT_TYPE") == event_type)
    count = int(_collect(rows.select(pl.len())).item())
    if count < LEAST_INTERACTIONS:
        return TrainingResult(count, failure=_too_few(event_type))
    per_user = rows.group_by("USER_ID").len().filter(pl.col("len") > 1)
    if _collect(per_user.select(pl.len())).item() < LEAST_USERS:
        return TrainingResult(
            count,
            failure=(
                f"Dataset has fewer than {LEAST_USERS} users with at least 2 interactions each."
            ),
        )
    history = _history(rows, count)
    shown, hidden = split(history)
    tested = Trained(_popularity(rows, hidden), _neighbours(shown), shown)
    metrics = measure(tested, shown, hidden)
    return TrainingResult(
        count, Trained(_popularity(rows, {}), _neighbours(history), history, metrics)
    )


def _too_few(event_type: str | None) -> str:
    reason = f"Dataset has fewer than {LEAST_INTERACTIONS} interactions after filtering"
    return f"{reason} by event type: {event_type}" if event_type else f"{reason}."


def _history(rows: pl.LazyFrame, count: int) -> History:
    same: dict[str, str] = {}  # one object for all occurrences of an item
    found: History = {}
    parts = 1 + count // _ROWS_AT_ONCE
    for part in range(parts):
        some = rows.filter(pl.col("USER_ID").hash() % parts == part) if parts > 1 else rows
        last = some.group_by("USER_ID", "ITEM_ID").agg(pl.col("TIMESTAMP").max())
        latest = _collect(
            last.sort("USER_ID", "TIMESTAMP", "ITEM_ID")
            .group_by("USER_ID", maintain_order=True)
            .agg(pl.col("ITEM_ID").tail(_LATEST_ITEMS))
        )
        for user, items in latest.iter_rows():
            found[user] = [same.setdefault(item, item) for item in items]
    return dict(sorted(found.items()))


def _popularity(rows: pl.LazyFrame, hidden: History) -> dict[str, float]:
    """Return each item's popularity, leaving out what is hidden from the model."""
    if hidden:
        pairs = [(user, item) for user, items in hidden.items() for item in items]
        left_out = pl.LazyFrame(pairs, schema=["USER_ID", "ITEM_ID"], orient="row")
        rows = rows.join(left_out, on=["USER_ID", "ITEM_ID"], how="anti")
    newest = _collect(rows.select(pl.col("TIMESTAMP").max())).item()
    # Whole numbers, so that the sum does not depend on the order in which threads add it up.
    weight = (2.0 ** ((pl.col("TIMESTAMP") - newest) / _HALF_LIFE) * 1e6).round().cast(pl.Int64)
    counted = _collect(rows.group_by("ITEM_ID").agg(weight.sum().alias("weight")))
    ordered = counted.sort(["weight", "ITEM_ID"], descending=[True, False])
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
    for item, other, close in _collect(pairs).iter_rows():
        found.setdefault(item, []).append((other, close))
    return found


def _collect(frame: pl.LazyFrame) -> Any:
    return frame.collect(engine="streaming")
