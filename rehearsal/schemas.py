"""The Avro schemas of the shop's datasets: a user's own, or what the columns of the files say."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from embedded_aws import (
    MOST_METADATA,
    REQUIRED_COLUMNS,
    RESERVED_COLUMNS,
    metadata_fields,
    record_type,
    scan_data,
)
from rehearsal.own_files import PreparationError


@dataclass(frozen=True)
class _Found:
    """What the values of one column have in common."""

    has_empty: bool
    has_value: bool
    is_whole: bool
    is_number: bool
    has_fraction: bool


def read_schemas(files: Iterable[Path]) -> dict[str, str]:
    """Return the text of each schema by its dataset type, which is the name of its record.

    Raises PreparationError for a file that is not a schema, and for the second one of a type.
    """
    schemas: dict[str, str] = {}
    for file in files:
        text = _text(file)
        kind = _type_of(file, text)
        if kind in schemas:
            raise PreparationError(
                f"--schema {file} is the second one for {kind}; give one for each type"
            )
        schemas[kind] = text
    return schemas


def inferred_schema(kind: str, files: list[Path], like: list[Path]) -> str:
    """Return the schema of a dataset type: the columns of `like`, as all values in `files` allow.

    A column is nullable if any file has an empty cell in it. Reads whole files, as streams.
    """
    found = [_columns(file) for file in files]
    names = list(scan_data(like[0]).collect_schema())
    _check_number(kind, names, like[0])
    required = REQUIRED_COLUMNS[kind]
    fields = [
        {"name": name, "type": required[name]}
        if name in required
        else _optional(kind, name, [columns[name] for columns in found if name in columns])
        for name in [*names, *(name for name in required if name not in names)]
    ]
    schema = {
        "type": "record",
        "name": kind.title().replace("_", ""),
        "namespace": "com.amazonaws.personalize.schema",
        "fields": fields,
        "version": "1.0",
    }
    return json.dumps(schema)


def _check_number(kind: str, names: list[str], file: Path) -> None:
    metadata = metadata_fields(kind, names)
    most = MOST_METADATA.get(kind, len(metadata))
    if len(metadata) > most:
        raise PreparationError(
            f"{file} has {len(metadata)} columns of metadata ({', '.join(metadata)}), and a schema "
            f"of {kind} can have {most}; leave columns out, or give your dataset's own schema by "
            "--schema"
        )


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PreparationError(
            f"--schema {file} cannot be read; name an Avro schema, a JSON file in UTF-8"
        ) from error


def _type_of(file: Path, text: str) -> str:
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise PreparationError(f"--schema {file} is not JSON: {error}") from error
    name = schema.get("name") if isinstance(schema, dict) else None
    if isinstance(name, str) and (kind := record_type(text)):
        return kind
    raise PreparationError(
        f"--schema {file} is not the schema of a dataset type: its record must be named "
        f"Interactions, Items or Users, not {json.dumps(name)}"
    )


def _columns(file: Path) -> dict[str, _Found]:
    text = scan_data(file).fill_null("")
    names = list(text.collect_schema())
    questions: Mapping[str, Any] = {
        f"{at}:{question}": expression
        for at, name in enumerate(names)
        for question, expression in _questions(pl.col(name)).items()
    }
    answers = text.select(**questions).collect(engine="streaming").row(0, named=True)
    return {
        name: _Found(**{q: bool(answers[f"{at}:{q}"]) for q in _questions(pl.col(name))})
        for at, name in enumerate(names)
    }


def _questions(column: pl.Expr) -> dict[str, pl.Expr]:
    filled = column.filter(column != "")
    return {
        "has_empty": (column == "").any(),
        "has_value": (column != "").any(),
        "is_whole": filled.cast(pl.Int64, strict=False).is_not_null().all(),
        "is_number": filled.cast(pl.Float32, strict=False).is_not_null().all(),
        "has_fraction": filled.str.contains("[.eE]").any(),
    }


def _optional(dataset_type: str, name: str, found: list[_Found]) -> dict[str, Any]:
    reserved = RESERVED_COLUMNS[dataset_type]
    kind = reserved.get(name) or _kind([f for f in found if f.has_value])
    is_nullable = any(f.has_empty for f in found)
    field: dict[str, Any] = {"name": name, "type": ["null", kind] if is_nullable else kind}
    if kind == "string" and name not in reserved:
        field["categorical"] = True
    return field


def _kind(found: list[_Found]) -> str:
    if found and all(f.is_whole for f in found):
        return "long"
    # Whole numbers too large for a long are names, such as those on bar codes.
    if all(f.is_number for f in found) and any(f.has_fraction for f in found):
        return "float"
    return "string"
