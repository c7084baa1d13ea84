"""What a user's own files held a week before their end."""

import csv
from pathlib import Path

import pytest

from rehearsal.own_files import split_last_week

NEWEST, WEEK = 1_600_000_000, 7 * 24 * 3600


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def own_file(path: Path, hours: range, *, users: int = 40) -> Path:
    lines = [f"u{n % users},i{n % 9},{NEWEST - n * 3600}" for n in hours]
    path.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *lines, ""]), encoding="utf-8")
    return path


def test_files_are_split_seven_days_before_the_newest_row_of_all(tmp_path: Path) -> None:
    sources = [
        own_file(tmp_path / "new.csv", range(700)),
        own_file(tmp_path / "old.csv", range(700, 1440)),
    ]
    written = split_last_week(sources, tmp_path / "earlier")
    assert [rows(path) for path in written] == [
        [row for row in rows(source) if int(row["TIMESTAMP"]) <= NEWEST - WEEK]
        for source in sources
    ]


@pytest.mark.parametrize(
    ("hours", "users"),
    [(6 * 24, 40), (40 * 24, 40), (60 * 24, 24), (60 * 24, 2000)],
    ids=["one week", "too few rows", "too few users", "too few users who came twice"],
)
def test_files_with_too_little_before_their_last_week_are_not_split(
    tmp_path: Path, hours: int, users: int
) -> None:
    source = own_file(tmp_path / "own.csv", range(hours), users=users)
    assert not split_last_week([source], tmp_path / "earlier")
    assert not (tmp_path / "earlier").exists()


def test_files_without_times_are_not_split(tmp_path: Path) -> None:
    source = own_file(tmp_path / "own.csv", range(60 * 24))
    source.write_text(source.read_text().replace("TIMESTAMP", "WHEN"))
    assert not split_last_week([source], tmp_path / "earlier")
