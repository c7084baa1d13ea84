"""The register of what the embedded cloud changes in moto, and the only way to change it.

A change replaces an attribute of one of moto's modules, classes or objects, or an item of one of
its dictionaries, and says why: how AWS differs. Changes are made when a cloud starts and undone
when it stops. `python -m embedded_aws changes` lists them; moto_parts.json holds a hash of the
source of each replaced part, which shows what to review in a new version of moto.
"""

import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

PINNED = Path(__file__).parent / "moto_parts.json"
_ABSENT = object()


@dataclass(frozen=True)
class Change:
    """One replaced part of moto: its place, the new part, the original, and why."""

    place: str
    part: Any
    original: Any
    why: str
    owner: object = field(repr=False)  # of which the part is an attribute, if it is one
    undo: Callable[[], None] = field(repr=False, compare=False)


_made: list[Change] = []


def replace(owner: object, why: str, **parts: Any) -> None:
    """Replace attributes of a module, class or object of moto.

    Raises AttributeError for a part that this version of moto does not have.
    """
    for name, part in parts.items():
        original = inspect.getattr_static(owner, name)
        own = vars(owner).get(name, _ABSENT)

        def undo(name: str = name, own: Any = own) -> None:
            if own is _ABSENT:  # it was inherited
                delattr(owner, name)
            else:
                setattr(owner, name, own)

        setattr(owner, name, part)
        _note(f"{_name(owner)}.{name}", part, original, why, undo, owner)


def replace_item(mapping: Any, place: str, why: str, **items: Any) -> None:
    """Replace or add items of one of moto's dictionaries; `place` is its name, for display."""
    for key, part in items.items():
        original = mapping.get(key, _ABSENT)

        def undo(key: str = key, original: Any = original) -> None:
            if original is _ABSENT:
                del mapping[key]
            else:
                mapping[key] = original

        mapping[key] = part
        _note(f"{place}[{key!r}]", part, original, why, undo, None)


def made() -> list[Change]:
    """Return the changes that are in effect, in the order in which they were made."""
    return list(_made)


def undo_all() -> None:
    """Undo all changes, the last one first."""
    while _made:
        _made.pop().undo()


def hashes() -> dict[str, str]:
    """Return the hash of the source of each part that is replaced now, by its place."""
    return {change.place: _source_hash(change.original, change.owner) for change in _made}


def pinned() -> dict[str, str]:
    """Return the hashes of the parts as they were when they were last compared with AWS."""
    loaded: dict[str, str] = json.loads(PINNED.read_text(encoding="utf-8"))
    return loaded


def _note(
    place: str, part: Any, original: Any, why: str, undo: Callable[[], None], owner: object
) -> None:
    _made.append(Change(place, part, original, why, owner, undo))


def _name(owner: object) -> str:
    if isinstance(owner, ModuleType):
        return owner.__name__
    if isinstance(owner, type):
        return f"{owner.__module__}.{owner.__qualname__}"
    service = getattr(owner, "service_name", None)  # a dictionary of a service's backends
    return f"moto.{service}" if service else type(owner).__qualname__


def _source_hash(original: Any, owner: object) -> str:
    """Hash the source of a replaced part; for a module or value, of the module that uses it."""
    plain = getattr(original, "__func__", original)
    if isinstance(plain, ModuleType) or not str(getattr(plain, "__module__", "")).startswith(
        "moto"
    ):
        plain = inspect.getmodule(owner) if owner is not None else None
    if plain is None:
        return "-"
    return hashlib.sha256(inspect.getsource(plain).encode()).hexdigest()[:16]
