"""A user's own CSV files: whether they can be used, and what they held a week ago."""

import re
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from embedded_aws import REQUIRED_COLUMNS

WEEK_SECONDS = 7 * 24 * 3600
# What last week's campaign was trained on, at least: Personalize refuses to train on less.
LEAST_INTERACTIONS, LEAST_USERS = 1000, 25
_SHOWN_CHARACTERS = 60
_LOOKED_AT = 100_000  # rows, among which as many different ones as a training needs must be
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.|"")*"')


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
    rows = pl.scan_csv(files, infer_schema=False, low_memory=True)
    if "TIMESTAMP" not in rows.collect_schema().names():
        return []
    moment = pl.col("TIMESTAMP").cast(pl.Int64, strict=False)
    newest = rows.select(moment.max()).collect(engine="streaming").item()
    if newest is None:
        return []
    earlier = moment <= newest - WEEK_SECONDS
    if not _can_be_trained_on(rows.filter(earlier)):
        return []
    folder.mkdir()
    written = [folder / f"{number:05}.csv" for number in range(len(files))]
    for source, target in zip(files, written, strict=True):
        part = pl.scan_csv(source, infer_schema=False, low_memory=True)
        part.filter(earlier).sink_csv(target)
    return written


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
            if text.count(",") != commas and text.strip("\r\n"):
                _check_length(file, number, text, len(header))
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


def _check_length(file: Path, number: int, line: str, wanted: int) -> None:
    found = _QUOTED.sub("", line).count(",") + 1
    if found != wanted:
        raise PreparationError(
            f"{file}, line {number}: has {found} values, but the header has {wanted} "
            f"columns; fix or remove the line: {_shown(line)}"
        )


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "…"
