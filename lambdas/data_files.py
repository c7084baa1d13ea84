"""The files that an import reads, as they lie in S3: listed in full, read at their heads only.

Personalize reads one file, or every file directly in a folder, whatever its name.
"""

from datetime import datetime
from typing import NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from retry_later import READ_AGAIN

s3 = boto3.client("s3", config=READ_AGAIN)


class DataFile(NamedTuple):
    """A file of a dataset; `size` is in bytes."""

    bucket: str
    key: str
    size: int
    modified: datetime

    @property
    def url(self) -> str:
        """The file's address: s3://bucket/key."""
        return f"s3://{self.bucket}/{self.key}"


class Listing(NamedTuple):
    """What is at a location: its files in the order of their names, and folders that are not read.

    Only the first thousand folders are named, since they serve for a hint.
    """

    files: list[DataFile]
    folders: list[str]


def list_files(location: str) -> Listing:
    """Return what is at a location: one file, or the files of a folder, one level deep.

    An empty object whose key ends in a slash is how S3's console makes a folder, and no file.
    Raises ClientError, such as AccessDenied or NoSuchBucket.
    """
    bucket, _, key = location.removeprefix("s3://").partition("/")
    is_folder = not key or key.endswith("/")
    files: list[DataFile] = []
    folders: list[str] = []
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, Delimiter="/")
    for number, page in enumerate(pages):
        if is_folder and number == 0:
            folders = [f"s3://{bucket}/{each['Prefix']}" for each in page.get("CommonPrefixes", [])]
        for item in page.get("Contents", []):
            marks_folder = item["Key"].endswith("/") and not item["Size"]
            if item["Key"] == key or (is_folder and not marks_folder):
                files.append(DataFile(bucket, item["Key"], item["Size"], item["LastModified"]))
    return Listing([file for file in files if file.key != key or not is_folder], folders)


def read_head(file: DataFile, most: int) -> bytes:
    """Return the first bytes of a file, no more than `most`. Raises ClientError."""
    if not file.size:
        return b""
    body = s3.get_object(Bucket=file.bucket, Key=file.key, Range=f"bytes=0-{most - 1}")["Body"]
    return body.read(most)


def size_of(location: str) -> int | None:
    """Return how many bytes the files have that Personalize reads; None if unknown.

    No import fails because nobody may list the files.
    """
    try:
        return sum(file.size for file in list_files(location).files)
    except (ClientError, BotoCoreError):
        return None
