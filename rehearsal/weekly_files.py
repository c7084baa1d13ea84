"""The CSV files of one week: samples, or the user's own, and how they get to S3."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from embedded_aws import Cloud
from rehearsal import sample_data
from rehearsal.assembly import dataset_type


class PreparationError(Exception):
    """The shop cannot be made as it was last week; the text says why."""


@dataclass(frozen=True)
class WeeklyFiles:
    """The CSV files that the Glue job writes in one week, by dataset type."""

    files: Mapping[str, list[Path]]

    def of(self, kind: str) -> list[Path]:
        """Return the files of a dataset type."""
        if kind not in self.files:
            raise PreparationError(
                f"the rehearsal has no data for a dataset of type {kind}; "
                f"it knows {', '.join(self.files)}"
            )
        return self.files[kind]

    def items(self) -> set[str]:
        """Return every ITEM_ID that customers have interacted with."""
        return set(_distinct(self.of("INTERACTIONS"), "ITEM_ID"))

    def users(self) -> list[str]:
        """Return every USER_ID, sorted."""
        return sorted(set(_distinct(self.of("INTERACTIONS"), "USER_ID")))


def weekly_files(
    folder: Path, week_ending: datetime, data: list[Path], previous: list[Path]
) -> tuple[WeeklyFiles, WeeklyFiles]:
    """Return last week's and this week's files.

    `data` and `previous` are the user's Interactions files. Without `data` both are samples;
    without `previous` last week is what `data` held seven days before its end, or a sample if that
    is too little to train on.
    """
    end = week_ending.date()
    last, this = folder / "last-week.csv", folder / "this-week.csv"
    if not data:
        sample_data.write_week(this, week_ending=end, new_items=True, weeks=9)
    if not previous and not (
        len(data) == 1 and _has_time(data[0]) and sample_data.split_last_week(data[0], last)
    ):
        sample_data.write_week(last, week_ending=end - timedelta(days=7), new_items=False, weeks=8)
    return (
        _with_items_and_users(folder / "last-week", previous or [last]),
        _with_items_and_users(folder / "this-week", data or [this]),
    )


def upload(cloud: Cloud, dataset: Mapping[str, Any], files: WeeklyFiles) -> None:
    """Write a week's files to a dataset's location, as the Glue job does."""
    s3 = cloud.client("s3")
    bucket, _, key = dataset["location"].removeprefix("s3://").partition("/")
    parts = files.of(dataset_type(dataset))
    if key and not key.endswith("/"):
        if len(parts) > 1:
            raise PreparationError(f"{dataset['location']} is one file, {len(parts)} were given")
        s3.upload_file(str(parts[0]), bucket, key)
        return
    for old in s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=old["Key"])
    for number, file in enumerate(parts, 1):
        s3.upload_file(str(file), bucket, f"{key}part-{number:05}.csv")


def _with_items_and_users(folder: Path, interactions: list[Path]) -> WeeklyFiles:
    """Add what a shop knows of its items and customers to their interactions."""
    folder.mkdir()
    files = {"INTERACTIONS": interactions}
    for kind, key, column in (("ITEMS", "ITEM_ID", "CATEGORY"), ("USERS", "USER_ID", "GROUP")):
        files[kind] = [folder / f"{kind.lower()}.csv"]
        ids = pl.Series(key, sorted(_distinct(interactions, key)), dtype=pl.String)
        table = pl.DataFrame({key: ids, column: ids.str.slice(0, 3)})
        table.write_csv(files[kind][0])
    return WeeklyFiles(files)


def _distinct(files: list[Path], column: str) -> Iterator[str]:
    for file in files:
        table = pl.scan_csv(file, infer_schema=False)
        if column in table.collect_schema():
            values = table.select(pl.col(column).unique()).collect(engine="streaming")
            yield from values[column].drop_nulls()


def _has_time(file: Path) -> bool:
    columns = pl.scan_csv(file, infer_schema=False).collect_schema()
    return "TIMESTAMP" in columns
