"""Who owns a row, and of which kind a failure is, case by case, by the deployed expressions.

Each case sets the variables that a state reads, and checks which state comes next.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import clock
from embedded_aws.services.stepfunctions.jsonata import evaluate
from stacks.definition import definition, refresh_values
from stacks.load import load

ROOT = Path(__file__).parents[2]
STATES = definition("refresh.asl.yaml", refresh_values(load(ROOT / "environments")["prod"]))[
    "States"
]
NOW = 1_601_254_800
ME, OTHER = "arn:mine", "arn:other"
RUN = {"run_key": "aaaaaaaa", "attempt": 1, "triggered": NOW, "base_date": 20200928}


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    time = clock.Clock(NOW)
    monkeypatch.setattr(clock, "_current", time)
    yield
    time.stop()


def value(text: str, **variables: Any) -> Any:
    return evaluate(text.removeprefix("{%").removesuffix("%}"), variables)


def next_state(choice: str, **variables: Any) -> str:
    """Return the state that a Choice leads to."""
    for rule in STATES[choice]["Choices"]:
        if value(rule["Condition"], **variables):
            for text in rule.get("Assign", {}).values():
                if text.startswith("{%"):
                    value(text, **variables)
            return str(rule["Next"])
    return str(STATES[choice]["Default"])


def item(
    status: str, owner: str = OTHER, key: str = "aaaaaaaa", attempt: int = 1, triggered: int = NOW
) -> dict[str, Any]:
    """A row as DynamoDB returns it."""
    return {
        "execution_arn": {"S": owner},
        "refresh_status": {"S": status},
        "run_key": {"S": key},
        "attempt": {"N": str(attempt)},
        "triggered_datetime": {"N": str(triggered)},
    }


def read(row: dict[str, Any] | None, attempt: int = 1) -> dict[str, Any]:
    """Return the variables after "Read row", as its own expressions set them."""
    run = {**RUN, "attempt": attempt}
    states = {"result": {} if row is None else {"Item": row}}
    assign = STATES["Read row"]["Assign"]
    read = {name: value(text, run=run, states=states) for name, text in assign.items()}
    return {"run": run, "me": ME, "claims_left": 10, **read}


OTHER_RUN = "bbbbbbbb"
WHOSE = {
    "there is no row": (None, 1, "Claim refresh"),
    "the article's program wrote the row": ({"campaign_name": {"S": "c"}}, 1, "Claim refresh"),
    "the response to our claim was lost": (item("RUNNING", ME), 1, "Claim refresh"),
    "our row, and we have ended": (item("FAILED", ME), 1, "Claim refresh"),
    "this run is complete": (item("COMPLETE"), 1, "Already ended"),
    "this run is complete, tried again": (item("COMPLETE"), 2, "Already ended"),
    "this run was superseded": (item("SUPERSEDED"), 2, "Already ended"),
    "this run was rolled back, tried again": (item("ROLLED_BACK"), 2, "Already ended"),
    "this run's version was rejected": (item("REJECTED"), 1, "Already ended"),
    "this run's version was rejected, and a person starts it": (
        item("REJECTED"), 2, "Claim refresh",
    ),
    "there was no new data": (item("NO_NEW_DATA"), 1, "Already ended"),
    "there was no new data, and a person starts it": (item("NO_NEW_DATA"), 2, "Claim refresh"),
    "this attempt has failed": (item("FAILED"), 1, "Already ended"),
    "a later attempt has failed": (item("FAILED", attempt=3), 2, "Already ended"),
    "an earlier attempt has failed": (item("FAILED"), 2, "Claim refresh"),
    "an earlier attempt is running": (item("RUNNING"), 2, "Describe owner"),
    "a copy of us is running": (item("RUNNING"), 1, "Describe owner"),
    "an earlier run is complete": (item("COMPLETE", key=OTHER_RUN), 1, "Claim refresh"),
    "an earlier run has failed": (item("FAILED", key=OTHER_RUN), 1, "Claim refresh"),
    "an earlier run is running": (item("RUNNING", key=OTHER_RUN), 1, "Describe owner"),
    "a run of the same second is running": (
        item("RUNNING", key=OTHER_RUN, triggered=NOW), 1, "Describe owner",
    ),
    "a later run is running": (
        item("RUNNING", key=OTHER_RUN, triggered=NOW + 1), 1, "Left to newer run",
    ),
    "a later run has failed": (
        item("FAILED", key=OTHER_RUN, triggered=NOW + 1), 1, "Left to newer run",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOSE)
def test_a_row_is_claimed_or_left_or_its_owner_is_described(case: str) -> None:
    row, attempt, expected = WHOSE[case]
    assert next_state("Whose row?", **read(row, attempt)) == expected


def test_a_row_that_others_have_claimed_ten_times_is_given_up() -> None:
    contended = {**read(item("RUNNING")), "claims_left": 0}
    assert next_state("Whose row?", **contended) == "Record failure"


OWNER = {
    "a copy of us runs": ("RUNNING", True, 0, "Left to its owner"),
    "another run runs": ("RUNNING", False, 0, "Wait for owner"),
    "another run runs for too long": ("RUNNING", False, 1001, "Record failure"),
    "it cannot be read at the moment": ("UNKNOWN", True, 0, "Wait for owner"),
    "it cannot be read for too long": ("UNKNOWN", False, 1001, "Record failure"),
    "we may not read it": ("NOT READABLE", True, 0, "Record failure"),
    "it was aborted": ("ABORTED", True, 0, "Claim refresh"),
    "another run timed out": ("TIMED_OUT", False, 1001, "Claim refresh"),
    "it failed and did not record it": ("FAILED", False, 0, "Claim refresh"),
    "it succeeded and did not record it": ("SUCCEEDED", False, 0, "Claim refresh"),
    "it was deleted": ("DELETED", False, 0, "Claim refresh"),
}
YOUNG = {
    "its execution was started a minute ago, and may not be shown yet": (60, "Wait for owner"),
    "its execution was started three minutes ago": (180, "Claim refresh"),
}


@pytest.mark.parametrize("case", OWNER)
def test_a_running_owner_is_waited_for_and_an_ended_one_loses_the_row(case: str) -> None:
    status, same_run, waited, expected = OWNER[case]
    known = {
        **read(item("RUNNING", key="aaaaaaaa" if same_run else OTHER_RUN)),
        "owner_status": status,
        "waiting_since": (NOW - waited) * 1000,
        "longest_wait_for_owner": 1000,
    }
    assert next_state("Owner running?", **known) == expected


@pytest.mark.parametrize("case", YOUNG)
def test_the_owner_of_a_young_row_is_looked_for_again_before_it_is_taken_over(
    case: str,
) -> None:
    age, expected = YOUNG[case]
    row = {**item("RUNNING", key=OTHER_RUN), "started_datetime": {"N": str(NOW - age)}}
    known = {**read(row), "owner_status": "DELETED"}
    assert next_state("Owner running?", **known) == expected


REFUSED = "User: arn:aws:sts::1:assumed-role/r is not authorized to perform: x on resource: y"
KINDS = {
    ("ImportUnavailable", "No dataset import job could be created. …"): "PASSING",
    ("TrainingUnavailable", "…"): "PASSING",
    ("UpdateUnavailable", "…"): "PASSING",
    ("DynamoDB.ProvisionedThroughputExceededException", "…"): "PASSING",
    ("DynamoDb.ThrottlingException", "Rate exceeded"): "PASSING",
    ("DynamoDB.AmazonDynamoDBException", "Service is unavailable"): "PASSING",
    ("DynamoDB.AmazonDynamoDBException", REFUSED): "NEEDS_A_PERSON",
    ("DynamoDb.DynamoDbException", REFUSED): "NEEDS_A_PERSON",
    ("Sfn.SfnException", REFUSED): "NEEDS_A_PERSON",
    ("ImportUnavailable", f"Lambda.AWSLambdaException: {REFUSED}"): "NEEDS_A_PERSON",
    ("DynamoDB.ResourceNotFoundException", "…"): "NEEDS_A_PERSON",
    ("DynamoDB.ConditionalCheckFailedException", "…"): "NEEDS_A_PERSON",
    ("ImportFailed", "Input CSV is missing the following columns:[TIMESTAMP]"): "NEEDS_A_PERSON",
    ("TrainingOverdue", "… It was stopped."): "NEEDS_A_PERSON",
    ("OwnerOverdue", "…"): "NEEDS_A_PERSON",
}


@pytest.mark.parametrize(("error", "cause"), KINDS)
def test_a_failure_passes_with_time_or_needs_a_person(error: str, cause: str) -> None:
    values = STATES["Record failure"]["Arguments"]["ExpressionAttributeValues"]
    passing = STATES["Begin"]["Assign"]["passing_errors"]
    kind = value(values[":failure_kind"]["S"], error=error, cause=cause, passing_errors=passing)
    assert kind == KINDS[error, cause]


def test_a_rollback_goes_on_before_anything_is_imported() -> None:
    known = {"superseded_by": "", "refusal": "", "taken_back": "", "run": {}}
    assert next_state("Overtaken?", **known) == "Import datasets"
    begun = {**known, "taken_back": "Alarm shop went to ALARM"}
    assert next_state("Overtaken?", **begun) == "Note rollback"
    assert next_state("Overtaken?", **{**begun, "refusal": "it is gone"}) == "Record failure"
    assert next_state("Overtaken?", **{**begun, "superseded_by": "arn:v3"}) == "Record superseded"
