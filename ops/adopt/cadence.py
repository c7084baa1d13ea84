"""A cron schedule in words, and how far apart its times are; pure functions.

The schedules are EventBridge's six fields, in UTC: Sunday is 1.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from stacks.rules import CRON, cron_numbers

HOUR, DAY, WEEK = 60, 24 * 60, 7 * 24 * 60  # minutes
MONTH = (28 * DAY, 31 * DAY)
FIRST_DAY, DAYS_LOOKED_AT = date(2024, 1, 1), 2 * 366  # any two years, one of them a leap year


def words(expression: str) -> str:
    """Return how often a schedule is due: `every week, on Sunday at 02:00 UTC`.

    An expression that is too special for that is quoted.
    """
    times, days = _times(expression), _days(expression)
    gap = longest_gap(expression)
    if not times or not days or gap is None:
        return f"by {expression}"
    at = f"at {_clock(times[0])} UTC"
    if gap < DAY:
        number, unit = (gap / HOUR, "hour") if gap >= HOUR else (gap, "minute")
        return f"every {number:g} {unit}s" if number > 1 else f"every {unit}"
    if MONTH[0] <= gap <= MONTH[1]:
        return f"every month, on day {days[0].day} {at}"
    regular = {DAY: f"every day {at}", WEEK: f"every week, on {days[0]:%A} {at}"}
    return regular.get(gap, f"at most {gap / DAY:.3g} days apart, {expression}")


def longest_gap(expression: str) -> int | None:
    """Return the longest time between two times of a schedule, in minutes; None if not known."""
    times, days = _times(expression), _days(expression)
    if not times or len(days) < 2:  # noqa: PLR2004 - there is no time between fewer
        return None
    within = [later - earlier for earlier, later in pairwise(times)]
    between = [(b - a).days * DAY + times[0] - times[-1] for a, b in pairwise(days)]
    return max(within + between)


def fresh_within_hours(expression: str) -> int | None:
    """Return after how many hours without a refresh a person should know: a day more than the gap.

    None for what is due more often than daily, and for what is not known.
    """
    gap = longest_gap(expression)
    return None if gap is None or gap < DAY else round(gap / HOUR) + 24


def _times(expression: str) -> list[int]:
    """Return the minutes of the day at which a schedule is due."""
    sets = _sets(expression)
    return sorted(hour * HOUR + minute for hour in sets[1] for minute in sets[0]) if sets else []


def _days(expression: str) -> list[date]:
    """Return the days of two years on which a schedule is due."""
    sets = _sets(expression)
    if not sets:
        return []
    _, _, days, months, weekdays = sets
    every = (FIRST_DAY + timedelta(days=n) for n in range(DAYS_LOOKED_AT))
    return [
        day
        for day in every
        if day.day in days and day.month in months and day.isoweekday() % 7 + 1 in weekdays
    ]


def _sets(expression: str) -> list[set[int]] | None:
    found = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \*\)", expression)
    if found is None:
        return None
    sets = [
        cron_numbers(text.replace("?", "*"), first, last, names)
        for text, (_, first, last, names, _) in zip(found.groups(), CRON[:5], strict=True)
    ]
    return None if any(not each for each in sets) else [each or set() for each in sets]


def _clock(minutes: int) -> str:
    return f"{datetime.fromtimestamp(minutes * 60, UTC):%H:%M}"
