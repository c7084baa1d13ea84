"""Schedule expressions, `rate(…)`, `cron(…)` and `at(…)`, and the times that they mean.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import calendar
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTH_NAMES = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
_DAY_NAMES = "SUN MON TUE WED THU FRI SAT"
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES.split(), 1)}
_DAYS = {name: number for number, name in enumerate(_DAY_NAMES.split(), 1)}
_YEARS = (1970, 2199)
_LAST_DAY = "L"


class InvalidExpressionError(ValueError):
    """An expression or time zone that AWS refuses; the text is worded as AWS words it."""


class Expression(Protocol):
    """When a schedule is due."""

    def times(self, after: float, start: float | None) -> Iterator[float]:
        """Yield every time later than `after`, and not before `start`, in epoch seconds."""


@dataclass(frozen=True)
class Rate:
    """Every `seconds` seconds: from `start`, otherwise first one period after `after`."""

    seconds: int

    def times(self, after: float, start: float | None) -> Iterator[float]:
        """Yield the times; a day always has 24 hours."""
        begin = after if start is None else start
        number = 1 if start is None else max(0, math.ceil((after - start) / self.seconds))
        while True:
            yield begin + number * self.seconds
            number += 1


@dataclass(frozen=True)
class At:
    """Once; a time in the past never occurs."""

    moment: float

    def times(self, after: float, start: float | None) -> Iterator[float]:  # noqa: ARG002 - AWS too
        """Yield the time. A one-time schedule ignores its start date."""
        if self.moment > after:
            yield self.moment


@dataclass(frozen=True)
class Cron:
    """AWS's six fields, in the local time of the time zone."""

    minutes: Sequence[int]
    hours: Sequence[int]
    day_matches: Callable[[date], bool]
    months: frozenset[int]
    years: frozenset[int]
    zone: ZoneInfo

    def times(self, after: float, start: float | None) -> Iterator[float]:
        """Yield the times, without those that a clock change skips; a repeated one occurs once."""
        earliest = after if start is None else max(after, start)
        day = datetime.fromtimestamp(earliest, self.zone).date()
        while day.year <= _YEARS[1]:
            if self._is_due(day):
                for moment in self._of(day):
                    if moment > after and (start is None or moment >= start):
                        yield moment
            day += timedelta(days=1)

    def _is_due(self, day: date) -> bool:
        if day.year not in self.years or day.month not in self.months:
            return False
        return self.day_matches(day)

    def _of(self, day: date) -> Iterator[float]:
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                moment = local.astimezone(UTC)
                if moment.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    yield moment.timestamp()


def parse(expression: str, zone: str) -> Expression:
    """Parse an expression in a time zone; raise InvalidExpressionError if AWS would refuse it."""
    place = _zone(zone)
    kind, _, rest = expression.partition("(")
    reader = {"rate": _rate, "cron": _cron, "at": _at}.get(kind, _unknown)
    try:
        return reader(rest.removesuffix(")") if rest.endswith(")") else "", place)
    except ValueError:
        raise InvalidExpressionError(f"Invalid Schedule Expression {expression}.") from None


def _zone(name: str) -> ZoneInfo:
    """Return an IANA zone: their names begin with a capital, others are this machine's alone."""
    if not name[:1].isupper() or name == "Factory" or name not in _names():
        raise InvalidExpressionError(f"Invalid Schedule Expression Timezone {name}.")
    return ZoneInfo(name)


@cache
def _names() -> set[str]:
    return available_timezones()


def _unknown(text: str, _zone: ZoneInfo) -> Expression:
    raise ValueError(text)


def _rate(text: str, _zone: ZoneInfo) -> Expression:
    found = re.fullmatch(r"([1-9]\d*) (minute|hour|day)s?", text)
    if found is None:
        raise ValueError(text)
    return Rate(int(found[1]) * _SECONDS[found[2]])


def _at(text: str, zone: ZoneInfo) -> Expression:
    local = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
    return At(local.timestamp())


def _cron(text: str, zone: ZoneInfo) -> Expression:
    minutes, hours, days, months, weekdays, years = text.split()
    if (days == "?") == (weekdays == "?"):  # exactly one of them sets the days
        raise ValueError(text)
    return Cron(
        minutes=sorted(_numbers(minutes, 0, 59)),
        hours=sorted(_numbers(hours, 0, 23)),
        day_matches=_on_weekdays(weekdays) if days == "?" else _on_days(days),
        months=_numbers(months, 1, 12, _MONTHS),
        years=_numbers(years, *_YEARS),
        zone=zone,
    )


def _on_days(text: str) -> Callable[[date], bool]:
    """Return what a day of month means: numbers, L (the last), 15W or LW (the nearest weekday)."""
    if nearest := re.fullmatch(r"(L|[1-9]|[12]\d|3[01])W", text):
        wanted = 31 if nearest[1] == "L" else int(nearest[1])
        return lambda day: day.day == _nearest_weekday(day, wanted, is_last=nearest[1] == "L")
    items = text.split(",")
    numbers = frozenset[int]().union(*(_numbers(i, 1, 31) for i in items if i != _LAST_DAY))
    has_last = _LAST_DAY in items
    return lambda day: day.day in numbers or (has_last and day.day == _month_length(day))


def _on_weekdays(text: str) -> Callable[[date], bool]:
    """Return what a day of week means: numbers (1 is Sunday), L, 6L (the last), 6#3 (the third)."""
    day_of_week = f"[1-7]|{'|'.join(_DAYS)}"
    special = re.fullmatch(rf"(?P<day>{day_of_week})(L|#(?P<which>[1-5]))", text.upper())
    if special is None:
        numbers = _numbers("7" if text == _LAST_DAY else text, 1, 7, _DAYS)
        return lambda day: _weekday(day) in numbers
    wanted, which = _number(special["day"], _DAYS), special["which"]
    if which:
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == int(which)
    return lambda day: _weekday(day) == wanted and day.day + 7 > _month_length(day)


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _month_length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(month: date, wanted: int, *, is_last: bool) -> int | None:
    """Return the day from Monday to Friday nearest to the wanted one, in the same month."""
    length = _month_length(month)
    if wanted > length and not is_last:
        return None
    target = min(wanted, length)
    days = [
        day
        for day in range(max(1, target - 2), min(length, target + 2) + 1)
        if 1 < _weekday(month.replace(day=day)) < 7  # noqa: PLR2004 - Monday to Friday
    ]
    return min(days, key=lambda day: abs(day - target))


def _numbers(
    text: str, first: int, last: int, names: Mapping[str, int] | None = None
) -> frozenset[int]:
    """Parse a field: `*`, numbers or names, ranges, steps, or a list of these."""
    numbers: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        low, dash, high = span.partition("-")
        if span == "*":
            begin, end = first, last
        else:
            begin = _number(low, names or {})
            end = _number(high, names or {}) if dash else last if step else begin
        stride = _number(step, {}) if "/" in item else 1
        if not (first <= begin <= end <= last and stride):
            raise ValueError(text)
        numbers.update(range(begin, end + 1, stride))
    return frozenset(numbers)


def _number(text: str, names: Mapping[str, int]) -> int:
    if text.upper() in names:
        return names[text.upper()]
    if re.fullmatch(r"[0-9]{1,4}", text) is None:
        raise ValueError(text)
    return int(text)
