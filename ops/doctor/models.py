"""What Personalize has: dataset groups, datasets, schemas, solutions, campaigns; and its quotas."""

from collections.abc import Iterator
from typing import Any, cast

from campaign_problems import automatic_training_of, problems_of_campaign, problems_of_solution
from recommender_problems import problems_of_recommender

from ops.doctor.examination import Check, Examination, Unknown
from stacks.refresh_settings import Campaign, Dataset, Recommender, Refresh

NOT_YET = "a refresh fails at once, before anything is paid"
TO_BE_MADE = "does not exist; the first refresh makes it"
# AWS's default quotas of a region
MOST_IMPORTS, MOST_TRAININGS = 5, 20


def look_at_datasets(look: Examination) -> None:
    """Dataset groups, datasets and their schemas exist and are ACTIVE."""
    seen: set[str] = set()
    for dataset in _datasets(look):
        arn = look.settings.dataset_arn(dataset)
        if arn in seen:
            continue
        seen.add(arn)
        try:
            _dataset(look, dataset, arn)
        except Unknown:
            continue


def _dataset(look: Examination, dataset: Dataset, arn: str) -> None:
    personalize = look.client("personalize")
    group = look.settings.dataset_group_arn(dataset)
    found = look.ask(
        "personalize:DescribeDatasetGroup",
        personalize.describe_dataset_group,
        datasetGroupArn=group,
    )
    if found is None and dataset.avro_schema:
        look.ok(f"the dataset group {group} {TO_BE_MADE}")
        look.ok(f"the dataset {arn} {TO_BE_MADE}")
        return
    if found is None:
        look.problem(
            f"the dataset group {group} does not exist",
            NOT_YET,
            f"aws personalize create-dataset-group --name {dataset.dataset_group}",
        )
        return
    _active(look, "dataset group", group, found["datasetGroup"])
    found = look.ask("personalize:DescribeDataset", personalize.describe_dataset, datasetArn=arn)
    if found is None and dataset.avro_schema:
        look.ok(f"the dataset {arn} {TO_BE_MADE}")
        return
    if found is None:
        look.problem(
            f"the dataset {arn} does not exist",
            "there is nothing to import into",
            f"aws personalize create-dataset --name {dataset.type.lower()} --dataset-group-arn "
            f"{group} --dataset-type {dataset.type.title()} --schema-arn <schema>",
        )
        return
    _active(look, "dataset", arn, found["dataset"])
    schema = found["dataset"]["schemaArn"]
    if look.ask("personalize:DescribeSchema", personalize.describe_schema, schemaArn=schema):
        look.ok(f"the schema {schema} exists")
    else:
        look.problem(
            f"the schema {schema} does not exist", "imports fail", "create the dataset anew"
        )


def look_at_campaigns(look: Examination) -> None:
    """Solutions and campaigns exist, are ACTIVE, and can be moved; recommenders serve."""
    for refresh in look.settings.refreshes:
        for campaign in refresh.campaigns:
            try:
                _campaign(look, refresh, campaign)
            except Unknown:
                continue
        for recommender in refresh.recommenders:
            try:
                _recommender(look, refresh, recommender)
            except Unknown:
                continue


def _campaign(look: Examination, refresh: Refresh, campaign: Campaign) -> None:
    personalize = look.client("personalize")
    run = _run(look, refresh, campaign)
    solution_arn, campaign_arn = run["solution_version"]["solution_arn"], run["campaign_arn"]
    answer = look.ask(
        "personalize:DescribeSolution",
        personalize.describe_solution,
        solutionArn=solution_arn,
    )
    solution = answer["solution"] if answer else None
    answer = look.ask(
        "personalize:DescribeCampaign",
        personalize.describe_campaign,
        campaignArn=campaign_arn,
    )
    described = answer["campaign"] if answer else None
    problems = problems_of_solution(cast("Any", run), solution)
    problems += problems_of_campaign(cast("Any", run), described, solution)
    served = str((described or {}).get("solutionVersionArn", solution_arn))
    if described and not served.startswith(f"{solution_arn}/"):
        problems.append(
            f"Campaign {campaign_arn} serves {served}, not a version of {solution_arn}. Name its "
            "solution in the settings, and deploy; or let the next refresh move it."
        )
    for problem in problems:
        _sentences(look, problem, NOT_YET)
    refused = look.settings.automatic_training == "refuse"
    for problem in automatic_training_of(solution):
        why = NOT_YET if refused else "its trainings are billed beside those of the refreshes"
        _sentences(look, problem, why, is_problem=refused)
    for kind, arn, there in (
        ("solution", solution_arn, solution),
        ("campaign", campaign_arn, described),
    ):
        if there is None and campaign.recipe:
            look.ok(f"the {kind} {arn} {TO_BE_MADE}")
    if described and not problems:
        look.ok(f"the campaign {campaign.name} can be moved onto versions of {campaign.solution}")


def look_at_alarms(look: Examination) -> None:
    """The alarms exist that are watched after a campaign has moved, and none is in ALARM."""
    campaigns = [c for c in look.settings.campaigns if c.bake != "never"]
    names = sorted({name for c in campaigns if c.bake != "never" for name in c.bake.alarms})
    if not names:
        return
    found = look.ask(
        "cloudwatch:DescribeAlarms",
        look.client("cloudwatch").describe_alarms,
        AlarmNames=names,
        AlarmTypes=["MetricAlarm", "CompositeAlarm"],
    )
    every = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
    states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in every}
    for name in names:
        if name not in states:
            look.problem(
                f"the alarm {name} of bake.alarms does not exist",
                NOT_YET,
                f"aws cloudwatch put-metric-alarm --alarm-name {name} …, or correct bake.alarms",
            )
        elif states[name] == "ALARM":
            look.problem(
                f"the alarm {name} is in ALARM",
                "while it stays so, it cannot tell that a new version harms customers",
                "see why, and fix it before the next refresh",
                level="WARNING",
            )
        else:
            look.ok(f"the alarm {name} is {states[name]}")


def _recommender(look: Examination, refresh: Refresh, recommender: Recommender) -> None:
    arn = look.settings.recommender_arn(recommender)
    answer = look.ask(
        "personalize:DescribeRecommender",
        look.client("personalize").describe_recommender,
        recommenderArn=arn,
    )
    run = {
        "campaign_name": recommender.name,
        "recommender": {"arn": arn},
        "datasets": [{"dataset_arn": look.settings.dataset_arn(each)} for each in refresh.datasets],
    }
    problems = problems_of_recommender(cast("Any", run), answer["recommender"] if answer else None)
    for problem in problems:
        _sentences(look, problem, NOT_YET)
    if not problems:
        look.ok(f"the recommender {recommender.name} is ACTIVE; Personalize trains it by itself")


def look_at_quotas(look: Examination) -> None:
    """There is room for another import and another training."""
    personalize = look.client("personalize")
    running = {"imports": 0, "trainings": 0}
    for dataset in {look.settings.dataset_arn(each) for each in _datasets(look)}:
        jobs = look.ask(
            "personalize:ListDatasetImportJobs",
            personalize.list_dataset_import_jobs,
            datasetArn=dataset,
        )
        running["imports"] += _running((jobs or {}).get("datasetImportJobs", []))
    solutions = {
        look.settings.solution_arn(campaign)
        for refresh in look.settings.refreshes
        for campaign in refresh.campaigns
    }
    for solution in solutions:
        versions = look.ask(
            "personalize:ListSolutionVersions",
            personalize.list_solution_versions,
            solutionArn=solution,
        )
        running["trainings"] += _running((versions or {}).get("solutionVersions", []))
    for kind, most in (("imports", MOST_IMPORTS), ("trainings", MOST_TRAININGS)):
        words = f"{running[kind]} of this environment's {kind} go on; the default quota is {most}"
        if running[kind] < most:
            look.ok(words)
        else:
            look.problem(
                words,
                "refreshes wait in turn until there is room",
                "nothing, or ask for a higher quota: aws service-quotas "
                "list-service-quotas --service-code personalize",
                level="WARNING",
            )


def _datasets(look: Examination) -> Iterator[Dataset]:
    return (dataset for refresh in look.settings.refreshes for dataset in refresh.datasets)


def _run(look: Examination, refresh: Refresh, campaign: Campaign) -> dict[str, Any]:
    """Return what the checks of the workflow look at in a run."""
    settings = look.settings
    return {
        "campaign_arn": settings.campaign_arn(campaign),
        "campaign_name": campaign.name,
        "solution_name": campaign.solution,
        "solution_version": {
            "solution_arn": settings.solution_arn(campaign),
            "training_mode": campaign.training_mode,
        },
        "datasets": [{"dataset_arn": settings.dataset_arn(each)} for each in refresh.datasets],
        "makes": {"min_provisioned_tps": campaign.min_provisioned_tps} if campaign.recipe else {},
        **({} if campaign.canary == "never" else {"canary": campaign.canary}),
    }


def _active(look: Examination, kind: str, arn: str, described: dict[str, Any]) -> None:
    status = described["status"]
    if status == "ACTIVE":
        look.ok(f"the {kind} {arn} is ACTIVE")
    elif status.endswith(("PENDING", "IN_PROGRESS")):
        look.problem(f"the {kind} {arn} is {status}", "not yet usable", "wait", level="WARNING")
    else:
        reason = described.get("failureReason", "it gives no reason")
        look.problem(
            f"the {kind} {arn} is {status}", reason, f"delete the {kind}, and make it anew"
        )


def _sentences(look: Examination, problem: str, why: str, *, is_problem: bool = True) -> None:
    """Note a problem of the workflow's own check: its last sentence is the remedy."""
    what, _, fix = problem.partition(". ")
    look.problem(what, why, fix.rstrip("."), level="PROBLEM" if is_problem else "WARNING")


def _running(summaries: list[dict[str, Any]]) -> int:
    return sum(each["status"].endswith(("PENDING", "IN_PROGRESS")) for each in summaries)


CHECKS: dict[str, Check] = {
    "datasets": look_at_datasets,
    "campaigns": look_at_campaigns,
    "alarms": look_at_alarms,
    "quotas": look_at_quotas,
}
