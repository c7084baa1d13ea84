r"""The CSV dialect that Personalize reads, and how its files become ones that Polars reads.

Commas separate values. One in double quotes may hold commas, and within it a backslash stands
before each double quote and backslash. A record is one line.
https://docs.aws.amazon.com/personalize/latest/dg/items-datasets.html#text-data
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from embedded_aws.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPECIAL = re.compile(r'["\\]')
_ESCAPED = re.compile(r'\\(["\\])')
_ESCAPED_OR_DOUBLED = re.compile(r'\\(["\\])|"(?=")')
# Separates the values of a plain file; no text has it, so that nothing must be quoted.
_SEPARATOR = "\x1f"
_UNIT = _SEPARATOR.encode()


@dataclass(frozen=True)
class Dialect:
    """What no document settles."""

    doubles_quotes: bool = False  # whether two double quotes within a value stand for one
    skips_blank_lines: bool = True


DOCUMENTED = Dialect()


@dataclass(frozen=True)
class Split:
    """The values of a line; if a quoted one does not end well, those before it."""

    values: list[str]
    is_broken: bool = False


class BrokenRecordError(ValueError):
    """A line is not one record: its quotes are wrong, or its number of values is.

    `values` is their number; if `has_wrong_quotes`, of those before the wrong one.
    """

    def __init__(self, line: int, values: int, *, has_wrong_quotes: bool) -> None:
        super().__init__(f"line {line} is not a record")
        self.line = line
        self.values = values
        self.has_wrong_quotes = has_wrong_quotes


def split(line: str, dialect: Dialect = DOCUMENTED) -> Split:
    """Split a line, without its end, at the commas outside of double quotes.

    A quoted value is broken if it does not end on its line, or if a double quote in it has no
    backslash and a comma follows there: what reads that quote as the end finds other values.
    """
    if '"' not in line:
        return Split(line.split(","))
    values: list[str] = []
    at = 0
    while at <= len(line):
        begin = at + line.startswith('"', at)
        end, bare = _closing_quote(line, begin, dialect) if begin > at else (-1, -1)
        if begin > at and end < 0 and (bare < 0 or line.startswith('""', bare)):
            return Split(values, is_broken=True)
        if begin > at and end >= 0:
            if bare >= 0 and "," in line[bare:end]:
                return Split(values, is_broken=True)
            values.append(_unescaped(line[begin:end], dialect))
            at = end + 2
        else:  # not quoted, or a quote that only begins the value: "a" b
            end = (line.find(",", max(at, bare)) + 1 or len(line) + 1) - 1
            values.append(line[at:end])
            at = end + 1
    return Split(values)


def records(path: Path, dialect: Dialect = DOCUMENTED) -> Iterator[bytes]:
    """Yield the header and each record of a file, its values separated by a character of their own.

    Raises BrokenRecordError, and UnicodeDecodeError for some of what is not UTF-8.
    """
    with path.open("rb") as lines:
        header = next(lines, b"").rstrip(b"\r\n")
        width = header.count(b",") + 1
        yield header.replace(b",", _UNIT) + b"\n"
        for number, line in enumerate(lines, 2):
            record = line.rstrip(b"\r\n")
            if not record and dialect.skips_blank_lines:
                continue
            if _UNIT in record:
                record = record.replace(_UNIT, b" ")
            if b'"' not in record:
                if record.count(b",") + 1 != width:
                    values = record.count(b",") + 1 if record else 0
                    raise BrokenRecordError(number, values, has_wrong_quotes=False)
                yield record.replace(b",", _UNIT) + b"\n"
                continue
            found = split(record.decode(), dialect)
            if found.is_broken or len(found.values) != width:
                raise BrokenRecordError(number, len(found.values), has_wrong_quotes=found.is_broken)
            yield _SEPARATOR.join(found.values).encode() + b"\n"


def write_plain(source: Path, target: Path, dialect: Dialect = DOCUMENTED) -> None:
    """Write a file so that `scan_plain` reads it. Raises what `records` raises."""
    with target.open("wb") as plain:
        plain.writelines(records(source, dialect))


def scan_plain(path: Path) -> pl.LazyFrame:
    """Return the rows of a file that `write_plain` has written; every value is a string or null."""
    return pl.scan_csv(
        path, separator=_SEPARATOR, quote_char=None, infer_schema=False, low_memory=True
    )


def scan_data(path: Path) -> pl.LazyFrame:
    """Return the rows of a CSV file as Personalize reads it; every value is a string or null.

    Works in streams, on files of any size; until this process ends, a copy is kept on disk. Raises
    BrokenRecordError.
    """
    found = path.stat()
    return scan_plain(_plain_copy(path, found.st_mtime_ns, found.st_size))


@cache
def _plain_copy(path: Path, _modified: int, _size: int) -> Path:
    with tempfile.NamedTemporaryFile(
        dir=temporary_folder("personalize-data"), suffix=".plain", delete=False
    ) as file:
        copy = Path(file.name)
    write_plain(path, copy)
    return copy


def _closing_quote(line: str, at: int, dialect: Dialect) -> tuple[int, int]:
    """Return where a quoted value that begins at `at` ends, and its first quote without backslash.

    Either is -1 if there is none. A quote ends the value if a comma or the line's end follows.
    """
    bare = -1
    while found := _SPECIAL.search(line, at):
        at = found.start()
        is_quote, is_pair = line[at] == '"', line.startswith('""', at)
        if is_quote and (at + 1 == len(line) or line[at + 1] == ","):
            return at, bare
        if is_quote and bare < 0 and not (is_pair and dialect.doubles_quotes):
            bare = at
        # what follows a backslash is taken as it is, and so is the second quote of two
        at += 1 if is_quote and not is_pair else 2
    return -1, bare


def _unescaped(value: str, dialect: Dialect) -> str:
    if dialect.doubles_quotes:
        return _ESCAPED_OR_DOUBLED.sub(lambda found: found[1] or "", value)
    return _ESCAPED.sub(r"\1", value)
