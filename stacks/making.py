"""What a refresh may make of an environment's resources: the settings of "Make what is missing"."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from stacks.plan import shorten

if TYPE_CHECKING:
    from make_missing import MakeSettings

    from stacks.refresh_settings import Campaign, Dataset
    from stacks.settings import Environment

LONGEST_NAME = 63
HASH = len("-1a2b3c4d")


def made_datasets(environment: Environment) -> list[Dataset]:
    """Return the datasets that a refresh makes if they are missing, each once."""
    made = {environment.dataset_arn(d): d for d in environment.datasets if d.avro_schema}
    return list(made.values())


def made_campaigns(environment: Environment) -> list[Campaign]:
    """Return the campaigns that a refresh makes if they are missing, with their solutions."""
    return [campaign for campaign in environment.campaigns if campaign.recipe]


def make_settings(environment: Environment) -> MakeSettings:
    """Return the settings that are deployed with the task; by the ARNs of what it may make."""
    group = {
        campaign.name: environment.dataset_group_arn(refresh.datasets[0])
        for refresh in environment.refreshes
        for campaign in refresh.campaigns
    }
    return {
        "datasets": {
            environment.dataset_arn(dataset): {
                "group_arn": environment.dataset_group_arn(dataset),
                "name": dataset_name(dataset),
                "schema_arn": schema_arn(environment, dataset),
                "schema": dataset.avro_schema or "",
            }
            for dataset in made_datasets(environment)
        },
        "solutions": {
            environment.solution_arn(campaign): {
                "group_arn": group[campaign.name],
                "recipe_arn": f"arn:{environment.partition}:personalize:::recipe/{campaign.recipe}",
            }
            for campaign in made_campaigns(environment)
        },
    }


def dataset_name(dataset: Dataset) -> str:
    """Return the name of a dataset that a refresh makes: <group>-<type>."""
    return shorten(_name(dataset), LONGEST_NAME)


def schema_arn(environment: Environment, dataset: Dataset) -> str:
    """Return the ARN of the schema that a refresh makes for a dataset.

    What the schema says is part of its name: Personalize changes no schema, so that a file that is
    corrected before its dataset exists is another schema.
    """
    schema = json.dumps(json.loads(dataset.avro_schema or "{}"))
    digest = hashlib.sha256(schema.encode()).hexdigest()[:8]
    name = f"{shorten(_name(dataset), LONGEST_NAME - HASH)}-{digest}"
    return environment.arn("personalize", f"schema/{name}")


def _name(dataset: Dataset) -> str:
    return f"{dataset.dataset_group}-{dataset.type.lower().replace('_', '-')}"
