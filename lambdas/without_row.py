"""Failures that no row tells of, from the event that AWS sends to ours: pure decisions."""

from datetime import datetime
from typing import Any

from announce_types import AnnounceSettings, Detail, Stage
from row_changes import event_id, iso
from triggers import run_key

# What Step Functions leaves out where nobody gives a reason.
REASONS = {
    "ABORTED": "Somebody stopped the execution, and gave no reason.",
    "TIMED_OUT": "The execution took longer than its workflow may.",
}
NO_REASON = "AWS gives no reason."


def reason_of(execution: dict[str, Any]) -> str:
    """Return why an execution has ended, from its status change event's detail: never empty."""
    status = execution["status"]
    error = execution.get("error") or status
    return f"{error}: {execution.get('cause') or REASONS.get(status, NO_REASON)}"


def detail_of_glue(event: dict[str, Any], settings: AnnounceSettings) -> Detail:
    """Return our event's detail for a run of a Glue job that has not succeeded."""
    run = event["detail"]
    refreshes = settings["glue_jobs"].get(run["jobName"], [])
    reason = run.get("message") or NO_REASON
    detail = _detail(event, "glue job", run["state"], settings)
    detail["refresh"] = refreshes[0] if len(refreshes) == 1 else None
    detail["reason"] = f"Glue job {run['jobName']}, run {run['jobRunId']}: {reason}"
    detail["run_key"] = run_key(run["jobRunId"])
    return detail


def detail_of_execution(event: dict[str, Any], stage: Stage, settings: AnnounceSettings) -> Detail:
    """Return our event's detail for an execution that has ended badly and has no row."""
    execution = event["detail"]
    detail = _detail(event, stage, execution["status"], settings)
    detail["reason"] = reason_of(execution)
    detail["execution_arn"] = execution["executionArn"]
    return detail


def _detail(event: dict[str, Any], stage: Stage, status: str, settings: AnnounceSettings) -> Detail:
    return {
        "version": "1",
        "id": event_id(event["id"]),
        "environment": settings["environment"],
        "campaign": None,
        "base_date": None,
        "refresh": None,
        "stage": stage,
        "dataset_type": None,
        "status": status,
        "previous_status": None,
        "reason": None,
        "failure_kind": None,
        "attempt": None,
        "run_key": None,
        "execution_arn": None,
        "solution_version_arn": None,
        "durations_seconds": {},
        "cost_usd": None,
        "time": iso(datetime.fromisoformat(event["time"])),
    }
