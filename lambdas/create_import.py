"""Task "Create import": the dataset import job of one dataset and run, found or created.

Guarantees at most one dataset import job per dataset, run and attempt, however often the task runs:
the job's name follows from these three, and Personalize refuses a name that is taken.
"""

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NotRequired, TypedDict

from data_files import size_of
from personalize import ENDED_BADLY, NotOurs, names, personalize
from plan_types import DatasetImport
from quota_queue import MustWaitResult, QuotaQueue, in_turn
from retry_later import RetryLater, retry_later

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import DatasetImportJobTypeDef


class ImportJob(TypedDict):
    """The job that now exists; `created` is in epoch seconds, `bytes` left out if unknown."""

    arn: str
    created: int
    bytes: NotRequired[int]


def describe(job_arn: str) -> "DatasetImportJobTypeDef":
    """Return the job as it is now."""
    return personalize.describe_dataset_import_job(datasetImportJobArn=job_arn)["datasetImportJob"]


def describe_created(job_arn: str) -> "DatasetImportJobTypeDef":
    """Return a job that was created a moment ago, and may not be readable yet."""
    try:
        return describe(job_arn)
    except personalize.exceptions.ResourceNotFoundException as unseen:
        raise RetryLater(f"{job_arn} was created and cannot be read yet") from unseen


def create(dataset: DatasetImport, job_name: str, queue: QuotaQueue) -> None:
    """Create the job in its turn; that another execution has just created it is as good."""
    with suppress(personalize.exceptions.ResourceAlreadyExistsException):
        queue.create(
            lambda: personalize.create_dataset_import_job(
                jobName=job_name,
                datasetArn=dataset["dataset_arn"],
                dataSource={"dataLocation": dataset["location"]},
                roleArn=dataset["role_arn"],
                importMode=dataset["import_mode"],
            )["datasetImportJobArn"]
        )


def find_or_create(dataset: DatasetImport, queue: QuotaQueue) -> ImportJob:
    """Return the run's first job that did not fail, after creating it if there is none.

    If every name that this attempt may use belongs to a failed job, the last of them is returned:
    the workflow then reads the reason from it. Raises MustWait while the quota of jobs is full.
    """
    home = dataset["dataset_arn"].rsplit(":", 1)[0]
    for job_name in names(dataset["job_name"], dataset["attempt"]):
        job_arn = f"{home}:dataset-import-job/{job_name}"
        try:
            job = describe(job_arn)
        except personalize.exceptions.ResourceNotFoundException:
            create(dataset, job_name, queue)
            job = describe_created(job_arn)
        if job["datasetArn"] != dataset["dataset_arn"]:
            raise NotOurs(
                f"{job_arn} imports into {job['datasetArn']}; choose another dataset group's name"
            )
        if job["status"] not in ENDED_BADLY:
            break
    found: ImportJob = {"arn": job_arn, "created": int(job["creationDateTime"].timestamp())}
    if (size := size_of(dataset["location"])) is not None:
        found["bytes"] = size
    return found


@retry_later()
def lambda_handler(event: DatasetImport, _context: object) -> ImportJob | MustWaitResult:
    """Find or create the job of `event`; RetryLater while Personalize is busy.

    While the quota of jobs is full, returns the place in its queue.
    """
    table = os.environ["TABLE_NAME"]
    queue = QuotaQueue(table, "dataset import jobs", describe, event.get("ticket"), event["now"])
    return in_turn(lambda: find_or_create(event, queue))
