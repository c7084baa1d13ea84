"""Avro schemas as Personalize accepts them: a flat record of simple, optionally nullable fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SIMPLE_TYPES = ("string", "int", "long", "float", "double", "boolean")
# The fields that a dataset of a type must have, with their types; none of them may be nullable.
REQUIRED_COLUMNS = {
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
DATASET_TYPES = tuple(REQUIRED_COLUMNS)


@dataclass(frozen=True)
class Column:
    """One field of a schema."""

    kind: str  # one of SIMPLE_TYPES
    nullable: bool = False


def parse_schema(text: str) -> dict[str, Column]:
    """Return a schema's columns in order; the ValueError says why it is not valid."""
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise ValueError('its type must be "record"')
    fields = schema.get("fields")
    if not isinstance(fields, list) or not fields:
        raise ValueError("it has no fields")
    columns: dict[str, Column] = {}
    for field in fields:
        name = field.get("name") if isinstance(field, dict) else None
        if not name or name in columns:
            raise ValueError(f"a field needs a unique name: {json.dumps(field)}")
        columns[name] = _column(name, field.get("type"))
    return columns


def check_columns(dataset_type: str, columns: Mapping[str, Column]) -> None:
    """Raise ValueError unless a dataset of this type can have these columns."""
    for name, kind in REQUIRED_COLUMNS[dataset_type].items():
        if columns.get(name) != Column(kind):
            raise ValueError(f"{dataset_type} needs the field {name} of type {kind}")


def _column(name: str, avro: Any) -> Column:
    kinds = avro if isinstance(avro, list) else [avro]
    simple = [kind for kind in kinds if kind != "null"]
    if len(simple) != 1 or simple[0] not in SIMPLE_TYPES:
        raise ValueError(f"field {name} has a type that is not supported: {json.dumps(avro)}")
    return Column(simple[0], nullable="null" in kinds)
