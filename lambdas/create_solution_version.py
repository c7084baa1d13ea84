"""Task "Create solution version": the training of one solution and run, found or started.

Guarantees at most one paid training per solution, run and attempt, however often the task runs and
however many campaigns share the solution. CreateSolutionVersion is not idempotent and each call is
a training that is billed; whether Personalize refuses a version's name that is taken is not
documented. So the task looks for its name first, and afterwards looks again: where two executions
started one at the same moment, both keep the older and the younger is stopped before it trains.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypedDict

from personalize import ENDED_BADLY, RetryLater, names, personalize, retry_later

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import SolutionVersionTypeDef


class Training(TypedDict):
    """What to train: an entry of the plan's `solution_version`."""

    solution_arn: str
    name: str
    training_mode: Literal["FULL", "UPDATE"]
    base_date: int
    attempt: int


class SolutionVersion(TypedDict):
    """The version that now exists; `created` is in epoch seconds."""

    arn: str
    created: int


def find_all(training: Training) -> list["SolutionVersionTypeDef"]:
    """Return the run's versions, oldest first.

    Summaries carry no names, so versions are described one by one; none of a run is older than its
    base date, which begins up to 14 hours before that date does in UTC.
    """
    since = datetime.strptime(str(training["base_date"]), "%Y%m%d").replace(tzinfo=UTC)
    since -= timedelta(days=1)
    wanted = names(training["name"], training["attempt"])
    pages = personalize.get_paginator("list_solution_versions").paginate(
        solutionArn=training["solution_arn"]
    )
    versions = (
        personalize.describe_solution_version(solutionVersionArn=summary["solutionVersionArn"])[
            "solutionVersion"
        ]
        for page in pages
        for summary in page["solutionVersions"]
        if summary["creationDateTime"] >= since
    )
    ours = [version for version in versions if version.get("name") in wanted]
    return sorted(ours, key=lambda v: (v["creationDateTime"], v["solutionVersionArn"]))


def first_sound(versions: list["SolutionVersionTypeDef"]) -> "SolutionVersionTypeDef | None":
    """Return the oldest version that neither failed nor was stopped."""
    sound = (v for v in versions if v["status"] not in {*ENDED_BADLY, "CREATE STOPPING"})
    return next(sound, None)


def find_or_create(training: Training) -> SolutionVersion:
    """Return the run's first sound version, after starting its training if there is none.

    If every name that this attempt may use belongs to a failed version, the last of them is
    returned: the workflow then reads the reason from it.
    """
    found = find_all(training)
    version = first_sound(found)
    if version is None:
        taken = {v.get("name") for v in found}
        free = [n for n in names(training["name"], training["attempt"]) if n not in taken]
        version = create(training, free[0]) if free else found[-1]
    return {
        "arn": version["solutionVersionArn"],
        "created": int(version["creationDateTime"].timestamp()),
    }


def create(training: Training, name: str) -> "SolutionVersionTypeDef":
    """Start the training, unless another execution does so at this moment: then adopt that."""
    try:
        mine = personalize.create_solution_version(
            solutionArn=training["solution_arn"],
            name=name,
            trainingMode=training["training_mode"],
        )["solutionVersionArn"]
    except personalize.exceptions.ResourceAlreadyExistsException as taken:
        raise RetryLater(f"{name} was created a moment ago by another execution") from taken
    oldest = first_sound(find_all(training))
    if oldest is None or oldest["solutionVersionArn"] == mine:
        return personalize.describe_solution_version(solutionVersionArn=mine)["solutionVersion"]
    personalize.stop_solution_version_creation(solutionVersionArn=mine)
    return oldest


@retry_later()
def lambda_handler(event: Training, _context: object) -> SolutionVersion:
    """Find or start the training of `event`; RetryLater while Personalize is busy or full."""
    return find_or_create(event)
