"""The marketplace's sample data."""

import csv
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from embedded_aws.services.personalize import training
from embedded_aws.services.personalize.avro import check_columns, parse_schema
from embedded_aws.services.personalize.dataset_import import judge_file
from rehearsal import sample_data

LAST, THIS = date(2020, 9, 20), date(2020, 9, 27)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    for path in (one, two):
        assert sample_data.write_week(path, week_ending=THIS, new_items=True) == 8000
    assert one.read_bytes() == two.read_bytes()


def test_this_weeks_file_is_last_weeks_file_plus_one_week(tmp_path: Path) -> None:
    last, this = tmp_path / "last.csv", tmp_path / "this.csv"
    sample_data.write_week(last, week_ending=LAST, new_items=False, weeks=8)
    sample_data.write_week(this, week_ending=THIS, new_items=True, weeks=9)
    assert this.read_bytes().startswith(last.read_bytes())
    added = rows(this)[len(rows(last)) :]
    counts = Counter(row["ITEM_ID"] for row in added)
    assert all(counts[item] > 20 for item in sample_data.new_items())
    assert not {row["ITEM_ID"] for row in rows(last)} & set(sample_data.new_items())


def test_events_are_in_order_and_end_with_the_week(tmp_path: Path) -> None:
    path = tmp_path / "week.csv"
    sample_data.write_week(path, week_ending=THIS, new_items=True)
    moments = [int(row["TIMESTAMP"]) for row in rows(path)]
    assert moments == sorted(moments)
    end = datetime(2020, 9, 27, 23, 59, 59, tzinfo=UTC).timestamp()
    assert end - 7 * 24 * 3600 < moments[-1] <= end


def test_the_schema_fits_the_data_and_an_interactions_dataset(tmp_path: Path) -> None:
    path = tmp_path / "week.csv"
    sample_data.write_week(path, week_ending=THIS, new_items=True)
    columns = parse_schema(sample_data.SCHEMA)
    check_columns("INTERACTIONS", columns)
    assert judge_file(path, columns, tmp_path / "week.parquet") == 8000
    assert training.train([tmp_path / "week.parquet"]).trained
