"""A stand-in for Semantic-Similarity: items are similar as far as their texts share words."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from embedded_aws.services.personalize.avro import Column
    from embedded_aws.services.personalize.resources import Dataset


@dataclass(frozen=True)
class SemanticModel:
    """The words of each item."""

    words: Mapping[str, frozenset[str]]

    def related(self, item: str, most: int) -> list[tuple[str, float]]:
        """Return the items with similar texts, the most similar first; none for unknown items."""
        own = self.words.get(item)
        if own is None:
            return []
        scores = {
            other: round(len(own & words) / math.sqrt(len(own) * len(words) or 1), 7)
            for other, words in self.words.items()
            if other != item
        }
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def text_columns(columns: Mapping[str, Column]) -> list[str]:
    """Return the fields that are compared: names and textual ones; none if one kind is missing."""
    names = [name for name, column in columns.items() if column.item_name]
    textual = [name for name, column in columns.items() if column.textual]
    return [*names, *textual] if names and textual else []


def learn_texts(items: Dataset, until: float) -> SemanticModel:
    """Learn from the items that came until a time; later records of an item replace earlier."""
    rows: dict[str, Any] = {}
    for path in items.files:
        if items.came.get(path, until) <= until:
            for row in pl.scan_parquet(path).collect().iter_rows(named=True):
                rows[row["ITEM_ID"]] = row
    rows |= {row["ITEM_ID"]: row for at, row in items.streamed if at <= until}
    columns = text_columns(items.schema.columns)
    return SemanticModel({item: _words(row.get(c) for c in columns) for item, row in rows.items()})


def _words(texts: Iterable[str | None]) -> frozenset[str]:
    return frozenset(word for text in texts for word in re.findall(r"\w+", (text or "").lower()))
