"""Reads CSV files and checks them as an import job does, at any size.

The files are copied to disk and scanned as streams; one Parquet file is kept for each.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from embedded_aws.services.personalize.action_model import event_type
from embedded_aws.services.personalize.avro import alphanumeric
from embedded_aws.services.personalize.bulk_data import (
    BulkData,
    Location,
    RefusedError,
    find_bulk_data,
)
from embedded_aws.services.personalize.csv_dialect import (
    DOCUMENTED,
    BrokenRecordError,
    Dialect,
    scan_plain,
    write_plain,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from embedded_aws.services.personalize.avro import Column

# The maximum length of a value, in characters; other strings are categories.
_LONGEST = {"USER_ID": 256, "ITEM_ID": 256, "ACTION_ID": 256, "EVENT_TYPE": 256}
_LONGEST_CATEGORY = 1000
# Textual fields are cut off there. The guide says "for Chinese and Japanese"; here, for a text that
# has any of their characters.
_LONGEST_TEXT, _LONGEST_CHINESE_TEXT = 20_000, 7_000
_CHINESE = r"[\p{Han}\p{Hiragana}\p{Katakana}]"
_TIMES = ("TIMESTAMP", "CREATION_TIMESTAMP")
_LONGEST_HEADER = 64 * 1024
# Epoch seconds reach this in the year 5138, epoch milliseconds reached it in 1973.
_BEYOND_SECONDS = 100_000_000_000
_TYPES: dict[str, Any] = {
    "string": pl.String,
    "int": pl.Int32,
    "long": pl.Int64,
    "float": pl.Float32,
    "double": pl.Float64,
    "boolean": pl.Boolean,
}


@dataclass(frozen=True)
class Rules:
    """What a dataset requires of its data."""

    columns: Mapping[str, Column]  # by name
    most_bytes: int
    least_records: int
    event_types: tuple[str, ...] = ()  # the only ones that it may have, if there are any
    reserved_event_types: tuple[str, ...] = ()  # those that it may not have
    known: tuple[Path, ...] = ()  # imported before: records that are in them do not count
    dialect: Dialect = DOCUMENTED
    in_any_order: bool = True  # whether columns may be in another order than in the schema


@dataclass(frozen=True)
class Imported:
    """An import's outcome: Parquet files with the schema's columns, or why there are none."""

    size: int = 0  # bytes of CSV
    files: tuple[Path, ...] = ()
    failure: str | None = None


def import_dataset(location: Location, rules: Rules, folder: Path) -> Imported:
    """Read the data at a location into `folder`, which is created.

    Anything wrong with the data, or with the permission to read it, is the result's `failure`.
    """
    size, target = 0, folder / "imported"
    target.mkdir(parents=True)
    try:
        data = find_bulk_data(location)
        size = data.size
        return Imported(size, _read(data, rules, folder, target))
    except RefusedError as error:
        shutil.rmtree(folder)
        return Imported(size, failure=str(error))


def _read(data: BulkData, rules: Rules, folder: Path, target: Path) -> tuple[Path, ...]:
    if data.size > rules.most_bytes:
        raise RefusedError(
            f"The data is {data.size} bytes, more than the {rules.most_bytes} of this import mode."
        )
    first_header: list[str] | None = None
    records, files = 0, []
    for path in data.fetch(folder):
        header = _header(path)
        _check_header(header, rules)
        first_header = first_header or header
        if header != first_header:
            raise RefusedError("All the files in the folder must have the same header.")
        files.append(target / f"{path.stem}.parquet")
        try:
            records += judge_file(path, rules.columns, files[-1], rules.dialect)
        except BrokenRecordError as error:
            raise RefusedError(_broken(error, header, rules.columns)) from error
        except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
            raise RefusedError(_unreadable(error)) from error
        path.unlink()
        _check_event_types(files[-1], rules)
    what = "records"
    if rules.known and rules.least_records:
        records, what = _count_new(files, rules), "new records"
    if records < rules.least_records:
        raise RefusedError(
            f"The data has {records} {what}, fewer than the {rules.least_records} of an import."
        )
    return tuple(files)


def _check_header(header: list[str], rules: Rules) -> None:
    if missing := [column for column in rules.columns if column not in header]:
        raise RefusedError(f"Input CSV is missing the following columns:[{', '.join(missing)}].")
    names = list(filter(None, map(alphanumeric, header)))
    if alike := [name for name in header if names.count(alphanumeric(name)) > 1]:
        raise RefusedError(f"Columns must have unique alphanumeric names: {', '.join(alike)}")
    in_order = [name for name in header if name in rules.columns] == list(rules.columns)
    if not in_order and not rules.in_any_order:
        raise RefusedError(
            f"The columns must be in the order of the schema: {', '.join(rules.columns)}"
        )


def _check_event_types(file: Path, rules: Rules) -> None:
    if rules.event_types:
        wrong = ~event_type().is_in(rules.event_types)
        what = f"must be one of {', '.join(rules.event_types)}, but is"
    elif rules.reserved_event_types and "EVENT_TYPE" in rules.columns:
        wrong = pl.col("EVENT_TYPE").is_in(rules.reserved_event_types)
        what = "cannot be a reserved keyword, but is"
    else:
        return
    others = pl.scan_parquet(file).filter(wrong).select("EVENT_TYPE")
    for (value,) in others.head(1).collect(engine="streaming").iter_rows():
        raise RefusedError(f"EVENT_TYPE {what}: {value}")


def _count_new(files: list[Path], rules: Rules) -> int:
    """Count the records that are not in the data imported before, equal ones once."""
    columns = list(rules.columns)
    known = pl.scan_parquet(list(rules.known)).select(columns)
    new = pl.scan_parquet(files).unique().join(known, on=columns, how="anti", nulls_equal=True)
    return int(new.select(pl.len()).collect(engine="streaming").item())


def _header(path: Path) -> list[str]:
    """Return the column names as they are written: a quoted name does not match the schema's."""
    with path.open("rb") as file:
        line = file.readline(_LONGEST_HEADER)
    try:
        return line.decode().rstrip("\r\n").split(",")
    except UnicodeDecodeError as error:
        raise RefusedError("Input CSV is not encoded in UTF-8.") from error


def judge_file(
    path: Path, columns: Mapping[str, Column], target: Path, dialect: Dialect = DOCUMENTED
) -> int:
    """Check every value of a file, save it as Parquet, and return its number of records."""
    plain = target.with_suffix(".plain")
    write_plain(path, plain, dialect)
    count = _judge(scan_plain(plain), columns, target)
    plain.unlink()
    return count


def write_rows(
    path: Path, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Column]
) -> None:
    """Save records that were checked before as Parquet, as those of a file are."""
    schema = {name: _TYPES[column.kind] for name, column in columns.items()}
    data = [[row.get(name) for name in schema] for row in rows]
    pl.DataFrame(data, schema=schema, orient="row", strict=False).write_parquet(path)


def _judge(text: pl.LazyFrame, columns: Mapping[str, Column], target: Path) -> int:
    text = text.select(pl.col(name).fill_null("") for name in columns)
    checks = {name: _checks(name, column) for name, column in columns.items()}
    named = [c.alias(f"{name}:{kind}") for name in columns for kind, c in checks[name].items()]
    counted = text.select(pl.len().alias("records"), *named).collect(engine="streaming")
    found = counted.row(0, named=True)
    for name in columns:
        _refuse(name, {kind: found[f"{name}:{kind}"] for kind in checks[name]})
    typed = [
        pl.when(pl.col(name) != "").then(_typed(name, column)).alias(name)
        for name, column in columns.items()
    ]
    text.select(typed).sink_parquet(target)
    return int(found["records"])


def _checks(name: str, column: Column) -> dict[str, pl.Expr]:
    """Return what to find out about a column: None, 0 or null mean that nothing is wrong."""
    value = pl.col(name)
    checks = {} if column.nullable else {"empty": (value == "").sum()}
    if column.textual:
        return checks
    if column.kind == "string":
        return checks | {"longest": value.str.len_chars().max()}
    cast = _cast(name, column.kind)
    checks["wrong"] = value.filter(cast.is_null() & (value != "")).first()
    if name in _TIMES:
        checks["latest"] = cast.max()
    return checks


def _refuse(name: str, found: Mapping[str, Any]) -> None:
    if found.get("empty"):
        raise RefusedError(f"Column {name} has {found['empty']} records without a value.")
    if found.get("wrong") is not None:
        raise RefusedError(f"Column {name} has a value that is not of its type: {found['wrong']}")
    most = _LONGEST.get(name, _LONGEST_CATEGORY)
    if (found.get("longest") or 0) > most:
        raise RefusedError(_too_long(most, name))
    if (found.get("latest") or 0) >= _BEYOND_SECONDS:
        raise RefusedError(f"{name} must be in Unix epoch time in seconds, not milliseconds.")


def _too_long(most: int, name: str) -> str:
    return (
        f"Length cannot be more than {most} characters for {name}. If no values exceed the "
        "character limit, make sure your data follows the formatting guidelines listed in "
        "https://docs.aws.amazon.com/personalize/latest/dg/data-prep-formatting.html."
    )


def _typed(name: str, column: Column) -> pl.Expr:
    if not column.textual:
        return _cast(name, column.kind)
    text = pl.col(name)
    most = pl.when(text.str.contains(_CHINESE)).then(_LONGEST_CHINESE_TEXT).otherwise(_LONGEST_TEXT)
    return text.str.head(most)


def _cast(name: str, kind: str) -> pl.Expr:
    if kind == "boolean":
        lower = pl.col(name).str.to_lowercase()
        return pl.when(lower.is_in(["true", "false"])).then(lower == "true")
    return pl.col(name).cast(_TYPES[kind], strict=False)


def _broken(error: BrokenRecordError, header: list[str], columns: Mapping[str, Column]) -> str:
    """Return what the service says of a record that is not one line of the header's columns.

    Where quotes are wrong, the values that follow are not where they should be; the guide tells to
    look at the textual fields that precede the column of the message.
    """
    if not error.has_wrong_quotes:
        return (
            f"Input CSV cannot be read: line {error.line} has {error.values} values, and the "
            f"header {len(header)} columns."
        )
    name = header[min(error.values + 1, len(header) - 1)]
    textual = name in columns and columns[name].textual
    return _too_long(_LONGEST_TEXT if textual else _LONGEST.get(name, _LONGEST_CATEGORY), name)


def _unreadable(error: Exception) -> str:
    text = str(error)
    if isinstance(error, UnicodeDecodeError) or "utf" in text.lower():
        return "Input CSV is not encoded in UTF-8."
    return "Input CSV cannot be read."
