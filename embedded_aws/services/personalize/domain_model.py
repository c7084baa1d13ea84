"""What a recommender has learnt for its use case."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from embedded_aws.services.personalize import training
from embedded_aws.services.personalize.training_rules import EVERYTHING, EventChoice, TrainingRules

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from embedded_aws.services.personalize.recipes import UseCase

_MOST_FILTERED = 100  # interactions of a user and event type, the latest ones


@dataclass(frozen=True)
class DomainModel:
    """A trained model, and which items are left out for which user."""

    use_case: UseCase
    trained: training.Trained
    left_out: Mapping[str, Collection[str]] = field(repr=False)

    def recommend(self, user: str | None, item: str | None, most: int) -> list[tuple[str, float]]:
        """Return the best items for a user or an item, as the use case has it."""
        gone = self.left_out.get(user or "", ())
        wanted = most + len(gone)
        if self.use_case.recommends == "related":
            best = self.trained.related(item or "", wanted)
        elif self.use_case.recommends == "personal":
            best = self.trained.recommend(user or "", wanted)
        else:
            best = self.trained.ranked((), wanted)
        return [(name, score) for name, score in best if name not in gone][:most]


def learn(
    use_case: UseCase,
    files: Collection[Path],
    rules: TrainingRules = EVERYTHING,
) -> tuple[training.TrainingResult, DomainModel | None]:
    """Train on imported interactions (Parquet), of the use case's event type if it has one."""
    chosen = (EventChoice(use_case.event_type),) if use_case.event_type else ()
    result = training.train(files, replace(rules, choices=chosen))
    if not result.trained:
        return result, None
    left_out = _items_by_user(files, use_case.filters) if use_case.filters else {}
    return result, DomainModel(use_case, result.trained, left_out)


def _items_by_user(files: Collection[Path], event_type: str) -> dict[str, frozenset[str]]:
    rows = pl.scan_parquet(list(files)).filter(pl.col("EVENT_TYPE") == event_type)
    latest = (
        rows.sort("USER_ID", "TIMESTAMP", "ITEM_ID")
        .group_by("USER_ID", maintain_order=True)
        .agg(pl.col("ITEM_ID").tail(_MOST_FILTERED))
        .collect(engine="streaming")
    )
    return {user: frozenset(items) for user, items in latest.iter_rows()}
