"""What a run costs, as an estimate: the prices in one place, and what a row says was used.

Prices in US dollars of the region us-east-1, from AWS's pricing pages, read in 2026-11; other
regions differ by some percent. Not counted: imports that failed, the earlier attempts of a run,
and what the campaign costs with or without refreshes. An import or a training that several
campaigns share is in the estimate of each.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

PRICED_IN, PRICED_ON = "us-east-1", "2026-11"
IMPORTED_GIGABYTE = 0.05
TRAINING_HOUR = 0.24  # legacy recipes, as `trainingHours` bills them
TRAINED_THOUSAND_INTERACTIONS = 0.002  # recipes of the second version (aws-…-v2)
THOUSAND_TRANSITIONS = 0.025
FUNCTION_CALL = 0.000004  # 256 MB on Arm for a second, and the request
TABLE_WRITE, EVENT = 0.000000625, 0.000001
# A refresh calls each task about once, announces about eight changes, and writes its row as often.
FUNCTION_CALLS, TABLE_WRITES, EVENTS = 14, 14, 8
# Nobody tells how many interactions were trained on: a line of USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE
# has about 40 bytes.
INTERACTION_BYTES = 40
GIGABYTE, HOUR = 1_000_000_000, 3600

Estimate = TypedDict(
    "Estimate",
    {
        "import": float | None,
        "training": float | None,
        "transitions": float | None,
        "functions": float,
        "table": float,
        "total": float | None,
    },
)
"""US dollars; None is unknown, and so is the total then, but for transitions not counted yet."""


def estimate(
    row: Mapping[str, Any],
    *,
    transitions: int | None = None,
    interactions: int | None = None,
) -> Estimate:
    """Return what the run of a row has cost so far.

    `row` has plain values. `interactions` are those of the INTERACTIONS dataset, estimated from
    its bytes if not given.
    """
    imported = _import(row)
    trained = _training(row, interactions)
    moved = None if transitions is None else transitions * THOUSAND_TRANSITIONS / 1000
    functions = FUNCTION_CALLS * FUNCTION_CALL + EVENTS * EVENT
    table = TABLE_WRITES * TABLE_WRITE
    known = None not in {imported, trained}
    total = (imported or 0) + (trained or 0) + (moved or 0) + functions + table
    return {
        "import": imported,
        "training": trained,
        "transitions": moved,
        "functions": functions,
        "table": table,
        "total": round(total, 4) if known else None,
    }


def transitions_of(last_event_id: int) -> int:
    """Return about how many transitions an execution with so many history events has made."""
    return last_event_id // 3


def _import(row: Mapping[str, Any]) -> float | None:
    """Return what the imports that have ended well cost; None if the size of one is unknown."""
    ending = "dataset_import_job_status"
    prefixes = [
        name.removesuffix(ending)
        for name, status in row.items()
        if name.endswith(ending) and status == "ACTIVE"
    ]
    sizes = [row.get(f"{prefix}dataset_import_job_bytes") for prefix in prefixes]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return None
    return float(sum(known)) / GIGABYTE * IMPORTED_GIGABYTE


def _training(row: Mapping[str, Any], interactions: int | None) -> float | None:
    if "solution_version_arn" not in row or "promoted_by" in row:
        return 0.0
    if row.get("recipe", "").endswith("-v2"):
        if interactions is None and (size := row.get("dataset_import_job_bytes")) is not None:
            interactions = int(size) // INTERACTION_BYTES
        if interactions is None:
            return None
        return interactions / 1000 * TRAINED_THOUSAND_INTERACTIONS
    hours = row.get("training_hours")
    if hours is None and "ended_datetime" in row:
        # Personalize bills at least the hours of a training that did not end well, and more if it
        # used several machines
        hours = (row["ended_datetime"] - row["solution_version_datetime"]) / HOUR
    return None if hours is None else float(hours) * TRAINING_HOUR
