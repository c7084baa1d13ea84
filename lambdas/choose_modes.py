"""Task "Choose modes": is what is new enough this time, or is a full import or training due?

Guarantees that a mode that only adds (INCREMENTAL, UPDATE) is never used where Personalize would
refuse it, nor beyond the cadence of the settings. It goes by what was there when the run was
triggered, so that each attempt, and each campaign that shares a dataset, chooses the same; an
import that this run has already begun is taken as it is. Only reads.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypedDict

from botocore.exceptions import ClientError
from data_files import list_files, read_head
from personalize import names, personalize
from plan_types import FullEvery, PlannedImport, PlannedTraining
from retry_later import retry_later

LEAST_NEW = 1_000  # records of an INCREMENTAL import of interactions
AT_ONCE = 1_000_000  # bytes that are read to count them
EARLY = timedelta(hours=12)  # a weekly run may be some minutes early


class ModesRequest(TypedDict):
    """What a run would import and train; `triggered` is in epoch seconds.

    `training` is empty for a recommender, which no run trains.
    """

    datasets: list[PlannedImport]
    training: PlannedTraining
    triggered: int


class Modes(TypedDict):
    """The same, with their modes chosen and the reasons."""

    datasets: list[PlannedImport]
    training: PlannedTraining


class Earlier(NamedTuple):
    """An import or a training that has ended well."""

    created: datetime
    is_full: bool


def full_reason(every: FullEvery, earlier: Iterable[Earlier], now: datetime, what: str) -> str:
    """Return why this one has to be in full; "" if what is new will do.

    `earlier` are those that ended well and began before `now`; `what` is "import" or "training".
    """
    newest_first = sorted((e for e in earlier if e.created < now), reverse=True)
    full = next((e for e in newest_first if e.is_full), None)
    if full is None:
        return f"There is no FULL {what} yet to add to."
    since = newest_first.index(full)
    days = every.get("days")
    if days is not None and now - full.created >= timedelta(days=days) - EARLY:
        return f"The last FULL {what} is of {full.created:%Y-%m-%d}; one is due every {days} days."
    runs = every.get("runs")
    if runs is not None and since + 1 >= runs:
        return f"There were {since} since the last FULL {what}; one of {runs} is FULL."
    return ""


def mode_of_import(dataset: PlannedImport, now: datetime) -> PlannedImport:
    """Return a dataset with its import mode, and the location that goes with it."""
    jobs = [
        job
        for page in personalize.get_paginator("list_dataset_import_jobs").paginate(
            datasetArn=dataset["dataset_arn"]
        )
        for job in page["datasetImportJobs"]
    ]
    own = names(dataset["job_name"], dataset["attempt"])
    begun = [job for job in jobs if job["jobName"] in own and "FAILED" not in job["status"]]
    earlier = [
        Earlier(job["creationDateTime"], job.get("importMode", "FULL") == "FULL")
        for job in jobs
        if job["status"] == "ACTIVE" and job["jobName"] not in own
    ]
    if begun:
        is_full = begun[0].get("importMode", "FULL") == "FULL"
        reason = "This run has begun to import it so."
    else:
        reason = full_reason(dataset["full_every"], earlier, now, "import") or too_few(dataset)
        is_full = bool(reason)
        reason = reason or _adds("import", earlier, now)
    chosen: PlannedImport = {
        **dataset,
        "import_mode": "FULL" if is_full else "INCREMENTAL",
        "mode_reason": reason,
    }
    if is_full:
        chosen["location"] = dataset["full_location"]
    return chosen


def too_few(dataset: PlannedImport) -> str:
    """Return that there are fewer new interactions than Personalize adds; "" if there are enough.

    No more than a thousand lines are read. What cannot be read is left to the import to refuse.
    """
    if not dataset["dataset_arn"].endswith("/INTERACTIONS"):
        return ""
    counted = 0
    try:
        for file in list_files(dataset["location"]).files:
            counted += max(0, _lines(read_head(file, AT_ONCE)) - 1)  # the first is the header
            if counted >= LEAST_NEW:
                return ""
    except ClientError:
        return ""
    return f"Only {counted} interactions are new, and an INCREMENTAL import needs {LEAST_NEW:,}."


def _lines(head: bytes) -> int:
    return head.count(b"\n") + (not head.endswith(b"\n") and bool(head))


def mode_of_training(training: PlannedTraining, now: datetime) -> PlannedTraining:
    """Return a training with its mode."""
    earlier = [
        Earlier(version["creationDateTime"], version.get("trainingMode", "FULL") != "UPDATE")
        for page in personalize.get_paginator("list_solution_versions").paginate(
            solutionArn=training["solution_arn"]
        )
        for version in page["solutionVersions"]
        if version["status"] == "ACTIVE"
    ]
    reason = full_reason(training["full_every"], earlier, now, "training")
    return {
        **training,
        "training_mode": "FULL" if reason else "UPDATE",
        "mode_reason": reason or _adds("training", earlier, now),
    }


def _adds(what: str, earlier: Iterable[Earlier], now: datetime) -> str:
    full = max(e.created for e in earlier if e.is_full and e.created < now)
    return f"The last FULL {what} is of {full:%Y-%m-%d}, and the next is not due yet."


def choose(request: ModesRequest) -> Modes:
    """Return what to import and to train, with a mode for whatever has a cadence."""
    now = datetime.fromtimestamp(request["triggered"], UTC)
    training = request["training"]
    return {
        "datasets": [
            mode_of_import(dataset, now) if "full_every" in dataset else dataset
            for dataset in request["datasets"]
        ],
        "training": mode_of_training(training, now) if "full_every" in training else training,
    }


@retry_later()
def lambda_handler(event: ModesRequest, _context: object) -> Modes:
    """Choose the modes of `event`; RetryLater while AWS is busy."""
    return choose(event)
