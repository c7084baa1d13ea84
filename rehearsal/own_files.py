"""A user's own CSV files: whether they can be used, and what they held a week ago."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from embedded_aws import REQUIRED_COLUMNS, scan_data, split

WEEK_SECONDS = 7 * 24 * 3600
# What last week's campaign was trained on, at least: Personalize refuses to train on less.
LEAST_INTERACTIONS, LEAST_USERS = 1000, 25
# When an interaction happened, in epoch seconds; null if the value is not a whole number.
TIME = pl.col("TIMESTAMP").cast(pl.Int64, strict=False)
_WANTED = "is wanted"  # no column's name, since it has a blank
_SHOWN_CHARACTERS = 60
_LOOKED_AT = 100_000  # rows, among which as many different ones as a training needs must be
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class PreparationError(Exception):
    """The shop cannot be made as it was last week; the text says why, and what to do."""


def check_files(kind: str, files: Iterable[Path], *, complete: bool = True) -> None:
    """Raise PreparationError unless the files are one table in UTF-8 with rows of equal length.

    With `complete` they must also have the columns that a dataset of this type needs. Reads whole
    files, line by line.
    """
    headers: dict[Path, list[str]] = {}
    rows = 0
    for file in files:
        headers[file], more = _read(file)
        rows += more
    first = next(iter(headers))
    for file, header in headers.items():
        if header != headers[first]:
            raise PreparationError(
                f"{file} has other columns than {first}; give all parts the same header"
            )
    if not rows:
        raise PreparationError(f"{first} has no row below its header; export the data again")
    missing = [name for name in REQUIRED_COLUMNS[kind] if name not in headers[first]]
    if complete and missing:
        raise PreparationError(
            f"{first} has no column {' or '.join(missing)}, but {_shown(','.join(headers[first]))};"
            f" the header of {kind.lower()} needs {', '.join(REQUIRED_COLUMNS[kind])}, "
            "unquoted and separated by commas"
        )


def split_last_week(files: list[Path], folder: Path) -> list[Path]:
    """Write what the files held a week ago: all rows up to 7 days before their newest one.

    Returns the files written to `folder`, which is created; none if those rows are too few to
    train on, or the files have no TIMESTAMP. Works in streams, on files of any size.
    """
    rows = pl.concat([scan_data(file) for file in files])
    newest = newest_time(rows)
    if newest is None:
        return []
    earlier = newest - WEEK_SECONDS >= TIME
    if not _can_be_trained_on(rows.filter(earlier)):
        return []
    folder.mkdir()
    written = [folder / f"{number:05}.csv" for number in range(len(files))]
    for source, target in zip(files, written, strict=True):
        copy_rows(source, target, earlier)
    return written


def newest_time(rows: pl.LazyFrame) -> int | None:
    """Return the latest TIMESTAMP, if there is any."""
    if "TIMESTAMP" not in rows.collect_schema().names():
        return None
    newest: int | None = rows.select(TIME.max()).collect(engine="streaming").item()
    return newest


def copy_rows(source: Path, target: Path, wanted: pl.Expr, *, append: bool = False) -> None:
    """Copy the header and those rows of a file for which `wanted` is true, as they are written.

    With `append`, add the rows to those that `target` has.
    """
    marked = scan_data(source).with_columns(wanted.fill_null(value=False).alias(_WANTED))
    chosen = marked.select(_WANTED).collect(engine="streaming")
    with source.open("rb") as lines, target.open("ab" if append else "wb") as copied:
        header = next(lines, b"")
        if not append:
            copied.write(_ended(header))
        rows = (line for line in lines if line.strip(b"\r\n"))
        for is_wanted, line in zip(chosen.to_series(), rows, strict=True):
            if is_wanted:
                copied.write(_ended(line))


def _ended(line: bytes) -> bytes:
    return line.rstrip(b"\r\n") + b"\n"


def _can_be_trained_on(rows: pl.LazyFrame) -> bool:
    different = rows.head(_LOOKED_AT).unique().select(pl.len()).collect(engine="streaming").item()
    if different < LEAST_INTERACTIONS:
        return False
    users = rows.group_by("USER_ID").len().filter(pl.col("len") > 1).select(pl.len())
    return bool(users.collect(engine="streaming").item() >= LEAST_USERS)


def _read(file: Path) -> tuple[list[str], int]:
    """Return a file's header and its number of rows."""
    with file.open("rb") as lines:
        first = next(lines, b"")
        if first.startswith(_BYTE_ORDER_MARKS):
            raise PreparationError(
                f"{file} begins with a byte order mark; save it as UTF-8 without one "
                "(in Python: encoding='utf-8')"
            )
        header = _header(file, _decoded(file, 1, first))
        commas = len(header) - 1
        rows = 0
        for number, line in enumerate(lines, 2):
            text = _decoded(file, number, line)
            if ('"' in text or text.count(",") != commas) and text.strip("\r\n"):
                _check_record(file, number, text, len(header))
            rows += 1
    return header, rows


def _decoded(file: Path, number: int, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise PreparationError(
            f"{file}, line {number}: is not UTF-8; save the file as UTF-8"
        ) from error


def _header(file: Path, line: str) -> list[str]:
    names = line.rstrip("\r\n").split(",")
    if names == [""]:
        raise PreparationError(f"{file} has no header; export the data with the columns' names")
    for at, name in enumerate(names, 1):
        if not name.strip():
            raise PreparationError(
                f"{file}: column {at} of {len(names)} has no name; name it, or leave it out "
                "(in pandas: to_csv(…, index=False))"
            )
        if name in names[: at - 1]:
            raise PreparationError(f"{file}: two columns are named {name}; rename or remove one")
    return names


def _check_record(file: Path, number: int, line: str, wanted: int) -> None:
    record = split(line.rstrip("\r\n"))
    if record.is_broken:
        raise PreparationError(
            f"{file}, line {number}: a value in double quotes does not end on its line, or has a "
            "double quote and a comma in it; write each record on one line, and a double quote or "
            f'backslash within a value as \\" or \\\\: {_shown(line)}'
        )
    found = len(record.values)
    if found != wanted:
        raise PreparationError(
            f"{file}, line {number}: has {found} values, but the header has {wanted} "
            f"columns; fix or remove the line: {_shown(line)}"
        )


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "…"
