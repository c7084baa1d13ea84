"""Task "Check data": whether the data of a run can be imported, before anything is paid for.

Guarantees that what Personalize's documents refuse is told at once, file by file and line by line,
as far as the heads of the files show it. Only lists, reads and describes; what it may not read is
no reason to stop, since Personalize reads under another role.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from botocore.exceptions import ClientError
from data_columns import Column, columns_of
from data_files import DataFile, list_files, read_head
from data_problems import Examined, Head, across_files, examine
from findings import Finding, told
from past_imports import LastImport, PastImports, newest_rows, past_imports
from personalize import personalize
from plan_types import DataCheck, DataVerdict, PlannedImport, Preflight
from retry_later import PASSING, SERVER_ERROR, retry_later

DAY = 86_400
GIB = 1 << 30
LARGEST_FULL, LARGEST_FULL_RAISED, LARGEST_INCREMENTAL = 100 * GIB, 1024 * GIB, GIB
# What is read in all, and of one file: enough for 20,000 lines. See docs/decisions/0022.
MOST_BYTES = 16 << 20
LARGEST_HEAD, SMALLEST_HEAD = 1 << 20, 16 << 10
MOST_FILES = 2_000
THREADS = 8

logger = logging.getLogger()


class Location(NamedTuple):
    """A dataset of the run and the files at its location; None if they could not be listed."""

    dataset: PlannedImport
    files: list[DataFile] | None
    findings: list[Finding]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files or [])


def check(request: DataCheck, table: str, now: float) -> DataVerdict:
    """Return the verdict on a run's data; `now` is in epoch seconds."""
    prefixes = [dataset["row_prefix"] for dataset in request["datasets"]]
    rows = newest_rows(table, request["campaign_name"], request["base_date"])
    past = past_imports(rows, request["run_key"], prefixes)
    # a dataset whose import the run has begun is paid for
    datasets = [each for each in request["datasets"] if each["row_prefix"] not in past.own]
    locations = [look(dataset) for dataset in datasets]
    unchanged = "" if past.own else no_new_data(locations, past)
    if unchanged and request["preflight"]["no_new_data"] == "end":
        return {"refusal": "", "no_new_data": unchanged, "warning": ""}
    latest = future_from(request["base_date"], now)
    findings = [Finding("no new data", unchanged, refused=False)] if unchanged else []
    for location in locations:
        findings += location.findings
        findings += size_findings(location, past, request["preflight"])
        findings += content_findings(location, latest, share=len(locations))
    return {
        "refusal": told(finding for finding in findings if finding.refused),
        "no_new_data": "",
        "warning": told(finding for finding in findings if not finding.refused),
    }


def future_from(base_date: int, now: float) -> int:
    """Return when the future begins: a day from now, or three after the run's date began.

    The date is the run's own, in a time zone that is not known here.
    """
    began = datetime.strptime(str(base_date), "%Y%m%d").replace(tzinfo=UTC)
    return int(max(began.timestamp() + 3 * DAY, now + DAY))


def look(dataset: PlannedImport) -> Location:
    """List the files of a dataset."""
    where = dataset["location"]
    try:
        files, folders = list_files(where)
    except ClientError as error:
        code = lasting(error)
        if code == "NoSuchBucket":
            text = f"{where} is in a bucket that does not exist; correct the location, or make it."
            return Location(dataset, None, [Finding("no bucket", text)])
        text = (
            f"{where} could not be listed ({code}), so that nothing about its files is checked; "
            "allow this task s3:ListBucket."
        )
        return Location(dataset, None, [Finding("not listed", text, refused=False)])
    findings = []
    if not files:
        inside = f" but in folders, such as {folders[0]}, which are not read" if folders else ""
        text = f"{where} has no files{inside}; correct the location, or deliver data there."
        findings.append(Finding("no files", text))
    return Location(dataset, files, findings)


def lasting(error: ClientError) -> str:
    """Return the code of an error that does not pass with time; raise it again if it does."""
    code = error.response["Error"]["Code"]
    if code in PASSING or error.response["ResponseMetadata"]["HTTPStatusCode"] >= SERVER_ERROR:
        raise error
    return code


def no_new_data(locations: Sequence[Location], past: PastImports) -> str:
    """Return that no file of any dataset is newer than its last import, or "" if one may be."""
    sentences = []
    for location in locations:
        last = past.last.get(location.dataset["row_prefix"])
        if not location.files or last is None:
            return ""
        newest = max(file.modified.timestamp() for file in location.files)
        if newest > last.created:
            return ""
        sentences.append(
            f"The newest file of {location.dataset['location']} is of {utc(newest)}, and its last "
            f"import was created at {utc(last.created)}."
        )
    return " ".join(["There is no new data.", *sentences]) if sentences else ""


def utc(seconds: float) -> str:
    """Return a time in words, to the second."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def size_findings(location: Location, past: PastImports, preflight: Preflight) -> Iterator[Finding]:
    """Yield that the files are more than an import takes, or much less than last time."""
    if not location.files:
        return
    dataset, size = location.dataset, location.size
    mode, where = dataset["import_mode"], dataset["location"]
    most = LARGEST_INCREMENTAL if mode == "INCREMENTAL" else LARGEST_FULL
    if size > most:
        can_be_raised = dataset["dataset_arn"].endswith("/INTERACTIONS") and most == LARGEST_FULL
        yield Finding(
            "too large",
            f"{where} has {told_size(size)}, more than the {told_size(most)} of an import with "
            f"mode {mode}; deliver less.",
            refused=not can_be_raised or size > LARGEST_FULL_RAISED,
        )
    last: LastImport | None = past.last.get(dataset["row_prefix"])
    share = preflight["smallest_share"]
    if last and last.size and last.import_mode == mode and size < share * last.size:
        yield Finding(
            "too small",
            f"{where} has {told_size(size)}, less than {share:.0%} of the {told_size(last.size)} "
            "of the last run; see whether the Glue job has delivered everything, or set "
            "smallest_share.",
        )


def told_size(size: float) -> str:
    """Return a number of bytes in words."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:  # noqa: PLR2004 - the same number in the next line
            return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"


def content_findings(location: Location, latest: int, *, share: int) -> Iterator[Finding]:
    """Yield what the heads of the files show; `share` is among how many datasets to share time."""
    dataset, files = location.dataset, location.files
    if not files:
        return
    described = describe(dataset["dataset_arn"])
    if isinstance(described, Finding):
        yield described
        return
    read = files[: MOST_FILES // share]
    most = max(SMALLEST_HEAD, min(LARGEST_HEAD, MOST_BYTES // share // len(read)))
    # each thread examines what it has read, so that few heads are in memory at a time
    with ThreadPoolExecutor(THREADS) as pool:
        task = partial(examine_file, columns=described, latest=latest, most=most)
        results = list(pool.map(task, read))
    examined = [each for each in results if isinstance(each, Examined)]
    unread = [each for each in results if isinstance(each, Finding)]
    yield from unread
    for each in examined:
        yield from each.findings
    if len(read) < len(files):
        yield Finding(
            "files not read",
            f"{dataset['location']} has {len(files):,} files, of which the first {len(read):,} "
            "were checked; write fewer and larger ones.",
            refused=False,
        )
    elif not unread:
        kind = dataset["dataset_arn"].rsplit("/", 1)[-1]
        yield from across_files(examined, dataset["location"], kind, dataset["import_mode"])


def examine_file(
    file: DataFile, columns: Sequence[Column], latest: int, most: int
) -> Examined | Finding:
    """Read the head of a file and return what it shows, or that it cannot be read."""
    try:
        content = read_head(file, most)
    except ClientError as error:
        code = lasting(error)
        if code == "InvalidObjectState":
            text = f"{file.url} is archived (such as in S3 Glacier) and cannot be read; restore it."
            return Finding("archived", text)
        text = f"{file.url} could not be read ({code}) and is not checked."
        if code == "AccessDenied":
            text += " Allow this task s3:GetObject and, for a key of KMS, kms:Decrypt."
        return Finding("not read", text, refused=False)
    return examine(Head(file.url, content, is_whole=len(content) == file.size), columns, latest)


def describe(dataset_arn: str) -> list[Column] | Finding:
    """Return the columns of a dataset's schema, or why they are not known."""
    try:
        dataset = personalize.describe_dataset(datasetArn=dataset_arn)["dataset"]
        schema = personalize.describe_schema(schemaArn=dataset["schemaArn"])["schema"]
    except personalize.exceptions.ResourceNotFoundException:
        group, kind = dataset_arn.rsplit(":dataset/", 1)[-1].rsplit("/", 1)
        return Finding(
            "no dataset",
            f"Dataset {dataset_arn} does not exist. Create it: aws personalize create-dataset "
            f"--dataset-type {kind} --dataset-group-arn <the ARN of {group}> --schema-arn <schema> "
            "--name <name>.",
        )
    except ClientError as error:
        text = f"The schema of {dataset_arn} could not be read ({lasting(error)}): not checked."
        return Finding("no schema", text, refused=False)
    return columns_of(schema["schema"])


@retry_later()
def lambda_handler(event: DataCheck, _context: object) -> DataVerdict:
    """Check the data of `event`; RetryLater while S3, Personalize or DynamoDB is busy."""
    verdict = check(event, os.environ["TABLE_NAME"], event["now"])
    if verdict["warning"]:
        logger.warning(verdict["warning"])
    return verdict
