"""The Avro schema of a dataset that a refresh may make: what Personalize would refuse, in words.

https://docs.aws.amazon.com/personalize/latest/dg/how-it-works-dataset-schema.html, read in 2026-11.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SIMPLE_TYPES = ("string", "int", "long", "float", "double", "boolean")
# The fields that a dataset of a type must have, with their types; none of them may be null.
REQUIRED: Mapping[str, Mapping[str, str]] = {
    "INTERACTIONS": {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"},
    "ITEMS": {"ITEM_ID": "string"},
    "USERS": {"USER_ID": "string"},
    "ACTIONS": {"ACTION_ID": "string"},
    "ACTION_INTERACTIONS": {
        "USER_ID": "string",
        "ACTION_ID": "string",
        "EVENT_TYPE": "string",
        "TIMESTAMP": "long",
    },
}
# Optional fields whose type Personalize prescribes.
RESERVED = {
    "EVENT_TYPE": "string",
    "EVENT_VALUE": "float",
    "IMPRESSION": "string",
    "RECOMMENDATION_ID": "string",
    "CREATION_TIMESTAMP": "long",
}
NEED_METADATA = ("ITEMS", "USERS")
MOST_OTHERS = {"ITEMS": 100, "USERS": 25, "INTERACTIONS": 10}  # fields that are not required


def schema_text(path: Path, dataset_type: str | None) -> str:
    """Return the text of a schema file; ValueError has all that is wrong with it.

    Without a dataset type, since that is wrong itself, only its form is checked.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist; write the dataset's Avro schema there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as UTF-8 text: {error}") from error
    if problems := list(schema_problems(text, dataset_type)):
        raise ValueError(f"{path}: {'; '.join(problems)}")
    return text


def schema_problems(text: str, dataset_type: str | None) -> Iterator[str]:
    """Yield what Personalize would refuse in a schema for a dataset of a type."""
    try:
        schema = json.loads(text)
    except ValueError as error:
        yield f"it is not valid JSON: {error}"
        return
    if not isinstance(schema, dict) or schema.get("type") != "record":
        yield 'it is not an Avro record; write {"type": "record", "name": …, "fields": […]}'
        return
    if dataset_type:
        yield from _name_problems(schema.get("name"), dataset_type)
    given = schema.get("fields")
    if not isinstance(given, list) or not given:
        yield 'it has no fields; write {"name": …, "type": …} for each column'
        return
    fields: dict[str, Mapping[str, Any]] = {}
    for number, field in enumerate(given, 1):
        name = field.get("name") if isinstance(field, dict) else None
        if not isinstance(name, str) or not name:
            yield f"field {number} has no name; write the name of its column"
        elif name in fields:
            yield f"the field {name} stands twice; keep one"
        else:
            fields[name] = field
            yield from _type_problems(name, field.get("type"))
    if dataset_type:
        yield from _field_problems(fields, dataset_type)


def _name_problems(name: object, dataset_type: str) -> Iterator[str]:
    wanted = dataset_type.title().replace("_", "")
    if not isinstance(name, str) or name.replace("_", "").lower() != wanted.lower():
        yield f"its record is named {name!r}; name it {wanted} for a dataset of {dataset_type}"


def _type_problems(name: str, given: object) -> Iterator[str]:
    kinds = given if isinstance(given, list) else [given]
    simple = [kind for kind in kinds if kind != "null"]
    if len(simple) != 1 or simple[0] not in SIMPLE_TYPES:
        yield (
            f"the field {name} has the type {json.dumps(given)}; write one of "
            f'{", ".join(SIMPLE_TYPES)}, or ["null", "string"] if it may be empty'
        )


def _field_problems(fields: Mapping[str, Mapping[str, Any]], dataset_type: str) -> Iterator[str]:
    required = REQUIRED[dataset_type]
    for name, kind in required.items():
        if name not in fields:
            yield f"the field {name} of type {kind} is missing; {dataset_type} needs it"
        elif fields[name].get("type") != kind:
            yield f"the field {name} must have the type {json.dumps(kind)} and nothing else"
    for name, kind in RESERVED.items():
        if name in fields and name not in required and _kind(fields[name]) != kind:
            yield f"the field {name} must have the type {kind}, as Personalize reserves its name"
    others = [name for name in fields if name not in required]
    if dataset_type in NEED_METADATA and not others:
        yield f"{dataset_type} needs another field beside {', '.join(required)}"
    if len(others) > (most := MOST_OTHERS.get(dataset_type, len(others))):
        yield f"it has {len(others)} fields beside the required ones, and may have {most}"
    textual = [name for name in fields if fields[name].get("textual")]
    if textual and (dataset_type != "ITEMS" or len(textual) > 1):
        yield f"textual: {', '.join(textual)}; only one field of ITEMS may be textual"


def _kind(field: Mapping[str, Any]) -> object:
    given = field.get("type")
    kinds = [kind for kind in given if kind != "null"] if isinstance(given, list) else [given]
    return kinds[0] if kinds else None
