"""Task "Ask for recommendations": does the campaign recommend, right after it has moved?

Guarantees that a campaign passes only if enough of the users that are asked for get a response that
is usable: with enough items, soon enough. The users are those of the settings, or drawn from the
data that was imported; nobody's id is in what it returns or logs. Only reads.
"""

import csv
import io
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypedDict

import boto3
from botocore.exceptions import ClientError, HTTPClientError
from data_files import list_files, read_head
from plan_types import Canary, PlannedImport
from retry_later import NEVER_TWICE, PASSING, retry_later

runtime = boto3.client("personalize-runtime", config=NEVER_TWICE)
MOST_TRIES = 3  # for one user, while Personalize is busy
HEAD = 500_000  # bytes of a file from which users are drawn
WAITS = 1.0  # seconds between two tries: a campaign has a quota of requests a second


class TrialRequest(TypedDict):
    """Which campaign to try, and how (None: not at all); the data from which users are drawn."""

    campaign_arn: str
    canary: Canary | None
    datasets: list[PlannedImport]


class TrialResult(TypedDict):
    """Why the campaign must be taken back; "": it recommends as it should."""

    failure: str


class Response(TypedDict):
    """What a user got: how many items in how many seconds, or which error."""

    items: int
    seconds: float
    error: str


def verdict(canary: Canary, responses: list[Response]) -> str:
    """Return why the responses are not good enough, in words; "" if they are."""
    why = [words for response in responses if (words := _problem(canary, response))]
    share = len(why) / len(responses)
    if share <= canary["largest_share_without"]:
        return ""
    counted = sorted(((why.count(words), words) for words in set(why)), reverse=True)
    told = "; ".join(f"{count} × {words}" for count, words in counted)
    return (
        f"{len(why)} of {len(responses)} users got no usable recommendations ({share:.0%}, "
        f"{canary['largest_share_without']:.0%} are allowed): {told}."
    )


def _problem(canary: Canary, response: Response) -> str:
    if response["error"]:
        return response["error"]
    if response["items"] < canary["least_items"]:
        return f"fewer than {canary['least_items']} items"
    if response["seconds"] > canary["latest_seconds"]:
        return f"later than {canary['latest_seconds']:g} seconds"
    return ""


def ask(campaign_arn: str, user_id: str, clock: Callable[[], float]) -> Response:
    """Return what one user gets; what Personalize is too busy to answer is asked again.

    Raises ClientError if this task may not ask: that says nothing about what customers get.
    """
    for attempt in range(1, MOST_TRIES + 1):
        began = clock()
        try:
            response = runtime.get_recommendations(campaignArn=campaign_arn, userId=user_id)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "AccessDeniedException":
                raise
            if code not in PASSING or attempt == MOST_TRIES:
                return {"items": 0, "seconds": clock() - began, "error": code}
            time.sleep(WAITS)
        except HTTPClientError as error:
            return {"items": 0, "seconds": clock() - began, "error": type(error).__name__}
        else:
            items = len(response["itemList"])
            return {"items": items, "seconds": clock() - began, "error": ""}
    raise AssertionError("unreachable")


def users_of(canary: Canary, datasets: Iterable[PlannedImport]) -> list[str]:
    """Return the users to ask for: those of the settings, else of the head of the first data.

    As many as are wanted are drawn evenly, so that not all are of the file's first lines.
    """
    if "user_ids" in canary:
        return canary["user_ids"]
    for dataset in datasets:
        if dataset["dataset_arn"].endswith(("/INTERACTIONS", "/USERS")):
            for file in list_files(dataset["location"]).files:
                if found := list(dict.fromkeys(user_ids(read_head(file, HEAD)))):
                    step = max(1, len(found) // canary["users_drawn"])
                    return found[::step][: canary["users_drawn"]]
    return []


def user_ids(head: bytes) -> Iterator[str]:
    """Yield the USER_ID of each whole line of a file's head."""
    whole = head[: head.rfind(b"\n") + 1].decode("utf-8", "replace")
    for row in csv.DictReader(io.StringIO(whole), doublequote=False, escapechar="\\"):
        if user := row.get("USER_ID"):
            yield user


def lambda_handler(event: TrialRequest, _context: object) -> TrialResult:
    """Try the campaign of `event`; RetryLater while AWS is busy."""
    canary = event["canary"]
    if canary is None:
        return {"failure": ""}
    with retry_later():
        users = users_of(canary, event["datasets"])
    if not users:
        return {"failure": "No user could be drawn from the data: name some in canary.user_ids."}
    responses = [ask(event["campaign_arn"], user, time.monotonic) for user in users]
    return {"failure": verdict(canary, responses)}
