"""Measures a recommender on interactions that were hidden from it, with Personalize's metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Metrics = dict[str, float]
_CUTOFFS = (5, 10, 25)
_TESTED_SHARE = 10  # every tenth user is tested
_MOST_TESTED = 2000


class Recommender(Protocol):
    """A recommender that can be measured."""

    @property
    def items(self) -> Mapping[str, float]:
        """All items that it knows."""
        ...

    def ranked(self, had: Sequence[str], most: int) -> list[tuple[str, float]]:
        """Return the best items, and their scores, for a user who had these."""
        ...


def split(history: Mapping[str, list[str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Hide the latest tenth, at least one, of every tenth user's items.

    Returns what the model may see, and what it has to predict. The choice depends only on the
    order of the users, which is the order of their IDs.
    """
    eligible = [user for user, items in history.items() if len(items) > 1]
    tested = eligible[:: max(_TESTED_SHARE, len(eligible) // _MOST_TESTED)]
    hidden = {user: history[user][-math.ceil(len(history[user]) / 10) :] for user in tested}
    shown = {
        user: items[: len(items) - len(hidden.get(user, ()))] for user, items in history.items()
    }
    return shown, hidden


def measure(
    model: Recommender, shown: Mapping[str, list[str]], hidden: Mapping[str, list[str]]
) -> Metrics:
    """Return the metrics of GetSolutionMetrics, each between 0 and 1.

    `coverage` is the share of all items that were recommended to any tested user; the others are
    means over the tested users.
    """
    recommended: set[str] = set()
    sums = dict.fromkeys(_names(), 0.0)
    for user, wanted in hidden.items():
        ranking = [item for item, _ in model.ranked(shown[user], max(_CUTOFFS))]
        recommended.update(ranking)
        for name, value in zip(_names(), _values(ranking, set(wanted)), strict=True):
            sums[name] += value
    everything = set(model.items).union(*hidden.values())
    metrics = {name: round(total / max(len(hidden), 1), 4) for name, total in sums.items()}
    return {"coverage": round(len(recommended) / max(len(everything), 1), 4)} | metrics


def _names() -> list[str]:
    return [
        "mean_reciprocal_rank_at_25",
        *(f"normalized_discounted_cumulative_gain_at_{k}" for k in _CUTOFFS),
        *(f"precision_at_{k}" for k in _CUTOFFS),
    ]


def _values(ranking: Sequence[str], wanted: set[str]) -> list[float]:
    hits = [item in wanted for item in ranking]
    first = next((1 / rank for rank, hit in enumerate(hits, 1) if hit), 0.0)
    return [
        first,
        *(_gain(hits[:k]) / _gain([True] * min(k, len(wanted))) for k in _CUTOFFS),
        *(sum(hits[:k]) / k for k in _CUTOFFS),
    ]


def _gain(hits: Sequence[bool]) -> float:
    return sum(1 / math.log2(rank + 1) for rank, hit in enumerate(hits, 1) if hit)
