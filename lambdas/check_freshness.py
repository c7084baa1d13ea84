"""Task "Check freshness": for how many hours each watched campaign has had no COMPLETE refresh.

Guarantees that each hour has a metric for every watched campaign whose age is known, and the
heartbeat `FreshnessChecks` only if all of them could be read: what cannot be read is logged, holds
no other campaign up, and makes the check fail, so that Lambda repeats it. Reads only.
"""

import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from metric_line import metric_line
from retry_later import READ_AGAIN

HOUR = 3600
# A row has up to a KB, and half a read unit reads four. Most campaigns need no second page.
PAGE = 4
MOST_ROWS = 100  # a row is of a date: these are more than three months

dynamodb = boto3.client("dynamodb", config=READ_AGAIN)
personalize = boto3.client("personalize", config=READ_AGAIN)
logger = logging.getLogger()

Item = Mapping[str, Any]


class WatchedCampaign(TypedDict):
    """A campaign with fresh_within_hours, or a recommender, by the one ARN or the other."""

    campaign_name: str
    campaign_arn: NotRequired[str]
    recommender_arn: NotRequired[str]


class FreshnessSettings(TypedDict):
    """An environment, as far as this check needs it."""

    environment: str
    campaigns: list[WatchedCampaign]


class CheckRequest(TypedDict):
    """What the schedule sends: the time for which it fires, in ISO 8601."""

    now: str


class NotAllRead(Exception):
    """Some campaigns could not be read; the log says why."""


def fresh_since(rows: Iterable[Item], changed: Callable[[], datetime | None]) -> datetime | None:
    """Return when the campaign's last COMPLETE refresh ended; `rows` are its newest, first.

    If none of them is COMPLETE, the campaign serves what it served when it was last `changed`, or
    before the oldest of these rows: an update that failed is a change too. None if that is unknown.
    """
    oldest = datetime.max.replace(tzinfo=UTC)
    for row in rows:
        if "promoted_by" in row:
            continue  # the campaign was moved by hand, perhaps to an older version
        if row.get("refresh_status", {}).get("S") == "COMPLETE" and "ended_datetime" in row:
            return time_of(row, "ended_datetime")
        if "triggered_datetime" in row:
            oldest = min(oldest, time_of(row, "triggered_datetime"))
    last = changed()
    return last and min(last, oldest)


def time_of(row: Item, attribute: str) -> datetime:
    """Return the time of an attribute in epoch seconds."""
    return datetime.fromtimestamp(int(row[attribute]["N"]), UTC)


def newest_rows(table: str, campaign_name: str) -> Iterable[Item]:
    """Yield the campaign's rows, the newest first, read as they are used."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="campaign_name = :name",
        ExpressionAttributeValues={":name": {"S": campaign_name}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": PAGE, "MaxItems": MOST_ROWS},
    )
    return (item for page in pages for item in page["Items"])


def last_change(watched: WatchedCampaign) -> datetime | None:
    """Return when the campaign was last changed; None, with a word in the log, without one.

    Personalize changes a recommender by itself, on whatever data there is: of one, it is when it
    was made.
    """
    try:
        if "recommender_arn" in watched:
            described = personalize.describe_recommender(recommenderArn=watched["recommender_arn"])
            return described["recommender"]["creationDateTime"]
        arn = watched["campaign_arn"]
        campaign = personalize.describe_campaign(campaignArn=arn)["campaign"]
    except personalize.exceptions.ResourceNotFoundException:
        logger.warning(
            "%s does not exist and has no COMPLETE refresh, so its freshness is unknown; let a "
            "refresh make it, or create it, or remove its fresh_within_hours and deploy",
            watched.get("recommender_arn") or watched.get("campaign_arn"),
        )
        return None
    return campaign.get("lastUpdatedDateTime", campaign["creationDateTime"])


def lines(
    settings: FreshnessSettings,
    now: datetime,
    since: Callable[[WatchedCampaign], datetime | None],
) -> Iterable[str]:
    """Yield the line of each campaign's metric, then that of the heartbeat.

    Raises NotAllRead instead of the heartbeat if some campaigns could not be read.
    """
    environment = {"Environment": settings["environment"]}
    unread = []
    for campaign in settings["campaigns"]:
        name = campaign["campaign_name"]
        try:
            fresh = since(campaign)
        except (ClientError, BotoCoreError) as error:
            logger.warning("the freshness of %s could not be read: %s", name, error)
            unread.append(name)
            continue
        if fresh is not None:
            hours = round(max(0.0, (now - fresh).total_seconds()) / HOUR, 2)
            dimensions = {**environment, "Campaign": name}
            yield metric_line("HoursSinceLastComplete", hours, now, dimensions)
    if unread:
        raise NotAllRead(
            f"{len(unread)} of {len(settings['campaigns'])} campaigns could not be read, the "
            f"first of them {unread[0]}; the log above says why"
        )
    yield metric_line("FreshnessChecks", 1, now, environment)


@cache
def deployed_settings() -> FreshnessSettings:
    """Return the environment's settings, which are deployed beside this module."""
    text = Path(__file__).with_name("settings.json").read_text(encoding="utf-8")
    settings: FreshnessSettings = json.loads(text)
    return settings


def lambda_handler(event: CheckRequest, _context: object) -> None:
    """Print the metrics of the hour of `event`; raises NotAllRead."""
    table = os.environ["TABLE_NAME"]

    def since(campaign: WatchedCampaign) -> datetime | None:
        rows = newest_rows(table, campaign["campaign_name"])
        return fresh_since(rows, lambda: last_change(campaign))

    now = datetime.fromisoformat(event["now"])
    for line in lines(deployed_settings(), now, since):
        print(line)
