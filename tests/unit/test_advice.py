"""Every way in which a refresh can end is explained, in the command line and in the runbook."""

import re

import pytest
import yaml

from ops.advice import ADVICE, OTHER, STATUSES, advice
from tests.conftest import ROOT

RUNBOOK = (ROOT / "docs" / "operations.md").read_text("utf-8")
WORKFLOWS = sorted((ROOT / "statemachine").rglob("*.yaml"))


def errors_of_the_workflows() -> set[str]:
    """Return the names that the workflows give to errors, from their files."""
    found: set[str] = set()
    for path in WORKFLOWS:
        text = path.read_text("utf-8")
        found |= set(re.findall(r"\b[eE]rror: ([A-Z]\w+)", text))
        found |= set(re.findall(r"'(Trial[A-Z]\w+)'", text))
        states = yaml.safe_load(re.sub(r"\$\{\w+\}", "x", text)).get("States", {})
        # a state "Import failed" fails as ImportFailed, ImportOverdue or ImportUnavailable
        found |= {
            name.split()[0] + ending
            for name, state in states.items()
            if isinstance(state, dict) and state.get("Like") == "stage_failed"
            for ending in ("Failed", "Overdue", "Unavailable")
        }
    return found


def test_every_error_that_the_workflows_name_has_advice() -> None:
    errors = errors_of_the_workflows()
    assert len(errors) > 12
    assert errors - ADVICE.keys() == set()
    assert ADVICE.keys() - errors == {"StoppedByOperator", "ABORTED", "TIMED_OUT", "States."}


def test_every_status_of_a_row_is_explained() -> None:
    written = set()
    for path in WORKFLOWS:
        written |= set(re.findall(r"refresh_status: (?:\{S: )?([A-Z_]+)", path.read_text("utf-8")))
    assert written - STATUSES.keys() == set()
    assert written >= {"COMPLETE", "SUPERSEDED", "FAILED"}


@pytest.mark.parametrize("name", [*ADVICE, *STATUSES])
def test_the_runbook_has_each_of_them(name: str) -> None:
    if name != "NEVER_REFRESHED":
        assert re.search(rf"`?{re.escape(name.rstrip('.'))}\b", RUNBOOK)


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("ImportFailed: Dataset import job … is CREATE FAILED", ADVICE["ImportFailed"]),
        ("States.DataLimitExceeded: too large", ADVICE["States."]),
        ("DynamoDB.AmazonDynamoDBException: not authorized", OTHER),
        ("", OTHER),
    ],
)
def test_advice_is_found_by_the_beginning_of_a_reason(reason: str, found: object) -> None:
    assert advice(reason) is found
