"""What the tasks share: the Personalize client, the errors that pass with time, and names.

Nothing here repeats a call by itself. A create whose answer was lost may have been carried out, so
the workflow repeats the whole task, which looks for what exists before it creates.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

if TYPE_CHECKING:
    from mypy_boto3_personalize import PersonalizeClient

personalize: "PersonalizeClient" = boto3.client(
    "personalize",
    config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}),
)

# Personalize is busy, full (quota) or briefly ill; each of these ends by itself.
PASSING = {
    "InternalFailure",
    "InternalServerError",
    "LimitExceededException",
    "ResourceInUseException",
    "ServiceUnavailable",
    "ThrottlingException",
    "TooManyRequestsException",
}
SERVER_ERROR = 500
ENDED_BADLY = {"CREATE FAILED", "CREATE STOPPED"}


class RetryLater(Exception):
    """Personalize cannot do it now; the workflow runs the task again after a while."""


class NotOurs(Exception):
    """A resource with the name we would give is there, but made from something else."""


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
    except (HTTPClientError, NoConnection) as error:  # no answer; it may have been carried out
        raise RetryLater(str(error)) from error


def names(name: str, attempt: int) -> list[str]:
    """Return the names that a run may give to a resource by its nth attempt, oldest first.

    A failed resource keeps its name for ever, so each attempt to start a run again may use one
    name more: `name`, `name-2`, … A repeated task within an attempt never gets a new one.
    """
    return [name, *(f"{name}-{n}" for n in range(2, attempt + 1))]
