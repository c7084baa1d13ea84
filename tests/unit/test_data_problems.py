"""What is wrong with data, by the heads of its files: each kind has one message, good data none."""

import gzip
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from data_columns import Column, columns_of
from data_problems import Examined, Head, across_files, examine
from findings import Finding, told

from rehearsal import sample_data
from rehearsal.schemas import inferred_schema

FOLDER = "s3://shop/week/"
URL = f"{FOLDER}a.csv"
NOW = int(datetime(2020, 10, 1, tzinfo=UTC).timestamp())
INTERACTIONS = [
    Column("USER_ID", "string"),
    Column("ITEM_ID", "string"),
    Column("TIMESTAMP", "long"),
    Column("DEVICE", "string", is_nullable=True),
]
ITEMS = [
    Column("ITEM_ID", "string"),
    Column("CATEGORY", "string"),
    Column("PRICE", "float", is_nullable=True),
    Column("STOCK", "int", is_nullable=True),
    Column("SOLD", "long", is_nullable=True),
    Column("CREATION_TIMESTAMP", "long", is_nullable=True),
    Column("ON_SALE", "boolean", is_nullable=True),
    Column("DESCRIPTION", "string", is_nullable=True, is_textual=True),
]
HEADER = "USER_ID,ITEM_ID,TIMESTAMP,DEVICE"
ITEMS_HEADER = ",".join(column.name for column in ITEMS)
GOOD = "\n".join(
    [HEADER, *(f"u{n % 40},i{n % 33},{1_600_000_000 + n},app" for n in range(1000)), ""]
)
ASK = f"write a header as the first line: {HEADER}."
ESCAPE = 'write \\" instead of "" or ".'


def examined(
    content: str | bytes, columns: list[Column] = INTERACTIONS, url: str = URL
) -> Examined:
    data = content.encode() if isinstance(content, str) else content
    return examine(Head(url, data, is_whole=True), columns, NOW)


def found(*files: Examined, kind: str = "INTERACTIONS", mode: str = "FULL") -> list[Finding]:
    together = list(across_files(files, FOLDER, kind, mode))
    return [finding for file in files for finding in file.findings] + together


def with_line(line: str, at: int = 3) -> str:
    """Return good interactions with a line more."""
    lines = GOOD.split("\n")
    return "\n".join([*lines[: at - 1], line, *lines[at - 1 :]])


def header(text: str) -> str:
    return GOOD.replace(HEADER, text)


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "gzip": (gzip.compress(GOOD.encode()), " is compressed with gzip; deliver plain CSV in UTF-8."),
    "zstd": (
        b"\x28\xb5\x2f\xfd\x04\x00",
        " is compressed with Zstandard; deliver plain CSV in UTF-8.",
    ),
    "bzip2": (b"BZh91AY&SY\x00\xff", " is compressed with bzip2; deliver plain CSV in UTF-8."),
    "snappy": (
        b"\xff\x06\x00\x00sNaPpY\x01",
        " is compressed with Snappy; deliver plain CSV in UTF-8.",
    ),
    "Parquet": (b"PAR1\x15\x04\xff\x00", " is a Parquet file; deliver plain CSV in UTF-8."),
    "ORC": (b"ORC\x0a\x13\x00\xff", " is an ORC file; deliver plain CSV in UTF-8."),
    "Avro": (b"Obj\x01\x04\x16avro.schema", " is an Avro file; deliver plain CSV in UTF-8."),
    "Excel": (
        b"PK\x03\x04\x14\x00\x06\x00xl/",
        " is a ZIP archive or an Excel workbook; deliver plain CSV in UTF-8.",
    ),
    "old Excel": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00",
        " is an old Excel workbook; deliver plain CSV in UTF-8.",
    ),
    "JSON": ('{"USER_ID": "u1"}\n', " is JSON; deliver plain CSV in UTF-8."),
    "XML": ("<?xml version='1.0'?>\n", " is XML or HTML; deliver plain CSV in UTF-8."),
    "UTF-16 with its mark": (
        GOOD.encode("utf-16"),
        " is encoded in UTF-16; deliver plain CSV in UTF-8.",
    ),
    "UTF-16 without": (
        GOOD.encode("utf-16-be"),
        " is encoded in UTF-16; deliver plain CSV in UTF-8.",
    ),
    "UTF-8's mark": (
        GOOD.encode("utf-8-sig"),
        " line 1: begins with a byte order mark, which becomes part of the first column's name; "
        "write UTF-8 without one.",
    ),
    "Latin-1": (
        with_line("ü1,i1,1600000000,app").encode("latin-1"),
        " line 3: is not UTF-8, but perhaps Latin-1; write the file in UTF-8.",
    ),
    "Latin-1 in line 1": (
        "Prénom,x\na,b\n".encode("latin-1"),
        " line 1: is not UTF-8, but perhaps Latin-1; write the file in UTF-8.",
    ),
    "NUL": (with_line("u\x001,i1,1600000000,app"), " line 3: has NUL bytes; write plain text."),
    "empty": ("", f" is empty; {ASK}"),
    "blank first line": (f"\n{GOOD}", f" line 1: is blank; {ASK}"),
    "no header": (GOOD.split("\n", 1)[1], f" line 1: has no column of the dataset's schema; {ASK}"),
    "semicolons": (
        GOOD.replace(",", ";"),
        " line 1: semicolons separate the columns; separate them by commas.",
    ),
    "tabs": (
        GOOD.replace(",", "\t"),
        " line 1: tabs separate the columns; separate them by commas.",
    ),
    "lower case": (
        header(HEADER.lower()),
        f" line 1: the names are not the schema's in upper and lower case; {ASK}",
    ),
    "quoted header": (
        header('"USER_ID","ITEM_ID",TIMESTAMP,DEVICE'),
        " line 1: USER_ID, ITEM_ID are in double quotes; write the header without quotes.",
    ),
    "blanks in the header": (
        header("USER_ID, ITEM_ID,TIMESTAMP,DEVICE"),
        " line 1: ITEM_ID is between blanks; write the names alone.",
    ),
    "missing columns": (
        re.sub(r"(?m)^([^,\n]+),[^,]+,", r"\1,", GOOD),
        " line 1: the schema's ITEM_ID is missing; add the column, with empty values where the "
        "schema allows null.",
    ),
    "a column twice": (
        header("USER_ID,ITEM_ID,TIMESTAMP,DEVICE,USER_ID").replace(",app", ",app,x"),
        " line 1: USER_ID is named more than once; name each column once.",
    ),
    "columns whose letters and digits are the same": (
        header(f"{HEADER},USERID").replace(",app", ",app,x"),
        " line 1: USER_ID, USERID are not unique, where only letters and digits count; name each "
        "column differently.",
    ),
    "no records": (f"{HEADER}\n", " has a header and no records; deliver at least one."),
    "a header without a line's end": (
        HEADER,
        " has a header and no records; deliver at least one.",
    ),
    "few records": (
        "\n".join(GOOD.split("\n")[:6]),
        " has 5 records, fewer than the 1,000 that an import of INTERACTIONS needs; deliver more.",
    ),
    "too few values": (
        with_line("u1,i1,1600000000"),
        " line 3: has 3 values, and the header 4 names; write a value for each column, and put "
        "values with commas in double quotes.",
    ),
    "too many values": (
        with_line("u1,i1,1600000000,a,b"),
        " line 3: has 5 values, and the header 4 names; write a value for each column, and put "
        "values with commas in double quotes.",
    ),
    "milliseconds": (
        with_line("u1,i1,1600000000000,app"),
        " line 3: TIMESTAMP is in milliseconds (13 digits); write seconds since 1970.",
    ),
    "microseconds": (
        with_line("u1,i1,1600000000000000,app"),
        " line 3: TIMESTAMP is in microseconds (16 digits); write seconds since 1970.",
    ),
    "a date in ISO 8601": (
        with_line("u1,i1,2020-09-28T01:00:00Z,app"),
        " line 3: TIMESTAMP is a date in words or digits; write seconds since 1970 as a whole "
        "number.",
    ),
    "seconds with a fraction": (
        with_line("u1,i1,1600000000.0,app"),
        " line 3: TIMESTAMP is a number with a fraction or an exponent; write seconds since "
        "1970 as a whole number.",
    ),
    "no time": (
        with_line("u1,i1,,app"),
        " line 3: TIMESTAMP is empty, and the schema does not allow null; fill it in.",
    ),
    "no user": (
        with_line(",i1,1600000000,app"),
        " line 3: USER_ID is empty, and the schema does not allow null; fill it in.",
    ),
    "a user of two quotes": (
        with_line('"",i1,1600000000,app'),
        " line 3: USER_ID is empty, and the schema does not allow null; fill it in.",
    ),
    "a long id": (
        with_line(f"{'u' * 257},i1,1600000000,app"),
        " line 3: USER_ID has 257 characters, more than the 256 that Personalize takes; shorten "
        "it.",
    ),
    "a long category": (
        with_line(f"u1,i1,1600000000,{'a' * 1001}"),
        " line 3: DEVICE has 1,001 characters, more than the 1,000 that Personalize takes; "
        "shorten it.",
    ),
    "a record over two lines": (
        with_line('u1,i1,1600000000,"app\nand web"'),
        " line 3: a value in double quotes does not end on its line; write each record on one "
        'line, and a double quote or backslash within a value as \\" or \\\\.',
    ),
    "a quote that is not closed": (
        with_line('u1,i1,1600000000,"app'),
        " line 3: a value in double quotes does not end on its line; write each record on one "
        'line, and a double quote or backslash within a value as \\" or \\\\.',
    ),
    "a backslash at a value's end": (
        with_line('u1,i1,1600000000,"C:\\"'),
        " line 3: a value in double quotes does not end on its line; write each record on one "
        'line, and a double quote or backslash within a value as \\" or \\\\.',
    ),
    "a quote in RFC 4180's way before a comma": (
        with_line('u1,i1,1600000000,"15"",16"""'),
        " line 3: a double quote within a quoted value has no backslash before it, and a comma "
        f"after it; {ESCAPE}",
    ),
    "quotes in RFC 4180's way": (
        with_line('u1,i1,1600000000,"15"" screen, thin"'),
        " line 3: a double quote within a quoted value has no backslash before it, and a comma "
        f"after it; {ESCAPE}",
    ),
}

ITEMS_REFUSED: dict[str, tuple[str, str]] = {
    "a float that is text": (
        "i1,tv,cheap,,,,,",
        "PRICE is text of 5 characters; write a number such as 4.5.",
    ),
    "a decimal comma": (
        'i1,tv,"4,5",,,,,',
        "PRICE is a number with commas or blanks in it; write a number such as 4.5.",
    ),
    "an int that is text": (
        "i1,tv,,many,,,,",
        "STOCK is text of 4 characters; write a whole number.",
    ),
    "an int with a fraction": (
        "i1,tv,,3.5,,,,",
        "STOCK is a number with a fraction or an exponent; write a whole number.",
    ),
    "an int too large": (
        "i1,tv,,3000000000,,,,",
        "STOCK has 10 digits, more than the type int of the schema can hold.",
    ),
    "a long too large": (
        "i1,tv,,,99999999999999999999,,,",
        "SOLD has 20 digits, more than the type long of the schema can hold.",
    ),
    "null as a word": ("i1,tv,,null,,,,", "STOCK is text of 4 characters; write a whole number."),
    "milliseconds": (
        "i1,tv,,,,1600000000000,,",
        "CREATION_TIMESTAMP is in milliseconds (13 digits); write seconds since 1970.",
    ),
    "no truth": ("i1,tv,,,,,perhaps,", "ON_SALE is text of 7 characters; write true or false."),
    "an empty category": (
        "i1,,,,,,,",
        "CATEGORY is empty, and the schema does not allow null; fill it in.",
    ),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_broken_interactions_have_one_message(content: str | bytes, message: str) -> None:
    (finding,) = found(examined(content))
    assert finding.refused
    assert finding.text == URL + message


@pytest.mark.parametrize(("line", "message"), ITEMS_REFUSED.values(), ids=ITEMS_REFUSED)
def test_a_broken_item_has_one_message(line: str, message: str) -> None:
    (finding,) = found(examined(f"{ITEMS_HEADER}\ni0,tv,,,,,,\n{line}\n", ITEMS), kind="ITEMS")
    assert finding.refused
    assert finding.text == f"{URL} line 3: {message}"


def test_at_least_thirty_kinds_of_broken_data_are_told_apart() -> None:
    kinds = {found(examined(content))[0].kind for content, _ in REFUSED.values()}
    messages = {message for _, message in [*REFUSED.values(), *ITEMS_REFUSED.values()]}
    assert len(kinds) >= 20
    assert len(messages) >= 45


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_line(""), " line 3: is blank; leave blank lines out."),
        (f"{GOOD}\n", " line 1,002: is blank; leave blank lines out."),
        (with_line("u1,i1,-5,app"), " line 3: TIMESTAMP is before 1970; check it."),
        (with_line(f"u1,i1,{NOW + 9}"), None),
        (
            with_line(f"u1,i1,{NOW + 200_000},app"),
            " line 3: TIMESTAMP is 3 days or more in the future; check it.",
        ),
        (
            with_line('u1,i1,1600000000,"the ""new"" app"'),
            " line 3: a double quote within a quoted value has no backslash before it; " + ESCAPE,
        ),
        (
            with_line('u1,i1,1600000000,"new" app'),
            " line 3: a double quote within a quoted value has no backslash before it; " + ESCAPE,
        ),
        (
            header("ITEM_ID,USER_ID,TIMESTAMP,DEVICE"),
            " line 1: the columns are not in the schema's order, which Personalize's documents "
            f"ask for: {HEADER}.",
        ),
        (
            header(f"{HEADER},COLOUR").replace(",app", ",app,red"),
            " line 1: COLOUR is not in the dataset's schema; leave it out.",
        ),
        (  # names without a letter or digit are not compared
            header(f"{HEADER},_,-").replace(",app", ",app,x,y"),
            " line 1: _, - are not in the dataset's schema; leave it out.",
        ),
    ],
)
def test_what_the_documents_leave_open_is_told_and_not_refused(
    content: str, message: str | None
) -> None:
    (finding,) = found(examined(content))
    assert finding.refused is (message is None)
    if message:
        assert finding.text == URL + message


TEXTS = (
    'i1,tv,,,,,,"a 15\\" screen, thin"',
    r'i2,tv,,,,,,"C:\\dir\\"',
    'i3,tv,"",,,,"",plain',
    'i4,"",1.5e3,-7,12,1600000000,TRUE,15" screen',
    f"i5,{'a|' * 500},.5,+7,0,0,false,{'x' * 20_001}",
    "i6,텔레비전,NaN,,,,,한국어",
)
GOOD_DATA: dict[str, tuple[str, list[Column], str]] = {
    "interactions": (GOOD, INTERACTIONS, "INTERACTIONS"),
    "without the last line's end": (GOOD.rstrip("\n"), INTERACTIONS, "INTERACTIONS"),
    "lines ended by CR LF": (GOOD.replace("\n", "\r\n"), INTERACTIONS, "INTERACTIONS"),
    "lines ended by CR": (GOOD.replace("\n", "\r"), INTERACTIONS, "INTERACTIONS"),
    "empty cells where null is allowed": (GOOD.replace(",app", ","), INTERACTIONS, "INTERACTIONS"),
    "quoted values": (re.sub(r"(?m)^u(\d+),", r'"u\1, x",', GOOD), INTERACTIONS, "INTERACTIONS"),
    "items": ("\n".join([ITEMS_HEADER, *TEXTS]), ITEMS, "ITEMS"),
    "users": (
        "USER_ID,AGE\nu1,\nu2,40\n",
        [Column("USER_ID", "string"), Column("AGE", "int", is_nullable=True)],
        "USERS",
    ),
    "actions": (
        "ACTION_ID,VALUE\na1,5\n",
        [Column("ACTION_ID", "string"), Column("VALUE", "long")],
        "ACTIONS",
    ),
    "action interactions": (
        "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP\nu1,a1,Taken,1600000000\n",
        [
            Column("USER_ID", "string"),
            Column("ACTION_ID", "string"),
            Column("EVENT_TYPE", "string"),
            Column("TIMESTAMP", "long"),
        ],
        "ACTION_INTERACTIONS",
    ),
}


@pytest.mark.parametrize(("content", "columns", "kind"), GOOD_DATA.values(), ids=GOOD_DATA)
def test_good_data_has_no_finding(content: str, columns: list[Column], kind: str) -> None:
    assert found(examined(content, columns), kind=kind) == []


def test_the_samples_have_no_finding(tmp_path: Path) -> None:
    week = tmp_path / "week.csv"
    sample_data.write_week(week, week_ending=date(2020, 9, 27), new_items=True)
    assert found(examined(week.read_bytes(), columns_of(sample_data.SCHEMA))) == []
    inferred = columns_of(inferred_schema("INTERACTIONS", [week], like=[week]))
    assert found(examined(week.read_bytes(), inferred)) == []


def test_a_reserved_keyword_is_no_event_type() -> None:
    columns = [*INTERACTIONS[:3], Column("EVENT_TYPE", "string")]
    body = GOOD.replace("DEVICE", "EVENT_TYPE")
    (finding,) = found(examined(body.replace(",app", ",IMPRESSION", 1), columns))
    assert finding.text == (
        f"{URL} line 2: EVENT_TYPE is a reserved keyword; name the event type differently."
    )
    assert found(examined(body, columns)) == []


def test_null_and_textual_are_read_from_the_schema_in_either_order() -> None:
    fields = [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "PRICE", "type": ["float", "null"]},
        {"name": "ABOUT", "type": ["null", "string"], "textual": True},
    ]
    assert columns_of(json.dumps({"type": "record", "fields": fields})) == [
        Column("ITEM_ID", "string"),
        Column("PRICE", "float", is_nullable=True),
        Column("ABOUT", "string", is_nullable=True, is_textual=True),
    ]


def test_a_type_that_is_not_known_here_takes_any_value() -> None:
    columns = [Column("USER_ID", "string"), Column("X", "bytes")]
    assert found(examined("USER_ID,X\nu1,any\n", columns), kind="USERS") == []


def test_a_record_that_the_head_cuts_off_is_not_judged() -> None:
    cut = GOOD.encode()[: len(GOOD) // 2 - 3]
    head = examine(Head(URL, cut, is_whole=False), INTERACTIONS, NOW)
    assert (head.findings, head.records) == ([], None)
    assert found(head) == []  # and nobody counts what is not there


def test_a_letter_that_the_head_cuts_in_two_is_no_fault_of_the_encoding() -> None:
    text = f"{HEADER}\nu1,i1,1600000000,한".encode()
    assert examine(Head(URL, text[:-1], is_whole=False), INTERACTIONS, NOW).findings == []


def test_a_first_line_longer_than_the_head_is_told() -> None:
    (finding,) = examine(Head(URL, b"x" * 4096, is_whole=False), INTERACTIONS, NOW).findings
    assert finding.text == f"{URL} begins with a line of more than 4,096 bytes; {ASK}"


def test_lines_with_the_same_fault_are_told_once_with_the_first_and_their_number() -> None:
    (finding,) = found(examined(re.sub(r"(?m)(\d{10}),app$", r"\g<1>000,app", GOOD)))
    assert finding.text == (
        f"{URL} line 2: TIMESTAMP is in milliseconds (13 digits); write seconds since 1970 "
        "(999 more lines like it were seen)."
    )


def test_all_faults_of_a_file_are_told_at_once() -> None:
    text = with_line(",i1,1600000000000,app").replace(HEADER, f"{HEADER},X", 1)
    assert [finding.text.removeprefix(URL)[:28] for finding in found(examined(text))] == [
        " line 1: X is not in the dat",
        " line 2: has 4 values, and t",
    ]
    texts = [finding.text for finding in found(examined(with_line(",i1,1600000000000,app")))]
    assert [text.split()[3] for text in texts] == ["USER_ID", "TIMESTAMP"]


OTHER_FILES = {
    "_SUCCESS": b"",
    "part-0.csv.crc": b"crc\x00\x01",
    "_metadata": b"anything",
    "readme.txt": b"about,these,files\n",
}


@pytest.mark.parametrize(("name", "content"), OTHER_FILES.items(), ids=OTHER_FILES)
def test_a_file_beside_the_data_that_is_no_data_is_refused(name: str, content: bytes) -> None:
    beside = examined(content, url=FOLDER + name)
    (finding,) = found(examined(GOOD), beside)
    assert finding.text == (
        f"{FOLDER}{name} is no CSV file of this dataset, and Personalize reads every file of the "
        "folder; delete it, or write it elsewhere."
    )
    *_, nothing = found(beside)
    assert nothing.text == f"{FOLDER} has no CSV file; deliver the data as CSV."


@pytest.mark.parametrize("name", ["A.CSV", "run-1601253000-part-r-00000", "part-00000.txt"])
def test_data_is_known_by_its_header_whatever_its_name(name: str) -> None:
    assert found(examined(GOOD, url=FOLDER + name)) == []


def test_all_files_of_a_folder_need_one_header() -> None:
    other = examined(header("ITEM_ID,USER_ID,TIMESTAMP,DEVICE"), url=f"{FOLDER}b.csv")
    _, finding = found(examined(GOOD), other)
    assert finding.refused
    assert finding.text == (
        f"{FOLDER}b.csv line 1: the columns or their order differ from those of {URL}; give all "
        "files of a folder the same header."
    )


def test_a_wrong_header_is_no_model_for_the_others() -> None:
    wrong = examined(GOOD.replace("DEVICE", "device"), url=f"{FOLDER}a.csv")
    right = examined(GOOD, url=f"{FOLDER}b.csv")
    assert [finding.kind for finding in found(wrong, right)] == [
        "missing ['DEVICE']",
        "unknown ['device']",
    ]


def test_a_file_without_records_is_fine_beside_others() -> None:
    assert found(examined(f"{HEADER}\n"), examined(GOOD, url=f"{FOLDER}b.csv")) == []


@pytest.mark.parametrize(
    ("kind", "mode", "refused"),
    [
        ("INTERACTIONS", "FULL", True),
        ("INTERACTIONS", "INCREMENTAL", True),
        ("ACTION_INTERACTIONS", "INCREMENTAL", True),
        ("ACTION_INTERACTIONS", "FULL", False),
        ("ITEMS", "INCREMENTAL", False),
    ],
)
def test_only_interactions_need_a_thousand_records(kind: str, mode: str, refused: bool) -> None:
    few = examined("\n".join(GOOD.split("\n")[:9]))
    assert bool(found(few, kind=kind, mode=mode)) is refused


def test_blank_lines_are_no_records_and_so_is_the_second_line_of_a_record() -> None:
    lines = f'{HEADER}\n\nu1,i1,1600000000,"a\nb"\n\nu1,i1,1600000000,"x ""y"", z"\n'
    assert examined(lines).records == 2


def test_records_are_counted_over_all_files_and_not_if_one_was_not_read_to_its_end() -> None:
    lines = GOOD.split("\n")
    half = examined("\n".join(lines[:501]))
    other = examined("\n".join([HEADER, *lines[501:]]), url=f"{FOLDER}b.csv")
    assert found(half, other) == []
    (finding,) = found(half, examined(f"{HEADER}\n", url=f"{FOLDER}b.csv"))
    assert finding.text.startswith(f"{FOLDER} has 500 records")
    cut = examine(Head(URL, GOOD[:500].encode(), is_whole=False), INTERACTIONS, NOW)
    assert found(half, cut) == []


def test_nothing_of_a_customers_data_is_told() -> None:
    secret = "Secret77"
    lines = [
        f"{secret},i1,{secret},app",
        f'u1,i1,1600000000,"{secret}',
        f'u1,i1,1600000000,"{secret}"",{secret}"',
        f"{secret},i1",
        f"{secret}\0,i1,1600000000,app",
        f"{secret * 40},i1,1600000000,{secret * 200}",
    ]
    told_of = [finding.text for line in lines for finding in found(examined(with_line(line)))]
    told_of += [finding.text for finding in found(examined(f"{secret},x\n1,2\n"))]
    assert len(told_of) == 8
    assert not [text for text in told_of if secret in text]


def test_a_fault_of_many_files_is_told_of_three_and_the_text_stays_short() -> None:
    same = [Finding("gzip", f"{FOLDER}{n}.csv is compressed.") for n in range(300)]
    assert told(same) == (
        f"{FOLDER}0.csv is compressed. {FOLDER}1.csv is compressed. {FOLDER}2.csv is compressed. "
        "And 297 more of these and other kinds."
    )
    many = [Finding(str(n), "x" * 100) for n in range(100)]
    assert told(many).endswith("x And 70 more of these and other kinds.")
    long = [Finding(str(n), "x" * 5000) for n in range(9)]
    assert told(long) == f"{'x' * 5000} And 8 more of these and other kinds."
    assert len(told([Finding("one", "x" * 99_999)])) < 8000
    assert told([]) == ""
