"""Measures a recommender on interactions that were hidden from it, with Personalize's metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Metrics = dict[str, float]
T = TypeVar("T")
_CUTOFFS = (5, 10, 25)
_TENTHS = 10
_ENOUGH_TESTED = 2000  # users


class Recommender(Protocol):
    """A recommender that can be measured."""

    @property
    def items(self) -> Mapping[str, float]:
        """All items that it knows."""
        ...

    def ranked(self, had: Sequence[str], most: int) -> list[tuple[str, float]]:
        """Return the best items, and their scores, for a user who had these."""
        ...


@dataclass(frozen=True)
class Fold(Generic[T]):
    """Users who are tested with a model that was trained on all others, and what they had."""

    given: Mapping[str, list[T]]  # what the model is given of each: the oldest
    hidden: Mapping[str, list[T]]  # what it has to predict: the newest tenth, at least one


def folds(history: Mapping[str, list[T]]) -> list[Fold[T]]:
    """Choose whom to test: a tenth of the users at a time, and as many tenths as are needed.

    With few users a tenth is too few for metrics that can be compared: then every user is tested,
    each with a model that has not seen them. The choice depends only on the order of the users,
    which is the order of their IDs.
    """
    eligible = [user for user, items in history.items() if len(items) > 1]
    step = max(_TENTHS, len(eligible) // _ENOUGH_TESTED)
    wanted = math.ceil(_ENOUGH_TESTED * step / max(len(eligible), 1))
    return [_fold(history, eligible[first::step]) for first in range(min(_TENTHS, wanted))]


def _fold(history: Mapping[str, list[T]], tested: Sequence[str]) -> Fold[T]:
    hidden = {user: history[user][-math.ceil(len(history[user]) / 10) :] for user in tested}
    given = {user: history[user][: -len(items)] for user, items in hidden.items()}
    return Fold(given, hidden)


def measure(tests: Iterable[tuple[Recommender, Fold[str]]]) -> Metrics:
    """Return the metrics of GetSolutionMetrics, each between 0 and 1.

    `coverage` is the share of all items that a model recommended to any of its tested users, on
    average over the models; the others are means over the tested users.
    """
    coverages, users = [], 0
    sums = dict.fromkeys(_names(), 0.0)
    for model, fold in tests:
        recommended: set[str] = set()
        for user, wanted in fold.hidden.items():
            ranking = [item for item, _ in model.ranked(fold.given[user], max(_CUTOFFS))]
            recommended.update(ranking)
            for name, value in zip(_names(), _values(ranking, set(wanted)), strict=True):
                sums[name] += value
        users += len(fold.hidden)
        everything = set(model.items).union(*fold.hidden.values())
        coverages.append(len(recommended) / max(len(everything), 1))
    metrics = {name: round(total / max(users, 1), 4) for name, total in sums.items()}
    return {"coverage": round(sum(coverages) / max(len(coverages), 1), 4)} | metrics


def _names() -> list[str]:
    return [
        "mean_reciprocal_rank_at_25",
        *(f"normalized_discounted_cumulative_gain_at_{k}" for k in _CUTOFFS),
        *(f"precision_at_{k}" for k in _CUTOFFS),
    ]


def _values(ranking: Sequence[str], wanted: set[str]) -> list[float]:
    hits = [item in wanted for item in ranking]
    perfect = [True] * len(wanted)
    first = next((1 / rank for rank, hit in enumerate(hits, 1) if hit), 0.0)
    return [
        first,
        *(cumulative_gain(hits[:k]) / cumulative_gain(perfect[:k]) for k in _CUTOFFS),
        *(sum(hits[:k]) / k for k in _CUTOFFS),
    ]


def cumulative_gain(hits: Sequence[bool]) -> float:
    """Return the discounted cumulative gain of a ranking, of which each place is a hit or not."""
    return sum(1 / math.log2(rank + 1) for rank, hit in enumerate(hits, 1) if hit)
