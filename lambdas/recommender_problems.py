"""What a recommender is asked to learn from, and why it cannot be refreshed: pure decisions.

A problem is a sentence or two, with the command or setting that fixes it.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_personalize.type_defs import RecommenderTypeDef
    from plan_types import RecommenderInput, TrainingColumns

Columns = dict[tuple[str, str], list[str]]
"""Sorted names of columns by excluded or included, and the dataset's type."""

ALL_OF = {"excluded": "excludedDatasetColumns", "included": "includedDatasetColumns"}
UNDER_WAY = ("PENDING", "IN_PROGRESS")  # ends of a status


def wanted_columns(wanted: "TrainingColumns") -> Columns:
    """Return the columns that the settings ask for."""
    return _columns({ALL_OF[how]: wanted.get(how, {}) for how in ALL_OF})


def columns_of(config: Mapping[str, Any]) -> Columns:
    """Return the columns of a recommender's configuration, or of an update's."""
    return _columns(config.get("trainingDataConfig", {}))


def training_data_config(wanted: "TrainingColumns") -> dict[str, Any]:
    """Return the same as UpdateRecommender takes it."""
    every: Mapping[str, Any] = wanted
    return {name: every[how] for how, name in ALL_OF.items() if every.get(how)}


def group_of(dataset_arn: str) -> str:
    """Return the ARN of a dataset's group."""
    return dataset_arn.replace(":dataset/", ":dataset-group/", 1).rsplit("/", 1)[0]


def problems_of_recommender(
    run: "RecommenderInput", recommender: "RecommenderTypeDef | None"
) -> list[str]:
    """Return why the recommender does not serve, or learns nothing from what is imported."""
    arn, name = run["recommender"]["arn"], run["campaign_name"]
    group = group_of(run["datasets"][0]["dataset_arn"])
    make = (
        f"aws personalize create-recommender --name {name} --dataset-group-arn {group} "
        "--recipe-arn <use case>"
    )
    if recommender is None:
        return [f"Recommender {arn} does not exist. Create it: {make}."]
    problems = [problem] if (problem := problem_of_status(recommender, make)) else []
    if recommender["datasetGroupArn"] != group:
        problems.append(
            f"Recommender {arn} learns from {recommender['datasetGroupArn']}, and this refresh "
            f"imports into {group}. Name a recommender of that group in the settings, and deploy: "
            "cdk deploy."
        )
    return problems


def problem_of_status(recommender: "RecommenderTypeDef", make: str = "") -> str:
    """Return why the recommender does not serve, with the command; "" if it does.

    `make` is the command that creates it.
    """
    arn, status = recommender["recommenderArn"], recommender["status"]
    if status == "ACTIVE":
        return ""
    if status == "INACTIVE" or status.startswith("STOP"):
        return (
            f"Recommender {arn} is {status}: it is stopped, and neither serves nor learns. Start "
            f"it: aws personalize start-recommender --recommender-arn {arn}."
        )
    if status.endswith(UNDER_WAY) and not status.startswith("DELETE"):
        return f"Recommender {arn} is {status}. Wait until it is ACTIVE, then start this again."
    reason = recommender.get("failureReason", "it gives no reason")
    again = f", then {make}" if make else ""
    return (
        f"Recommender {arn} is {status} ({reason}). Fix the reason and make it anew: aws "
        f"personalize delete-recommender --recommender-arn {arn}{again}."
    )


def problems_of_columns(
    wanted: Columns, known: Mapping[str, Collection[str] | None], group: str
) -> list[str]:
    """Return which of the columns do not exist; `known` has those of each dataset's schema.

    None stands for a dataset that does not exist.
    """
    problems = []
    for (how, kind), names in wanted.items():
        columns = known[kind]
        if columns is None:
            problems.append(
                f"Dataset group {group} has no dataset of type {kind}. Remove {kind} from "
                f"training_columns.{how} in the settings, and deploy: cdk deploy."
            )
        elif missing := [name for name in names if name not in columns]:
            problems.append(
                f"The schema of {kind} in {group} has no columns {', '.join(missing)}. Correct "
                f"training_columns.{how} in the settings, and deploy: cdk deploy."
            )
    return problems


def _columns(config: Mapping[str, Any]) -> Columns:
    return {
        (how, kind.upper()): sorted(names)
        for how, name in ALL_OF.items()
        for kind, names in config.get(name, {}).items()
        if names
    }
