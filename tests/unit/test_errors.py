"""What the workflow makes of a service's error, case by case, by the deployed expressions."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.services.stepfunctions.jsonata import evaluate
from stacks.definition import definition, refresh_values
from stacks.load import load

ROOT = Path(__file__).parents[2]
STATES = definition("refresh.asl.yaml", refresh_values(load(ROOT / "environments")["prod"]))[
    "States"
]
PASSING = STATES["Begin"]["Assign"]["passing_errors"]
UNTYPED = (
    "The cause could not be determined because Lambda did not return an error type. "
    'Returned payload: {"errorMessage":"2026-11-25T01:02:03.456Z 1-2-3 Task timed out after '
    '60.16 seconds"}'
)
RAISED = json.dumps({"errorMessage": 'full: "quota"\n가', "errorType": "RetryLater"})


def caught(state: dict[str, Any], error: str, cause: str, **variables: Any) -> dict[str, Any]:
    """Return the variables that a state's last Catch assigns."""
    known = {"states": {"errorOutput": {"Error": error, "Cause": cause}}, **variables}
    return {
        name: evaluate(text[2:-2], known) if str(text).startswith("{%") else text
        for name, text in state["Catch"][-1]["Assign"].items()
        if name in {"status", "reason", "error", "cause"}
    }


@pytest.mark.parametrize(
    ("error", "cause", "status", "said"),
    [
        ("RetryLater", RAISED, "UNAVAILABLE", 'full: "quota"\n가'),
        ("Lambda.Unknown", UNTYPED, "UNAVAILABLE", "2026-11-25T01:02:03.456Z 1-2-3 Task timed…"),
        ("Sandbox.Timedout", '{"errorMessage": "cut off', "UNAVAILABLE", '{"errorMessage": "cut…'),
        ("Lambda.Unknown", '{"errorMessage": "\\x"}', "UNAVAILABLE", '{"errorMessage": "\\x"}'),
        ("Lambda.Unknown", '{"errorMessage": null}', "UNAVAILABLE", '{"errorMessage": null}'),
        ("Lambda.Unknown", '{"errorMessage": ""}', "UNAVAILABLE", '{"errorMessage": ""}'),
        ("Lambda.ResourceNotReadyException", "Idle (…)", "UNAVAILABLE", "Idle (…)"),
        ("Runtime.OutOfMemory", '{"errorMessage": "killed"}', "UNAVAILABLE", "killed"),
        ("Lambda.ResourceNotFoundException", "Function not found: …", "REFUSED", "Function not…"),
        ("NotOurs", '{"errorMessage": "a \\u0022job\\u0022"}', "REFUSED", 'a "job"'),
    ],
)
def test_a_task_s_error_is_told_in_its_own_words_whatever_its_cause_looks_like(
    error: str, cause: str, status: str, said: str
) -> None:
    create = STATES["Import datasets"]["ItemProcessor"]["States"]["Create import"]
    found = caught(create, error, cause, passing_errors=PASSING)
    assert found["status"] == status
    assert found["reason"].startswith(said.removesuffix("…"))


def test_the_row_tells_the_error_of_any_other_task_in_its_own_words_too() -> None:
    found = caught(STATES["Check campaign"], "RetryLater", RAISED)
    assert found == {"error": "RetryLater", "cause": 'full: "quota"\n가'}


GENERAL = "Personalize.PersonalizeException"
SERVICE = "(Service: Personalize, Status Code: {}, Request ID: 1-2-3)"
INVALID = "1 validation error detected: Value 'x' at 'solutionVersionArn' failed to satisfy …"


@pytest.mark.parametrize(
    ("error", "cause", "passes"),
    [
        (GENERAL, f"An internal error occurred {SERVICE.format(500)}", True),
        (GENERAL, f"Service is unavailable {SERVICE.format(503)}", True),
        (GENERAL, f"Rate exceeded {SERVICE.format(400)}", True),
        (GENERAL, f"Request was throttled {SERVICE.format(429)}", True),
        (
            GENERAL,
            f"The security token is expired {SERVICE.format(403)}",
            True,
        ),
        ("Personalize.ThrottlingException", f"Rate exceeded {SERVICE.format(400)}", True),
        ("Personalize.LimitExceededException", f"Too much {SERVICE.format(400)}", True),
        ("Personalize.SdkClientException", "Unable to execute HTTP request", True),
        (GENERAL, INVALID, False),
        (GENERAL, f"2 validation errors detected: … {SERVICE.format(400)}", False),
        (GENERAL, f"User: x is not authorized to perform: y {SERVICE.format(400)}", False),
        (GENERAL, f"The operation is unknown {SERVICE.format(404)}", False),
        ("CloudWatch.CloudWatchException", f"Rate exceeded {SERVICE.format(400)}", True),
        ("CloudWatch.CloudWatchException", f"An error {SERVICE.format(500)}", True),
        ("CloudWatch.CloudWatchException", "User: x is not authorized to perform: y", False),
        ("CloudWatch.SdkClientException", "Unable to execute HTTP request", True),
    ],
)
def test_a_poll_goes_on_after_what_passes_with_time_and_after_nothing_else(
    error: str, cause: str, passes: bool
) -> None:
    (branch,) = STATES["Train solution version"]["Branches"]
    poll = branch["States"]["Describe training"]
    found = caught(poll, error, cause, status="CREATE IN_PROGRESS")
    assert found["status"] == ("CREATE IN_PROGRESS" if passes else "NOT READABLE")
    assert found["reason"] == cause
