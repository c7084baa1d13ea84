"""What people are told, word for word."""

import json
from typing import Any

import pytest
from announce_types import AnnounceSettings, Detail
from messages import (
    Situation,
    dollars,
    is_wanted,
    message_of_end,
    message_of_execution,
    message_of_glue,
    span,
)
from row_changes import details_of
from without_row import detail_of_execution, detail_of_glue

from tests.unit.announced import (
    ARN,
    CAMPAIGN,
    COMPLETE,
    FAILED,
    MOVING,
    RUNNING,
    SETTINGS,
    TRAINING,
    VERSION,
    record,
)

BEFORE: Situation = {
    "is_recommender": False,
    "failed_stage": "solution version",
    "serves": f"{VERSION}-old",
    "serves_since": 20200921,
    "last": {"base_date": 20200921, "seconds": 4300, "cost_usd": 0.41},
}


def end(old: dict[str, Any], new: dict[str, Any]) -> Detail:
    return details_of(record(old, new), SETTINGS)[-1]


def test_a_failure_says_what_why_how_long_what_serves_and_what_to_do() -> None:
    detail = end(TRAINING, FAILED)
    detail["cost_usd"] = 0.1304
    message = message_of_end(detail, BEFORE, SETTINGS)
    assert message["subject"] == f"[prod] FAILED at solution version: {CAMPAIGN} 2020-09-28"
    name = f"{CAMPAIGN}-20200928-1a2b3c4d"
    assert message["text"] == (
        f"The refresh of {CAMPAIGN} of 2020-09-28 is FAILED at solution version.\n"
        "\n"
        f"Campaign: {CAMPAIGN}\n"
        "Environment: prod (ap-northeast-1)\n"
        "Why: TrainingFailed: Dataset has fewer than 1000 interactions after filtering\n"
        "Goes on: nothing starts it again but you.\n"
        "Took: 12 min (dataset import 5 min, training 6 min); 1 h 12 min last time\n"
        "Cost: about 0.13 USD; 0.41 USD last time (2020-09-21)\n"
        f"Serves now: {VERSION}-old, of the refresh of 2020-09-21\n"
        "Execution: https://ap-northeast-1.console.aws.amazon.com/states/home"
        f"?region=ap-northeast-1#/v2/executions/details/{ARN}:{name}\n"
        f"Next: python -m ops explain {name} --environment prod\n"
        f"  python -m ops retry {CAMPAIGN} --environment prod   (when the reason is fixed)\n"
        "\n"
        f"Event: {detail['id']}\n"
    )


def test_a_success_says_that_the_new_version_serves() -> None:
    situation: Situation = {**BEFORE, "failed_stage": None, "serves": VERSION}
    message = message_of_end(end(MOVING, COMPLETE), situation, SETTINGS)
    assert message["subject"] == f"[prod] COMPLETE: {CAMPAIGN} 2020-09-28"
    assert f"Serves now: {VERSION}, of this refresh\n" in message["text"]
    assert "Why" not in message["text"]
    assert "Goes on" not in message["text"]


def test_what_is_unknown_is_said_to_be_or_left_out() -> None:
    situation: Situation = {
        "is_recommender": False, "failed_stage": None, "serves": None, "serves_since": None,
        "last": None,
    }  # fmt: skip
    detail = {**end(MOVING, COMPLETE), "cost_usd": None}
    text = message_of_end(detail, situation, SETTINGS)["text"]  # type: ignore[arg-type]
    assert "Cost: unknown\n" in text
    assert "Serves now: unknown: the campaign could not be read\n" in text
    assert "last time" not in text


@pytest.mark.parametrize(
    ("kind", "attempt", "attempts", "goes_on"),
    [
        ("PASSING", 1, 3, "the schedule starts it again by itself, up to attempt 3."),
        ("PASSING", 3, 3, "nothing starts it again but you."),
        ("PASSING", 1, 0, "nothing starts it again but you."),
        ("NEEDS_A_PERSON", 1, 3, "nothing starts it again but you."),
    ],
)
def test_a_failure_says_whether_it_goes_on_by_itself(
    kind: str, attempt: int, attempts: int, goes_on: str
) -> None:
    row = {**FAILED, "failure_kind": kind, "attempt": attempt}
    settings: AnnounceSettings = {**SETTINGS, "reconcile_attempts": attempts}
    text = message_of_end(end({**TRAINING, "attempt": attempt}, row), BEFORE, settings)["text"]
    assert f"Goes on: {goes_on}\n" in text


def test_a_chat_gets_what_amazon_q_developer_takes() -> None:
    detail = end(TRAINING, FAILED)
    chat = json.loads(message_of_end(detail, BEFORE, SETTINGS)["chat"])
    assert (chat["version"], chat["source"], chat["id"]) == ("1.0", "custom", detail["id"])
    content, metadata = chat["content"], chat["metadata"]
    assert content["textType"] == "client-markdown"
    assert content["title"].startswith(f"The refresh of {CAMPAIGN} of 2020-09-28 is FAILED")
    assert f"*Why*: {FAILED['failure_reason']}" in content["description"]
    assert [step.split()[3] for step in content["nextSteps"]] == ["explain", "retry"]
    assert metadata["threadId"] == f"{CAMPAIGN}-20200928-1a2b3c4d"
    assert metadata["relatedResources"] == [RUNNING["execution_arn"], VERSION]
    assert all(isinstance(value, str) for value in metadata["additionalContext"].values())


@pytest.mark.parametrize("campaign", ["c", "c" * 63, "캠페인" * 30, "two\nlines"])
def test_a_subject_is_what_sns_takes_whatever_the_names(campaign: str) -> None:
    settings: AnnounceSettings = {**SETTINGS, "environment": "e" * 31}
    detail = {**end(TRAINING, FAILED), "campaign": campaign}
    subject = message_of_end(detail, BEFORE, settings)["subject"]  # type: ignore[arg-type]
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) <= 100
    assert subject.startswith(f"[{'e' * 31}] FAILED at solution version: ")
    assert subject.endswith("2020-09-28")


def glue(job: str = "export", message: str = "Command failed with exit code 1") -> Any:
    detail = {"jobName": job, "severity": "ERROR", "state": "FAILED", "jobRunId": "jr_1"}
    return {
        "id": "1-2", "detail-type": "Glue Job State Change", "time": "2020-09-28T01:00:00Z",
        "detail": {**detail, "message": message},
    }  # fmt: skip


def test_a_failed_glue_run_says_which_refreshes_wait_for_it() -> None:
    detail = detail_of_glue(glue("shared"), SETTINGS)
    message = message_of_glue(detail, "shared", "jr_1", SETTINGS)
    assert message["subject"] == "[prod] Glue job FAILED: shared"
    assert "Refreshes that it starts: weekly, daily\n" in message["text"]
    assert "Why: Glue job shared, run jr_1: Command failed with exit code 1\n" in message["text"]
    assert "/gluestudio/home?region=ap-northeast-1#/job/shared/run/jr_1\n" in message["text"]
    assert (detail["refresh"], detail["campaign"], detail["base_date"]) == (None, None, None)
    assert detail_of_glue(glue("export"), SETTINGS)["refresh"] == "weekly"


def test_a_glue_job_of_any_name_has_a_link() -> None:
    detail = detail_of_glue(glue("주간 / 1"), SETTINGS)
    text = message_of_glue(detail, "주간 / 1", "jr_1", SETTINGS)["text"]
    assert "#/job/%EC%A3%BC%EA%B0%84%20%2F%201/run/jr_1\n" in text


@pytest.mark.parametrize("message", ["", None])
def test_a_glue_run_without_a_message_still_has_a_reason(message: Any) -> None:
    assert "AWS gives no reason." in str(detail_of_glue(glue(message=message), SETTINGS)["reason"])


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        ({"status": "ABORTED"}, "ABORTED: Somebody stopped the execution, and gave no reason."),
        ({"status": "ABORTED", "error": "StoppedByOperator", "cause": "too slow"},
         "StoppedByOperator: too slow"),
        ({"status": "TIMED_OUT", "error": None, "cause": None},
         "TIMED_OUT: The execution took longer than its workflow may."),
        ({"status": "FAILED", "error": "InvalidTrigger", "cause": "there is no refresh 'x'"},
         "InvalidTrigger: there is no refresh 'x'"),
        ({"status": "FAILED"}, "FAILED: AWS gives no reason."),
    ],
)  # fmt: skip
def test_a_dispatch_that_failed_says_why_and_what_to_do(ended: dict[str, Any], reason: str) -> None:
    arn = "arn:aws:states:ap-northeast-1:111122223333:execution:PersonalizeRefresh-prod-dispatch:x"
    event = {
        "id": "1", "time": "2020-09-28T01:00:00Z", "detail": {**ended, "executionArn": arn},
    }  # fmt: skip
    detail = detail_of_execution(event, "dispatch", SETTINGS)
    message = message_of_execution(detail, SETTINGS)
    assert detail["reason"] == reason
    assert message["subject"] == f"[prod] dispatch {ended['status']}: x"
    assert f"Why: {reason}\n" in message["text"]
    assert "Next: python -m ops explain x --environment prod\n" in message["text"]


def test_a_link_into_china_has_the_console_of_china() -> None:
    settings: AnnounceSettings = {**SETTINGS, "region": "cn-north-1"}
    text = message_of_end(end(TRAINING, FAILED), BEFORE, settings)["text"]
    assert "https://cn-north-1.console.amazonaws.cn/states/home?region=cn-north-1#" in text


@pytest.mark.parametrize(
    ("stage", "status", "switch"),
    [
        ("refresh", "COMPLETE", "success"),
        ("refresh", "FAILED", "failure"),
        ("refresh", "SUPERSEDED", "superseded"),
        ("refresh", "ABORTED", "failure"),
        ("dispatch", "TIMED_OUT", "failure"),
        ("glue job", "FAILED", "glue_failure"),
    ],
)
def test_each_kind_of_end_has_its_switch(stage: Any, status: str, switch: str) -> None:
    detail: Detail = {**end(TRAINING, FAILED), "stage": stage, "status": status}
    off = dict.fromkeys(("success", "failure", "superseded", "glue_failure"), False)
    assert not is_wanted(detail, {**SETTINGS, **off})  # type: ignore[typeddict-item]
    assert is_wanted(detail, {**SETTINGS, **off, switch: True})  # type: ignore[typeddict-item]


def test_durations_and_amounts_are_short() -> None:
    assert [span(s) for s in (0, 59, 60, 3569, 3599, 3600, 90_000)] == [
        "0 s", "59 s", "1 min", "59 min", "1 h 00 min", "1 h 00 min", "25 h 00 min",
    ]  # fmt: skip
    assert [dollars(a) for a in (0, 0.0034, 0.01, 12.345)] == [
        "0.00 USD", "0.0034 USD", "0.01 USD", "12.35 USD",
    ]  # fmt: skip
