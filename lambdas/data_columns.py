"""The columns of a dataset's schema, and what a value in one of them must be: pure.

A value itself is never told: it is a customer's.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

# https://docs.aws.amazon.com/personalize/latest/dg/limits.html
IDS = ("USER_ID", "ITEM_ID", "ACTION_ID", "EVENT_TYPE")
# https://docs.aws.amazon.com/personalize/latest/dg/custom-datasets-and-schemas.html
KEYWORDS = {
    "EVENT_TYPE",
    "EVENT_VALUE",
    "IMPRESSION",
    "RECOMMENDATION_ID",
    "EVENT_ATTRIBUTION_SOURCE",
}
LONGEST_ID = 256
LONGEST_STRING = 1_000
TIMES = ("TIMESTAMP", "CREATION_TIMESTAMP")
# Epoch seconds reach this in the year 5138; epoch milliseconds reached it in 1973.
BEYOND_SECONDS = 100_000_000_000
UNITS = {3: "milliseconds", 6: "microseconds", 9: "nanoseconds"}
DIGITS_OF_SECONDS = 10
BITS = {"int": 31, "long": 63}
WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[fFdD]?")
DATE = re.compile(r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}")
SPECIAL = {"nan", "inf", "infinity"}
TRUTHS = {"true", "false", "0", "1"}


class Column(NamedTuple):
    """A field of the schema; `kind` is its Avro type without null."""

    name: str
    kind: str
    is_nullable: bool = False
    is_textual: bool = False


class Wrong(NamedTuple):
    """What is wrong with a value: a kind, the rest of a sentence that begins with the column."""

    kind: str
    text: str
    refused: bool = True


Check = Callable[[str], Wrong | None]


def columns_of(schema: str) -> list[Column]:
    """Return the columns of an Avro schema as DescribeSchema returns it, in its order."""
    return [_column(field) for field in json.loads(schema)["fields"]]


def check_of(column: Column, latest: int) -> Check | None:
    """Return the function that checks a column's values, but for empty ones; None: any will do.

    `latest` is the time, in epoch seconds, after which a time is in the future.
    """
    if column.kind == "string":
        return None if column.is_textual else _check_of_string(column)
    if column.kind in BITS:
        return _check_of_whole_number(column, latest)
    return {"float": _float, "double": _float, "boolean": _boolean}.get(column.kind)


def _column(field: Any) -> Column:
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    simple = [str(kind) for kind in kinds if kind != "null"]
    return Column(
        name=field["name"],
        kind=simple[0] if simple else "null",
        is_nullable="null" in kinds,
        is_textual=bool(field.get("textual")),
    )


def _check_of_string(column: Column) -> Check:
    most = LONGEST_ID if column.name in IDS else LONGEST_STRING

    def check(value: str) -> Wrong | None:
        if column.name == "EVENT_TYPE" and value in KEYWORDS:
            return Wrong("keyword", "is a reserved keyword; name the event type differently")
        if len(value) <= most:
            return None
        return Wrong(
            "too long", f"has {len(value):,} characters, more than the {most:,} that Personalize "
            "takes; shorten it"
        )  # fmt: skip

    return check


def _check_of_whole_number(column: Column, latest: int) -> Check:
    is_time = column.name in TIMES
    beyond = 1 << BITS[column.kind]
    instead = "seconds since 1970 as a whole number" if is_time else "a whole number"

    def check(value: str) -> Wrong | None:
        value = value.strip()
        if not WHOLE.fullmatch(value):
            return Wrong("no whole number", f"is {_described(value)}; write {instead}")
        number = int(value)
        if is_time:
            return _wrong_time(number, latest)
        if not -beyond <= number < beyond:
            return Wrong(
                "too large",
                f"has {len(value)} digits, more than the type {column.kind} of the schema can hold",
            )
        return None

    return check


def _wrong_time(seconds: int, latest: int) -> Wrong | None:
    if abs(seconds) >= BEYOND_SECONDS:
        digits = len(str(abs(seconds)))
        unit = UNITS.get(digits - DIGITS_OF_SECONDS, "a unit smaller than seconds")
        return Wrong("not seconds", f"is in {unit} ({digits} digits); write seconds since 1970")
    if seconds < 0:
        return Wrong("before 1970", "is before 1970; check it", refused=False)
    if seconds > latest:
        days = (seconds - latest) // 86_400 + 1
        return Wrong("in the future", f"is {days:,} days or more in the future; check it", False)
    return None


def _float(value: str) -> Wrong | None:
    value = value.strip()
    if NUMBER.fullmatch(value) or value.lower().lstrip("+-") in SPECIAL:
        return None
    return Wrong("no number", f"is {_described(value)}; write a number such as 4.5")


def _boolean(value: str) -> Wrong | None:
    if value.strip().lower() in TRUTHS:
        return None
    return Wrong("no truth", f"is {_described(value)}; write true or false")


def _described(value: str) -> str:
    if not value:
        return "a blank"
    if DATE.match(value):
        return "a date in words or digits"
    if NUMBER.fullmatch(value):
        return "a number with a fraction or an exponent"
    if NUMBER.fullmatch(value.replace(",", "").replace(" ", "")):
        return "a number with commas or blanks in it"
    return f"text of {len(value):,} characters"
