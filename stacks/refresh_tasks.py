"""The tasks of the refresh workflow, each with what it may do.

A part that is off in all of an environment has no task: no run comes to the state that calls it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stacks.grants import (
    allow_campaign_update,
    allow_check,
    allow_checking_data,
    allow_choosing_modes,
    allow_import,
    allow_judging,
    allow_making,
    allow_recommender_update,
    allow_training,
    allow_trying,
)
from stacks.making import make_settings
from stacks.rounds import tried
from stacks.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_dynamodb as dynamodb
    from constructs import Construct

    from stacks.settings import Environment

# The placeholders of the workflow for tasks that may not be there.
OPTIONAL = ("make_missing", "choose_modes", "check_data", "update_recommender", "try_campaign")


def refresh_tasks(
    scope: Construct, environment: Environment, *, import_role: str, table: dynamodb.ITable
) -> list[Task]:
    """Make the tasks; `import_role` is the ARN of the role with which Personalize reads."""
    variables = {"TABLE_NAME": table.table_name}
    check_campaign = Task(scope, "CheckCampaign", environment)
    allow_check(check_campaign.role, environment)
    tasks = [check_campaign, *_make_missing(scope, environment)]
    cadences = [d.full_every for d in environment.datasets]
    if any([*cadences, *(c.full_every for c in environment.campaigns)]):
        choose_modes = Task(scope, "ChooseModes", environment)
        allow_choosing_modes(choose_modes.role, environment)
        tasks.append(choose_modes)
    if any(refresh.preflight != "never" for refresh in environment.refreshes):
        check_data = Task(scope, "CheckData", environment, variables=variables)
        allow_checking_data(check_data.role, environment, table=table)
        tasks.append(check_data)
    create_import = Task(scope, "CreateImport", environment, variables=variables)
    allow_import(create_import.role, environment, import_role_arn=import_role, table=table)
    create_solution_version = Task(scope, "CreateSolutionVersion", environment, variables=variables)
    allow_training(create_solution_version.role, environment, table=table)
    judge_version = Task(scope, "JudgeVersion", environment)
    allow_judging(judge_version.role, environment)
    update_campaign = Task(scope, "UpdateCampaign", environment)
    allow_campaign_update(update_campaign.role, environment)
    tasks += [create_import, create_solution_version, judge_version, update_campaign]
    tasks += _update_recommender(scope, environment)
    if tried(environment):
        try_campaign = Task(scope, "TryCampaign", environment)
        allow_trying(try_campaign.role, environment)
        tasks.append(try_campaign)
    return tasks


def absent_tasks(tasks: Sequence[Task]) -> dict[str, str]:
    """Return what stands in the workflow for the tasks that are not there."""
    there = {task.module for task in tasks}
    return {name: "not-deployed" for name in OPTIONAL if name not in there}


def _make_missing(scope: Construct, environment: Environment) -> list[Task]:
    """Return the task that makes what the settings describe; none if they describe nothing."""
    settings = make_settings(environment)
    if not any(settings.values()):
        return []
    files = {"settings.json": json.dumps(settings)}
    task = Task(scope, "MakeMissing", environment, files=files)
    allow_making(task.role, environment)
    return [task]


def _update_recommender(scope: Construct, environment: Environment) -> list[Task]:
    """Return the task that looks after recommenders; none if the settings have none."""
    if not environment.recommenders:
        return []
    task = Task(scope, "UpdateRecommender", environment)
    allow_recommender_update(task.role, environment)
    return [task]
