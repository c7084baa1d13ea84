"""What the rows say of each campaign's refreshes, and what the campaign serves."""

import statistics
from collections.abc import Iterator
from typing import Any, TypedDict

from botocore.exceptions import BotoCoreError, ClientError
from costs import estimate
from row_changes import IMPORT_STATUS, durations, plain

from ops.advice import UNWELL, next_commands
from ops.deployment import CONFIG, Deployment, Refusal, in_words

Row = dict[str, Any]
PAGE = 20


class CampaignStatus(TypedDict):
    """Where a campaign stands; times are epoch seconds, None is unknown or not so.

    A recommender serves no version: nothing tells what it has learnt from, nor since when.
    `stage` is where the last refresh is, or where it failed. `expected_end` is guessed from the
    campaign's earlier refreshes. `next` are commands for a refresh that needs somebody.
    """

    campaign: str
    serves: str | None
    serves_since: int | None
    base_date: int | None
    status: str
    stage: str | None
    started: int | None
    ended: int | None
    elapsed_seconds: int | None
    expected_end: int | None
    reason: str | None
    execution_arn: str | None
    next: list[str]


class PastRefresh(TypedDict):
    """One row for people; durations are seconds, None is unknown."""

    base_date: int
    attempt: int | None
    status: str
    stage: str | None
    started: int | None
    dataset_import_seconds: int | None
    solution_version_seconds: int | None
    campaign_update_seconds: int | None
    recommender_update_seconds: int | None
    refresh_seconds: int | None
    cost_usd: float | None
    solution_version_arn: str | None
    reason: str | None
    execution_arn: str | None


def campaigns(deployment: Deployment) -> list[str]:
    """Return the names of the campaigns and recommenders, in the order of the file."""
    return [entry.name for entry in deployment.settings.entries]


def is_recommender(deployment: Deployment, name: str) -> bool:
    """Whether a name is that of a recommender, which Personalize trains and serves by itself."""
    return name in [recommender.name for recommender in deployment.settings.recommenders]


def check_campaign(deployment: Deployment, name: str) -> str:
    """Return the name of a campaign of the environment; refuse another."""
    known = campaigns(deployment)
    if name not in known:
        raise Refusal(
            f"{deployment.environment} has no campaign {name!r}; it has {', '.join(known)}"
        )
    return name


def rows(deployment: Deployment, campaign: str) -> Iterator[Row]:
    """Yield the rows of a campaign as plain values, the newest first, read as they are used."""
    pages = (
        deployment.session.client("dynamodb", config=CONFIG)
        .get_paginator("query")
        .paginate(
            TableName=deployment.output("TableName"),
            KeyConditionExpression="campaign_name = :name",
            ExpressionAttributeValues={":name": {"S": campaign}},
            ScanIndexForward=False,
            PaginationConfig={"PageSize": PAGE},
        )
    )
    return (plain(item) for page in pages for item in page["Items"])


def row_of(deployment: Deployment, campaign: str, base_date: int | None) -> Row:
    """Return a campaign's newest row, or that of a date; refuse if there is none."""
    check_campaign(deployment, campaign)
    for row in rows(deployment, campaign):
        if base_date is None or row["base_date"] == base_date:
            return row
    of_date = f" of {base_date}" if base_date else ""
    raise Refusal(f"the table has no row{of_date} of the campaign {campaign}")


def status(deployment: Deployment) -> list[CampaignStatus]:
    """Return where each campaign stands."""
    return [_status(deployment, name) for name in campaigns(deployment)]


def history(deployment: Deployment, campaign: str, last: int) -> list[PastRefresh]:
    """Return the newest rows of a campaign."""
    check_campaign(deployment, campaign)
    found = []
    for row in rows(deployment, campaign):
        found.append(_past(row))
        if len(found) == last:
            break
    return found


def stage_of(row: Row) -> str | None:
    """Return where a row's refresh is, or where it failed; None if it has ended well."""
    if row.get("refresh_status") in UNWELL:
        return str(row.get("failed_stage", "")) or None
    if row.get("refresh_status") != "RUNNING":
        return None
    return _stage_now(row)


def _stage_now(row: Row) -> str:
    """Return where a refresh that runs is, by what its row says last."""
    if "rollback_reason" in row:
        return "rollback"
    if "campaign_update_status" in row:
        return "trial" if row["campaign_update_status"] == "ACTIVE" else "campaign update"
    if row.get("solution_version_status") == "ACTIVE":
        return "quality gate"
    imports = [value for name, value in row.items() if name.endswith(IMPORT_STATUS)]
    if "solution_version_status" in row:
        return "solution version"
    if not imports or "IN_PROGRESS" in imports:
        return "dataset import" if imports else "check"
    return "recommender update" if "recommender_arn" in row else "solution version"


def cost_of(row: Row) -> float | None:
    """Return what a run has cost so far, as its row says or as it is estimated from it."""
    known = row.get("estimated_cost_usd")
    return float(known) if known is not None else estimate(row)["total"]


def _status(deployment: Deployment, campaign: str) -> CampaignStatus:
    found: list[Row] = []
    for row in rows(deployment, campaign):
        found.append(row)
        if len(found) == PAGE:
            break
    serves, since = _serves(deployment, campaign, found)
    last: Row = found[0] if found else {}
    ended, started = last.get("ended_datetime"), last.get("started_datetime")
    is_running = last.get("refresh_status") == "RUNNING"
    usual = [d["refresh"] for row in found[1:] if "refresh" in (d := _complete(row))]
    elapsed = None
    if started is not None:
        elapsed = int((deployment.now() if is_running else (ended or started)) - started)
    return {
        "campaign": campaign,
        "serves": serves,
        "serves_since": since,
        "base_date": last.get("base_date"),
        "status": str(last.get("refresh_status", "NEVER_REFRESHED")),
        "stage": stage_of(last),
        "started": started,
        "ended": ended,
        "elapsed_seconds": elapsed,
        "expected_end": int(started + statistics.median(usual))
        if is_running and usual and started is not None
        else None,
        "reason": last.get("failure_reason"),
        "execution_arn": last.get("execution_arn"),
        "next": next_commands(last, deployment.environment) if last else [],
    }


def _complete(row: Row) -> dict[str, Any]:
    is_usual = row.get("refresh_status") == "COMPLETE" and "promoted_by" not in row
    return {**durations(row)} if is_usual else {}


def _serves(
    deployment: Deployment, campaign: str, found: list[Row]
) -> tuple[str | None, int | None]:
    """Return the ARN of the version that a campaign serves, and since when."""
    if is_recommender(deployment, campaign):
        return None, None
    arn = deployment.settings.arn("personalize", f"campaign/{campaign}")
    personalize = deployment.session.client("personalize", config=CONFIG)
    try:
        described = personalize.describe_campaign(campaignArn=arn)["campaign"]
    except personalize.exceptions.ResourceNotFoundException:
        return None, None  # its first refresh is yet to make it, or it is gone
    except (ClientError, BotoCoreError) as error:
        return f"unknown: {in_words(error)}", None
    serving = described.get("solutionVersionArn")
    for row in found:
        if row.get("solution_version_arn") == serving and row.get("ended_datetime"):
            return serving, int(row["ended_datetime"])
    moment = described.get("lastUpdatedDateTime") or described.get("creationDateTime")
    return serving, int(moment.timestamp()) if moment else None


def _past(row: Row) -> PastRefresh:
    took = durations(row)
    return {
        "base_date": row["base_date"],
        "attempt": row.get("attempt"),
        "status": str(row.get("refresh_status", "UNKNOWN")),
        "stage": stage_of(row),
        "started": row.get("started_datetime"),
        "dataset_import_seconds": took.get("dataset_import"),
        "solution_version_seconds": took.get("solution_version"),
        "campaign_update_seconds": took.get("campaign_update"),
        "recommender_update_seconds": took.get("recommender_update"),
        "refresh_seconds": took.get("refresh"),
        "cost_usd": cost_of(row),
        "solution_version_arn": row.get("solution_version_arn"),
        "reason": row.get("failure_reason"),
        "execution_arn": row.get("execution_arn"),
    }
