"""moto's S3, which refuses the bucket names that S3 refuses, and whose times are the clock's."""

import re
from typing import Any

from moto.s3 import models
from moto.s3.exceptions import InvalidBucketName
from moto.s3.models import S3Backend

from embedded_aws import clock
from embedded_aws.moto_changes import replace

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NOT_A_NAME = re.compile(
    r".*\.\..*|\d+\.\d+\.\d+\.\d+|(xn--|sthree-|amzn-s3-demo-).*"
    r"|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)"
)
_plain_create_bucket = S3Backend.create_bucket


def _create_bucket(self: Any, bucket_name: str, *args: Any, **kwargs: Any) -> Any:
    if not _NAME.fullmatch(bucket_name) or _NOT_A_NAME.fullmatch(bucket_name):
        raise InvalidBucketName
    return _plain_create_bucket(self, bucket_name, *args, **kwargs)


def install() -> None:
    """Let moto check the names of buckets, and tell the clock's time."""
    replace(S3Backend, "a bucket has a name that S3 accepts", create_bucket=_create_bucket)
    replace(
        models,
        "an object was last modified at the cloud's own time",
        utcnow=lambda: clock.current().now().replace(tzinfo=None),
    )
