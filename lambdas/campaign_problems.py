"""Why a refresh cannot end with its campaign on what it trains: pure decisions, in words.

Each reason is a sentence or two, with the command that fixes it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import CampaignTypeDef, SolutionTypeDef
    from plan_types import RefreshInput

UPDATABLE = {"aws-user-personalization", "aws-hrnn-coldstart"}  # what trainingMode UPDATE is for
# What does not recommend items to a user, which is what a canary asks for.
NOT_TO_USERS = {
    "aws-next-best-action",
    "aws-personalized-ranking",
    "aws-personalized-ranking-v2",
    "aws-semantic-similarity",
    "aws-similar-items",
    "aws-sims",
}
BY_ITSELF = "aws-semantic-similarity"  # what trains incrementally without being asked


def problems_of_campaign(
    run: "RefreshInput", campaign: "CampaignTypeDef | None", solution: "SolutionTypeDef | None"
) -> list[str]:
    """Return why the campaign cannot be moved, or would not stay where it is moved."""
    arn, name = run["campaign_arn"], run["campaign_name"]
    version, is_made = active_version(solution), makes_campaign(run)
    if campaign is None:
        if is_made:
            return []
        return [
            f"Campaign {arn} does not exist. Create it: aws personalize create-campaign "
            f"--name {name} --solution-version-arn {version} --min-provisioned-tps 1."
        ]
    if "FAILED" in campaign["status"] or "DELETE" in campaign["status"]:
        reason = campaign.get("failureReason", "it gives no reason")
        then = (
            "the next attempt makes it"
            if is_made
            else f"aws personalize create-campaign --name {name} --solution-version-arn {version} "
            "--min-provisioned-tps 1"
        )
        return [
            f"Campaign {arn} is {campaign['status']} ({reason}). Fix the reason and make it "
            f"anew: aws personalize delete-campaign --campaign-arn {arn}, then {then}."
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


def problems_of_solution(run: "RefreshInput", solution: "SolutionTypeDef | None") -> list[str]:
    """Return why a training would fail, or learn nothing from what is imported."""
    arn, name = run["solution_version"]["solution_arn"], run["solution_name"]
    dataset = run["datasets"][0]["dataset_arn"]
    group = dataset.replace(":dataset/", ":dataset-group/", 1).rsplit("/", 1)[0]
    if solution is None:
        if makes_campaign(run):
            return []
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
        own = (
            " It takes in new interactions by itself (performIncrementalUpdate)."
            if recipe == BY_ITSELF
            else ""
        )
        problems.append(
            f"Solution {arn} has the recipe {recipe}, which has no training mode UPDATE.{own} Set "
            "training_mode: FULL in the settings, and deploy: cdk deploy."
        )
    if "canary" in run and recipe in NOT_TO_USERS:
        problems.append(
            f"Solution {arn} has the recipe {recipe}, which recommends no items to a user, so that "
            f"the canary of {run['campaign_name']} would take every version back. Set canary: "
            "never in the settings, and deploy: cdk deploy."
        )
    return problems


def makes_campaign(run: "RefreshInput") -> bool:
    """Whether the run makes its solution and its campaign if they do not exist."""
    return "min_provisioned_tps" in run.get("makes", {})


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


def under_way(update: Any) -> dict[str, Any]:
    """Return a latest update's members while it is going on, so that they will soon hold."""
    return update if update and update["status"].endswith(("PENDING", "IN_PROGRESS")) else {}
