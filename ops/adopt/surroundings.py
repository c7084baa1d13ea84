"""What stands around Personalize: the Glue jobs, the buckets and their keys."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import ClientError

from ops.adopt.draft import PLACEHOLDER, Draft, is_key
from ops.deployment import CONFIG, in_words

MOST_NAMED = 5
UNENCRYPTED = "ServerSideEncryptionConfigurationNotFoundError"


def settle_glue_job(draft: Draft, session: boto3.Session | None, job: str | None) -> None:
    """Give every refresh its Glue job: the one that was named, or a placeholder with a note.

    Without a session nothing is looked up.
    """
    for index, refresh in enumerate(draft.refreshes):
        refresh["glue_job"] = job or PLACEHOLDER
        where = f"refreshes[{index}].glue_job"
        if not job:
            buckets = {each["location"].split("/")[2] for each in refresh["datasets"]}
            draft.note(
                "FILL IN",
                where,
                "no AWS service records which Glue job delivers the data" + _seen(session, buckets),
                "write the job's name here, or run this again with --glue-job",
            )
        elif session and (problem := _problem_of_job(session, job)):
            draft.note("FILL IN", where, problem, "write the name of the job that delivers")


def settle_place(
    draft: Draft, session: boto3.Session | None, dataset: dict[str, Any], where: str
) -> None:
    """Find whether a dataset is a folder, or the one file that the Solution takes otherwise."""
    folder = dataset["location"]
    file = f"{folder.removesuffix('/')}.csv"
    unknown = "AWS was not asked"
    if session:
        bucket, _, key = folder.removeprefix("s3://").partition("/")
        try:
            if _has_csv(session, bucket, key):
                return
            if _has_csv(session, bucket, f"{key.removesuffix('/')}.csv"):
                dataset["location"] = file
                return
            unknown = "neither is there"
        except ClientError as error:
            unknown = in_words(error)
    draft.note(
        "FILL IN",
        where,
        f"it is not known whether the data is this folder or the file {file}: {unknown}",
        "write the one that the Glue job writes",
    )


def keys_of(draft: Draft, session: boto3.Session) -> list[str]:
    """Return the KMS keys that encrypt the buckets, with a note about each that is not known."""
    s3: Any = session.client("s3", config=CONFIG)
    found = []
    for bucket in draft.buckets:
        try:
            answer = s3.get_bucket_encryption(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] != UNENCRYPTED:
                draft.note(
                    "FILL IN",
                    "import_role",
                    f"whether a KMS key encrypts the bucket {bucket} is not known: "
                    f"{in_words(error)}",
                    "name the key in import_role.bucket_keys if there is one",
                )
            continue
        for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]:
            default = rule.get("ApplyServerSideEncryptionByDefault", {})
            if not str(default.get("SSEAlgorithm")).startswith("aws:kms"):
                continue
            if is_key(key := default.get("KMSMasterKeyID", "")):
                found.append(key)
            else:
                draft.note(
                    "FILL IN",
                    "import_role",
                    f"the bucket {bucket} is encrypted with {key or 'the key of AWS, aws/s3'}",
                    "name the key's ARN in import_role.bucket_keys; docs/deploy.md has the key's "
                    "policy",
                )
    return list(dict.fromkeys(found))


def _has_csv(session: boto3.Session, bucket: str, prefix: str) -> bool:
    s3: Any = session.client("s3", config=CONFIG)
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, Delimiter="/"
    )
    return any(each["Key"].endswith(".csv") for page in pages for each in page.get("Contents", []))


def _problem_of_job(session: boto3.Session, job: str) -> str | None:
    glue: Any = session.client("glue", config=CONFIG)
    try:
        glue.get_job(JobName=job)
    except ClientError as error:
        if error.response["Error"]["Code"] == "EntityNotFoundException":
            return f"there is no Glue job {job} in {session.region_name}"
    return None  # a job that may not be looked at is the one that a person has named


def _seen(session: boto3.Session | None, buckets: set[str]) -> str:
    """Return which jobs of the account may be meant, as the end of a sentence."""
    if session is None:
        return ""
    glue: Any = session.client("glue", config=CONFIG)
    try:
        jobs = [job for page in glue.get_paginator("get_jobs").paginate() for job in page["Jobs"]]
    except ClientError as error:
        return f", and the jobs could not be listed: {in_words(error)}"
    likely = [job["Name"] for job in jobs if _names_one_of(job, buckets)]
    if likely:
        return f"; {_named(likely)} names the data's bucket in its arguments"
    return f"; the account has {_named([job['Name'] for job in jobs])}" if jobs else ""


def _names_one_of(job: dict[str, Any], buckets: set[str]) -> bool:
    arguments = {**job.get("DefaultArguments", {}), **job.get("NonOverridableArguments", {})}
    return any(bucket in str(value) for value in arguments.values() for bucket in buckets)


def _named(names: list[str]) -> str:
    others = len(names) - MOST_NAMED
    return ", ".join(sorted(names)[:MOST_NAMED]) + (f" and {others} more" if others > 0 else "")
