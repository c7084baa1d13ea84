"""Task "Check campaign": whether a refresh can end with its campaign on what it trains.

Guarantees that nothing is imported or trained for a campaign that cannot be moved, or that another
moves: one that does not exist, has failed, or follows the latest version by itself; or for a
solution that does not exist, trains by itself, or learns from another dataset group. Nor is
anything imported for a recommender that does not exist, does not serve, learns from another dataset
group, or is to learn from columns that do not exist. What the run makes itself may be missing. The
reasons are sentences, each with the command that fixes it. Only describes; creates nothing.
"""

import logging
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import boto3
from botocore.exceptions import ClientError
from campaign_problems import automatic_training_of, problems_of_campaign, problems_of_solution
from data_columns import columns_of
from input_problems import problems_of
from personalize import personalize
from plan_types import RecommenderInput, RefreshInput
from recommender_problems import (
    group_of,
    problems_of_columns,
    problems_of_recommender,
    wanted_columns,
)
from retry_later import READ_AGAIN, retry_later

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import (
        CampaignTypeDef,
        RecommenderTypeDef,
        SolutionTypeDef,
    )

logger = logging.getLogger()
cloudwatch = boto3.client("cloudwatch", config=READ_AGAIN)


class CheckRequest(TypedDict):
    """The run to check; what to do about a solution that trains by itself, as the settings say.

    `taken_back` is why an earlier attempt has begun to take the campaign back; "": none has.
    """

    run: RefreshInput | RecommenderInput
    automatic_training: Literal["refuse", "warn"]
    taken_back: str


class Verdict(TypedDict):
    """Why the refresh must not go on, and what may be wrong although it goes on; "" is nothing."""

    refusal: str
    warning: str


def check(request: CheckRequest, home: str) -> Verdict:
    """Return the verdict on a run; `home` is `<partition>:<account>:<region>` where this runs."""
    run = request["run"]
    if "recommender" in run:
        return check_recommender(run, home)
    problems = [*problems_of(run, RefreshInput, "the input")]
    if not problems:
        solution_arn = run["solution_version"]["solution_arn"]
        problems = problems_of_home([run["campaign_arn"], solution_arn, *datasets_of(run)], home)
    if problems:
        return {"refusal": "; ".join(problems), "warning": ""}
    solution = find_solution(run["solution_version"]["solution_arn"])
    problems = problems_of_campaign(run, find_campaign(run["campaign_arn"]), solution)
    automatic = automatic_training_of(solution)
    # a promotion and a rollback train nothing: what a training would need must not hold them up
    trains = "promotion" not in run and not request["taken_back"]
    if trains:
        problems += [*problems_of_solution(run, solution), *missing_alarms(run)]
    if trains and request["automatic_training"] == "refuse":
        return {"refusal": " ".join([*problems, *automatic]), "warning": ""}
    return {"refusal": " ".join(problems), "warning": " ".join(automatic)}


def check_recommender(run: RecommenderInput, home: str) -> Verdict:
    """Return the verdict on a run of a recommender."""
    problems = [*problems_of(run, RecommenderInput, "the input")]
    problems = problems or problems_of_home([run["recommender"]["arn"], *datasets_of(run)], home)
    if not problems:
        problems = problems_of_recommender(run, find_recommender(run["recommender"]["arn"]))
    if not problems and "training_columns" in run["recommender"]:
        wanted = wanted_columns(run["recommender"]["training_columns"])
        group, _, _ = run["datasets"][0]["dataset_arn"].rpartition("/")
        known = {kind: find_columns(f"{group}/{kind}") for _, kind in wanted}
        problems = problems_of_columns(wanted, known, group_of(f"{group}/"))
    return {"refusal": " ".join(problems), "warning": ""}


def datasets_of(run: RefreshInput | RecommenderInput) -> list[str]:
    """Return the ARNs of a run's datasets."""
    return [dataset["dataset_arn"] for dataset in run["datasets"]]


def problems_of_home(arns: list[str], home: str) -> list[str]:
    """Return which of the run's resources belong to another account or region."""
    return [
        f"{arn} is not of this account and region ({home}); name a resource of this account"
        for arn in arns
        if home_of(arn) != home
    ]


def home_of(arn: str) -> str:
    """Return `<partition>:<account>:<region>` of an ARN, as far as it has them."""
    parts = [*arn.split(":"), *[""] * 5]
    return f"{parts[1]}:{parts[4]}:{parts[3]}"


def missing_alarms(run: RefreshInput) -> list[str]:
    """Return which alarms of the bake time do not exist, in one sentence."""
    if "bake" not in run:
        return []
    names = run["bake"]["alarms"]
    found = cloudwatch.describe_alarms(
        AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    every = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
    known = {alarm["AlarmName"] for alarm in every}
    if missing := [name for name in names if name not in known]:
        return [
            f"The alarms {', '.join(missing)} of bake.alarms do not exist in this region, so that "
            "nothing would tell that customers suffer. Make them, or correct bake.alarms, and "
            "deploy: cdk deploy."
        ]
    return []


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


def find_recommender(arn: str) -> "RecommenderTypeDef | None":
    """Return the recommender as it is now, if it exists."""
    try:
        return personalize.describe_recommender(recommenderArn=arn)["recommender"]
    except personalize.exceptions.ResourceNotFoundException:
        return None


def find_columns(dataset_arn: str) -> list[str] | None:
    """Return the names of the columns of a dataset's schema, if the dataset exists."""
    try:
        dataset = personalize.describe_dataset(datasetArn=dataset_arn)["dataset"]
    except personalize.exceptions.ResourceNotFoundException:
        return None
    schema = personalize.describe_schema(schemaArn=dataset["schemaArn"])["schema"]
    return [column.name for column in columns_of(schema["schema"])]


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
