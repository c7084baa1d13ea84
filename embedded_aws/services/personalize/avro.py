"""Avro schemas as Personalize accepts them: a flat record of simple, optionally nullable fields."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
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
# What a dataset of a domain dataset group must have beside them; texts must be categorical.
_DOMAIN_COLUMNS = {
    ("ECOMMERCE", "INTERACTIONS"): {"EVENT_TYPE": "string"},
    ("ECOMMERCE", "ITEMS"): {"PRICE": "float", "CATEGORY_L1": "string"},
    ("VIDEO_ON_DEMAND", "INTERACTIONS"): {"EVENT_TYPE": "string"},
    ("VIDEO_ON_DEMAND", "ITEMS"): {"CREATION_TIMESTAMP": "long", "GENRES": "string"},
}
# These describe something, so they need at least one field beside its ID.
_DESCRIBING = ("ITEMS", "USERS", "ACTIONS")
# These exist only in custom dataset groups.
_CUSTOM = ("ACTIONS", "ACTION_INTERACTIONS")


@dataclass(frozen=True)
class Column:
    """One field of a schema."""

    kind: str  # one of SIMPLE_TYPES
    nullable: bool = False
    categorical: bool = field(default=False, compare=False)


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
    for described in fields:
        name = described.get("name") if isinstance(described, dict) else None
        if not name or name in columns:
            raise ValueError(f"a field needs a unique name: {json.dumps(described)}")
        columns[name] = _column(name, described)
    return columns


def check_columns(
    dataset_type: str, columns: Mapping[str, Column], domain: str | None = None
) -> None:
    """Raise ValueError unless a dataset of this type can have these columns."""
    if domain and dataset_type in _CUSTOM:
        raise ValueError(f"a domain dataset group cannot have a dataset of type {dataset_type}")
    for name, kind in REQUIRED_COLUMNS[dataset_type].items():
        if columns.get(name) != Column(kind):
            raise ValueError(f"{dataset_type} needs the field {name} of type {kind}")
    if dataset_type in _DESCRIBING and len(columns) == 1:
        raise ValueError(f"{dataset_type} needs at least one metadata field")
    for name, kind in _DOMAIN_COLUMNS.get((domain or "", dataset_type), {}).items():
        if columns.get(name) != Column(kind):
            raise ValueError(f"{dataset_type} of {domain} needs the field {name} of type {kind}")
        if dataset_type == "ITEMS" and kind == "string" and not columns[name].categorical:
            raise ValueError(f"{dataset_type} of {domain} needs the field {name} to be categorical")


def _column(name: str, described: dict[str, Any]) -> Column:
    avro = described.get("type")
    kinds = avro if isinstance(avro, list) else [avro]
    simple = [kind for kind in kinds if kind != "null"]
    if len(simple) != 1 or simple[0] not in SIMPLE_TYPES:
        raise ValueError(f"field {name} has a type that is not supported: {json.dumps(avro)}")
    return Column(
        simple[0], nullable="null" in kinds, categorical=described.get("categorical") is True
    )
