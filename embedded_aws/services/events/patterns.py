"""Event patterns that EventBridge refuses.

As in AWS's own library, whose words the error messages have, without the place in the text:
https://github.com/aws/event-ruler
"""

import ipaddress
import json
import re
from typing import Any

from embedded_aws.services.events.matching import COMPARISONS, is_number
from embedded_aws.services.events.wildcards import check_wildcard

_LEAST_BRANCHES = 2  # of $or
_OPERATORS = (
    "exactly",
    "prefix",
    "suffix",
    "numeric",
    "anything-but",
    "exists",
    "cidr",
    "equals-ignore-case",
    "wildcard",
)
_NEGATED = ("equals-ignore-case", "prefix", "suffix", "wildcard")
_ONE_KEY = "Only one key allowed in match expression"
_MIXED = (
    "Inside anything but list, either all values are number or string, mixed type is not supported"
)


class InvalidPatternError(ValueError):
    """A pattern that EventBridge refuses; the text is its reason."""


def check(text: str) -> None:
    """Raise InvalidPatternError if EventBridge refuses a pattern."""
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPatternError(f"Invalid JSON: {error}") from None
    if not isinstance(pattern, dict):
        raise InvalidPatternError("Filter is not an object")
    _check_object(pattern)


def _check_object(pattern: dict[str, Any], *, in_or: bool = False) -> None:
    if not pattern:
        raise InvalidPatternError("Empty objects are not allowed")
    for name, wanted in pattern.items():
        if name == "$or":
            _check_or(wanted)
        elif in_or and name in _OPERATORS:
            raise InvalidPatternError(
                f"{name} is Ruler reserved fieldName which cannot be used inside $or."
            )
        elif isinstance(wanted, dict):
            _check_object(wanted, in_or=in_or)
        elif isinstance(wanted, list):
            _check_list(wanted)
        else:
            raise InvalidPatternError(f'"{name}" must be an object or an array')


def _check_or(branches: object) -> None:
    if not isinstance(branches, list):
        raise InvalidPatternError("It must be an Array followed with $or.")
    for branch in branches:
        if not isinstance(branch, dict):
            raise InvalidPatternError("Only JSON object is allowed in array of $or relationship.")
        _check_object(branch, in_or=True)
    if len(branches) < _LEAST_BRANCHES:
        raise InvalidPatternError("There must have at least 2 Objects in $or relationship.")


def _check_list(matchers: list[Any]) -> None:
    for matcher in matchers:
        if isinstance(matcher, list):
            raise InvalidPatternError("Match value must be String, number, true, false, or null")
        if isinstance(matcher, dict):
            _check_matcher(matcher)
    if not matchers:
        raise InvalidPatternError("Empty arrays are not allowed")


def _check_matcher(matcher: dict[str, Any]) -> None:
    if not matcher:
        raise InvalidPatternError("Match expression name not found")
    name, value = next(iter(matcher.items()))
    if name not in _OPERATORS:
        raise InvalidPatternError(f"Unrecognized match type {name}")
    if name == "numeric":
        _check_numeric(value)
    elif name == "anything-but":
        _check_anything_but(value)
    elif name == "exists":
        if not isinstance(value, bool):
            raise InvalidPatternError("exists match pattern must be either true or false.")
    elif name in ("prefix", "suffix") and isinstance(value, dict):
        _check_affix(name, value)
    else:
        _check_text(name, value)
    if len(matcher) > 1:
        raise InvalidPatternError(_ONE_KEY)


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        words = {"exactly": "exact", "cidr": "prefix"}.get(name, name)
        raise InvalidPatternError(f"{words} match pattern must be a string")
    if name == "cidr":
        _check_cidr(value)
    elif name == "wildcard":
        _check_wildcard(value)


def _check_wildcard(text: str) -> None:
    if problem := check_wildcard(text):
        raise InvalidPatternError(problem)


def _check_affix(name: str, value: dict[str, Any]) -> None:
    if not value:
        raise InvalidPatternError(f"{name.capitalize()} expression name not found")
    inner, text = next(iter(value.items()))
    if inner != "equals-ignore-case":
        raise InvalidPatternError(f"Unsupported {name} pattern: {inner}")
    _check_text(inner, text)
    if len(value) > 1:
        raise InvalidPatternError(_ONE_KEY)


def _check_anything_but(value: object) -> None:
    operator = ""
    if isinstance(value, dict):
        if not value:
            raise InvalidPatternError("Anything-But expression name not found")
        operator, value = next(iter(value.items()))
        if operator not in _NEGATED:
            raise InvalidPatternError(f"Unsupported anything-but pattern: {operator}")
    if not (isinstance(value, list | str) or is_number(value)):
        raise InvalidPatternError(
            "Value of anything-but must be an array or single string/number value."
        )
    values = value if isinstance(value, list) else [value]
    if not operator:
        _check_values(values)
        return
    for text in values:
        if not isinstance(text, str):
            raise InvalidPatternError(_NEGATED_TYPES[operator])
        if operator in ("prefix", "suffix") and not text:
            raise InvalidPatternError("Null prefix/suffix not allowed")
        if operator == "wildcard":
            _check_wildcard(text)


_NEGATED_TYPES = {
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, "
    "number|start|null|boolean is not supported.",
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "wildcard": "wildcard match pattern must be a string",
}


def _check_values(values: list[Any]) -> None:
    if not all(isinstance(value, str) or is_number(value) for value in values):
        raise InvalidPatternError("Inside anything but list, start|null|boolean is not supported.")
    if len({isinstance(value, str) for value in values}) != 1:
        raise InvalidPatternError(_MIXED)


def _check_numeric(value: object) -> None:
    if not isinstance(value, list):
        raise InvalidPatternError("Value of numeric must be an array.")
    operator = value[0] if value else "]"
    if not isinstance(operator, str) or not value:
        raise InvalidPatternError(f"Invalid member in numeric match: {operator}")
    if operator not in COMPARISONS:
        raise InvalidPatternError(f"Unrecognized numeric range operator: {operator}")
    _check_limit(operator, value[1:2])
    rest = value[2:]
    if not rest:
        return
    if operator in ("=", "<", "<="):
        raise InvalidPatternError("Too many elements in numeric expression")
    if not isinstance(rest[0], str):
        raise InvalidPatternError(f"Bad value in numeric range: {rest[0]}")
    if rest[0] not in ("<", "<="):
        raise InvalidPatternError(f"Bad numeric range operator: {rest[0]}")
    _check_limit(rest[0], rest[1:2])
    if len(rest) > 2:  # noqa: PLR2004 - the operator and its value
        raise InvalidPatternError("Too many terms in numeric range expression")
    if rest[1] < value[1]:
        raise InvalidPatternError("Bottom must be less than top")


def _check_limit(operator: str, limit: list[Any]) -> None:
    if not (limit and is_number(limit[0])):
        words = "equals" if operator == "=" else operator
        raise InvalidPatternError(f"Value of {words} must be numeric")


def _check_cidr(text: str) -> None:
    address, slash, mask = text.partition("/")
    if not slash or "/" in mask:
        raise InvalidPatternError("Malformed CIDR, one '/' required")
    if not re.fullmatch(r"\d+", mask):
        raise InvalidPatternError("Malformed CIDR, mask bits must be an integer")
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        raise InvalidPatternError(f"Nonstandard IP address: {address}") from None
    longest = {4: 32, 6: 128}[version]
    if int(mask) > longest:
        raise InvalidPatternError(f"IPv{version} mask bits must be at most {longest}")
