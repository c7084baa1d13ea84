"""A user's own files: they are rehearsed as they are, or one sentence says what is wrong."""

import json
from pathlib import Path

import pytest

from tests.rehearsal.command_line import Done, rehearse

HEADER = "USER_ID,ITEM_ID,TIMESTAMP"
WEEK = 7 * 24 * 3600
NO_WEEK_BEFORE = (
    "Last week's data: all of --data, since too little in it is older than its last seven days; "
    "give last week's files by --previous."
)


def interactions(path: Path, *, more: str = "", seconds: int = 25, count: int = 3000) -> Path:
    """Write interactions so many seconds apart, with more columns: "DEVICE='' | PRICE=n / 4".

    A column's value is evaluated for each interaction's number n.
    """
    columns = [column.strip().split("=", 1) for column in more.split("|") if column]
    lines = [",".join([HEADER, *(name for name, _ in columns)])]
    for n in range(count):
        value = "".join(f",{eval(v, {'n': n})}" for _, v in columns)  # noqa: S307 - a test's own
        lines.append(f"u{n % 80},i{n % 60},{1598000000 + n * seconds}{value}")
    path.write_text("\n".join(lines) + "\n")
    return path


def rehearse_files(assembly: Path, *files: Path, options: tuple[str, ...] = ()) -> Done:
    return rehearse("--assembly", str(assembly), "--data", *map(str, files), *options)


def test_a_file_of_one_day_is_its_own_last_week_and_says_so(assembly: Path, tmp_path: Path) -> None:
    done = rehearse_files(assembly, interactions(tmp_path / "one-day.csv"))
    assert (done.returncode, done.stderr) == (0, "")
    assert NO_WEEK_BEFORE in done.stdout.splitlines()


@pytest.mark.parametrize(
    "more",
    [
        "PRICE=n if n < 2500 else n / 4 | COLOUR='' | EVENT_VALUE=n % 5 | NOTE='\"a, b\"'",
        "PRICE='' if n % 3 else n / 4 | DEVICE='' if n % 10 else 'mobile' | "
        "EVENT_TYPE='' if n % 2 else 'view' | EAN=98765432109876543210 + n",
    ],
)
def test_optional_columns_may_have_any_values(assembly: Path, tmp_path: Path, more: str) -> None:
    done = rehearse_files(assembly, interactions(tmp_path / "own.csv", more=more, seconds=1200))
    assert (done.returncode, done.stderr) == (0, "")
    assert "COMPLETE: every campaign" in done.stdout


def test_several_parts_are_split_together_seven_days_before_their_end(
    assembly: Path, tmp_path: Path
) -> None:
    whole = interactions(tmp_path / "whole.csv", seconds=1200).read_text().splitlines()
    parts = [tmp_path / f"part-{n}.csv" for n in range(2)]
    for n, part in enumerate(parts):
        part.write_text("\n".join([whole[0], *whole[1 + n :: 2]]) + "\n")
    done = rehearse_files(assembly, *parts)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "Last week's data: the rows of --data that are older than its last seven days."
        in done.stdout.splitlines()
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has no header; export the data with the columns' names"),
        (f"{HEADER}\n", "has no row below its header; export the data again"),
        ("USER_ID,ITEM_ID\nu1,i1\n", "has no column TIMESTAMP, but USER_ID,ITEM_ID; the header"),
        ("USER_ID;ITEM_ID\nu1;i1\n", "has no column USER_ID or ITEM_ID or TIMESTAMP, but USER_ID;"),
        ('"USER_ID","ITEM_ID"\nu1,i1\n', 'but "USER_ID","ITEM_ID"; the header of interactions'),
        (f",{HEADER}\n0,u1,i1,1\n", "column 1 of 4 has no name; name it, or leave it out"),
        (f"{HEADER},ITEM_ID\nu1,i1,1,i1\n", "two columns are named ITEM_ID; rename or remove one"),
        (f"{HEADER}\nu1,i1,1\nu2,i2\n", "line 3: has 2 values, but the header has 3 columns; fix"),
        (f"{HEADER}\nu1,i1,1,x\n", "line 2: has 4 values, but the header has 3 columns; fix or"),
        (f"{HEADER}\nu1,blé,1\n".encode("latin-1"), "line 2: is not UTF-8; save the file as UTF-8"),
        (
            f"{HEADER}\nu1,i1,1\n".encode("utf-16"),
            "begins with a byte order mark; save it as UTF-8",
        ),
        (f"{HEADER}\nu1,i1,1\n".encode("utf-8-sig"), "begins with a byte order mark; save it as"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    assembly: Path, tmp_path: Path, content: str | bytes, problem: str
) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = rehearse_files(assembly, file)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.startswith(f"rehearsal: {file}")
    assert problem in line


def test_parts_with_different_headers_are_refused(assembly: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "1.csv", interactions(tmp_path / "2.csv", more="DEVICE=n", count=10)
    done = rehearse_files(assembly, interactions(one), two)
    assert (done.returncode, done.stderr) == (
        2,
        f"rehearsal: {two} has other columns than {one}; give all parts the same header\n",
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("u1,i1,2020-09-01\n", "Column TIMESTAMP has a value that is not of its type: 2020-09-01"),
        ("u1,i1,1598000000000\n", "TIMESTAMP must be in Unix epoch time in seconds, not milli"),
        (",i1,1598000000\n", "Column USER_ID has 2000 records without a value"),
        ("u1,i1,{at}\n", "Dataset has fewer than 25 users with at least 2 interactions"),
    ],
)
def test_data_that_personalize_cannot_train_on_is_refused_with_its_reason(
    assembly: Path, tmp_path: Path, content: str, problem: str
) -> None:
    file = tmp_path / "own.csv"
    rows = [content.format(at=1_598_000_000 + n) for n in range(2000)]
    file.write_text("\n".join([HEADER, "".join(rows)]))
    done = rehearse_files(assembly, file)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert problem in line
    assert line.endswith("give data that can be trained on by --data, or by --previous")


def avro(kind: str, **fields: object) -> str:
    listed = [{"name": name, "type": type_} for name, type_ in fields.items()]
    return json.dumps({"type": "record", "name": kind, "fields": listed, "version": "1.0"})


INTERACTIONS = {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"}


def test_a_given_schema_is_the_datasets_own(assembly: Path, tmp_path: Path) -> None:
    schema = tmp_path / "interactions.avsc"
    schema.write_text(avro("Interactions", **INTERACTIONS, DEVICE="string"))
    data = interactions(tmp_path / "own.csv", more="DEVICE='' if n % 10 else 'mobile'")
    done = rehearse_files(assembly, data, options=("--schema", str(schema)))
    assert done.returncode == 2  # Personalize refuses empty cells in a column that is not nullable
    assert "Column DEVICE has 2700 records without a value" in done.stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not JSON: "),
        ("[]", "its record must be named Interactions, Items or Users, not null"),
        (avro("Events", **INTERACTIONS), 'Interactions, Items or Users, not "Events"'),
        (avro("Interactions", USER_ID="string"), "CreateDataset was refused: Schema "),
    ],
)
def test_a_schema_that_is_none_is_refused(
    assembly: Path, tmp_path: Path, content: str, problem: str
) -> None:
    schema = tmp_path / "own.avsc"
    schema.write_text(content)
    data = interactions(tmp_path / "own.csv")
    done = rehearse_files(assembly, data, options=("--schema", str(schema)))
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert problem in line


@pytest.mark.slow
def test_items_and_users_may_be_the_users_own(variants: Path, tmp_path: Path) -> None:
    data, items = interactions(tmp_path / "own.csv"), tmp_path / "items.csv"
    users = tmp_path / "users.csv"
    items.write_text("ITEM_ID,PRICE\n" + "".join(f"i{n},{n}.5\n" for n in range(60)))
    users.write_text("USER_ID,AGE\nu1,7\n")
    taken = ("--environment", "shared")
    done = rehearse_files(variants, data, options=taken)
    made = "The dataset of type ITEMS gets rows made from --data; give your own by --items."
    assert (done.returncode, done.stderr) == (0, "")
    assert made in done.stdout.splitlines()
    own = ("--items", str(items), "--users", str(users))
    done = rehearse_files(variants, data, options=(*taken, *own))
    assert (done.returncode, done.stderr) == (0, "")
    assert made not in done.stdout.splitlines()
    assert (
        "--users is not used: PersonalizeRefresh-shared has no dataset of type USERS."
        in done.stdout.splitlines()
    )


def test_a_sample_is_not_mixed_with_own_files(assembly: Path, tmp_path: Path) -> None:
    own = str(interactions(tmp_path / "own.csv", count=3))
    done = rehearse("--assembly", str(assembly), "--previous", own, "--items", own)
    assert (done.returncode, done.stderr) == (
        2,
        "rehearsal: --previous needs --data: a sample is not mixed with files of your own\n"
        "  --items needs --data: a sample is not mixed with files of your own\n",
    )
