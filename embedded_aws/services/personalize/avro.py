"""Avro schemas as Personalize accepts them: a flat record of simple, optionally nullable fields."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
# Optional fields whose types are fixed; strings among them are not categorical. They are no
# metadata. The guide calls the time at which an action expires by both names.
RESERVED_COLUMNS = {
    "INTERACTIONS": {
        "EVENT_TYPE": "string",
        "EVENT_VALUE": "float",
        "IMPRESSION": "string",
        "RECOMMENDATION_ID": "string",
        "EVENT_ATTRIBUTION_SOURCE": "string",
    },
    "ITEMS": {"CREATION_TIMESTAMP": "long"},
    "USERS": {},
    "ACTIONS": {
        "CREATION_TIMESTAMP": "long",
        "VALUE": "long",
        "TYPE": "string",
        "EXPIRATION_TIMESTAMP": "long",
        "ACTION_EXPIRATION_TIMESTAMP": "long",
        "REPEAT_FREQUENCY": "long",
    },
    "ACTION_INTERACTIONS": {"IMPRESSION": "string", "RECOMMENDATION_ID": "string"},
}
# The guide lists these without null.
_NOT_NULL = ("EVENT_TYPE", "CREATION_TIMESTAMP")
# How many metadata fields a dataset can have; the guide names no number for the other types.
MOST_METADATA = {"INTERACTIONS": 5, "ITEMS": 100, "USERS": 25, "ACTIONS": 10}
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
    textual: bool = field(default=False, compare=False)
    item_name: bool = field(default=False, compare=False)  # the title of an item


@dataclass(frozen=True)
class SchemaRules:
    """What no document settles."""

    allows_null_in_reserved: bool = True  # in EVENT_TYPE and CREATION_TIMESTAMP
    # Whether a string that is neither categorical nor textual is the metadata that a dataset needs.
    counts_plain_strings: bool = True


_LENIENT = SchemaRules()


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
        if not name or alphanumeric(name) in map(alphanumeric, columns):
            raise ValueError(f"a field needs a unique alphanumeric name: {json.dumps(described)}")
        columns[name] = _column(name, described)
    return columns


def record_type(text: str) -> str | None:
    """Return the dataset type that a valid schema's name says, in any case, or None."""
    name = alphanumeric(str(json.loads(text).get("name"))).upper()
    return next((kind for kind in DATASET_TYPES if alphanumeric(kind) == name), None)


def alphanumeric(name: str) -> str:
    """Return a name without its other characters: names must differ in these."""
    return "".join(filter(str.isalnum, name))


def metadata_fields(dataset_type: str, columns: Iterable[str]) -> list[str]:
    """Return the names of the fields that are neither required nor reserved."""
    known = REQUIRED_COLUMNS[dataset_type].keys() | RESERVED_COLUMNS[dataset_type].keys()
    return [name for name in columns if name not in known]


def check_columns(
    dataset_type: str,
    columns: Mapping[str, Column],
    domain: str | None = None,
    rules: SchemaRules = _LENIENT,
) -> None:
    """Raise ValueError unless a dataset of this type can have these columns."""
    if domain and dataset_type in _CUSTOM:
        raise ValueError(f"a domain dataset group cannot have a dataset of type {dataset_type}")
    for name, kind in REQUIRED_COLUMNS[dataset_type].items():
        if columns.get(name) != Column(kind):
            raise ValueError(f"{dataset_type} needs the field {name} of type {kind}")
    for name, kind in RESERVED_COLUMNS[dataset_type].items():
        if name in columns:
            _check_reserved(name, kind, columns[name], rules)
    _check_metadata(dataset_type, columns, rules)
    for name, kind in _DOMAIN_COLUMNS.get((domain or "", dataset_type), {}).items():
        if columns.get(name) != Column(kind):
            raise ValueError(f"{dataset_type} of {domain} needs the field {name} of type {kind}")
        if dataset_type == "ITEMS" and kind == "string" and not columns[name].categorical:
            raise ValueError(f"{dataset_type} of {domain} needs the field {name} to be categorical")


def check_replacement(old: Mapping[str, Column], new: Mapping[str, Column]) -> None:
    """Raise ValueError unless a dataset of one schema can get another.

    It must have all fields as they are, and new ones must support null data.
    """
    for name, column in old.items():
        if name not in new:
            raise ValueError(f"it has not the field {name} of the schema that it replaces")
        if _attributes(column) != _attributes(new[name]):
            raise ValueError(f"the field {name} has not the type and attributes that it had")
    if strict := [name for name in new if name not in old and not new[name].nullable]:
        raise ValueError(f"the new field {strict[0]} does not support null")


def _attributes(column: Column) -> tuple[Column, bool, bool, bool]:
    return column, column.categorical, column.textual, column.item_name


def _check_reserved(name: str, kind: str, column: Column, rules: SchemaRules) -> None:
    if column.kind != kind:
        raise ValueError(f"the reserved field {name} must be of type {kind}")
    if column.categorical or column.textual:
        raise ValueError(f"the reserved field {name} can be neither categorical nor textual")
    if column.nullable and name in _NOT_NULL and not rules.allows_null_in_reserved:
        raise ValueError(f"the reserved field {name} cannot be of type null")


def _check_metadata(dataset_type: str, columns: Mapping[str, Column], rules: SchemaRules) -> None:
    names = metadata_fields(dataset_type, columns)
    textual = [name for name, column in columns.items() if column.textual]
    useful = [
        name
        for name in names
        if rules.counts_plain_strings
        or columns[name].kind != "string"
        or columns[name].categorical
        or columns[name].textual
    ]
    most = MOST_METADATA.get(dataset_type, len(names))
    if dataset_type in _DESCRIBING and not useful:
        raise ValueError(f"{dataset_type} needs at least one metadata field")
    if len(names) > most:
        raise ValueError(f"{dataset_type} can have at most {most} metadata fields")
    if textual and dataset_type != "ITEMS":
        raise ValueError(f"only ITEMS can have a textual field, and {textual[0]} is textual")
    if len(textual) > 1:
        raise ValueError(f"ITEMS can have one textual field, and {', '.join(textual)} are textual")


def _column(name: str, described: dict[str, Any]) -> Column:
    avro = described.get("type")
    kinds = avro if isinstance(avro, list) else [avro]
    simple = [kind for kind in kinds if kind != "null"]
    if len(simple) != 1 or simple[0] not in SIMPLE_TYPES:
        raise ValueError(f"field {name} has a type that is not supported: {json.dumps(avro)}")
    for kind in ("textual", "itemName"):
        if described.get(kind) is True and simple[0] != "string":
            raise ValueError(f"field {name} is {kind} and must be of type string")
    return Column(
        simple[0],
        nullable="null" in kinds,
        categorical=described.get("categorical") is True,
        textual=described.get("textual") is True,
        item_name=described.get("itemName") is True,
    )
