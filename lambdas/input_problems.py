"""What is wrong with a value that should have a type of plan_types, in words. Pure functions."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

MOST_QUOTED = 200
WORDS = {str: "a text", int: "a whole number", float: "a number"}


def problems_of(value: object, kind: Any, path: str) -> Iterator[str]:
    """Yield `<path> is missing` or `<path> must be …` for whatever is not of its type.

    `kind` is a TypedDict, a list of one, a dict of texts to one, a Literal, str, int or float.
    Unknown keys are passed over.
    """
    if is_typeddict(kind):
        yield from _problems_of_object(value, kind, path)
    elif get_origin(kind) is list:
        yield from _problems_of_list(value, get_args(kind)[0], path)
    elif get_origin(kind) is dict:
        yield from _problems_of_mapping(value, get_args(kind)[1], path)
    elif get_origin(kind) is Literal:
        if value not in get_args(kind):
            yield f"{path} must be {' or '.join(get_args(kind))}, not {quoted(value)}"
    elif isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
        yield f"{path} must be {WORDS[kind]}, not {quoted(value)}"


def _problems_of_object(value: object, kind: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} must be an object, not {quoted(value)}"
        return
    for name, inner in get_type_hints(kind).items():
        if name in value:
            yield from problems_of(value[name], inner, f"{path}.{name}")
        elif name in kind.__required_keys__:
            yield f"{path}.{name} is missing"


def _problems_of_mapping(value: object, kind: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path} must be an object, not {quoted(value)}"
        return
    for name, item in value.items():
        yield from problems_of(item, kind, f"{path}.{name}")


def _problems_of_list(value: object, kind: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list) or not value:
        yield f"{path} must be a list that is not empty, not {quoted(value)}"
        return
    for index, item in enumerate(value):
        yield from problems_of(item, kind, f"{path}[{index}]")


def quoted(value: object) -> str:
    """Return what was sent as it is shown in a message: not more of it than helps."""
    text = repr(value)
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]} …"
