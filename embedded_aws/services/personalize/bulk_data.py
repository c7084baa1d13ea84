"""Bulk data in S3: who may read it, which objects are at a location, and fetching them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from embedded_aws import clients
from embedded_aws.services import iam
from embedded_aws.services.iam.actions import Place
from embedded_aws.services.iam.keys import key_of_object, key_policy
from embedded_aws.services.iam.policy import UnsupportedPolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

SERVICE = "personalize.amazonaws.com"
INSUFFICIENT_PRIVILEGES = "Insufficient privileges for accessing data in Amazon S3."
INVALID_LOCATION = "Invalid Data location."
SERVER_ERROR = 500
TRIES = 10
_CHUNK = 1024 * 1024

T = TypeVar("T")


class RefusedError(Exception):
    """The data cannot be imported; the message is the job's failureReason."""


@dataclass(frozen=True)
class Location:
    """Where an import's data is, and with which role Personalize reads it."""

    url: str  # s3://bucket/key, or s3://bucket/folder/
    role_arn: str
    job_arn: str  # aws:SourceArn, for the policies that check it

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def key(self) -> str:
        """The object's key, or the folder's prefix; empty for the bucket itself."""
        return self.url.removeprefix("s3://").partition("/")[2]


@dataclass(frozen=True)
class BulkData:
    """The objects at a location: their keys, and their total size in bytes."""

    location: Location
    client: Any
    keys: tuple[str, ...]
    size: int

    def fetch(self, folder: Path) -> Iterator[Path]:
        """Copy the objects into a folder, one after another, and yield each one's path."""
        for number, key in enumerate(self.keys):
            path = folder / f"{number}.csv"
            _patiently(partial(self._copy, key, path))
            yield path

    def _copy(self, key: str, path: Path) -> None:
        body = self.client.get_object(Bucket=self.location.bucket, Key=key)["Body"]
        with path.open("wb") as file:
            shutil.copyfileobj(body, file, _CHUNK)


def find_bulk_data(location: Location) -> BulkData:
    """Return the objects at a location, listed under the job's role.

    A location that ends in `/` means the objects directly in that folder, any other the one object
    with that key. Raises RefusedError if Personalize may not read them, or if there are none. Both
    must allow it: the role, which has to trust Personalize, and the bucket's own policy.
    """
    region = location.job_arn.split(":")[3]
    try:
        credentials = iam.assume_role_as_service(
            location.role_arn, service=SERVICE, source_arn=location.job_arn, region=region
        )
        _check_bucket_policy(location)
    except iam.TrustRefused as error:
        raise RefusedError(INSUFFICIENT_PRIVILEGES) from error
    except UnsupportedPolicyError as error:
        raise RefusedError(f"{INSUFFICIENT_PRIVILEGES} (Not checked here: {error})") from error
    client = clients.client("s3", region, credentials)
    objects = {
        key: size for key, size in _patiently(lambda: list(_listed(client, location))) if size
    }
    if not objects:
        raise RefusedError(INVALID_LOCATION)
    _check_key_policies(location, objects)
    return BulkData(location, client, tuple(sorted(objects)), sum(objects.values()))


def _check_bucket_policy(location: Location) -> None:
    _, partition, _, _, account, _ = location.job_arn.split(":", 5)
    bucket = f"arn:{partition}:s3:::{location.bucket}"
    try:
        policy = s3_backends[account][partition].get_bucket_policy(location.bucket)
    except MissingBucket as error:
        raise RefusedError(INVALID_LOCATION) from error
    for action, resource in (
        ("s3:ListBucket", bucket),
        ("s3:GetObject", f"{bucket}/{location.key}"),
    ):
        if not iam.is_authorized_as_service(
            SERVICE,
            action,
            resource,
            source_arn=location.job_arn,
            resource_policy=policy.decode() if policy else None,
        ):
            raise RefusedError(INSUFFICIENT_PRIVILEGES)


def _check_key_policies(location: Location, keys: Iterable[str]) -> None:
    """Check that the policies of the KMS keys of these objects let Personalize decrypt."""
    _, _, _, region, account, _ = location.job_arn.split(":", 5)
    place = Place(region, account)
    used = {key_of_object(location.bucket, key, place) for key in keys}
    for arn in sorted(filter(None, used)):
        if not iam.is_authorized_as_service(
            SERVICE,
            "kms:Decrypt",
            arn,
            source_arn=location.job_arn,
            resource_policy=key_policy(arn),
        ):
            raise RefusedError(INSUFFICIENT_PRIVILEGES)


def _listed(client: Any, location: Location) -> Iterator[tuple[str, int]]:
    is_folder = location.key.endswith("/") or not location.key
    page: dict[str, Any] = {"NextContinuationToken": ""}
    while (token := page.get("NextContinuationToken")) is not None:
        more = {"ContinuationToken": token} if token else {}
        page = client.list_objects_v2(
            Bucket=location.bucket, Prefix=location.key, Delimiter="/", **more
        )
        for item in page.get("Contents", []):
            if is_folder or item["Key"] == location.key:
                yield item["Key"], item["Size"]


def _patiently(read: Callable[[], T]) -> T:
    """Read from S3, and retry after a temporary error, as every AWS SDK does by default.

    Raises RefusedError with what Personalize reports for an error that remains.
    """
    for left in reversed(range(TRIES)):
        try:
            return read()
        except (ClientError, BotoCoreError) as error:
            if not left or not _passes(error):
                raise _refusal(error) from error
    raise AssertionError("the last try returns or raises")


def _passes(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True  # the connection broke
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"]) >= SERVER_ERROR


def _refusal(error: Exception) -> RefusedError:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    if code in ("AccessDenied", "403"):
        return RefusedError(INSUFFICIENT_PRIVILEGES)
    if code in ("NoSuchBucket", "NoSuchKey", "404"):
        return RefusedError(INVALID_LOCATION)
    return RefusedError("Amazon S3 did not respond.")
