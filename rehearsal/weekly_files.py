"""The CSV files of one week: samples, or the user's own, and how they get to S3."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from embedded_aws import Cloud, scan_data
from rehearsal import sample_data
from rehearsal.assembly import dataset_type
from rehearsal.own_files import (
    TIME,
    WEEK_SECONDS,
    PreparationError,
    check_files,
    copy_rows,
    newest_time,
    split_last_week,
)
from rehearsal.schemas import inferred_schema, read_schemas

MOST_ACTIONS = 10_000  # rows of interactions from which those with actions are made


@dataclass(frozen=True)
class WeeklyFiles:
    """The CSV files that the Glue job writes in one week, by dataset type.

    `schemas` has the Avro schema of a dataset type as JSON; `made` has the types whose files were
    made from the interactions, although those are the user's own.
    """

    files: Mapping[str, list[Path]]
    schemas: Mapping[str, str] = field(default_factory=dict)
    made: frozenset[str] = frozenset()

    def of(self, kind: str) -> list[Path]:
        """Return the files of a dataset type."""
        return self.files[kind]

    def items(self) -> set[str]:
        """Return every ITEM_ID that customers have interacted with."""
        return set(_distinct(self.of("INTERACTIONS"), "ITEM_ID"))

    def users(self) -> list[str]:
        """Return every USER_ID, sorted."""
        return sorted(set(_distinct(self.of("INTERACTIONS"), "USER_ID")))


def weekly_files(
    folder: Path,
    week_ending: datetime,
    data: list[Path],
    previous: list[Path],
    *,
    users: Sequence[Path] = (),
    items: Sequence[Path] = (),
    schemas: Sequence[Path] = (),
    say: Callable[[str], object] = lambda _: None,
) -> tuple[WeeklyFiles, WeeklyFiles]:
    """Return last week's and this week's files; made in `folder` as far as they are not given.

    `data` and `previous` are the user's Interactions files; without `data` both weeks are samples.
    Without `previous` last week is what `data` held seven days before its end, or all of it if
    that is too little to train on; `say` is called with which. `schemas` are Avro files; the other
    schemas follow from the files. Raises PreparationError if a file cannot be used.
    """
    own = {kind: list(given) for kind, given in (("USERS", users), ("ITEMS", items)) if given}
    try:
        written = read_schemas(schemas)
        for kind, given in own.items():
            check_files(kind, given)
        last, this = (
            _own_weeks(folder, data, previous, say) if data else _samples(folder, week_ending)
        )
        weeks = [
            {**_made(folder / name, interactions), **own, "INTERACTIONS": interactions}
            for name, interactions in (("last-week", last), ("this-week", this))
        ]
        for kind in weeks[0]:
            if kind not in written:
                values = dict.fromkeys(weeks[0][kind] + weeks[1][kind])
                written[kind] = inferred_schema(kind, list(values), like=weeks[0][kind])
    except pl.exceptions.PolarsError as error:
        raise PreparationError(f"the data cannot be read: {str(error).splitlines()[0]}") from error
    made = frozenset(weeks[0]) - {"INTERACTIONS", *own} if data else frozenset[str]()
    last_week, this_week = (WeeklyFiles(files, written, made) for files in weeks)
    return last_week, this_week


def upload(
    cloud: Cloud, dataset: Mapping[str, Any], files: WeeklyFiles, time_zone: str = "UTC"
) -> None:
    """Write a week's files to a dataset's location, as the Glue job does.

    Where the settings ask for it, what is new lies in one location and all data in another, and
    the date in the time zone is part of the location.
    """
    parts = files.of(dataset_type(dataset))
    location = dated(dataset["location"], cloud, time_zone)
    whole = dated(whole_location(dataset), cloud, time_zone)
    _write(cloud, whole, parts)
    if location != whole:
        with tempfile.TemporaryDirectory() as folder:
            _write(cloud, location, [newest_week(parts, Path(folder) / "new.csv")])


def whole_location(dataset: Mapping[str, Any]) -> str:
    """Return where all data of a dataset lie, as a FULL import reads them."""
    return str(dataset.get("full_location", dataset["location"]))


def dated(location: str, cloud: Cloud, time_zone: str) -> str:
    """Return a location with the date that it is in the time zone now."""
    today = cloud.clock.now().astimezone(ZoneInfo(time_zone)).strftime("%Y%m%d")
    return location.replace("{base_date}", today)


def newest_week(files: Sequence[Path], path: Path) -> Path:
    """Write the rows of the last seven days, or all if they have no time, and return the path.

    A row whose time cannot be read counts as new: Personalize judges it.
    """
    newest = newest_time(pl.concat([scan_data(file) for file in files]))
    everything = pl.lit(value=True)
    new = everything if newest is None else (newest - WEEK_SECONDS < TIME).fill_null(everything)
    for number, file in enumerate(files):
        copy_rows(file, path, new, append=number > 0)
    return path


def _write(cloud: Cloud, location: str, parts: Sequence[Path]) -> None:
    s3 = cloud.client("s3")
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if key and not key.endswith("/"):
        if len(parts) > 1:
            raise PreparationError(f"{location} is one file, {len(parts)} were given")
        s3.upload_file(str(parts[0]), bucket, key)
        return
    for old in s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=old["Key"])
    for number, file in enumerate(parts, 1):
        s3.upload_file(str(file), bucket, f"{key}part-{number:05}.csv")


def _samples(folder: Path, week_ending: datetime) -> tuple[list[Path], list[Path]]:
    end = week_ending.date()
    last, this = folder / "last-week.csv", folder / "this-week.csv"
    sample_data.write_week(last, week_ending=end - timedelta(days=7), new_items=False, weeks=8)
    sample_data.write_week(this, week_ending=end, new_items=True, weeks=9)
    return [last], [this]


def _own_weeks(
    folder: Path, data: list[Path], previous: list[Path], say: Callable[[str], object]
) -> tuple[list[Path], list[Path]]:
    # With last week's data at hand, this week's may be as wrong as it likes: Personalize judges it.
    check_files("INTERACTIONS", data, complete=not previous)
    if previous:
        check_files("INTERACTIONS", previous)
        return previous, data
    if earlier := split_last_week(data, folder / "earlier"):
        say("Last week's data: the rows of --data that are older than its last seven days.")
        return earlier, data
    say(
        "Last week's data: all of --data, since too little in it is older than its last seven "
        "days; give last week's files by --previous."
    )
    return data, data


def _made(folder: Path, interactions: list[Path]) -> dict[str, list[Path]]:
    """Make what a shop knows of its items, customers and actions from their interactions."""
    folder.mkdir()
    made = {}
    for kind, key, source, column in (
        ("ITEMS", "ITEM_ID", "ITEM_ID", "CATEGORY"),
        ("USERS", "USER_ID", "USER_ID", "GROUP"),
        ("ACTIONS", "ACTION_ID", "ITEM_ID", "CATEGORY"),
    ):
        made[kind] = [folder / f"{kind.lower()}.csv"]
        ids = pl.Series(key, sorted(set(_distinct(interactions, source))), dtype=pl.String)
        table = pl.DataFrame({key: ids, column: ids.str.slice(0, 3)})
        if kind == "ITEMS":  # what a domain dataset group of a shop needs
            prices = 9.5 + pl.int_range(pl.len()) % 40
            table = table.with_columns(CATEGORY_L1=pl.col(column), PRICE=prices)
        table.write_csv(made[kind][0])
    made["ACTION_INTERACTIONS"] = [folder / "action-interactions.csv"]
    rows = scan_data(interactions[0]).head(MOST_ACTIONS)
    is_taken = pl.int_range(pl.len()) % 3 == 0  # others were shown, and not taken
    known = rows.collect_schema()
    columns = {"USER_ID": "USER_ID", "ACTION_ID": "ITEM_ID", "TIMESTAMP": "TIMESTAMP"}
    rows.select(
        **{name: pl.col(of) if of in known else pl.lit("") for name, of in columns.items()},
        EVENT_TYPE=pl.when(is_taken).then(pl.lit("Taken")).otherwise(pl.lit("Viewed")),
    ).sink_csv(made["ACTION_INTERACTIONS"][0])
    return made


def _distinct(files: list[Path], column: str) -> Iterator[str]:
    for file in files:
        table = scan_data(file)
        if column in table.collect_schema():
            values = table.select(pl.col(column).unique()).collect(engine="streaming")
            yield from values[column].drop_nulls()
