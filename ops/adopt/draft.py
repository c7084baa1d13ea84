"""What an environment file is going to say, and what a person must know about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

from pydantic import TypeAdapter, ValidationError

from stacks.setting_types import KeyArn, Location

PLACEHOLDER = "PUT-THE-GLUE-JOB-HERE"
TYPES = ("INTERACTIONS", "ITEMS", "USERS", "ACTIONS", "ACTION_INTERACTIONS")
# What is left for a person; a NOTE is not.
Level = Literal["FILL IN", "CHANGE", "NOT ADOPTED", "NOTE"]
LEFT: tuple[Level, ...] = ("FILL IN", "CHANGE", "NOT ADOPTED")


class Note(TypedDict):
    """Something that a person must know: `where` is a field of the file, or a thing elsewhere.

    FILL IN is unknown and stands in the file as a guess, CHANGE is to be changed in the account,
    NOT ADOPTED is not in the file. `line` is the field's line in the file that was written.
    """

    level: Level
    where: str
    what: str
    do: str
    line: NotRequired[int]


class Adopted(TypedDict):
    """The file that was written, its settings, what a person must know, and the next command."""

    file: str
    settings: dict[str, Any]
    notes: list[Note]
    next: str


@dataclass
class Draft:
    """The refreshes of a file to be, as the file has them."""

    refreshes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)  # that Personalize has read with, newest first

    def note(self, level: Level, where: str, what: str, do: str) -> None:
        """Note something for a person."""
        self.notes.append(Note(level=level, where=where, what=what, do=do))

    @property
    def buckets(self) -> list[str]:
        """The buckets of all datasets, once."""
        datasets = [dataset for refresh in self.refreshes for dataset in refresh["datasets"]]
        return list(dict.fromkeys(each["location"].split("/")[2] for each in datasets))


def is_left(adopted: Adopted) -> bool:
    """Return whether anything is left for a person."""
    return any(note["level"] in LEFT for note in adopted["notes"])


def location(text: str) -> str | None:
    """Return a place in S3 as the settings have it, a folder with its /; None if it is none."""
    for candidate in (text, f"{text}/"):
        if _is(Location, candidate):
            return candidate
    return None


def is_key(text: str) -> bool:
    """Return whether a text is the ARN of a KMS key."""
    return _is(KeyArn, text)


def is_dated(place: str) -> bool:
    """Return whether a location names a day, so that the next delivery lies elsewhere."""
    return re.search(r"(19|20)\d\d[-/]?[01]\d[-/]?[0-3]\d", place) is not None


def _is(kind: Any, text: str) -> bool:
    try:
        TypeAdapter[str](kind).validate_python(text)
    except ValidationError:
        return False
    return True
