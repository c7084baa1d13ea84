"""Task "Update campaign": the campaign's move onto a solution version, found or started.

Guarantees that a move is asked for only when the campaign neither serves the version nor is moving
onto it already (UpdateCampaign with nothing to change may be refused). A refresh never moves it
from a version of a newer refresh back to an older one's, and a rollback only from the version that
it takes back; only a promotion, a person's word, moves it whatever it serves. What the campaign
serves and is moving onto is looked at before each request; a request during another's update is
refused by Personalize and comes again. A campaign that does not exist is made with the version, if
the settings say so: once, since its name is taken then.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypedDict

from personalize import NAMED_BY_A_RUN, personalize
from retry_later import RetryLater, retry_later

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import CampaignTypeDef, SolutionVersionTypeDef


class Move(TypedDict):
    """Which campaign shall serve which version, of the refresh of which date.

    `instead_of` is the version that a rollback takes back, else empty.
    `previous_solution_version_arn` is what an earlier attempt saw the campaign serve, or empty.
    `min_provisioned_tps` is with what capacity a missing campaign is made; 0: it is not made.
    """

    campaign_arn: str
    solution_version_arn: str
    min_provisioned_tps: int
    kind: Literal["refresh", "promotion", "rollback"]
    instead_of: str
    base_date: int
    previous_solution_version_arn: str


class CampaignUpdate(TypedDict):
    """The update that now runs; `created` is in epoch seconds.

    `superseded_by` is the version of a newer refresh, onto which the campaign has moved, so that
    nothing was asked for; empty if there is none. `previous_solution_version_arn` is what the
    campaign served before this run, empty if unknown.
    """

    superseded_by: str
    previous_solution_version_arn: str
    created: int


def is_under_way(campaign: "CampaignTypeDef", version_arn: str) -> bool:
    """Whether the campaign serves the version, or is moving onto it, with nothing left to ask."""
    update = campaign.get("latestCampaignUpdate")
    if update is not None and update["solutionVersionArn"] == version_arn:
        return not update["status"].endswith("FAILED")
    return campaign["solutionVersionArn"] == version_arn and not is_moving(campaign)


def is_moving(campaign: "CampaignTypeDef") -> bool:
    """Whether an update is going on."""
    update = campaign.get("latestCampaignUpdate")
    return update is not None and update["status"].endswith(("PENDING", "IN_PROGRESS"))


def that_stands(campaign: "CampaignTypeDef", move: Move) -> str:
    """Return the version that the campaign shall go on serving, or moving onto, or ""."""
    arns = [campaign["solutionVersionArn"]]
    if is_moving(campaign):
        arns.append(campaign["latestCampaignUpdate"]["solutionVersionArn"])
    if move["kind"] == "rollback":
        return "" if move["instead_of"] in arns else arns[-1]
    return newer_than(arns, move) if move["kind"] == "refresh" else ""


def newer_than(arns: list[str], move: Move) -> str:
    """Return which of the versions was made by a newer refresh, or "".

    Only versions of the same solution are compared: who moves a campaign onto another solution
    does so by hand.
    """
    solution = move["solution_version_arn"].rsplit("/", 1)[0]
    others = [describe(arn) for arn in arns if arn.rsplit("/", 1)[0] == solution]
    ours = describe(move["solution_version_arn"])
    newer = (v["solutionVersionArn"] for v in others if is_newer(v, ours, move["base_date"]))
    return next(newer, "")


def is_newer(
    version: "SolutionVersionTypeDef", ours: "SolutionVersionTypeDef", base_date: int
) -> bool:
    """Whether a newer refresh has made the version, or a person after ours was made."""
    named = NAMED_BY_A_RUN.search(version.get("name", ""))
    if named:
        return int(named[1]) > base_date
    return version["creationDateTime"] > ours["creationDateTime"]


def describe(version_arn: str) -> "SolutionVersionTypeDef":
    """Return a solution version as it is now."""
    described = personalize.describe_solution_version(solutionVersionArn=version_arn)
    return described["solutionVersion"]


def find_or_create(move: Move) -> "CampaignTypeDef":
    """Return the campaign, after making it if it does not exist and may be made.

    A rollback makes none: what was deleted meanwhile has nothing to be taken back.
    """
    arn = move["campaign_arn"]
    try:
        return personalize.describe_campaign(campaignArn=arn)["campaign"]
    except personalize.exceptions.ResourceNotFoundException:
        if not move["min_provisioned_tps"] or move["kind"] == "rollback":
            raise
    # made by another execution a moment ago, perhaps with another version: it is looked at below
    with suppress(personalize.exceptions.ResourceAlreadyExistsException):
        personalize.create_campaign(
            name=arn.rsplit("/", 1)[-1],
            solutionVersionArn=move["solution_version_arn"],
            minProvisionedTPS=move["min_provisioned_tps"],
        )
    try:
        return personalize.describe_campaign(campaignArn=arn)["campaign"]
    except personalize.exceptions.ResourceNotFoundException as unseen:
        raise RetryLater(f"{arn} was created and cannot be read yet") from unseen


def find_or_update(move: Move) -> CampaignUpdate:
    """Return the campaign's update onto the version, after asking for it if there is none."""
    arn, version_arn = move["campaign_arn"], move["solution_version_arn"]
    campaign = find_or_create(move)
    served = campaign["solutionVersionArn"]
    superseded_by = ""
    if not is_under_way(campaign, version_arn):
        superseded_by = that_stands(campaign, move)
        if not superseded_by:
            personalize.update_campaign(campaignArn=arn, solutionVersionArn=version_arn)
            campaign = personalize.describe_campaign(campaignArn=arn)["campaign"]
    began = campaign.get("latestCampaignUpdate", campaign)["creationDateTime"]
    return {
        "superseded_by": superseded_by,
        "previous_solution_version_arn": move["previous_solution_version_arn"]
        if served == version_arn or move["kind"] == "rollback"
        else served,
        "created": int(began.timestamp()),
    }


@retry_later()
def lambda_handler(event: Move, _context: object) -> CampaignUpdate:
    """Find or start the update of `event`; RetryLater while the campaign is busy."""
    return find_or_update(event)
