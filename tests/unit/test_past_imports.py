"""Which imports count as a run's own, and which as the last before it."""

from typing import Any

import pytest
from past_imports import LastImport, past_imports

OURS = "aaaaaaaa"


def row(status: str, created: int | None = 100, *, key: str = "bbbbbbbb", **more: Any) -> Any:
    """A row with an import of interactions, created at a time."""
    imported = {} if created is None else {"dataset_import_job_datetime": {"N": str(created)}}
    return {"run_key": {"S": key}, "refresh_status": {"S": status}, **imported, **more}


@pytest.mark.parametrize("status", ["COMPLETE", "REJECTED", "ROLLED_BACK"])
def test_the_newest_run_that_was_trained_is_the_last_one(status: str) -> None:
    rows = [row("RUNNING", 400), row("FAILED", 300), row(status, 200), row("COMPLETE", 100)]
    assert past_imports(rows, OURS, [""]).last == {"": LastImport(200, None, "FULL")}


def test_runs_that_ended_otherwise_do_not_count() -> None:
    statuses = ("RUNNING", "FAILED", "SUPERSEDED", "NO_NEW_DATA")
    article: Any = {"dataset_import_job_datetime": {"N": "1"}}
    assert past_imports([*map(row, statuses), article], OURS, [""]) == ({}, set())


def test_bytes_and_mode_are_known_if_the_row_has_them() -> None:
    rows = [row("COMPLETE", dataset_import_job_bytes={"N": "9"}, import_mode={"S": "INCREMENTAL"})]
    assert past_imports(rows, OURS, [""]).last == {"": LastImport(100, 9, "INCREMENTAL")}
    unknown = [row("COMPLETE", dataset_import_job_bytes={"NULL": True})]
    assert past_imports(unknown, OURS, [""]).last == {"": LastImport(100, None, "FULL")}


def test_a_run_that_was_replaced_in_its_row_counts_after_the_one_that_replaced_it() -> None:
    replaced = {"M": row("COMPLETE", 200)}
    rows = [row("FAILED", 300, replaced_row=replaced), row("COMPLETE", 100)]
    assert past_imports(rows, OURS, [""]).last[""].created == 200
    ours = [row("RUNNING", 300, key=OURS, replaced_row=replaced), row("COMPLETE", 100)]
    assert past_imports(ours, OURS, [""]).last[""].created == 200


def test_each_dataset_has_the_last_run_that_imported_it() -> None:
    items: Any = {"items_dataset_import_job_datetime": {"N": "50"}}
    rows = [row("COMPLETE", 200), row("COMPLETE", 100, **items)]
    last = past_imports(rows, OURS, ["", "items_", "users_"]).last
    assert {prefix: each.created for prefix, each in last.items()} == {"": 200, "items_": 50}


def test_an_import_of_the_run_itself_is_its_own_and_not_the_last() -> None:
    job: Any = {"items_dataset_import_job_arn": {"S": "arn"}}
    mine = row("COMPLETE", 300, key=OURS, **job)
    past = past_imports([mine, row("COMPLETE", 100)], OURS, ["", "items_"])
    assert past.own == {"items_"}
    assert past.last[""].created == 100


def test_no_more_rows_are_read_than_are_needed() -> None:
    def reading() -> Any:
        yield row("COMPLETE")
        raise AssertionError("a row too many is read")

    assert past_imports(reading(), OURS, [""]).last
