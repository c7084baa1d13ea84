"""Errors that pass with time, and clients that repeat nothing but reads by themselves.

A create whose response was lost may have been carried out. So nothing here sends a request twice:
the workflow repeats the whole task, which looks for what exists before it creates.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

NEVER_TWICE = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
# What only reads may be repeated: one throttled call is no reason to read everything again.
READ_AGAIN = Config(
    connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 4, "mode": "standard"}
)

# The service is busy, full (quota) or briefly unavailable; each of these ends by itself.
PASSING = {
    "InternalFailure",
    "InternalServerError",
    "KMSThrottling",
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ResourceInUseException",
    "ServiceUnavailable",
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
SERVER_ERROR = 500


class RetryLater(Exception):
    """AWS cannot do it now; the workflow runs the task again after a while."""


@contextmanager
def retry_later() -> Iterator[None]:
    """Turn what passes with time into RetryLater; every other error leaves as it is."""
    try:
        yield
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if error.response["Error"]["Code"] in PASSING or status >= SERVER_ERROR:
            raise RetryLater(str(error)) from error
        raise
    except (HTTPClientError, NoConnection) as error:  # no response; it may have been carried out
        raise RetryLater(str(error)) from error
