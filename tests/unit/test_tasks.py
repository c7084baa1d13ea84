"""The decisions of the tasks that find or create resources, one by one, without AWS."""

from datetime import UTC, datetime
from typing import Any

import create_solution_version
import pytest
import update_campaign
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from personalize import names
from plan_types import Training
from retry_later import RetryLater, retry_later

NOON = datetime(2020, 9, 28, 12, tzinfo=UTC)
TRAINING: Training = {
    "now": 0,
    "solution_arn": "arn:solution/s",
    "name": "s-20200928-aaaaaaaa",
    "training_mode": "FULL",
    "mode_reason": "The settings say so.",
    "base_date": 20200928,
    "attempt": 2,
    "intended": int(NOON.timestamp()),
}


def version(arn: str = "arn:solution/s/1", **changes: Any) -> Any:
    """A solution version trained by hand, at noon and in full."""
    return {
        "solutionVersionArn": arn,
        "trainingType": "MANUAL",
        "trainingMode": "FULL",
        "creationDateTime": NOON,
        "status": "ACTIVE",
        **changes,
    }


def test_the_first_attempt_has_one_name_and_each_further_attempt_one_more() -> None:
    assert names("import", 1) == ["import"]
    assert names("import", 3) == ["import", "import-2", "import-3"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"name": "by-hand"}, True),
        ({"name": "s-20200928-aaaaaaaa", "trainingMode": "UPDATE"}, True),
        ({"name": "s-20200928-aaaaaaaa-2", "creationDateTime": NOON.replace(hour=1)}, True),
        ({"name": "s-20200928-aaaaaaaa-3"}, False),
        ({"name": "s-20200928-bbbbbbbb"}, False),
        ({"trainingType": "AUTOMATIC"}, False),
        ({"trainingMode": "UPDATE"}, False),
        ({"creationDateTime": NOON.replace(hour=11, minute=59)}, False),
    ],
)
def test_a_version_is_adopted_if_it_is_ours_or_was_trained_by_hand_on_the_same_data(
    changes: dict[str, Any], expected: bool
) -> None:
    assert create_solution_version.will_do(version(**changes), TRAINING) is expected


def test_a_version_that_failed_or_is_stopped_is_not_usable() -> None:
    ended = ["CREATE FAILED", "CREATE STOPPED", "CREATE STOPPING"]
    going = ["CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE"]
    usable = create_solution_version.usable([version(status=s) for s in ended + going])
    assert [v["status"] for v in usable] == going


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "s-20201005-bbbbbbbb"}, True),
        ({"name": "s-20201005-bbbbbbbb-2", "creationDateTime": NOON.replace(day=1)}, True),
        ({"name": "s-20200928-bbbbbbbb", "creationDateTime": NOON.replace(day=30)}, False),
        ({"name": "s-20200921-bbbbbbbb", "creationDateTime": NOON.replace(day=30)}, False),
        ({"name": "by-hand", "creationDateTime": NOON.replace(day=30)}, True),
        ({"creationDateTime": NOON.replace(hour=11)}, False),
        ({}, False),
    ],
)
def test_a_version_is_newer_by_its_refreshs_date_or_if_made_by_hand_by_its_time(
    changes: dict[str, Any], expected: bool
) -> None:
    ours = version("arn:solution/s/2")
    assert update_campaign.is_newer(version(**changes), ours, 20200928) is expected


OURS, OTHER = "arn:solution/s/2", "arn:solution/s/1"


@pytest.mark.parametrize(
    ("served", "update", "expected"),
    [
        (OTHER, None, False),
        (OURS, None, True),
        (OTHER, (OURS, "CREATE PENDING"), True),
        (OTHER, (OURS, "UPDATE IN_PROGRESS"), True),
        (OTHER, (OURS, "CREATE FAILED"), False),
        (OURS, (OURS, "ACTIVE"), True),
        (OURS, (OTHER, "ACTIVE"), True),
        (OURS, (OTHER, "CREATE FAILED"), True),
        (OURS, (OTHER, "CREATE IN_PROGRESS"), False),
        (OTHER, (OTHER, "ACTIVE"), False),
    ],
)
def test_a_move_is_under_way_if_no_update_has_to_be_requested(
    served: str, update: tuple[str, str] | None, expected: bool
) -> None:
    campaign: Any = {"solutionVersionArn": served}
    if update:
        campaign["latestCampaignUpdate"] = {"solutionVersionArn": update[0], "status": update[1]}
    assert update_campaign.is_under_way(campaign, OURS) is expected


def refusal(code: str, status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "…"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "CreateSolutionVersion")


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("LimitExceededException"),
        refusal("ResourceInUseException"),
        refusal("ServiceUnavailable", 503),
        refusal("SomethingNew", 500),
        ReadTimeoutError(endpoint_url="https://personalize"),
        ConnectTimeoutError(endpoint_url="https://personalize"),
    ],
    ids=str,
)
def test_an_error_that_passes_with_time_is_retried_later(error: Exception) -> None:
    with pytest.raises(RetryLater) as later, retry_later():
        raise error
    assert later.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [refusal("InvalidInputException"), refusal("AccessDeniedException"), ValueError("ours")],
    ids=str,
)
def test_every_other_error_is_raised_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as same, retry_later():
        raise error
    assert same.value is error
