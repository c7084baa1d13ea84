"""Checks a request against botocore's service model, with error messages worded as AWS's.

botocore itself checks only required members, types and minimums before it sends a request; maximum
lengths, patterns and enums are left to the service, so an emulated service has to check them.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import ServiceModel, Shape

# Java's character classes, as what Python has for them inside `[…]`. Service models use the first
# two with digits and `_`; the others from ASCII on are those of POSIX.
_JAVA_CLASSES = {
    "L": r"\w",
    "N": r"\d",
    "Z": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    "ASCII": r"\x00-\x7f",
    "Alnum": "A-Za-z0-9",
    "Alpha": "A-Za-z",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9",
    "Graph": r"!-~",
    "Lower": "a-z",
    "Print": r" -~",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r",
    "Upper": "A-Z",
    "XDigit": "0-9A-Fa-f",
}
_JAVA_TOKEN = re.compile(r"\\p\{(\w+)\}|\\.|[\[\]]", re.DOTALL)
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


@cache
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of a service, named as boto3 names it (`personalize-runtime`)."""
    return botocore.session.get_session().get_service_model(service)


def is_json(text: str) -> bool:
    """Return whether a text is a JSON value."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def complaint(shape: Shape | None, request: object, at: str = "") -> str | None:
    """Return everything that is wrong with a request, in one message as AWS words it.

    `shape` is the operation's input shape and `request` the decoded JSON body; or both are those of
    the member named by `at`. Returns None for a valid request, or else "2 validation errors
    detected: Value 'a b' at 'jobName' failed to …".
    """
    if shape is None:
        return None
    found = list(_problems(shape, request, at))
    if not found:
        return None
    plural = "s" if len(found) > 1 else ""
    return f"{len(found)} validation error{plural} detected: {'; '.join(found)}"


def in_lower_case(problem: str) -> str:
    """Write the paths of a complaint as services in Java do: `targets.1.member.id`."""
    return re.sub(r"(?<= at ')[^']+", lambda path: _lower_path(path[0]), problem)


def _lower_path(path: str) -> str:
    return ".".join(part[:1].lower() + part[1:] for part in path.split("."))


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    own = list(_broken_constraints(shape, value))
    yield from (_failed(value, path, constraint) for constraint in own)
    if not _has_type(shape, value):
        return
    if shape.type_name == "structure":
        yield from _structure_problems(shape, value, path)
    elif shape.type_name == "list":
        yield from _list_problems(shape, value, path)
    elif shape.type_name == "map":
        yield from _map_problems(shape, value, path)


def _structure_problems(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield (
                f"Value null at '{_join(path, name)}' failed to satisfy constraint: "
                "Member must not be null"
            )
    for name, member in value.items():
        if name not in shape.members:
            yield f"Unknown member '{_join(path, name)}'"
        elif member is not None:
            yield from _problems(shape.members[name], member, _join(path, name))


def _list_problems(shape: Any, value: list[Any], path: str) -> Iterator[str]:
    if shape.member.type_name in ("structure", "list", "map"):
        for position, member in enumerate(value, 1):
            yield from _problems(shape.member, member, f"{path}.{position}.member")
    else:
        yield from _collected(value, path, "Member", shape.member, value)


def _map_problems(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    yield from _collected(value, path, "Map keys", shape.key, list(value))
    if shape.value.type_name in ("structure", "list", "map"):
        for key, member in value.items():
            yield from _problems(shape.value, member, f"{path}.{key}.member")
    else:
        yield from _collected(value, path, "Map value", shape.value, list(value.values()))


def _collected(whole: Any, path: str, who: str, shape: Shape, members: list[Any]) -> Iterator[str]:
    """AWS reports simple members of a list or map only once, for the whole collection."""
    broken = list(dict.fromkeys(c for m in members for c in _broken_constraints(shape, m)))
    if broken:
        yield _failed(whole, path, f"{who} must satisfy constraint: [{', '.join(broken)}]")


def _broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    if not _has_type(shape, value):
        yield f"Member must be a {shape.type_name}"
        return
    limits = shape.metadata
    if "enum" in limits and value not in limits["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]"
    measure, size = (
        ("length", len(value)) if isinstance(value, str | list | dict) else ("value", value)
    )
    if "max" in limits and size > limits["max"]:
        yield f"Member must have {measure} less than or equal to {limits['max']}"
    if "min" in limits and size < limits["min"]:
        yield f"Member must have {measure} greater than or equal to {limits['min']}"
    if "pattern" in limits and not compiled(limits["pattern"]).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {limits['pattern']}"


def _has_type(shape: Shape, value: Any) -> bool:
    if isinstance(value, bool) and shape.type_name != "boolean":
        return False
    return isinstance(value, _JSON_TYPES[shape.type_name])


def _failed(value: Any, path: str, constraint: str) -> str:
    return f"Value '{_text(value)}' at '{path}' failed to satisfy constraint: {constraint}"


def _text(value: Any) -> str:
    """Write a value as the service's Java does."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={_text(member)}' for key, member in value.items())}}}"
    return str(value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of Java's; re.error if Python cannot."""
    is_inside = False  # of `[…]`

    def translated(token: re.Match[str]) -> str:
        nonlocal is_inside
        if token[0] in ("[", "]"):
            is_inside = token[0] == "["
        characters = _JAVA_CLASSES.get(token[1])
        if characters is None:
            return token[0]
        return characters if is_inside else f"[{characters}]"

    return re.compile(_JAVA_TOKEN.sub(translated, pattern))
