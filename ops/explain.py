"""Why a refresh ended as it did, in words, and what to do next."""

import json
from typing import Any, TypedDict

from row_changes import superseded

from ops.act import describe
from ops.advice import ADVICE, OTHER, advice, meaning_of, next_commands
from ops.deployment import Deployment
from ops.refreshes import Row, campaigns, row_of, stage_of

# What the reason of a status means, which the row need not say again.
BY_STATUS = {"REJECTED": ADVICE["VersionRejected"], "ROLLED_BACK": ADVICE["RolledBack"]}


class Explanation(TypedDict):
    """`status` is the refresh's, or the execution's if it has no row."""

    what: str
    status: str
    stage: str | None
    reason: str | None
    meaning: str
    step: str | None
    next: list[str]
    execution_arn: str | None
    console: str | None


def explain(deployment: Deployment, whose: str, base_date: int | None) -> Explanation:
    """Explain a campaign's newest refresh, or that of a date, or an execution."""
    if whose in campaigns(deployment):
        return _of_row(deployment, row_of(deployment, whose, base_date))
    execution = describe(deployment, whose)
    run = _input(execution)
    campaign, date = run.get("campaign_name"), run.get("base_date")
    if campaign in campaigns(deployment) and isinstance(date, int):
        row = row_of(deployment, campaign, date)
        if row.get("execution_arn") == execution["executionArn"]:
            return _of_row(deployment, row)
    return _of_execution(deployment, execution)


def _of_row(deployment: Deployment, row: Row) -> Explanation:
    status, reason = str(row.get("refresh_status")), row.get("failure_reason")
    given = BY_STATUS.get(status) or (advice(reason or "") if status == "FAILED" else None)
    step = given.step if given else None
    if given and row.get("failure_kind") == "PASSING" and given is OTHER:
        step = "nothing: the schedule starts it again, up to reconcile.attempts; or go on now"
    arn = row.get("execution_arn")
    return {
        "what": f"the refresh of {row['campaign_name']} of {row['base_date']}, attempt "
        f"{row.get('attempt', 1)}",
        "status": status,
        "stage": stage_of(row),
        "reason": reason or _reason(row),
        "meaning": given.meaning if given else meaning_of(row),
        "step": step,
        "next": next_commands(row, deployment.environment),
        "execution_arn": arn,
        "console": console_link(deployment, arn) if arn else None,
    }


def _reason(row: Row) -> str | None:
    """Return why a refresh that has not failed ended as it did; None if that needs no reason."""
    if row.get("refresh_status") == "SUPERSEDED":
        return superseded(row)
    if row.get("refresh_status") == "NO_NEW_DATA":
        return str(row.get("no_new_data_reason"))
    if "promoted_by" in row:
        return f"{row['promoted_by']} asked for this version: {row.get('promotion_reason')}"
    words: str | None = row.get("recommender_retraining") or row.get("judgement")
    return words


def _of_execution(deployment: Deployment, execution: dict[str, Any]) -> Explanation:
    """Explain an execution that owns no row: of the dispatch, or one that left it to another."""
    arn, status = execution["executionArn"], execution["status"]
    has_failed = status in {"FAILED", "ABORTED", "TIMED_OUT"}
    error = execution.get("error") or status
    given = advice(error) if has_failed else None
    reason = f"{error}: {execution.get('cause', '')}" if has_failed else None
    output = execution.get("output")
    return {
        "what": f"the execution {arn.rsplit(':', 1)[-1]} of {arn.split(':')[6]}",
        "status": "FAILED" if has_failed else status,
        "stage": None,
        "reason": reason or (f"its output: {output}" if output else None),
        "meaning": given.meaning if given else "It owns no row; its output says what it did.",
        "step": given.step if given else None,
        "next": [],
        "execution_arn": arn,
        "console": console_link(deployment, arn),
    }


def console_link(deployment: Deployment, arn: str) -> str:
    """Return the address of an execution in the console."""
    region = deployment.settings.region
    domain = "amazonaws.cn" if region.startswith("cn-") else "aws.amazon.com"
    return (
        f"https://{region}.console.{domain}/states/home?region={region}"
        f"#/v2/executions/details/{arn}"
    )


def _input(execution: dict[str, Any]) -> dict[str, Any]:
    given = json.loads(execution.get("input") or "{}")
    return given if isinstance(given, dict) else {}
