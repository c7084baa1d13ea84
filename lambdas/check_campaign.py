"""Task "Check campaign": whether a refresh can end with its campaign on what it trains.

Guarantees that nothing is imported or trained for a campaign that cannot be moved, or that another
moves: one that does not exist, has failed, or follows the latest version by itself; or for a
solution that does not exist, trains by itself, or learns from another dataset group. The reasons
are sentences, each with the command that fixes it. Only describes; creates nothing.
"""

import logging
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from botocore.exceptions import ClientError
from input_problems import problems_of
from personalize import personalize, under_way
from plan_types import RefreshInput
from retry_later import retry_later

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import CampaignTypeDef, SolutionTypeDef

UPDATABLE = {"aws-user-personalization", "aws-hrnn-coldstart"}  # what trainingMode UPDATE is for

logger = logging.getLogger()


class CheckRequest(TypedDict):
    """The run to check; what to do about a solution that trains by itself, as the settings say."""

    run: RefreshInput
    automatic_training: Literal["refuse", "warn"]


class Verdict(TypedDict):
    """Why the refresh must not go on, and what may be wrong although it goes on; "" is nothing."""

    refusal: str
    warning: str


def check(request: CheckRequest, home: str) -> Verdict:
    """Return the verdict on a run; `home` is `<partition>:<account>:<region>` where this runs."""
    run = request["run"]
    problems = [*problems_of(run, RefreshInput, "the input")]
    problems = problems or problems_of_home(run, home)
    if problems:
        return {"refusal": "; ".join(problems), "warning": ""}
    solution = find_solution(run["solution_version"]["solution_arn"])
    problems = problems_of_campaign(run, find_campaign(run["campaign_arn"]), solution)
    problems += problems_of_solution(run, solution)
    automatic = automatic_training_of(solution)
    if request["automatic_training"] == "refuse":
        return {"refusal": " ".join([*problems, *automatic]), "warning": ""}
    return {"refusal": " ".join(problems), "warning": " ".join(automatic)}


def problems_of_home(run: RefreshInput, home: str) -> list[str]:
    """Return which of the run's resources belong to another account or region."""
    arns = [run["campaign_arn"], run["solution_version"]["solution_arn"]]
    arns += [dataset["dataset_arn"] for dataset in run["datasets"]]
    return [
        f"{arn} is not of this account and region ({home}); name a resource of this account"
        for arn in arns
        if home_of(arn) != home
    ]


def home_of(arn: str) -> str:
    """Return `<partition>:<account>:<region>` of an ARN, as far as it has them."""
    parts = [*arn.split(":"), *[""] * 5]
    return f"{parts[1]}:{parts[4]}:{parts[3]}"


def find_campaign(arn: str) -> "CampaignTypeDef | None":
    """Return the campaign as it is now, if it exists."""
    try:
        return personalize.describe_campaign(campaignArn=arn)["campaign"]
    except personalize.exceptions.ResourceNotFoundException:
        return None


def find_solution(arn: str) -> "SolutionTypeDef | None":
    """Return the solution as it is now, if it exists."""
    try:
        return personalize.describe_solution(solutionArn=arn)["solution"]
    except personalize.exceptions.ResourceNotFoundException:
        return None


def problems_of_campaign(
    run: RefreshInput, campaign: "CampaignTypeDef | None", solution: "SolutionTypeDef | None"
) -> list[str]:
    """Return why the campaign cannot be moved, or would not stay where it is moved."""
    arn, name = run["campaign_arn"], run["campaign_name"]
    version = active_version(solution)
    if campaign is None:
        return [
            f"Campaign {arn} does not exist. Create it: aws personalize create-campaign "
            f"--name {name} --solution-version-arn {version} --min-provisioned-tps 1."
        ]
    if "FAILED" in campaign["status"] or "DELETE" in campaign["status"]:
        reason = campaign.get("failureReason", "it gives no reason")
        return [
            f"Campaign {arn} is {campaign['status']} ({reason}). Fix the reason and make it "
            f"anew: aws personalize delete-campaign --campaign-arn {arn}, then aws personalize "
            f"create-campaign --name {name} --solution-version-arn {version} "
            "--min-provisioned-tps 1."
        ]
    requested: dict[str, Any] = {**campaign, **under_way(campaign.get("latestCampaignUpdate"))}
    follows = requested.get("campaignConfig", {}).get("syncWithLatestSolutionVersion")
    if follows or requested["solutionVersionArn"].endswith("/$LATEST"):
        return [
            f"Campaign {arn} follows its solution's latest version by itself ($LATEST, "
            "syncWithLatestSolutionVersion), so that nothing could hold a version back. Put it on "
            f"one version: aws personalize update-campaign --campaign-arn {arn} "
            f"--solution-version-arn {version} "
            "--campaign-config syncWithLatestSolutionVersion=false."
        ]
    return []


def problems_of_solution(run: RefreshInput, solution: "SolutionTypeDef | None") -> list[str]:
    """Return why a training would fail, or learn nothing from what is imported."""
    arn, name = run["solution_version"]["solution_arn"], run["solution_name"]
    dataset = run["datasets"][0]["dataset_arn"]
    group = dataset.replace(":dataset/", ":dataset-group/", 1).rsplit("/", 1)[0]
    if solution is None:
        return [
            f"Solution {arn} does not exist. Create it: aws personalize create-solution "
            f"--name {name} --dataset-group-arn {group} --recipe-arn <recipe> "
            "--no-perform-auto-training."
        ]
    problems = []
    if "FAILED" in solution["status"] or "DELETE" in solution["status"]:
        problems.append(
            f"Solution {arn} is {solution['status']}. Make it anew: aws personalize "
            f"delete-solution --solution-arn {arn}, then aws personalize create-solution "
            f"--name {name} --dataset-group-arn {group} --recipe-arn <recipe> "
            "--no-perform-auto-training."
        )
    if solution["datasetGroupArn"] != group:
        problems.append(
            f"Solution {arn} learns from {solution['datasetGroupArn']}, and this refresh imports "
            f"into {group}. Name a solution of that group in the settings, and deploy: cdk deploy."
        )
    recipe = solution.get("recipeArn", "").rsplit("/", 1)[-1]
    if run["solution_version"]["training_mode"] == "UPDATE" and recipe not in UPDATABLE:
        problems.append(
            f"Solution {arn} has the recipe {recipe}, which has no training mode UPDATE. Set "
            "training_mode: FULL in the settings, and deploy: cdk deploy."
        )
    return problems


def automatic_training_of(solution: "SolutionTypeDef | None") -> list[str]:
    """Return that the solution trains by itself, if it does."""
    if solution is None:
        return []
    requested: dict[str, Any] = {**solution, **under_way(solution.get("latestSolutionUpdate"))}
    if not requested.get("performAutoTraining"):
        return []
    arn = solution["solutionArn"]
    return [
        f"Solution {arn} trains by itself (performAutoTraining), beside this workflow and billed "
        "beside it. Turn that off: aws personalize update-solution "
        f"--solution-arn {arn} --no-perform-auto-training; "
        "or set automatic_training: warn, and deploy."
    ]


def active_version(solution: "SolutionTypeDef | None") -> str:
    """Return the ARN of the solution's latest version if it is ACTIVE, else what to put there."""
    latest: Any = solution.get("latestSolutionVersion", {}) if solution else {}
    if latest.get("status") == "ACTIVE":
        return str(latest["solutionVersionArn"])
    return "<an ACTIVE version of the solution>"


def lambda_handler(event: CheckRequest, context: Any) -> Verdict:
    """Check the run of `event`; RetryLater while Personalize is busy.

    What Personalize refuses for good, such as a missing permission, is a refusal in its words.
    """
    try:
        with retry_later():
            verdict = check(event, home_of(context.invoked_function_arn))
    except ClientError as refused:
        return {"refusal": str(refused), "warning": ""}
    if verdict["warning"]:
        logger.warning(verdict["warning"])
    return verdict
