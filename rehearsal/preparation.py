"""The shop before the refresh: its buckets, Glue jobs, and campaigns trained on last week's data.

Everything is made through the cloud's own API under root credentials, as an administrator would,
from what the synthesised stack says its refreshes are.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from embedded_aws import Cloud
from rehearsal.access import make_access
from rehearsal.assembly import (
    SynthesisedStack,
    bucket_name,
    campaigns_of,
    dataset_type,
    datasets,
    recommenders_of,
    recommends_actions,
)
from rehearsal.own_files import PreparationError
from rehearsal.weekly_files import WeeklyFiles, dated, upload, whole_location

RECIPE, ACTION_RECIPE = "aws-user-personalization", "aws-next-best-action"
# Of the dataset groups that have recommenders.
DOMAIN, USE_CASE = "ECOMMERCE", "aws-ecomm-recommended-for-you"
LONGEST_NAME = 63
T = TypeVar("T")
POLL_SECONDS = 60.0
GLUE_ROLE = "marketplace-glue"  # nobody assumes it: no job's script is run


def prepare(
    cloud: Cloud,
    stack: SynthesisedStack,
    last_week: WeeklyFiles,
    say: Callable[[str], object] = lambda _: None,
) -> dict[str, float]:
    """Make the shop as it was last week, and return how long its stages took then.

    Returns simulated seconds by stage: dataset_import, solution_version, campaign, recommender.
    `say` is called
    with the quotas that are raised for a shop of this size, and with what else may differ in the
    user's account. Raises PreparationError with the service's reason if last week's data
    cannot be imported or trained on.
    """
    settings = stack.settings
    every = _with_interactions(settings)
    _raise_quotas(cloud, settings, every, say)
    campaigns = _campaigns_before(settings, stack.made)
    shop = _datasets_before(every, campaigns, stack.made)
    if len(shop) < len(every):
        say("There are no datasets or campaigns that the first refresh makes, only their buckets.")
    try:
        with cloud.clock.running():
            role = make_access(cloud, stack, every, say)
            _glue_jobs(cloud, settings)
            _datasets(cloud, shop, last_week, _domain_groups(settings))
            _alarms(cloud, settings)
            for dataset in shop:
                upload(cloud, dataset, last_week, settings["time_zone"])
            return {
                "dataset_import": _imports(cloud, shop, role, settings["time_zone"]),
                "solution_version": _solution_versions(cloud, campaigns, _action_groups(settings)),
                "campaign": _campaigns(cloud, campaigns),
                "recommender": _recommenders(cloud, settings),
            }
    except ClientError as error:
        raise PreparationError(
            f"the shop of last week cannot be made: {error.operation_name} was refused: "
            f"{error.response['Error']['Message']}"
        ) from error


def _with_interactions(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the datasets, and for each group without interactions those that it was made with."""
    found = datasets(settings)
    trained_on = {_group_arn(d) for d in found if dataset_type(d) == "INTERACTIONS"}
    for dataset in datasets(settings):
        if _group_arn(dataset) not in trained_on:
            trained_on.add(_group_arn(dataset))
            arn = f"{str(dataset['dataset_arn']).rpartition('/')[0]}/INTERACTIONS"
            folder = f"s3://{bucket_name(dataset)}/interactions-of-{_group(dataset)}/"
            found.append({**dataset, "dataset_arn": arn, "location": folder})
    return found


def _campaigns_before(
    settings: Mapping[str, Any], made: set[str]
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the campaigns that exist before the first refresh, with their dataset groups."""
    return [
        (_group_arn(refresh["datasets"][0]), campaign)
        for refresh in settings["refreshes"]
        for campaign in campaigns_of(refresh)
        if campaign["solution_arn"] not in made
    ]


def _datasets_before(
    shop: list[Mapping[str, Any]], campaigns: list[tuple[str, Mapping[str, Any]]], made: set[str]
) -> list[Mapping[str, Any]]:
    """Return the datasets that exist before the first refresh.

    Interactions do although it would make them, if a campaign was trained on them.
    """
    trained_on = {group for group, _ in campaigns}
    return [
        dataset
        for dataset in shop
        if dataset["dataset_arn"] not in made
        or (dataset_type(dataset) == "INTERACTIONS" and _group_arn(dataset) in trained_on)
    ]


def _raise_quotas(
    cloud: Cloud,
    settings: Mapping[str, Any],
    shop: list[Mapping[str, Any]],
    say: Callable[[str], object],
) -> None:
    """Give the account the quotas that it needs to have this shop at all."""
    refreshes = settings["refreshes"]
    made = [(_group_arn(r["datasets"][0]), c) for r in refreshes for c in campaigns_of(r)]
    solutions = {(group, campaign["solution_name"]) for group, campaign in made}
    needed = {
        "dataset_groups": len({_group_arn(dataset) for dataset in shop}),
        "solutions_per_dataset_group": _most(group for group, _ in solutions),
        "campaigns_per_dataset_group": _most(group for group, _ in made),
        "recommenders": sum(len(recommenders_of(r)) for r in refreshes),
        "schemas": len(shop),
    }
    quotas = cloud.behaviour.personalize
    for quota, wanted in needed.items():
        default = getattr(quotas, quota)
        if wanted > default:
            setattr(quotas, quota, wanted)
            say(
                f"Personalize's quota of {quota.replace('_', ' ')} is raised from its default of "
                f"{default} to {wanted}: ask AWS for as much before you deploy this."
            )


def _imports(cloud: Cloud, shop: list[Mapping[str, Any]], role: str, time_zone: str) -> float:
    def start(dataset: Mapping[str, Any]) -> str:
        arn: str = cloud.client("personalize").create_dataset_import_job(
            jobName=_name(dataset, "-last-week"),
            datasetArn=dataset["dataset_arn"],
            dataSource={"dataLocation": dated(whole_location(dataset), cloud, time_zone)},
            roleArn=role,
        )["datasetImportJobArn"]
        return arn

    most = cloud.behaviour.personalize.import_jobs_in_progress
    return _in_batches(cloud, "dataset_import_job", start, shop, most)


def _solution_versions(
    cloud: Cloud, campaigns: list[tuple[str, Mapping[str, Any]]], action_groups: set[str]
) -> float:
    groups = {campaign["solution_name"]: group for group, campaign in campaigns}
    personalize = cloud.client("personalize")

    def make(solution: tuple[str, str]) -> str:
        name, group = solution
        arn: str = personalize.create_solution(
            name=name,
            datasetGroupArn=group,
            recipeArn=_recipe_arn(group, ACTION_RECIPE if group in action_groups else RECIPE),
            performAutoTraining=False,
        )["solutionArn"]
        arns.append(arn)
        return arn

    def train(solution: str) -> str:
        arn: str = personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        return arn

    arns: list[str] = []
    _in_batches(cloud, "solution", make, groups.items(), len(groups))
    most = cloud.behaviour.personalize.solution_versions_in_progress
    return _in_batches(cloud, "solution_version", train, arns, most)


def _campaigns(cloud: Cloud, campaigns: list[tuple[str, Mapping[str, Any]]]) -> float:
    personalize = cloud.client("personalize")

    def start(campaign: Mapping[str, Any]) -> str:
        solution = personalize.describe_solution(solutionArn=campaign["solution_arn"])["solution"]
        arn: str = personalize.create_campaign(
            name=campaign["campaign_name"],
            solutionVersionArn=solution["latestSolutionVersion"]["solutionVersionArn"],
            minProvisionedTPS=1,
        )["campaignArn"]
        return arn

    every = [campaign for _, campaign in campaigns]
    return _in_batches(cloud, "campaign", start, every, len(every))


def _recommenders(cloud: Cloud, settings: Mapping[str, Any]) -> float:
    def start(recommender: tuple[str, str]) -> str:
        name, group = recommender
        arn: str = cloud.client("personalize").create_recommender(
            name=name, datasetGroupArn=group, recipeArn=_recipe_arn(group, USE_CASE)
        )["recommenderArn"]
        return arn

    every = [
        (recommender["campaign_name"], _group_arn(refresh["datasets"][0]))
        for refresh in settings["refreshes"]
        for recommender in recommenders_of(refresh)
    ]
    return _in_batches(cloud, "recommender", start, every, len(every))


def _recipe_arn(group: str, recipe: str) -> str:
    return f"arn:{group.split(':')[1]}:personalize:::recipe/{recipe}"


def _action_groups(settings: Mapping[str, Any]) -> set[str]:
    """Return the ARNs of the dataset groups whose campaigns recommend actions."""
    refreshes = filter(recommends_actions, settings["refreshes"])
    return {_group_arn(refresh["datasets"][0]) for refresh in refreshes}


def _domain_groups(settings: Mapping[str, Any]) -> set[str]:
    """Return the names of the dataset groups that have recommenders."""
    refreshes = filter(recommenders_of, settings["refreshes"])
    return {_group(refresh["datasets"][0]) for refresh in refreshes}


def _most(things: Iterable[str]) -> int:
    """Return how often the most frequent of them comes."""
    return max(Counter(things).values(), default=0)


def _in_batches(
    cloud: Cloud, kind: str, start: Callable[[T], str], things: Iterable[T], most: int
) -> float:
    """Make a resource for each thing, at most so many at once; return how long the last took."""
    took, left = 0.0, list(things)
    while left:
        began = cloud.clock.time()
        batch, left = left[:most], left[most:]
        for arn in [start(thing) for thing in batch]:
            _until_active(cloud, kind, arn)
        took = cloud.clock.time() - began
    return took


def _group(dataset: Mapping[str, Any]) -> str:
    return str(dataset["dataset_arn"]).split("/")[1]


def _group_arn(dataset: Mapping[str, Any]) -> str:
    return f"{str(dataset['dataset_arn']).split(':dataset/')[0]}:dataset-group/{_group(dataset)}"


def _name(dataset: Mapping[str, Any], ending: str = "") -> str:
    """Return a name for something of a dataset that no other dataset's has."""
    name = f"{_group(dataset)}-{dataset_type(dataset).lower()}{ending}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _alarms(cloud: Cloud, settings: Mapping[str, Any]) -> None:
    """Make the shop's own alarms that the settings name, each of a metric of its name."""
    campaigns = [c for refresh in settings["refreshes"] for c in campaigns_of(refresh)]
    names = {name for c in campaigns if "bake" in c for name in c["bake"]["alarms"]}
    for name in sorted(names):
        cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="Shop",
            MetricName=name,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )


def _glue_jobs(cloud: Cloud, settings: Mapping[str, Any]) -> None:
    glue = cloud.client("glue")
    for job in dict.fromkeys(refresh["glue_job"] for refresh in settings["refreshes"]):
        script = f"s3://aws-glue-scripts-{cloud.account}-{cloud.region}/{job}.py"
        glue.create_job(
            Name=job, Role=GLUE_ROLE, Command={"Name": "glueetl", "ScriptLocation": script}
        )


def _datasets(
    cloud: Cloud, shop: list[Mapping[str, Any]], files: WeeklyFiles, domain_groups: set[str]
) -> None:
    personalize = cloud.client("personalize")

    def domain(name: str) -> dict[str, Any]:
        return {"domain": DOMAIN} if name in domain_groups else {}

    def group(name: str) -> str:
        arn: str = personalize.create_dataset_group(name=name, **domain(name))["datasetGroupArn"]
        return arn

    def start(dataset: Mapping[str, Any]) -> str:
        name, kind = _name(dataset), dataset_type(dataset)
        schema = personalize.create_schema(
            name=name, schema=files.schemas[kind], **domain(_group(dataset))
        )["schemaArn"]
        arn: str = personalize.create_dataset(
            name=name,
            schemaArn=schema,
            datasetGroupArn=_group_arn(dataset),
            datasetType=kind,
        )["datasetArn"]
        return arn

    groups = list(dict.fromkeys(map(_group, shop)))
    _in_batches(cloud, "dataset_group", group, groups, len(groups))
    _in_batches(cloud, "dataset", start, shop, len(shop))


def _until_active(cloud: Cloud, kind: str, arn: str) -> None:
    """Wait, in simulated time, until a resource is ACTIVE."""
    describe = getattr(cloud.client("personalize"), f"describe_{kind}")
    first, *others = kind.split("_")
    argument = first + "".join(map(str.capitalize, others)) + "Arn"
    while True:
        (described,) = (
            v for k, v in describe(**{argument: arn}).items() if k != "ResponseMetadata"
        )
        if described["status"] == "ACTIVE":
            return
        if described["status"].endswith(("FAILED", "STOPPED")):
            what = kind.replace("_", " ")
            reason = str(described.get("failureReason")).rstrip(".")
            raise PreparationError(
                f"last week's {what} failed: {reason}; "
                "give data that can be trained on by --data, or by --previous"
            )
        cloud.clock.sleep(POLL_SECONDS)
