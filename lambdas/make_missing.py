"""Task "Make what is missing": a run's dataset group, schemas, datasets and solution.

Guarantees that each is made at most once, however often the task runs: their names follow from the
settings, and what exists is found by its ARN. What exists is used as it is, never changed, replaced
or deleted; if it is not what the settings say, that is told, and nothing is made. Ends when all is
ACTIVE. The campaign is made by "Update campaign", since it needs a trained version.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, TypedDict

from botocore.exceptions import ClientError
from personalize import personalize
from plan_types import PlannedImport
from retry_later import RetryLater, retry_later

logger = logging.getLogger()
logger.setLevel(logging.INFO)

Described = Mapping[str, Any] | None  # None: it does not exist


class MadeDataset(TypedDict):
    """A dataset that may be made, with its group; `schema` is Avro, as JSON."""

    group_arn: str
    name: str
    schema_arn: str
    schema: str


class MadeSolution(TypedDict):
    """A solution that may be made."""

    group_arn: str
    recipe_arn: str


class MakeSettings(TypedDict):
    """What may be made in an environment, by ARN."""

    datasets: dict[str, MadeDataset]
    solutions: dict[str, MadeSolution]


class MakeRequest(TypedDict):
    """What a run needs."""

    datasets: list[PlannedImport]
    solution_arn: str


class Made(TypedDict):
    """Why something cannot be made or used; "" if all is there."""

    refusal: str


class NotMade(Exception):
    """Something cannot be made, or exists and is not what the settings say; the text says why."""


def make(datasets: Mapping[str, MadeDataset], solutions: Mapping[str, MadeSolution]) -> None:
    """Begin to make what is missing; return once all is there and ACTIVE.

    Raises RetryLater until then, and NotMade with every reason, before anything is made.
    """
    groups = list(dict.fromkeys(d["group_arn"] for d in datasets.values()))
    used = dict.fromkeys([*groups, *(s["group_arn"] for s in solutions.values())])
    found = {arn: describe_group(arn) for arn in used}
    found |= {arn: describe_dataset(arn) for arn in datasets}
    found |= {arn: describe_solution(arn) for arn in solutions}
    problems = [problem for arn, thing in found.items() for problem in unusable(arn, thing)]
    problems += [no_group(arn) for arn in used if arn not in groups and found[arn] is None]
    for arn, dataset in datasets.items():
        problems += other_schema(arn, found[arn], dataset["schema"])
    for arn, solution in solutions.items():
        problems += other_recipe(arn, found[arn], solution["recipe_arn"])
    if problems:
        raise NotMade(" ".join(problems))
    for kind in (  # each needs that the one before is ACTIVE
        {arn: partial(create_group, arn) for arn in groups},
        {arn: partial(create_dataset, arn, dataset) for arn, dataset in datasets.items()},
        {arn: partial(create_solution, arn, solution) for arn, solution in solutions.items()},
    ):
        for arn, create_it in kind.items():
            if found[arn] is None:
                create(arn, create_it)
        if waiting := [arn for arn in kind if status_of(found[arn]) != "ACTIVE"]:
            raise RetryLater(f"not ACTIVE yet: {', '.join(waiting)}")


def create(arn: str, create_it: Callable[[], object]) -> None:
    """Create something; that another execution has just created it is as good."""
    try:
        create_it()
    except personalize.exceptions.ResourceAlreadyExistsException:
        return
    except personalize.exceptions.LimitExceededException as full:
        raise NotMade(
            f"{arn} cannot be made: {full}. Delete one that nothing uses, or ask for a higher "
            "quota: aws service-quotas list-service-quotas --service-code personalize."
        ) from full
    logger.info("%s did not exist and is being made", arn)


def create_group(arn: str) -> None:
    """Create a dataset group."""
    personalize.create_dataset_group(name=name_of(arn))


def create_dataset(arn: str, dataset: MadeDataset) -> None:
    """Create a dataset, after its schema, which another execution may have just created."""
    with suppress(personalize.exceptions.ResourceAlreadyExistsException):
        personalize.create_schema(name=name_of(dataset["schema_arn"]), schema=dataset["schema"])
    try:
        personalize.create_dataset(
            name=dataset["name"],
            datasetGroupArn=dataset["group_arn"],
            datasetType=name_of(arn),
            schemaArn=dataset["schema_arn"],
        )
    except personalize.exceptions.ResourceNotFoundException as unseen:
        raise RetryLater(f"{arn} cannot be made yet: {unseen}") from unseen


def create_solution(arn: str, solution: MadeSolution) -> None:
    """Create a solution that trains only when a refresh asks for it."""
    personalize.create_solution(
        name=name_of(arn),
        datasetGroupArn=solution["group_arn"],
        recipeArn=solution["recipe_arn"],
        performAutoTraining=False,
    )


def describe_group(arn: str) -> Described:
    """Return a dataset group as it is now."""
    with suppress(personalize.exceptions.ResourceNotFoundException):
        return personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]
    return None


def describe_dataset(arn: str) -> Described:
    """Return a dataset as it is now, with its `schema` as JSON."""
    try:
        dataset = personalize.describe_dataset(datasetArn=arn)["dataset"]
    except personalize.exceptions.ResourceNotFoundException:
        return None
    schema = personalize.describe_schema(schemaArn=dataset["schemaArn"])["schema"]
    return {**dataset, "schema": schema["schema"]}


def describe_solution(arn: str) -> Described:
    """Return a solution as it is now."""
    with suppress(personalize.exceptions.ResourceNotFoundException):
        return personalize.describe_solution(solutionArn=arn)["solution"]
    return None


# What exists and cannot be used: pure decisions, in words.


def unusable(arn: str, described: Described) -> Iterator[str]:
    """Yield that something has failed or is being deleted, with the command that fixes it."""
    status = status_of(described)
    if described and "FAILED" in status:
        kind = kind_of(arn)
        yield (
            f"{arn} is {status} ({described.get('failureReason', 'it gives no reason')}). Delete "
            f"it, and the next attempt makes it anew: aws personalize delete-{kind} --{kind}-arn "
            f"{arn}."
        )
    elif "DELETE" in status:
        yield f"{arn} is {status}. Wait until it is gone, and the next attempt makes it anew."


def no_group(arn: str) -> str:
    """Return that a group is missing which no dataset of the settings makes."""
    return (
        f"{arn} does not exist, and no dataset of it has a schema in the settings. Add schema to "
        f"its datasets and deploy, or make it: aws personalize create-dataset-group --name "
        f"{name_of(arn)}."
    )


def other_schema(arn: str, described: Described, schema: str) -> Iterator[str]:
    """Yield that an existing dataset has other fields than the settings' schema."""
    if described is None:
        return
    there, wanted = fields_of(described["schema"]), fields_of(schema)
    if different := sorted(n for n in there | wanted if there.get(n) != wanted.get(n)):
        yield (
            f"{arn} exists with another schema ({described['schemaArn']}): {', '.join(different)} "
            "differ. Correct the file of schema in the settings, or remove schema to use the "
            "dataset as it is, and deploy: cdk deploy."
        )


def fields_of(schema: str) -> dict[str, object]:
    """Return what a schema says of each field, by its name; their order does not matter."""
    return {field["name"]: comparable(field) for field in json.loads(schema)["fields"]}


def comparable(field: Mapping[str, Any]) -> object:
    """Return a field's types and attributes, however they are written."""
    given = field["type"]
    kinds = sorted(map(str, given)) if isinstance(given, list) else [given]
    return kinds, bool(field.get("categorical")), bool(field.get("textual"))


def other_recipe(arn: str, described: Described, recipe_arn: str) -> Iterator[str]:
    """Yield that an existing solution has another recipe than the settings say."""
    there = described.get("recipeArn", "none") if described else recipe_arn
    if there != recipe_arn:
        yield (
            f"{arn} exists with the recipe {name_of(there)}, and the settings say "
            f"{name_of(recipe_arn)}. Correct recipe in the settings, or remove it to use the "
            "solution as it is, or name another solution; and deploy: cdk deploy."
        )


def status_of(described: Described) -> str:
    """Return the status of something; "" if it does not exist."""
    return str(described["status"]) if described else ""


def kind_of(arn: str) -> str:
    """Return what an ARN is of, such as dataset-group."""
    return arn.split(":")[5].split("/", maxsplit=1)[0]


def name_of(arn: str) -> str:
    """Return the last part of an ARN."""
    return arn.rsplit("/", 1)[-1]


@cache
def deployed_settings() -> MakeSettings:
    """Return what may be made in the environment, which is deployed beside this module."""
    text = Path(__file__).with_name("settings.json").read_text(encoding="utf-8")
    settings: MakeSettings = json.loads(text)
    return settings


def lambda_handler(event: MakeRequest, _context: object) -> Made:
    """Make what the run of `event` needs; RetryLater until all of it is there.

    What Personalize refuses for good, such as a missing permission, is a refusal in its words.
    """
    settings = deployed_settings()
    arns = [dataset["dataset_arn"] for dataset in event["datasets"]]
    datasets = {arn: settings["datasets"][arn] for arn in arns if arn in settings["datasets"]}
    arn = event["solution_arn"]
    solutions = {arn: settings["solutions"][arn]} if arn in settings["solutions"] else {}
    try:
        with retry_later():
            make(datasets, solutions)
    except (NotMade, ClientError) as refused:
        return {"refusal": str(refused)}
    return {"refusal": ""}
