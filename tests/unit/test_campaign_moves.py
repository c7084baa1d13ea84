"""When a campaign's move has ended, case by case, by the deployed expressions."""

from typing import Any

import pytest

from embedded_aws.services.stepfunctions.jsonata import evaluate
from stacks.definition import definition, refresh_values
from stacks.load import load
from tests.conftest import ROOT

MACHINE = definition("refresh.asl.yaml", refresh_values(load(ROOT / "environments")["prod"]))
STATES = MACHINE["States"]["Move campaign"]["Branches"][0]["States"]
OURS, OLD, NEWER = "arn:solution/s/2", "arn:solution/s/1", "arn:solution/s/3"

# what the campaign serves and its status, its latest update, and what comes next
CASES: dict[str, tuple[str, str, tuple[str, str] | None, str]] = {
    "it is being made": (OURS, "CREATE PENDING", None, "Wait for update"),
    "it is still being made": (OURS, "CREATE IN_PROGRESS", None, "Wait for update"),
    "it could not be made": (OURS, "CREATE FAILED", None, "Update failed"),
    "it could not be made, and another repairs it": (
        OURS, "CREATE FAILED", (NEWER, "CREATE PENDING"), "Campaign is ahead",
    ),
    "it was made with our version": (OURS, "ACTIVE", None, "Campaign serves it"),
    "it was made with another version": (NEWER, "CREATE PENDING", None, "Campaign is ahead"),
    "our update has begun": (OLD, "ACTIVE", (OURS, "CREATE PENDING"), "Wait for update"),
    "our update goes on": (OLD, "ACTIVE", (OURS, "UPDATE IN_PROGRESS"), "Wait for update"),
    "our update is done": (OURS, "ACTIVE", (OURS, "ACTIVE"), "Campaign serves it"),
    "our update is done elsewhere": (OLD, "ACTIVE", (OURS, "ACTIVE"), "Wait for update"),
    "our update has failed": (OLD, "ACTIVE", (OURS, "UPDATE FAILED"), "Update failed"),
    "another follows ours": (OURS, "ACTIVE", (NEWER, "CREATE PENDING"), "Campaign serves it"),
    "another came after ours": (NEWER, "ACTIVE", (NEWER, "ACTIVE"), "Campaign is ahead"),
    "our update repairs it": (OLD, "CREATE FAILED", (OURS, "CREATE PENDING"), "Wait for update"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_campaign_is_waited_for_until_it_is_made_or_moved(case: str) -> None:
    serves, status, update, expected = CASES[case]
    campaign: dict[str, Any] = {"SolutionVersionArn": serves, "Status": status}
    if status == "CREATE FAILED":
        campaign["FailureReason"] = "no capacity"
    if update:
        campaign["LatestCampaignUpdate"] = {"SolutionVersionArn": update[0], "Status": update[1]}
    variables: dict[str, Any] = {
        "move": {"version": OURS},
        "limits": {"time_limit_seconds": 3600},
        "elapsed": 60,
        "states": {"result": {"Campaign": campaign}},
    }
    told = ("live", "ours", "ahead", "status", "reason")
    texts = {name: STATES["Describe campaign"]["Assign"][name] for name in told}
    variables |= {name: value(text, **variables) for name, text in texts.items()}
    assert next_state(**variables) == expected
    if expected == "Update failed" and update is None:
        assert variables["reason"] == "no capacity"


def next_state(**variables: Any) -> str:
    for rule in STATES["Updated?"]["Choices"]:
        if value(rule["Condition"], **variables):
            return str(rule["Next"])
    return str(STATES["Updated?"]["Default"])


def value(text: str, **variables: Any) -> Any:
    return evaluate(text.strip().removeprefix("{%").removesuffix("%}"), variables)
