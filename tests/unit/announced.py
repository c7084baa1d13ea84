"""What the tests of announcing share: settings, rows, and records of the table's stream."""

from typing import Any

from announce_types import AnnounceSettings
from boto3.dynamodb.types import TypeSerializer

NOON = 1_601_290_800
ARN = "arn:aws:states:ap-northeast-1:111122223333:execution:PersonalizeRefresh-prod-refresh"
CAMPAIGN = "brandi-hrnn-campaign-v2"
VERSION = "arn:aws:personalize:ap-northeast-1:111122223333:solution/brandi-hrnn-solution/1234abcd"
SETTINGS: AnnounceSettings = {
    "environment": "prod",
    "account": "111122223333",
    "region": "ap-northeast-1",
    "event_bus": "default",
    "reconcile_attempts": 3,
    "success": True,
    "failure": True,
    "superseded": False,
    "no_new_data": False,
    "rejected": True,
    "rolled_back": True,
    "glue_failure": True,
    "campaigns": {
        CAMPAIGN: {
            "refresh": "weekly",
            "campaign_arn": f"arn:aws:personalize:ap-northeast-1:111122223333:campaign/{CAMPAIGN}",
            "first_dataset_type": "INTERACTIONS",
        }
    },
    "glue_jobs": {"export": ["weekly"], "shared": ["weekly", "daily"]},
}
RUNNING: dict[str, Any] = {
    "campaign_name": CAMPAIGN,
    "base_date": 20200928,
    "run_key": "1a2b3c4d",
    "refresh_status": "RUNNING",
    "execution_arn": f"{ARN}:{CAMPAIGN}-20200928-1a2b3c4d",
    "attempt": 1,
    "triggered_datetime": NOON,
    "started_datetime": NOON,
    "solution_name": "brandi-hrnn-solution",
}
IMPORTING = {
    **RUNNING,
    "dataset_import_job_arn": "arn:job",
    "dataset_import_job_status": "IN_PROGRESS",
    "dataset_import_job_datetime": NOON + 5,
    "dataset_import_job_bytes": 2_000_000_000,
}
IMPORTED = {
    **IMPORTING,
    "dataset_import_job_status": "ACTIVE",
    "dataset_import_job_ended_datetime": NOON + 305,
}
TRAINING = {
    **IMPORTED,
    "solution_version_arn": VERSION,
    "solution_version_status": "IN_PROGRESS",
    "solution_version_datetime": NOON + 310,
}
TRAINED = {
    **TRAINING,
    "solution_version_status": "ACTIVE",
    "solution_version_ended_datetime": NOON + 4310,
    "training_hours": 1.5,
    "recipe": "aws-hrnn",
    "metrics": {"precision_at_10": 0.25},
}
MOVING = {
    **TRAINED,
    "campaign_update_status": "IN_PROGRESS",
    "campaign_update_datetime": NOON + 4320,
}
COMPLETE = {
    **MOVING,
    "campaign_update_status": "ACTIVE",
    "refresh_status": "COMPLETE",
    "ended_datetime": NOON + 4920,
}
FAILED = {
    **TRAINING,
    "solution_version_status": "FAILED",
    "refresh_status": "FAILED",
    "failed_stage": "solution version",
    "failure_reason": "TrainingFailed: Dataset has fewer than 1000 interactions after filtering",
    "failure_kind": "NEEDS_A_PERSON",
    "ended_datetime": NOON + 700,
}


def item(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as DynamoDB has it."""
    serialize = TypeSerializer().serialize
    return {
        name: {"N": str(v)}
        if isinstance(v, int | float)
        else {"M": item(v)}
        if isinstance(v, dict)
        else serialize(v)
        for name, v in row.items()
    }


def record(old: dict[str, Any] | None, new: dict[str, Any] | None, number: int = 1) -> Any:
    """Return the stream's record of a change of a row."""
    images = {"OldImage": old, "NewImage": new}
    return {
        "eventID": f"{number:032}",
        "eventName": "MODIFY" if old and new else "INSERT" if new else "REMOVE",
        "dynamodb": {
            "ApproximateCreationDateTime": NOON + 60 * number,
            "SequenceNumber": str(number),
            **{name: item(row) for name, row in images.items() if row is not None},
        },
    }
