"""How a line of CSV is split as Personalize's documents describe it: pure.

Commas separate values. One in double quotes may hold commas, and within it a double quote or a
backslash is written after a backslash. A record is one line.
https://docs.aws.amazon.com/personalize/latest/dg/error-messages.html
"""

import re
from typing import NamedTuple

SPECIAL = re.compile(r'["\\\\]')


class Split(NamedTuple):
    """The values of a line, and what is wrong with its quotes.

    `is_open`: a quoted value does not end on the line. `is_doubtful`: within a quoted value is a
    double quote without a backslash; `is_torn` if a comma follows it there, so that what reads the
    quote as the value's end finds other values than what does not. `empty` has the places of empty
    values that were written as two double quotes.
    """

    values: list[str]
    empty: frozenset[int] = frozenset()
    is_open: bool = False
    is_doubtful: bool = False
    is_torn: bool = False


def split(line: str) -> Split:
    """Split a line at the commas outside of double quotes."""
    if '"' not in line:
        return Split(line.split(","))
    values: list[str] = []
    empty: set[int] = set()
    is_doubtful = is_torn = False
    at = 0
    while at <= len(line):
        begin = at + line.startswith('"', at)
        end, bare = _closing_quote(line, begin) if begin > at else (-1, -1)
        if begin > at and end < 0 and (bare < 0 or line.startswith('""', bare)):
            return Split(values, is_open=True)
        is_doubtful = is_doubtful or bare >= 0
        if end < 0:  # not quoted, or a quote that only begins the value: "a" b
            begin, end = at, (line.find(",", max(at, bare)) + 1 or len(line) + 1) - 1
            at = end + 1
        else:
            is_torn = is_torn or (bare >= 0 and "," in line[bare:end])
            if begin == end:
                empty.add(len(values))
            at = end + 2
        values.append(line[begin:end])
    return Split(values, frozenset(empty), is_doubtful=is_doubtful, is_torn=is_torn)


def _closing_quote(line: str, at: int) -> tuple[int, int]:
    """Return where a quoted value that begins at `at` ends, and its first quote without backslash.

    Either is -1 if there is none. A quote ends the value if a comma or the line's end follows.
    """
    bare = -1
    while found := SPECIAL.search(line, at):
        at = found.start()
        if line[at] == '"' and (at + 1 == len(line) or line[at + 1] == ","):
            return at, bare
        if line[at] == '"' and bare < 0:
            bare = at
        # what follows a backslash is taken as it is, and so is the second quote of two
        at += 2 if line[at] == "\\" or line.startswith('""', at) else 1
    return -1, bare
