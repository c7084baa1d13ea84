"""From changes of a row to events, case by case."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from announce_types import Detail, Stage
from jsonschema import Draft202012Validator
from row_changes import NotAnnounceable, details_of, durations, is_end

from tests.unit.announced import (
    CAMPAIGN,
    COMPLETE,
    FAILED,
    IMPORTED,
    IMPORTING,
    MOVING,
    NOON,
    RUNNING,
    SETTINGS,
    TRAINED,
    TRAINING,
    record,
)

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "refresh-event.schema.json").read_text("utf-8")
)
VALID = Draft202012Validator(SCHEMA)


def details(old: dict[str, Any] | None, new: dict[str, Any] | None) -> list[Detail]:
    """Return the details of a change; each is valid by the schema that is shipped."""
    found = details_of(record(old, new), SETTINGS)
    for detail in found:
        VALID.validate(detail)
    return found


def changes(old: dict[str, Any] | None, new: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(d["stage"], d["status"], d["previous_status"]) for d in details(old, new)]


def test_the_schema_names_what_an_event_has_and_every_stage() -> None:
    assert list(SCHEMA["properties"]) == list(Detail.__annotations__)
    assert tuple(SCHEMA["properties"]["stage"]["enum"]) == get_args(Stage)


def test_a_refresh_that_completes_has_an_event_for_each_change_of_a_status() -> None:
    rows = [None, RUNNING, IMPORTING, IMPORTED, TRAINING, TRAINED, MOVING, COMPLETE]
    found = [change for old, new in pairwise(rows) for change in changes(old, new or {})]
    assert found == [
        ("refresh", "RUNNING", None),
        ("dataset import", "IN_PROGRESS", None),
        ("dataset import", "ACTIVE", "IN_PROGRESS"),
        ("solution version", "IN_PROGRESS", None),
        ("solution version", "ACTIVE", "IN_PROGRESS"),
        ("campaign update", "IN_PROGRESS", None),
        ("campaign update", "ACTIVE", "IN_PROGRESS"),
        ("refresh", "COMPLETE", "RUNNING"),
    ]


def test_the_event_of_an_end_says_what_the_row_says() -> None:
    *_, end = details(MOVING, COMPLETE)
    assert is_end(end)
    assert end == {
        "version": "1",
        "id": end["id"],
        "environment": "prod",
        "campaign": CAMPAIGN,
        "base_date": 20200928,
        "refresh": "weekly",
        "stage": "refresh",
        "dataset_type": None,
        "status": "COMPLETE",
        "previous_status": "RUNNING",
        "reason": None,
        "failure_kind": None,
        "attempt": 1,
        "run_key": "1a2b3c4d",
        "execution_arn": RUNNING["execution_arn"],
        "solution_version_arn": TRAINING["solution_version_arn"],
        "durations_seconds": {
            "dataset_import": 300,
            "solution_version": 4000,
            "campaign_update": 600,
            "refresh": 4920,
        },
        "cost_usd": 0.4601,
        "time": "2020-09-28T11:01:00Z",
    }


def test_a_failure_has_its_reason_and_kind() -> None:
    training, refresh = details(TRAINING, FAILED)
    assert training["reason"] == refresh["reason"] == FAILED["failure_reason"]
    assert (training["failure_kind"], refresh["failure_kind"]) == (None, "NEEDS_A_PERSON")


def test_a_failed_import_has_personalizes_own_reason_and_its_dataset() -> None:
    failed = {
        "items_dataset_import_job_status": "FAILED",
        "items_dataset_import_job_reason": "Input CSV is missing the following columns:[ITEM_ID]",
    }
    going = {"items_dataset_import_job_status": "IN_PROGRESS"}
    (detail,) = details({**IMPORTED, **going}, {**IMPORTED, **failed})
    assert detail["dataset_type"] == "ITEMS"
    assert detail["reason"] == failed["items_dataset_import_job_reason"]
    (first,) = details(RUNNING, IMPORTING)
    assert first["dataset_type"] == "INTERACTIONS"


@pytest.mark.parametrize("missing", ["failure_reason", "superseded_by"])
def test_a_reason_is_never_empty(missing: str) -> None:
    status = "FAILED" if missing == "failure_reason" else "SUPERSEDED"
    for row in ({}, {missing: ""}):
        (end,) = details(RUNNING, {**RUNNING, "refresh_status": status, **row})
        assert end["reason"]


def test_what_changes_no_status_has_no_event() -> None:
    assert details(COMPLETE, {**COMPLETE, "estimated_cost_usd": 0.46, "announced": "1"}) == []
    assert details(IMPORTED, {**IMPORTED, "training_intended_datetime": NOON}) == []


def test_a_deleted_row_a_queue_and_another_programs_row_have_no_event() -> None:
    assert details(COMPLETE, None) == []
    queue = {"campaign_name": "quota:solution versions", "base_date": 0, "taken": 4}
    assert details(None, queue) == []
    assert details(None, {"campaign_name": CAMPAIGN, "base_date": 20200921}) == []


def test_rows_that_are_copied_from_another_table_have_no_event() -> None:
    assert details(None, COMPLETE) == []
    assert [d["status"] for d in details(None, FAILED)][-1] == "FAILED"  # it had no row before


def test_a_run_that_takes_the_row_of_another_begins_anew() -> None:
    assert changes(FAILED, {**RUNNING, "run_key": "ffffffff"}) == [("refresh", "RUNNING", None)]


def test_an_attempt_that_takes_the_refresh_over_has_an_event() -> None:
    again = {**IMPORTING, "attempt": 2, "execution_arn": f"{RUNNING['execution_arn']}-2"}
    assert changes(IMPORTING, again) == [("refresh", "RUNNING", "RUNNING")]
    assert changes({**again, "refresh_status": "FAILED"}, again) == [
        ("refresh", "RUNNING", "FAILED")
    ]


def test_a_repeated_record_has_the_same_ids_and_each_event_its_own() -> None:
    first, second = details(MOVING, COMPLETE), details(MOVING, COMPLETE)
    assert first == second
    assert len({detail["id"] for detail in first}) == 2
    other = details_of(record(MOVING, COMPLETE, 2), SETTINGS)
    assert not {d["id"] for d in other} & {d["id"] for d in first}


def test_a_campaign_that_is_no_longer_in_the_settings_is_still_announced() -> None:
    settings = {**SETTINGS, "campaigns": {}}
    (detail,) = details_of(record(RUNNING, IMPORTING), settings)  # type: ignore[arg-type]
    VALID.validate(detail)
    assert (detail["refresh"], detail["dataset_type"]) == (None, None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"attempt": "two"}, "the row's attempt is 'two', and should be a whole number"),
        ({"base_date": 20200928.5}, "the row's base_date is 20200928.5"),
        ({"refresh_status": 7}, "the row's refresh_status is 7, and should be text"),
    ],
)
def test_a_row_that_is_none_of_ours_can_never_be_announced(
    changed: dict[str, Any], words: str
) -> None:
    with pytest.raises(NotAnnounceable, match=words):
        details(RUNNING, {**RUNNING, **changed})


def test_a_record_that_cannot_be_read_can_never_be_announced() -> None:
    broken = record(None, RUNNING)
    broken["dynamodb"]["NewImage"]["attempt"] = {"?": "1"}
    with pytest.raises(NotAnnounceable, match="cannot be read"):
        details_of(broken, SETTINGS)


def test_durations_are_of_what_has_ended() -> None:
    assert durations(RUNNING) == {}
    assert durations(IMPORTED) == {"dataset_import": 300}
    assert durations(FAILED) == {"dataset_import": 300, "solution_version": 390, "refresh": 700}
    two = {
        **IMPORTED,
        "items_dataset_import_job_status": "IN_PROGRESS",
        "items_dataset_import_job_datetime": NOON,
    }
    assert durations(two) == {}
    assert durations({**two, "items_dataset_import_job_ended_datetime": NOON + 900}) == {
        "dataset_import": 900
    }
