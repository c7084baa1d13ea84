"""What is wrong with the lines of a CSV file below its header: pure.

A value is never told, only its place and kind: it is a customer's.
"""

from collections.abc import Sequence
from typing import NamedTuple

from data_columns import IDS, Check, Column, Wrong, check_of
from data_lines import split
from findings import Finding

BLANK = Wrong("blank", "is blank; leave blank lines out", refused=False)
NUL = Wrong("NUL", "has NUL bytes; write plain text")
OPEN = Wrong(
    "open",
    "a value in double quotes does not end on its line; write each record on one line, and a "
    'double quote or backslash within a value as \\" or \\\\',
)
TORN = Wrong(
    "quotes",
    "a double quote within a quoted value has no backslash before it, and a comma after it; "
    'write \\" instead of "" or "',
)
DOUBTFUL = TORN._replace(
    kind="doubtful quotes",
    text='a double quote within a quoted value has no backslash before it; write \\" instead of '
    '"" or "',
    refused=False,
)
EMPTY = Wrong("empty", "is empty, and the schema does not allow null; fill it in")

Checks = Sequence[tuple[int, Column, Check | None]]


def checks_of(names: Sequence[str], columns: Sequence[Column], latest: int) -> Checks:
    """Return the checks of the columns in the header; `latest` is when the future begins."""
    at = {name: number for number, name in reversed(list(enumerate(names)))}
    return [
        (at[column.name], column, check_of(column, latest))
        for column in columns
        if column.name in at
    ]


class _Seen(NamedTuple):
    wrong: Wrong
    column: str
    line: int
    times: int


def row_findings(
    url: str, lines: Sequence[str], checks: Checks, width: int
) -> tuple[int, list[Finding]]:
    """Return how many records the lines hold, and one finding for each kind of fault in them."""
    seen: dict[tuple[str, str], _Seen] = {}
    records, is_open = 0, False
    for number, line in enumerate(lines, 2):
        # the rest of a record that was begun on a line before
        is_open = is_open and len(split(line).values) != width
        if is_open:
            continue
        records += bool(line)
        for column, wrong in _wrong_in(line, checks, width):
            key = column, wrong.kind
            if found := seen.get(key):
                seen[key] = found._replace(times=found.times + 1)
            else:
                seen[key] = _Seen(wrong, column, number, 1)
            is_open = wrong.kind == "open"
    findings = []
    for each in seen.values():
        name = f"{each.column} " if each.column else ""
        more = f" ({each.times - 1:,} more lines like it were seen)" if each.times > 1 else ""
        findings.append(
            Finding(
                f"{each.column}: {each.wrong.kind}",
                f"{url} line {each.line:,}: {name}{each.wrong.text}{more}.",
                each.wrong.refused,
            )
        )
    return records, findings


def _wrong_in(line: str, checks: Checks, width: int) -> list[tuple[str, Wrong]]:
    """Return what is wrong with a line, each with its column or "" for the line as a whole."""
    if not line:
        return [("", BLANK)]
    if "\0" in line:
        return [("", NUL)]
    row = split(line)
    if row.is_open or row.is_torn:
        return [("", OPEN if row.is_open else TORN)]
    values = row.values
    if len(values) != width:
        names = "name" if width == 1 else "names"
        return [
            (
                "",
                Wrong(
                    "values",
                    f"has {len(values):,} values, and the header {width:,} {names}; write a value "
                    "for each column, and put values with commas in double quotes",
                ),
            )
        ]
    found = [("", DOUBTFUL)] if row.is_doubtful else []
    for at, column, check in checks:
        value = values[at]
        if not value:
            # an empty text may be meant, and may be taken
            is_meant = at in row.empty and column.kind == "string" and column.name not in IDS
            if not column.is_nullable and not is_meant:
                found.append((column.name, EMPTY))
        elif check and (wrong := check(value)):
            found.append((column.name, wrong))
    return found
