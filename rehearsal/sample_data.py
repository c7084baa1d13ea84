"""A fashion marketplace's customer behaviour, made from a seed.

Every file is an Interactions dataset's CSV (USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE), oldest first,
and cumulative: it holds every week up to its own.
"""

from __future__ import annotations

import csv
import json
import random
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = ("USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_TYPE")
SCHEMA = json.dumps(
    {
        "type": "record",
        "name": "Interactions",
        "namespace": "com.amazonaws.personalize.schema",
        "fields": [
            {"name": "USER_ID", "type": "string"},
            {"name": "ITEM_ID", "type": "string"},
            {"name": "TIMESTAMP", "type": "long"},
            {"name": "EVENT_TYPE", "type": "string"},
        ],
        "version": "1.0",
    }
)
_SEED = 2009  # the year and month of the article's season: its items are P2009-…
_USERS = 300
_ITEMS = 120
_STYLES = 6  # customers prefer one of them; an item belongs to one
_WEEKS = 8
_EVENTS_A_WEEK = 1000
_FAITHFUL = 0.8  # the share of events within the customer's own style
_NEW_ITEMS = tuple(f"P2010-{number:04}" for number in range(1, 6))
_NEW_ITEMS_SHARE = 0.25  # of the events in the week in which they appear
_EVENT_TYPES = ("view", "view", "view", "like", "cart", "purchase")
_WEEK = timedelta(days=7)


def new_items() -> tuple[str, ...]:
    """Return the items that appear in the newest week of a file with new items."""
    return _NEW_ITEMS


def write_week(
    path: Path, *, week_ending: date, new_items: bool, weeks: int = _WEEKS, seed: int = _SEED
) -> int:
    """Write all behaviour up to the end of a day (UTC), and return the number of events.

    The file holds `weeks` weeks; with `new_items`, some items appear in the last of them and are
    popular at once; another seed makes another shop. The same arguments write the same bytes, and
    the weeks that two files share are the same in both: this week's file is last week's with
    `week_ending` seven days later and `weeks` one higher.
    """
    end = datetime.combine(week_ending, time.max, UTC).replace(microsecond=0)
    events = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for back in reversed(range(weeks)):
            fresh = _NEW_ITEMS if new_items and not back else ()
            for row in _week(end - back * _WEEK, fresh, seed):
                writer.writerow(row)
                events += 1
    return events


def _week(end: datetime, fresh: tuple[str, ...], seed: int) -> Iterator[tuple[str, str, int, str]]:
    """Make one week's events, oldest first; the week's own seed keeps it the same in every file."""
    chance = random.Random(f"{seed}-{end:%Y-%m-%d}")  # noqa: S311 - data, not a secret
    catalogue = [f"P2009-{number:04}" for number in range(1, _ITEMS + 1)]
    seconds = sorted(chance.randrange(int(_WEEK.total_seconds())) for _ in range(_EVENTS_A_WEEK))
    for ago in reversed(seconds):
        # Squaring makes a few customers and items frequent and most of them rare.
        user = int(_USERS * chance.random() ** 2)
        if fresh and chance.random() < _NEW_ITEMS_SHARE:
            item = fresh[int(len(fresh) * chance.random() ** 2)]
        else:
            style = user % _STYLES if chance.random() < _FAITHFUL else chance.randrange(_STYLES)
            shelf = catalogue[style::_STYLES]
            item = shelf[int(len(shelf) * chance.random() ** 2)]
        moment = int(end.timestamp()) - ago
        yield f"U{user + 1:05}", item, moment, chance.choice(_EVENT_TYPES)
