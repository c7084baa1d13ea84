"""Task "Create solution version": the training of one solution and run, found or started.

Guarantees at most one paid training per solution, run and attempt, however often the task runs and
however many campaigns share the solution. CreateSolutionVersion is not idempotent and each call is
a training that is billed; whether Personalize refuses a version's name that is taken is not
documented. So the task looks for what is there first, and afterwards looks again: where two
executions started one at the same moment, both keep the older and the younger is stopped before it
trains.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from personalize import ENDED_BADLY, NAMED_BY_A_RUN, names, personalize
from plan_types import Training
from quota_queue import MustWaitResult, QuotaQueue, in_turn
from retry_later import RetryLater, retry_later

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import SolutionVersionTypeDef


class SolutionVersion(TypedDict):
    """The version that now exists; `created` is in epoch seconds."""

    arn: str
    created: int


def describe(version_arn: str) -> "SolutionVersionTypeDef":
    """Return the version as it is now."""
    return personalize.describe_solution_version(solutionVersionArn=version_arn)["solutionVersion"]


def is_ours(version: "SolutionVersionTypeDef", training: Training) -> bool:
    """Whether this run has created the version, by whichever of its attempts or campaigns."""
    return version.get("name") in names(training["name"], training["attempt"])


def will_do(version: "SolutionVersionTypeDef", training: Training) -> bool:
    """Whether the version is ours, or was trained by hand on the very data that ours would be.

    That is in the same mode and after the run's import; paying for the same model twice helps
    nobody. A version that another run has named stays that run's.
    """
    return is_ours(version, training) or (
        version["trainingType"] == "MANUAL"
        and version["trainingMode"] == training["training_mode"]
        and version["creationDateTime"].timestamp() >= training["intended"]
        and not NAMED_BY_A_RUN.search(version.get("name", ""))
    )


def find_all(training: Training) -> list["SolutionVersionTypeDef"]:
    """Return the versions that will do, our own first, then the oldest first.

    Summaries carry no names, so versions are described one by one; none of a run is older than its
    base date, which begins up to 14 hours before that date does in UTC.
    """
    since = datetime.strptime(str(training["base_date"]), "%Y%m%d").replace(tzinfo=UTC)
    since -= timedelta(days=1)
    pages = personalize.get_paginator("list_solution_versions").paginate(
        solutionArn=training["solution_arn"]
    )
    versions = (
        describe(summary["solutionVersionArn"])
        for page in pages
        for summary in page["solutionVersions"]
        if summary["creationDateTime"] >= since
    )
    found = [version for version in versions if will_do(version, training)]
    return sorted(
        found,
        key=lambda v: (not is_ours(v, training), v["creationDateTime"], v["solutionVersionArn"]),
    )


def usable(versions: list["SolutionVersionTypeDef"]) -> list["SolutionVersionTypeDef"]:
    """Return those that neither failed nor were stopped."""
    return [v for v in versions if v["status"] not in {*ENDED_BADLY, "CREATE STOPPING"}]


def find_or_create(training: Training, queue: QuotaQueue) -> SolutionVersion:
    """Return the run's first usable version, after starting its training if there is none.

    If every name that this attempt may use belongs to a failed version, the last of them is
    returned: the workflow then reads the reason from it. Raises MustWait while the quota of
    trainings is full.
    """
    found = find_all(training)
    if not usable(found):
        ours = [version for version in found if is_ours(version, training)]
        taken = {version.get("name") for version in ours}
        free = [n for n in names(training["name"], training["attempt"]) if n not in taken]
        found = create(training, free[0], queue) if free else ours[-1:]
    kept = (usable(found) or found)[0]
    # Each pass does this, so that the next repeats a stop whose response was lost.
    for surplus in usable(found)[1:]:
        if is_ours(surplus, training) and surplus["status"] != "ACTIVE":
            personalize.stop_solution_version_creation(
                solutionVersionArn=surplus["solutionVersionArn"]
            )
    return {"arn": kept["solutionVersionArn"], "created": int(kept["creationDateTime"].timestamp())}


def create(training: Training, name: str, queue: QuotaQueue) -> list["SolutionVersionTypeDef"]:
    """Start a training in its turn; return the run's versions: it, and what others have started."""
    try:
        mine = queue.create(
            lambda: personalize.create_solution_version(
                solutionArn=training["solution_arn"],
                name=name,
                trainingMode=training["training_mode"],
            )["solutionVersionArn"]
        )
    except personalize.exceptions.ResourceAlreadyExistsException as taken:
        raise RetryLater(f"{name} was created a moment ago by another execution") from taken
    found = find_all(training)
    if mine in {version["solutionVersionArn"] for version in found}:
        return found
    try:  # the list does not show it yet
        return [describe(mine)]
    except personalize.exceptions.ResourceNotFoundException as unseen:
        raise RetryLater(f"{mine} was created and cannot be read yet") from unseen


@retry_later()
def lambda_handler(event: Training, _context: object) -> SolutionVersion | MustWaitResult:
    """Find or start the training of `event`; RetryLater while Personalize is busy.

    While the quota of trainings is full, returns the place in its queue.
    """
    table = os.environ["TABLE_NAME"]
    queue = QuotaQueue(table, "solution versions", describe, event.get("ticket"), event["now"])
    return in_turn(lambda: find_or_create(event, queue))
