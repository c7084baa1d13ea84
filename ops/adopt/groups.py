"""What an account's dataset groups are in an environment file: pure decisions, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from campaign_problems import (
    active_version,
    automatic_training_of,
    problems_of_campaign,
    problems_of_solution,
)

from ops.adopt.account import Described, Group, Solution
from ops.adopt.draft import PLACEHOLDER, TYPES, Draft, is_dated, location
from ops.deployment import STACK_PREFIX

# Their solutions have batch segment jobs, and no campaigns.
SEGMENTS = {"aws-item-affinity", "aws-item-attribute-affinity"}
TAKE_IN_NEW_ITEMS = {"aws-user-personalization", "aws-user-personalization-v2"}
LEGACY = {
    "aws-hrnn": "aws-user-personalization-v2",
    "aws-hrnn-metadata": "aws-user-personalization-v2",
    "aws-hrnn-coldstart": "aws-user-personalization-v2",
    "aws-sims": "aws-similar-items",
}
SAY_WHERE = "say where it lies, with --location"


def draft_of(groups: list[Group], places: Mapping[str, str]) -> Draft:
    """Return the refreshes of the groups that can be refreshed, and why others cannot.

    `places` are the locations that a person has given, by dataset type.
    """
    draft = Draft()
    for group in groups:
        _group(draft, group, places)
    return draft


def _group(draft: Draft, group: Group, places: Mapping[str, str]) -> None:
    name, arn = group.described["name"], group.described["datasetGroupArn"]
    if group.described["status"] != "ACTIVE":
        reason = group.described.get("failureReason", "it can be used when it is ACTIVE")
        what = f"the dataset group is {group.described['status']}"
        draft.note("NOT ADOPTED", arn, what, reason)
        return
    at = f"refreshes[{len(draft.refreshes)}]"
    described = [(each, campaign) for each in group.solutions for campaign in each.campaigns]
    for solution in group.solutions:
        if not solution.campaigns:
            _without_campaign(draft, solution)
    if not described and not group.recommenders:
        draft.note(
            "NOT ADOPTED",
            arn,
            "the dataset group has no campaign",
            "create one (see its solutions), and run this again",
        )
        return
    datasets = _datasets(draft, group, places, at)
    if not datasets:
        draft.note(
            "NOT ADOPTED",
            arn,
            "no dataset of the group has been imported from a place in S3 that the settings take",
            f"{SAY_WHERE} INTERACTIONS=s3://bucket/folder/",
        )
        return
    draft.refreshes.append(
        {
            "name": name,
            "glue_job": PLACEHOLDER,
            "datasets": datasets,
            "campaigns": [
                _campaign(draft, group, solution, campaign, f"{at}.campaigns[{index}]")
                for index, (solution, campaign) in enumerate(described)
            ]
            + [{"recommender": recommender} for recommender in group.recommenders],
        }
    )
    for index, recommender in enumerate(group.recommenders, len(described)):
        draft.note(
            "NOTE",
            f"{at}.campaigns[{index}]",
            f"Personalize retrains {recommender} by itself every 7 days",
            "a refresh imports its data; docs/recommenders.md says what else it can do",
        )


def _datasets(
    draft: Draft, group: Group, places: Mapping[str, str], at: str
) -> list[dict[str, Any]]:
    """Return the datasets whose place is known."""
    found: list[dict[str, Any]] = []
    for kind in (kind for kind in TYPES if kind in group.imports):
        jobs = group.imports[kind]
        place = places.get(kind) or _place(draft, group, kind, jobs)
        if place is None:
            continue
        if kind not in places:
            _doubts(draft, jobs, place, f"{at}.datasets[{len(found)}].location")
        found.append(
            {
                "dataset_group": group.described["name"],
                "type": kind,
                "location": place,
                "import_mode": jobs[0].get("importMode", "FULL") if jobs else "FULL",
            }
        )
        if jobs and jobs[0]["roleArn"] not in draft.roles:
            draft.roles.append(jobs[0]["roleArn"])
    return found


def _place(draft: Draft, group: Group, kind: str, jobs: list[Described]) -> str | None:
    """Return where a dataset was last imported from; None, with a note, if that cannot be used."""
    where = f"{group.described['datasetGroupArn'].replace(':dataset-group/', ':dataset/')}/{kind}"
    if not jobs:
        draft.note(
            "NOT ADOPTED",
            where,
            "the dataset has never been imported from S3",
            f"if a Glue job delivers it, {SAY_WHERE} {kind}=s3://bucket/folder/",
        )
        return None
    given = jobs[0]["dataSource"]["dataLocation"]
    if (place := location(given)) is None:
        draft.note(
            "NOT ADOPTED",
            where,
            f"the dataset was imported from {given}, which is neither a folder nor a .csv file",
            f"{SAY_WHERE} {kind}=s3://bucket/folder/",
        )
    return place


def _doubts(draft: Draft, jobs: list[Described], place: str, where: str) -> None:
    """Note what speaks against importing from the same place again."""
    last, *before = jobs
    earlier = [job["dataSource"]["dataLocation"] for job in before]
    if last["status"] != "ACTIVE":
        draft.note(
            "FILL IN",
            where,
            f"no import of this dataset has succeeded; the last, from here, is {last['status']}",
            str(last.get("failureReason", "see that the files are there")),
        )
    if is_dated(place) or any(location(each) != place for each in earlier):
        others = f", the one before from {earlier[0]}" if earlier else ""
        draft.note(
            "FILL IN",
            where,
            f"the last import came from here{others}: the next delivery may lie elsewhere",
            "let the Glue job write to one folder each time, and name that folder",
        )


def _campaign(
    draft: Draft, group: Group, solution: Solution, campaign: Described, at: str
) -> dict[str, Any]:
    name, described = campaign["name"], solution.described
    run: Any = {
        "campaign_arn": campaign["campaignArn"],
        "campaign_name": name,
        "solution_name": described["name"],
        "solution_version": {"solution_arn": described["solutionArn"], "training_mode": "FULL"},
        "datasets": [{"dataset_arn": f"{_datasets_of(group)}/INTERACTIONS"}],
    }
    problems = problems_of_campaign(run, cast("Any", campaign), cast("Any", described))
    if campaign is solution.campaigns[0]:
        problems += problems_of_solution(run, cast("Any", described))
        problems += automatic_training_of(cast("Any", described))
    for problem in problems:
        what, _, do = problem.partition(". ")
        draft.note("CHANGE", at, what, do.rstrip("."))
    _of_recipe(draft, described, at)
    return {"name": name, "solution": described["name"], "training_mode": "FULL"}


def _of_recipe(draft: Draft, solution: Described, at: str) -> None:
    recipe = _recipe(solution)
    if recipe in TAKE_IN_NEW_ITEMS:
        draft.note(
            "NOTE",
            at,
            f"the recipe {recipe} takes in new items every two hours without a training",
            "a training is for what customers have done since; the README says when you need it",
        )
    if recipe in LEGACY:
        draft.note(
            "NOTE",
            at,
            f"the recipe {recipe} is a legacy one; {LEGACY[recipe]} is its successor",
            "a solution of another recipe is another solution: create it and its campaign beside "
            "this one, and name both here",
        )
    latest = solution.get("latestSolutionVersion", {})
    if latest.get("trainingMode") == "UPDATE":
        draft.note(
            "NOTE",
            at,
            "the last training had the mode UPDATE, and this file says FULL",
            "AWS advises a FULL training weekly; set training_mode: UPDATE if you know better",
        )


def _without_campaign(draft: Draft, solution: Solution) -> None:
    described = solution.described
    arn, recipe = described["solutionArn"], _recipe(described)
    if recipe in SEGMENTS:
        what = f"the solution's recipe {recipe} makes user segments, and has no campaigns"
        draft.note("NOTE", arn, what, "create its versions and batch segment jobs as until now")
        return
    draft.note(
        "NOT ADOPTED",
        arn,
        "the solution has no campaign, so that no refresh trains it",
        f"if one should serve it, run this again after: aws personalize create-campaign --name "
        f"{described['name']} --solution-version-arn {active_version(cast('Any', described))} "
        "--min-provisioned-tps 1",
    )
    for problem in automatic_training_of(cast("Any", described)):
        what, _, do = problem.partition(". ")
        draft.note("NOTE", arn, what, do.rstrip("."))


def role_note(draft: Draft, *, kept: bool) -> None:
    """Note whose role Personalize will read the data with."""
    others = [role for role in draft.roles if f":role/{STACK_PREFIX}" not in role]
    if kept and len(draft.roles) > 1:
        draft.note(
            "FILL IN",
            "import_role",
            f"the last imports had several roles: {', '.join(draft.roles)}",
            "see that this one may read every location",
        )
    elif not kept and others:
        draft.note(
            "NOTE",
            "import_role",
            f"Personalize has read with the role {others[0]}; the stack makes a role of its own",
            "run this with --keep-import-role to go on with the old one",
        )


def _recipe(solution: Described) -> str:
    return str(solution.get("recipeArn", "")).rsplit("/", 1)[-1]


def _datasets_of(group: Group) -> str:
    return str(group.described["datasetGroupArn"]).replace(":dataset-group/", ":dataset/")
