"""What is written for an execution that ended without a word, case by case."""

import json
from typing import Any

import pytest
from record_end import ended, run_of, stage_of

from tests.unit.announced import (
    COMPLETE,
    FAILED,
    IMPORTED,
    IMPORTING,
    MOVING,
    RUNNING,
    TRAINED,
    TRAINING,
)

RUN = {
    "campaign_name": "c", "base_date": 20200928, "run_key": "1a2b3c4d", "attempt": 2,
    "triggered": 1, "solution_name": "s",
}  # fmt: skip


def execution(status: str = "ABORTED", **changes: Any) -> dict[str, Any]:
    """The detail of "Step Functions Execution Status Change"; times are epoch milliseconds."""
    return {
        "executionArn": "arn:x",
        "status": status,
        "input": json.dumps(RUN),
        "stopDate": 1_601_290_860_999,
        **changes,
    }


@pytest.mark.parametrize(
    ("row", "stage"),
    [
        ({}, "claim"),
        (RUNNING, "claim"),
        (IMPORTING, "dataset import"),
        ({**IMPORTED, "items_dataset_import_job_status": "IN_PROGRESS"}, "dataset import"),
        ({**IMPORTED, "items_dataset_import_job_status": "FAILED"}, "dataset import"),
        (IMPORTED, "solution version"),
        (TRAINING, "solution version"),
        ({**FAILED, "refresh_status": "RUNNING"}, "solution version"),
        (TRAINED, "campaign update"),
        (MOVING, "campaign update"),
        ({**COMPLETE, "refresh_status": "RUNNING"}, "campaign update"),
    ],
)
def test_the_stage_is_that_at_which_the_row_stood(row: dict[str, Any], stage: str) -> None:
    assert stage_of(row) == stage


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({}, "PASSING", "ABORTED: Somebody stopped the execution, and gave no reason."),
        ({"error": "StoppedByOperator", "cause": "wrong data"}, "NEEDS_A_PERSON",
         "StoppedByOperator: wrong data"),
        ({"status": "TIMED_OUT"}, "PASSING",
         "TIMED_OUT: The execution took longer than its workflow may."),
        ({"status": "FAILED", "error": "TrainingFailed", "cause": "no capacity"}, "PASSING",
         "TrainingFailed: no capacity"),
        ({"status": "FAILED", "error": "StoppedByOperator", "cause": "?"}, "PASSING",
         "StoppedByOperator: ?"),
    ],
)  # fmt: skip
def test_an_end_is_written_as_the_workflow_would_have_written_it(
    changes: dict[str, Any], kind: str, reason: str
) -> None:
    found = ended(execution(**changes), RUN, TRAINING)
    assert found["failure_kind"] == {"S": kind}
    assert found["failure_reason"] == {"S": reason}
    assert found["refresh_status"] == {"S": "FAILED"}
    assert found["execution_status"] == {"S": changes.get("status", "ABORTED")}
    assert found["ended_datetime"] == {"N": "1601290860"}
    assert (found["attempt"], found["execution_arn"]) == ({"N": "2"}, {"S": "arn:x"})
    assert not any(name.endswith(("version_status", "job_status")) for name in found)


@pytest.mark.parametrize(
    "changes",
    [
        {"input": None},
        {"input": "no JSON"},
        {"input": "[]"},
        {"input": json.dumps({**RUN, "base_date": "20200928"})},
        {"input": json.dumps({name: RUN[name] for name in RUN if name != "run_key"})},
        {"error": "InvalidInput", "cause": "attempt (from 1 to 99)"},
    ],
)
def test_an_input_that_names_no_row_gets_none(changes: dict[str, Any]) -> None:
    assert run_of(execution(**changes)) is None
    assert run_of(execution()) == RUN
