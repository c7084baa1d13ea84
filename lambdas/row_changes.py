"""From a change of a row to the details of its events: pure, and nothing that the row does not say.

A record of the table's stream has the row before and after. Each status that differs is one event,
in the order of the stages, the refresh's own last.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from announce_types import AnnounceSettings, Detail, Durations, Stage
from boto3.dynamodb.types import TypeDeserializer
from costs import estimate

Row = dict[str, Any]

IMPORT_STATUS = "dataset_import_job_status"
ENDED = {"COMPLETE", "FAILED", "SUPERSEDED", "NO_NEW_DATA", "REJECTED", "ROLLED_BACK"}
# What a row of this system has; another type, or none, is somebody's mistake.
TYPES: dict[str, type] = {
    "campaign_name": str,
    "base_date": int,
    "run_key": str,
    "refresh_status": str,
    "execution_arn": str,
    "attempt": int,
}
NO_REASON = "The row gives no reason."


class NotAnnounceable(Exception):
    """A record or an event that can never be announced; the text says why."""


def plain(image: Mapping[str, Any]) -> Row:
    """Return an item as plain values; numbers are int where they are whole, else float."""
    deserialize = TypeDeserializer().deserialize
    return {name: _plain(deserialize(value)) for name, value in image.items()}


def details_of(record: Mapping[str, Any], settings: AnnounceSettings) -> list[Detail]:
    """Return the details of the events of a stream record, none if no status has changed.

    Rows without a run, such as the article's program wrote them, the items of queues, and rows that
    were deleted have no events; nor have rows that had ended otherwise than FAILED when they were
    put into the table: they are copies, since a refresh first claims its row. Raises
    NotAnnounceable.
    """
    change = record["dynamodb"]
    if "run_key" not in change.get("NewImage", {}):
        return []
    try:
        new, old = plain(change["NewImage"]), plain(change.get("OldImage", {}))
        changed = datetime.fromtimestamp(float(change["ApproximateCreationDateTime"]), UTC)
    except (KeyError, TypeError, ValueError) as error:
        raise NotAnnounceable(f"the record cannot be read: {error!r}") from error
    for name, expected in TYPES.items():
        if not isinstance(new.get(name), expected):
            kind = "text" if expected is str else "a whole number"
            raise NotAnnounceable(f"the row's {name} is {new.get(name)!r}, and should be {kind}")
    if not old and new["refresh_status"] in ENDED - {"FAILED"}:
        return []
    if old.get("run_key") != new["run_key"]:
        old = {}  # another run had this date's row
    return [
        _detail(record["eventID"], stage, attribute, old, new, changed, settings)
        for stage, attribute in _stages(new)
        if _differs(attribute, old, new)
    ]


def durations(row: Mapping[str, Any]) -> Durations:
    """Return how long the stages of a row took that have ended, and the refresh if it has."""
    ended, found = row.get("ended_datetime"), Durations()
    imports = [name.removesuffix(IMPORT_STATUS) for name in row if name.endswith(IMPORT_STATUS)]
    began = [row.get(f"{prefix}dataset_import_job_datetime") for prefix in imports]
    done = [row.get(f"{prefix}dataset_import_job_ended_datetime", ended) for prefix in imports]
    if imports and None not in began and None not in done:
        found["dataset_import"] = _seconds(min(filter(None, began)), max(filter(None, done)))
    began_training = row.get("solution_version_datetime")
    trained = row.get("solution_version_ended_datetime", ended)
    if began_training is not None and trained is not None:
        found["solution_version"] = _seconds(began_training, trained)
    if ended is not None:
        if (began_update := row.get("campaign_update_datetime")) is not None:
            moved = row.get("campaign_update_ended_datetime", ended)
            found["campaign_update"] = _seconds(began_update, moved)
        if (began_update := row.get("recommender_update_datetime")) is not None:
            updated = row.get("recommender_update_ended_datetime", ended)
            found["recommender_update"] = _seconds(began_update, updated)
        if (started := row.get("started_datetime")) is not None:
            found["refresh"] = _seconds(started, ended)
    return found


def is_end(detail: Detail) -> bool:
    """Whether a refresh has ended with this change."""
    return detail["stage"] == "refresh" and detail["status"] in ENDED


def event_id(*parts: str) -> str:
    """Return an id that is the same for the same parts."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]


def iso(time: datetime) -> str:
    """Return a time as events have it: 2020-09-28T01:00:00Z."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _stages(row: Row) -> Iterator[tuple[Stage, str]]:
    """Yield each stage that the row tells of, with its attribute."""
    for name in sorted(row):
        if name.endswith(IMPORT_STATUS):
            yield "dataset import", name
    for stage, name in (
        ("solution version", "solution_version_status"),
        ("campaign update", "campaign_update_status"),
        ("recommender update", "recommender_update_status"),
        ("refresh", "refresh_status"),
    ):
        if name in row:
            yield stage, name  # type: ignore[misc]


def _differs(attribute: str, old: Row, new: Row) -> bool:
    if old.get(attribute) != new[attribute]:
        return True
    # another execution has taken the refresh over from one that ended without a word
    return attribute == "refresh_status" and old["execution_arn"] != new["execution_arn"]


def _detail(
    record_id: str,
    stage: Stage,
    attribute: str,
    old: Row,
    new: Row,
    changed: datetime,
    settings: AnnounceSettings,
) -> Detail:
    campaign = settings["campaigns"].get(new["campaign_name"])
    dataset_type = None
    if stage == "dataset import":
        first = campaign["first_dataset_type"] if campaign else None
        dataset_type = attribute.removesuffix(IMPORT_STATUS).rstrip("_").upper() or first
    return {
        "version": "1",
        "id": event_id(record_id, attribute),
        "environment": settings["environment"],
        "campaign": new["campaign_name"],
        "base_date": new["base_date"],
        "refresh": campaign["refresh"] if campaign else None,
        "stage": stage,
        "dataset_type": dataset_type,
        "status": str(new[attribute]),
        "previous_status": old.get(attribute),
        "reason": _reason(stage, attribute, new),
        "failure_kind": new.get("failure_kind") if stage == "refresh" else None,
        "attempt": new["attempt"],
        "run_key": new["run_key"],
        "execution_arn": new["execution_arn"],
        "solution_version_arn": new.get("solution_version_arn"),
        "durations_seconds": durations(new),
        "cost_usd": estimate(new)["total"],
        "time": iso(changed),
    }


def _reason(stage: Stage, attribute: str, row: Row) -> str | None:
    if row[attribute] == "SUPERSEDED":
        return superseded(row)
    if row[attribute] == "COMPLETE" and "recommender_retraining" in row:
        return str(row["recommender_retraining"])
    if row[attribute] == "NO_NEW_DATA":
        return str(row.get("no_new_data_reason") or NO_REASON)
    if row[attribute] == "COMPLETE" and "promoted_by" in row:
        return f"{row['promoted_by']} asked for this version: {row.get('promotion_reason')}"
    if row[attribute] not in {"FAILED", "REJECTED", "ROLLED_BACK"}:
        return None
    own = attribute.removesuffix("status") + "reason"
    return str((stage == "dataset import" and row.get(own)) or row.get("failure_reason") or "") or (
        NO_REASON
    )


def superseded(row: Mapping[str, Any]) -> str:
    """Return in words what has overtaken the refresh of a row."""
    if "recommender_arn" in row:
        return f"The newer refresh {row.get('superseded_by', 'of it')} has imported its data."
    return f"The campaign serves {row.get('superseded_by', 'another version')} instead."


def _seconds(began: Any, ended: Any) -> int:
    return max(0, int(ended - began))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if hasattr(value, "as_integer_ratio"):  # a Decimal
        return int(value) if value == int(value) else float(value)
    return value
