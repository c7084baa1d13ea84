"""Task "Update campaign": the campaign's move onto a solution version, found or started.

Guarantees that a move is asked for only when the campaign neither serves the version nor is moving
onto it already: UpdateCampaign with nothing to change may be refused, and one during another
update is.
"""

from typing import TYPE_CHECKING, TypedDict

from personalize import personalize, retry_later

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import CampaignTypeDef


class Move(TypedDict):
    """Which campaign shall serve which version."""

    campaign_arn: str
    solution_version_arn: str


class CampaignUpdate(TypedDict):
    """The update that now runs; `created` is in epoch seconds.

    `previous_solution_version_arn` is what the campaign serves until the update is done, or the
    version itself if it is live already.
    """

    previous_solution_version_arn: str
    created: int


def is_under_way(campaign: "CampaignTypeDef", version_arn: str) -> bool:
    """Whether the campaign serves the version, or is moving onto it, with nothing left to ask."""
    update = campaign.get("latestCampaignUpdate")
    if update is not None and update["solutionVersionArn"] == version_arn:
        return not update["status"].endswith("FAILED")
    moving_elsewhere = update is not None and update["status"].endswith(("PENDING", "IN_PROGRESS"))
    return campaign["solutionVersionArn"] == version_arn and not moving_elsewhere


def find_or_update(move: Move) -> CampaignUpdate:
    """Return the campaign's update onto the version, after asking for it if there is none."""
    arn, version_arn = move["campaign_arn"], move["solution_version_arn"]
    campaign = personalize.describe_campaign(campaignArn=arn)["campaign"]
    previous = campaign["solutionVersionArn"]
    if not is_under_way(campaign, version_arn):
        personalize.update_campaign(campaignArn=arn, solutionVersionArn=version_arn)
        campaign = personalize.describe_campaign(campaignArn=arn)["campaign"]
    began = campaign.get("latestCampaignUpdate", campaign)["creationDateTime"]
    return {"previous_solution_version_arn": previous, "created": int(began.timestamp())}


@retry_later()
def lambda_handler(event: Move, _context: object) -> CampaignUpdate:
    """Find or start the update of `event`; RetryLater while the campaign is busy."""
    return find_or_update(event)
