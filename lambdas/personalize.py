"""What the tasks share about Personalize: the client, and names that make creates repeatable."""

import re
from typing import TYPE_CHECKING

import boto3
from retry_later import NEVER_TWICE

if TYPE_CHECKING:
    from mypy_boto3_personalize import PersonalizeClient

personalize: "PersonalizeClient" = boto3.client("personalize", config=NEVER_TWICE)

ENDED_BADLY = {"CREATE FAILED", "CREATE STOPPED"}
# The end of every name that a run gives: date, run key, attempt.
NAMED_BY_A_RUN = re.compile(r"-(\d{8})-[0-9a-f]{8}(-\d+)?$")


class NotOurs(Exception):
    """A resource with the name we would give is there, but made from something else."""


def names(name: str, attempt: int) -> list[str]:
    """Return the names that a run may give to a resource by its nth attempt, oldest first.

    A failed resource keeps its name forever, so each attempt to start a run again may use one
    name more: `name`, `name-2`, … A repeated task within an attempt never gets a new one.
    """
    return [name, *(f"{name}-{n}" for n in range(2, attempt + 1))]
