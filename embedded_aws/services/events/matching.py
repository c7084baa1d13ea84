"""Which events an event pattern matches, as in AWS's own library.

https://github.com/aws/event-ruler
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from embedded_aws.services.events.wildcards import wildcard

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda value, limit: value == limit,
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether a checked pattern matches an event, or a part of one.

    Of a list of objects, one must match everything that the pattern says of them.
    """
    for name, wanted in pattern.items():
        if name == "$or":
            is_met = any(matches(branch, event) for branch in wanted)
        elif isinstance(wanted, dict):
            parts = [part for part in _at(event, name) if isinstance(part, dict)]
            is_met = any(matches(wanted, part) for part in parts or [{}])
        else:
            found = [value for value in _at(event, name) if not isinstance(value, dict)]
            is_met = any(_is_met(matcher, found) for matcher in wanted)
        if not is_met:
            return False
    return True


def _at(event: Mapping[str, Any], name: str) -> Iterator[Any]:
    """Yield the values of a field, lists taken apart; `a.b` is the field b of a, both ways."""
    if name in event:
        yield from _flat(event[name])
    inner = {key[len(name) + 1 :]: v for key, v in event.items() if key.startswith(f"{name}.")}
    if inner:
        yield inner
    head, dot, rest = name.partition(".")
    if dot and name not in event:
        for part in _flat(event.get(head, [])):
            if isinstance(part, dict):
                yield from _at(part, rest)


def _flat(value: object) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _is_met(matcher: object, found: list[Any]) -> bool:
    if isinstance(matcher, dict) and "exists" in matcher:
        return bool(matcher["exists"]) is bool(found)
    return any(_matches_value(matcher, value) for value in found)


def _matches_value(matcher: object, value: object) -> bool:
    if not isinstance(matcher, dict):
        return _equal(matcher, value)
    operator, wanted = next(iter(matcher.items()))
    if operator == "anything-but":
        if isinstance(wanted, dict):
            operator, wanted = next(iter(wanted.items()))
        else:
            operator = "exactly"
        unwanted = wanted if isinstance(wanted, list) else [wanted]
        return not any(_has(operator, each, value) for each in unwanted)
    return _has(operator, wanted, value)


def _has(operator: str, wanted: Any, value: Any) -> bool:
    """Return whether one operator other than exists and anything-but holds for a value."""
    if operator == "exactly":
        return _equal(wanted, value)
    if operator == "numeric":
        return is_number(value) and all(
            COMPARISONS[sign](value, limit)
            for sign, limit in zip(wanted[::2], wanted[1::2], strict=True)
        )
    if not isinstance(value, str):
        return False
    if isinstance(wanted, dict):  # a prefix or suffix whose case does not matter
        wanted, value = wanted["equals-ignore-case"].lower(), value.lower()
    return _TEXTS[operator](value, wanted)


def _is_within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "cidr": _is_within,
    "equals-ignore-case": lambda value, wanted: value.lower() == wanted.lower(),
    "prefix": str.startswith,
    "suffix": str.endswith,
    "wildcard": lambda value, wanted: wildcard(wanted).fullmatch(value) is not None,
}


def _equal(wanted: object, value: object) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    return bool(wanted == value)


def is_number(value: object) -> bool:
    """Return whether a value of an event or pattern is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
