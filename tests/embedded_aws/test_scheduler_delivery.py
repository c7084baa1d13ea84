"""EventBridge Scheduler: what a target gets, and what happens to a start that fails."""

import json
from pathlib import Path

import pytest

from embedded_aws.cloud import Cloud
from tests.embedded_aws.schedules import (
    GROUP,
    HOUR,
    MAY_SEND_TO_QUEUE,
    create,
    deploy_schedule,
    pass_time,
    stack,
    starts,
)
from tests.embedded_aws.small_stack import (
    MAY_START,
    dead_letters,
    deployed,
    physical_id,
)


@pytest.fixture(autouse=True)
def rates_begin_after_a_period(cloud: Cloud) -> None:
    """The start at once has its own test; the others are about the later ones."""
    cloud.behaviour.scheduler.rate_begins = "after a period"


def test_without_an_input_the_target_gets_the_notification_of_scheduler(
    cloud: Cloud, tmp_path: Path
) -> None:
    deployed(cloud, tmp_path, stack(MAY_START))
    schedule_arn = create(cloud)["ScheduleArn"]
    pass_time(cloud, HOUR)
    ((_, received),) = starts(cloud)
    assert len(received.pop("id")) == 36
    assert received == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "111122223333",
        "time": "2020-09-28T01:30:00Z",
        "region": "ap-northeast-1",
        "resources": [schedule_arn],
        "detail": "{}",
    }


def test_keywords_in_the_input_are_replaced(cloud: Cloud, tmp_path: Path) -> None:
    keywords = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
    text = json.dumps({keyword: f"<aws.scheduler.{keyword}>" for keyword in keywords})
    deploy_schedule(cloud, tmp_path, MAY_START, target={"Input": text}, Name="mine")
    cloud.faults.add("states:StartExecution=throttle")
    pass_time(cloud, HOUR)
    ((when, received),) = starts(cloud)
    assert when == "01:30:05"
    assert len(received.pop("execution-id")) == 16
    assert received == {
        "schedule-arn": GROUP.replace("-group/default", "/default/mine"),
        "scheduled-time": "2020-09-28T01:30:00Z",
        "attempt-number": "2",
    }


def test_without_permission_to_start_the_input_goes_to_the_dead_letter_queue_with_the_reason(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_schedule(cloud, tmp_path, MAY_SEND_TO_QUEUE, Name="mine")
    pass_time(cloud, HOUR)
    assert starts(cloud) == []
    ((body, attributes),) = dead_letters(cloud)
    assert body == {"reconcile": True}
    assert "is not authorized to perform: states:StartExecution" in attributes.pop("ERROR_MESSAGE")
    assert len(attributes.pop("EXECUTION_ID")) == 16
    assert attributes == {
        "SCHEDULE_ARN": GROUP.replace("-group/default", "/default/mine"),
        "TARGET_ARN": physical_id(cloud, "Machine"),
        "SCHEDULED_TIME": "2020-09-28T01:30:00Z",
        "ERROR_CODE": "AccessDeniedException",
        "RETRY_ATTEMPTS": "0",
        "IS_PAYLOAD_TRUNCATED": "false",
    }


@pytest.mark.parametrize(
    ("policy", "condition", "retries"),
    [
        ({"MaximumRetryAttempts": 3}, "MaximumRetryAttempts", "3"),
        ({"MaximumEventAgeInSeconds": 60}, "MaximumEventAgeInSeconds", "3"),
    ],
)
def test_a_start_that_exhausts_its_retry_policy_goes_to_the_dead_letter_queue(
    cloud: Cloud, tmp_path: Path, policy: dict[str, int], condition: str, retries: str
) -> None:
    deploy_schedule(cloud, tmp_path, MAY_START, MAY_SEND_TO_QUEUE, target={"RetryPolicy": policy})
    cloud.faults.add("states:StartExecution=throttle*always")
    pass_time(cloud, HOUR)
    ((_, attributes),) = dead_letters(cloud)
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == condition
    assert attributes["RETRY_ATTEMPTS"] == retries
    assert attributes["ERROR_CODE"] == "ThrottlingException"


def test_without_permission_to_send_nothing_goes_to_the_dead_letter_queue(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_schedule(cloud, tmp_path)
    pass_time(cloud, HOUR)
    assert dead_letters(cloud) == []
    refusals = [(call.caller, call.action) for call in cloud.calls if not call.allowed]
    sender_role = physical_id(cloud, "Sender")
    assert refusals == [(sender_role, "states:StartExecution"), (sender_role, "sqs:SendMessage")]
