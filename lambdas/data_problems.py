"""What is wrong with the data of a dataset, seen from the heads of its files: pure.

What Personalize's documents require is refused; what they leave open, or what only looks odd, is a
finding that does not refuse. A file that Personalize takes must never be refused.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from data_columns import Column
from data_formats import Text, other_format, text_of
from data_rows import checks_of, row_findings
from findings import Finding

LEAST_RECORDS = 1_000
LONGEST_NAME = 60  # of a column, as told
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


class Head(NamedTuple):
    """The first bytes of a file; `is_whole` if these are all."""

    url: str
    content: bytes
    is_whole: bool


class Examined(NamedTuple):
    """What is known of a file. `header` is empty unless it is one of the dataset's.

    `records` are those in the head, blank lines left out; None if more may be there.
    """

    url: str
    header: str
    is_header_refused: bool
    records: int | None
    findings: list[Finding]


def examine(head: Head, columns: Sequence[Column], latest: int) -> Examined:
    """Return what is wrong with a file by itself; `latest` is when the future begins."""
    text = text_of(head.content, is_whole=head.is_whole)
    header = text.lines[0] if text.lines else ""
    names = header.split(",")
    known = {column.name for column in columns}
    if known.isdisjoint(map(_bare, names)):
        kind, sentence = _why_no_header(head, text, columns)
        finding = Finding(kind, f"{head.url}{sentence}.")
        return Examined(head.url, "", is_header_refused=True, records=0, findings=[finding])
    findings = list(_header_findings(f"{head.url} line 1:", text, columns))
    is_header_refused = any(finding.refused for finding in findings)
    checks = checks_of([_bare(name) for name in names], columns, latest)
    records, found = row_findings(head.url, text.lines[1:], checks, len(names))
    findings += found
    if text.broken is not None:
        findings.append(Finding("not UTF-8", f"{head.url}{_not_utf8(text.broken)}."))
    is_counted = head.is_whole and text.broken is None
    return Examined(head.url, header, is_header_refused, records if is_counted else None, findings)


def across_files(
    examined: Sequence[Examined], location: str, kind: str, import_mode: str
) -> Iterator[Finding]:
    """Yield what is wrong with the files of a location together.

    `kind` is the dataset's type, such as INTERACTIONS. Records are counted only if all files have
    been read as a whole.
    """
    data = [each for each in examined if each.header]
    if not data:
        if not any(_is_named_csv(each.url) for each in examined):
            yield Finding("no CSV", f"{location} has no CSV file; deliver the data as CSV.")
        return
    model = next((each for each in data if not each.is_header_refused), data[0])
    for each in data:
        if each.header != model.header and not each.is_header_refused:
            yield Finding(
                "other header",
                f"{each.url} line 1: the columns or their order differ from those of {model.url}; "
                "give all files of a folder the same header.",
            )
    counts = [each.records for each in data]
    if len(data) < len(examined) or None in counts:
        return
    records = sum(count or 0 for count in counts)
    where = data[0].url if len(data) == 1 else location
    needs_many = kind == "INTERACTIONS" or (
        kind == "ACTION_INTERACTIONS" and import_mode == "INCREMENTAL"
    )
    if not records:
        text = f"{where} has a header and no records; deliver at least one."
        yield Finding("no records", text)
    elif records < LEAST_RECORDS and needs_many:
        yield Finding(
            "few records",
            f"{where} has {records:,} records, fewer than the {LEAST_RECORDS:,} that an import "
            f"of {kind} needs; deliver more.",
        )


def _bare(name: str) -> str:
    """Return a column's name without what must not surround it."""
    return name.strip().strip('"')


def _is_named_csv(url: str) -> bool:
    return url.lower().endswith(".csv")


def _not_utf8(line: int) -> str:
    return f" line {line:,}: is not UTF-8, but perhaps Latin-1; write the file in UTF-8"


def _why_no_header(head: Head, text: Text, columns: Sequence[Column]) -> tuple[str, str]:
    """Return a kind, and why the first line is no header; what is in the line is never told."""
    wanted = [column.name for column in columns]
    first = text.lines[0] if text.lines else ""
    header = f"write a header as the first line: {','.join(wanted)}"
    what = other_format(head.content)
    separators = [
        name
        for separator, name in OTHER_SEPARATORS.items()
        if not set(wanted).isdisjoint(map(_bare, first.split(separator)))
    ]
    folded = {_bare(name).upper().replace(" ", "_") for name in first.split(",")}
    reasons = {
        "format": what and f" is {what}; deliver plain CSV in UTF-8",
        "separator": separators
        and f" line 1: {separators[0]} separate the columns; separate them by commas",
        "case": not folded.isdisjoint(wanted)
        and f" line 1: the names are not the schema's in upper and lower case; {header}",
        "other file": not _is_named_csv(head.url)
        and " is no CSV file of this dataset, and Personalize reads every file of the folder; "
        "delete it, or write it elsewhere",
        "empty file": not head.content and f" is empty; {header}",
        "NUL": "\0" in first and " line 1: has NUL bytes; write plain text in UTF-8",
        "not UTF-8": text.broken == 1 and _not_utf8(1),
        "no line": not text.lines
        and f" begins with a line of more than {len(head.content):,} bytes; {header}",
        "blank header": not first.strip() and f" line 1: is blank; {header}",
    }
    return next(
        ((kind, reason) for kind, reason in reasons.items() if reason),
        ("no header", f" line 1: has no column of the dataset's schema; {header}"),
    )


def _header_findings(where: str, text: Text, columns: Sequence[Column]) -> Iterator[Finding]:
    if text.has_mark:
        yield Finding(
            "byte order mark",
            f"{where} begins with a byte order mark, which becomes part of the first column's "
            "name; write UTF-8 without one.",
        )
    names = text.lines[0].split(",")
    bare = [_bare(name) for name in names]
    wanted = [column.name for column in columns]
    if quoted := [name for name, given in zip(bare, names, strict=True) if '"' in given]:
        yield Finding(
            "quoted header",
            f"{where} {_listed(quoted)} in double quotes; write the header without quotes.",
        )
    if blank := [name for name, given in zip(bare, names, strict=True) if given != given.strip()]:
        yield Finding(
            "blanks in header", f"{where} {_listed(blank)} between blanks; write the names alone."
        )
    if missing := [name for name in wanted if name not in bare]:
        folded = {name.upper() for name in bare}
        hint = " (upper and lower case matter)" if folded & set(missing) else ""
        yield Finding(
            f"missing {missing}",
            f"{where} the schema's {_listed(missing)} missing{hint}; add the column, with empty "
            "values where the schema allows null.",
        )
    if twice := [name for name in wanted if bare.count(name) > 1]:
        yield Finding(
            "twice", f"{where} {_listed(twice)} named more than once; name each column once."
        )
    plain = {name: "".join(filter(str.isalnum, name)) for name in bare}
    count = Counter(plain[name] for name in bare)
    alike = [name for name, letters in plain.items() if letters and count[letters] > 1]
    if alike := [name for name in alike if name not in twice]:
        yield Finding(
            f"alike {alike}",
            f"{where} {_listed(alike)} not unique, where only letters and digits count; name each "
            "column differently.",
        )
    if unknown := [name for name in bare if name not in wanted and name not in alike]:
        yield Finding(
            f"unknown {unknown}",
            f"{where} {_listed(unknown)} not in the dataset's schema; leave it out.",
            refused=False,
        )
    elif not (missing or twice or alike) and bare != wanted:
        yield Finding(
            "order",
            f"{where} the columns are not in the schema's order, which Personalize's documents "
            f"ask for: {','.join(wanted)}.",
            refused=False,
        )


def _listed(names: Sequence[str]) -> str:
    shown = [name[:LONGEST_NAME] or "a column without a name" for name in names[:10]]
    more = f" and {len(names) - 10} more" if len(names) > len(shown) else ""
    verb = "are" if len(names) > 1 else "is"
    return f"{', '.join(shown)}{more} {verb}"
