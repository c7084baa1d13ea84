"""Onto which version a campaign moves by a person's word: promoted, or taken back."""

from typing import Any

from botocore.exceptions import ClientError

from ops.act import refresh_of
from ops.deployment import CONFIG, Deployment, Refusal
from ops.refreshes import check_campaign, is_recommender, row_of, rows

PROMOTABLE = {"REJECTED", "ROLLED_BACK"}


def promotion(
    deployment: Deployment,
    campaign: str,
    *,
    base_date: int | None,
    version: str | None,
    reason: str,
) -> dict[str, Any]:
    """Return the input that moves a campaign onto a version, though it was not found good enough.

    Without a version, it is that of the campaign's newest row, or of the row of a date; refuse if
    that was neither rejected nor rolled back.
    """
    _check_that_it_moves(deployment, campaign)
    if version is None:
        row = row_of(deployment, campaign, base_date)
        status = row.get("refresh_status")
        if status not in PROMOTABLE or "solution_version_arn" not in row:
            raise Refusal(
                f"the refresh of {campaign} of {row['base_date']} is {status}, and neither "
                "REJECTED nor ROLLED_BACK; --base-date or --version names another"
            )
        version = str(row["solution_version_arn"])
    return _move(deployment, campaign, version, reason)


def rollback(deployment: Deployment, campaign: str, *, reason: str) -> dict[str, Any]:
    """Return the input that moves a campaign back onto the version that it served before.

    Refuse if the table does not tell which that is.
    """
    _check_that_it_moves(deployment, campaign)
    serves = _served(deployment, campaign)
    if serves is None:
        raise Refusal(f"the campaign {campaign} does not exist, so that it cannot be taken back")
    for row in rows(deployment, campaign):
        moved = row.get("campaign_update_status") == "ACTIVE"
        before = row.get("previous_solution_version_arn")
        if moved and row.get("solution_version_arn") == serves and before:
            return _move(deployment, campaign, str(before), reason)
    raise Refusal(
        f"no row of {campaign} tells what it served before {serves}; "
        "`promote --version` moves it onto a version that you name"
    )


def _move(deployment: Deployment, campaign: str, version: str, reason: str) -> dict[str, Any]:
    if version == _served(deployment, campaign):
        raise Refusal(f"{campaign} serves {version} already")
    personalize = deployment.session.client("personalize", config=CONFIG)
    try:
        described = personalize.describe_solution_version(solutionVersionArn=version)
    except personalize.exceptions.ResourceNotFoundException:
        raise Refusal(f"{version} does not exist any more; name another by --version") from None
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            raise Refusal(f"{version!r} is not the ARN of a solution version") from error
        raise
    if (status := described["solutionVersion"]["status"]) != "ACTIVE":
        raise Refusal(f"{version} is {status}, not ACTIVE; name another by --version")
    caller = deployment.session.client("sts", config=CONFIG).get_caller_identity()["Arn"]
    return {
        "refresh": refresh_of(deployment, campaign),
        "campaigns": [campaign],
        "solution_version_arn": version,
        "by": caller,
        "reason": reason,
    }


def _check_that_it_moves(deployment: Deployment, name: str) -> None:
    check_campaign(deployment, name)
    if is_recommender(deployment, name):
        raise Refusal(
            f"{name} is a recommender: Personalize trains and serves it by itself, and there is no "
            "version onto which it could be moved. To take back what it learns from, import the "
            "earlier data again, or change its training_columns"
        )


def _served(deployment: Deployment, campaign: str) -> str | None:
    """Return the version that a campaign serves; None if it does not exist, such as before the
    first version that was good enough.
    """
    arn = deployment.settings.arn("personalize", f"campaign/{campaign}")
    personalize = deployment.session.client("personalize", config=CONFIG)
    try:
        described = personalize.describe_campaign(campaignArn=arn)["campaign"]
    except personalize.exceptions.ResourceNotFoundException:
        return None
    return str(described["solutionVersionArn"])
