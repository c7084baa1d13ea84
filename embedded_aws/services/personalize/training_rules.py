"""Which interactions of a dataset are trained on, and whether they suffice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection

LEAST_INTERACTIONS = 1000
LEAST_USERS = 25

Parts = list[pl.LazyFrame]  # interactions, each user's in one of them


@dataclass(frozen=True)
class EventChoice:
    """Interactions that a solution chooses: of an event type, and of a least EVENT_VALUE."""

    event_type: str | None = None
    least_value: float | None = None


@dataclass(frozen=True)
class TrainingRules:
    """Which interactions are trained on, and what a dataset needs for it."""

    choices: tuple[EventChoice, ...] = ()  # those of any of them; without one, all
    most_event_types: int | None = None
    least_share_of_users: float = 0.0  # with at least 2 interactions, of all users


EVERYTHING = TrainingRules()


def too_many_event_types(rows: pl.LazyFrame, most: int | None) -> str | None:
    """Return the failureReason if there are more event types than this."""
    if most is None or "EVENT_TYPE" not in rows.collect_schema().names():
        return None
    found = collect(rows.select(pl.col("EVENT_TYPE").drop_nulls().n_unique())).item()
    if found <= most:
        return None
    return f"Dataset has {found} distinct event types, more than the {most} beside its columns."


def chosen_interactions(rows: pl.LazyFrame, choices: tuple[EventChoice, ...]) -> pl.LazyFrame:
    """Return the interactions of any choice; a column that does not exist has no value."""
    known = rows.collect_schema().names()
    chosen = pl.lit(value=not choices)
    for choice in choices:
        fits = pl.lit(value=True)
        if choice.event_type is not None:
            fits &= _column("EVENT_TYPE", known) == choice.event_type
        if choice.least_value is not None:
            fits &= _column("EVENT_VALUE", known) >= choice.least_value
        chosen |= fits
    return rows.filter(chosen)


def _column(name: str, known: Collection[str]) -> pl.Expr:
    return pl.col(name) if name in known else pl.lit(None)


def too_few_users(parts: Parts, least_share: float) -> str | None:
    """Return the failureReason if too few users have two interactions."""
    by_user = [part.group_by("USER_ID").len() for part in parts]
    users = sum(map(count, by_user))
    frequent = sum(count(each.filter(pl.col("len") > 1)) for each in by_user)
    if frequent < LEAST_USERS:
        return f"Dataset has fewer than {LEAST_USERS} users with at least 2 interactions each."
    if frequent < least_share * users:
        return (
            f"Dataset has fewer than {least_share:.0%} of users with at least 2 interactions each."
        )
    return None


def too_few_interactions(rules: TrainingRules) -> str:
    """Return the failureReason of too few interactions."""
    reason = f"Dataset has fewer than {LEAST_INTERACTIONS} interactions after filtering"
    kinds = [choice.event_type for choice in rules.choices if choice.event_type is not None]
    return f"{reason} by event type: {', '.join(kinds)}" if kinds else f"{reason}."


def count(rows: pl.LazyFrame) -> int:
    """Return the number of rows."""
    return int(collect(rows.select(pl.len())).item())


def collect(frame: pl.LazyFrame) -> Any:
    """Return the rows of a frame, computed as a stream."""
    return frame.collect(engine="streaming")
