"""What an account's Personalize has, read by List and Describe calls alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import boto3

from ops.deployment import CONFIG, Refusal

Described = dict[str, Any]
LOOKED_AT = 2  # of the last imports of a dataset: whether both came from one place


@dataclass(frozen=True, kw_only=True)
class Solution:
    """A solution and the campaigns that serve it."""

    described: Described
    campaigns: list[Described]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A dataset group: its datasets' last imports by type, newest first; solutions."""

    described: Described
    imports: dict[str, list[Described]]
    solutions: list[Solution]
    recommenders: list[str]


def look(session: boto3.Session, names: Iterable[str]) -> list[Group]:
    """Return the dataset groups of these names; without any, all of the account and region.

    Raises Refusal if one does not exist, and botocore's own errors.
    """
    personalize: Any = session.client("personalize", config=CONFIG)
    arns = {
        each["name"]: each["datasetGroupArn"]
        for each in _all(personalize, "list_dataset_groups", "datasetGroups")
    }
    wanted = list(names) or sorted(arns)
    here = f"{session.region_name} has {', '.join(sorted(arns)) or 'none'}"
    if missing := [name for name in wanted if name not in arns]:
        raise Refusal(f"there is no dataset group {', '.join(missing)}; {here}")
    if not wanted:
        raise Refusal(
            f"there is no dataset group in {session.region_name}: nothing to adopt; choose "
            "another --region, or another account"
        )
    return [_group(personalize, arns[name]) for name in wanted]


def _group(personalize: Any, arn: str) -> Group:
    described = personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]
    datasets = _all(personalize, "list_datasets", "datasets", datasetGroupArn=arn)
    solutions = _all(personalize, "list_solutions", "solutions", datasetGroupArn=arn)
    recommenders = (
        _all(personalize, "list_recommenders", "recommenders", datasetGroupArn=arn)
        if described.get("domain")
        else []
    )
    return Group(
        described=described,
        imports={
            each["datasetType"].upper(): _imports(personalize, each["datasetArn"])
            for each in datasets
        },
        solutions=[_solution(personalize, each["solutionArn"]) for each in solutions],
        recommenders=[each["name"] for each in recommenders],
    )


def _imports(personalize: Any, dataset: str) -> list[Described]:
    """Return the last imports that were ACTIVE; without any, the very last."""
    jobs = _all(personalize, "list_dataset_import_jobs", "datasetImportJobs", datasetArn=dataset)
    newest = sorted(jobs, key=lambda job: job["creationDateTime"], reverse=True)
    active = [job for job in newest if job["status"] == "ACTIVE"]
    return [
        personalize.describe_dataset_import_job(datasetImportJobArn=job["datasetImportJobArn"])[
            "datasetImportJob"
        ]
        for job in active[:LOOKED_AT] or newest[:1]
    ]


def _solution(personalize: Any, arn: str) -> Solution:
    campaigns = _all(personalize, "list_campaigns", "campaigns", solutionArn=arn)
    return Solution(
        described=personalize.describe_solution(solutionArn=arn)["solution"],
        campaigns=[
            personalize.describe_campaign(campaignArn=each["campaignArn"])["campaign"]
            for each in campaigns
        ],
    )


def _all(client: Any, operation: str, key: str, **parameters: Any) -> list[Described]:
    pages = client.get_paginator(operation).paginate(**parameters)
    return [each for page in pages for each in page[key]]
