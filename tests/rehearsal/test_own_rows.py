"""A user's own rows, in the dialect that Personalize reads: split, sampled, and kept as written."""

import json
from pathlib import Path

import pytest

from rehearsal.own_files import PreparationError, check_files, split_last_week
from rehearsal.schemas import inferred_schema
from rehearsal.weekly_files import newest_week

DAY = 24 * 3600
QUOTED = r'"a 15\" screen, thin"'


def interactions(path: Path, days: int = 20) -> Path:
    """Write 100 interactions a day, each with a note that has an escaped quote and a comma."""
    rows = [
        f"u{n % 40},i{n % 30},{1_600_000_000 + n * DAY // 100},{QUOTED}\n"
        for n in range(days * 100)
    ]
    path.write_text("".join(["USER_ID,ITEM_ID,TIMESTAMP,NOTE\n", *rows, "\n"]))
    return path


def test_rows_of_the_week_before_are_kept_as_they_are_written(tmp_path: Path) -> None:
    file = interactions(tmp_path / "own.csv")
    (earlier,) = split_last_week([file], tmp_path / "earlier")
    lines = file.read_text().splitlines(keepends=True)
    assert earlier.read_text() == "".join(lines[: 1 + 1300])


def test_the_newest_week_of_several_files_is_kept_as_it_is_written(tmp_path: Path) -> None:
    file = interactions(tmp_path / "own.csv")
    header, *rows = file.read_text().splitlines(keepends=True)
    parts = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for part, some in zip(parts, (rows[:1500], rows[1500:]), strict=True):
        part.write_text("".join([header, *some]))
    new = newest_week(parts, tmp_path / "new.csv")
    assert new.read_text() == "".join([header, *rows[1300:2000]])


def test_rows_without_a_time_are_all_new(tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text(f"ITEM_ID,NOTE\r\ni1,{QUOTED}\r\ni2,x")
    assert newest_week([file], tmp_path / "new.csv").read_text() == (
        f"ITEM_ID,NOTE\ni1,{QUOTED}\ni2,x\n"
    )


def test_a_row_whose_time_cannot_be_read_is_new(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    old, *kept = "u1,i1,1590000000", "u1,i2,2020-09-13", "u1,i3,1600000000"
    header = "USER_ID,ITEM_ID,TIMESTAMP"
    file.write_text("\n".join([header, old, *kept, ""]))
    new = newest_week([file], tmp_path / "new.csv")
    assert new.read_text().splitlines() == [header, *kept]


@pytest.mark.parametrize("row", ['i1,"first\nsecond"\n', 'i1,"say ""no"", now"\n'])
def test_a_value_whose_quotes_are_wrong_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    file = tmp_path / "items.csv"
    file.write_text(f"ITEM_ID,NOTE\ni0,{QUOTED}\n{row}")
    with pytest.raises(PreparationError, match=r'line 3: .*within a value as \\" or \\\\: i1,"'):
        check_files("ITEMS", [file])


def test_a_schema_follows_from_rows_with_escaped_quotes(tmp_path: Path) -> None:
    file = interactions(tmp_path / "own.csv")
    fields = json.loads(inferred_schema("INTERACTIONS", [file], like=[file]))["fields"]
    assert fields[-1] == {"name": "NOTE", "type": "string", "categorical": True}


def test_more_metadata_than_a_schema_can_have_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    names = ",".join(f"F{n}" for n in range(6))
    file.write_text(f"USER_ID,ITEM_ID,TIMESTAMP,EVENT_VALUE,{names}\n")
    with pytest.raises(PreparationError, match=r"has 6 columns of metadata .* can have 5; leave"):
        inferred_schema("INTERACTIONS", [file], like=[file])
