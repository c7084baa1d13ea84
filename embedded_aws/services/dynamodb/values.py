"""Attribute values that DynamoDB refuses: numbers, sets, and values of no type or of two.

The words are those that tests of others have from AWS:
https://github.com/architect/dynalite/tree/main/test
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_DIGITS = 38
MOST_EXPONENT, LEAST_EXPONENT = 125, -130
_TYPES = {"S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL", "NULL"}
_ONE_TYPE = "must contain exactly one of the supported datatypes"


def value_problem(value: Mapping[str, Any]) -> str | None:
    """Return why DynamoDB refuses a value such as `{"N": "1"}`, or one in it."""
    if len(value) != 1 or not set(value) <= _TYPES:
        kind = "is empty" if len(value) <= 1 else "has more than one datatypes set"
        return f"Supplied AttributeValue {kind}, {_ONE_TYPE}"
    ((kind, held),) = value.items()
    if kind == "N":
        return number_problem(held)
    if kind in {"SS", "NS", "BS"}:
        return _set_problem(kind, held)
    inner = held.values() if kind == "M" else held if kind == "L" else []
    return next((problem for each in inner if (problem := value_problem(each))), None)


def number_problem(text: str) -> str | None:
    """Return why DynamoDB refuses a number."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or "_" in text or text != text.strip():
        words = f": {text}" if text else ""
        return f"The parameter cannot be converted to a numeric value{words}"
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if not digits:
        return None
    if number.adjusted() > MOST_EXPONENT:
        return (
            "Number overflow. Attempting to store a number with magnitude larger than supported "
            "range"
        )
    if number.adjusted() < LEAST_EXPONENT:
        return (
            "Number underflow. Attempting to store a number with magnitude smaller than supported "
            "range"
        )
    if len(digits) > MOST_DIGITS:
        return "Attempting to store more than 38 significant digits in a Number"
    return None


def _set_problem(kind: str, members: list[str]) -> str | None:
    if not members:
        return None  # moto refuses it
    if kind == "NS":
        for member in members:
            if problem := number_problem(member):
                return problem
    distinct = {Decimal(member) for member in members} if kind == "NS" else set(members)
    if len(distinct) < len(members):
        return (
            "One or more parameter values were invalid: Input collection "
            f"[{', '.join(map(str, members))}] contains duplicates."
        )
    return None
