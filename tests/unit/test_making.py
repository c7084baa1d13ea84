"""What a refresh makes if it is missing: the settings, and the decisions about what exists."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make_missing
import pytest
import yaml

from embedded_aws import REQUIRED_COLUMNS
from rehearsal.scenario_names import ENVIRONMENTS
from stacks import schema_files
from stacks.load import SettingsError, load, read
from stacks.making import dataset_name, make_settings, schema_arn
from stacks.plan import plan_settings
from stacks.schema_files import schema_problems

NEW: dict[str, Any] = yaml.safe_load((ENVIRONMENTS / "new.yaml").read_text("utf-8"))
HERE = "arn:aws:personalize:eu-west-1:111122223333"
DATASET, SOLUTION = f"{HERE}:dataset/new-shop/INTERACTIONS", f"{HERE}:solution/for-you-new"
SCHEMA = json.loads((ENVIRONMENTS / "schemas" / "interactions.avsc").read_text("utf-8"))


def settings(folder: Path = ENVIRONMENTS, **changes: Any) -> Any:
    """The environment `new`, with changes of its only dataset or campaign."""
    raw = json.loads(json.dumps(NEW))
    (dataset,), (campaign,) = raw["refreshes"][0]["datasets"], raw["refreshes"][0]["campaigns"]
    for name, value in changes.items():
        of_campaign = {"canary", "recipe", "min_provisioned_tps", "training_mode"}
        place = campaign if name in of_campaign else dataset
        place[name] = value
        if value is None:
            del place[name]
    return read(yaml.safe_dump(raw), folder=folder)


def problems(folder: Path = ENVIRONMENTS, **changes: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(folder, **changes)
    return caught.value.problems


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    schema = json.loads(json.dumps(SCHEMA))
    change(schema)
    return json.dumps(schema)


def field(name: str, kind: object = "string", **more: object) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def record(kind: str, *fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": kind, "fields": list(fields)})


ITEM, MORE = field("ITEM_ID"), field("PRICE", "float")
WRONG = {
    "no JSON": ("{", "INTERACTIONS", "it is not valid JSON"),
    "no record": ("[]", "INTERACTIONS", "it is not an Avro record"),
    "another type's": (json.dumps(SCHEMA), "ITEMS", "its record is named 'Interactions'; name it"),
    "no fields": (record("Items"), "ITEMS", "it has no fields"),
    "a field without a name": (
        record("Items", {"type": "int"}, ITEM, MORE), "ITEMS", "field 1 has no name",
    ),
    "a field twice": (record("Items", ITEM, ITEM, MORE), "ITEMS", "the field ITEM_ID stands twice"),
    "a type that is not simple": (
        record("Items", ITEM, field("TAGS", {"type": "array"})), "ITEMS",
        'the field TAGS has the type {"type": "array"}; write one of string, int',
    ),
    "a missing column": (
        changed(lambda s: s["fields"].pop(2)), "INTERACTIONS",
        "the field TIMESTAMP of type long is missing; INTERACTIONS needs it",
    ),
    "a required column that may be empty": (
        changed(lambda s: s["fields"][0].update(type=["null", "string"])), "INTERACTIONS",
        'the field USER_ID must have the type "string" and nothing else',
    ),
    "a reserved name of another type": (
        changed(lambda s: s["fields"].append(field("EVENT_VALUE", "string"))), "INTERACTIONS",
        "the field EVENT_VALUE must have the type float",
    ),
    "items without metadata": (record("Items", ITEM), "ITEMS", "ITEMS needs another field beside"),
    "too many fields": (
        changed(lambda s: s["fields"].extend(field(f"F{n}") for n in range(10))), "INTERACTIONS",
        "it has 11 fields beside the required ones, and may have 10",
    ),
    "a textual field of users": (
        record("Users", field("USER_ID"), field("ABOUT", textual=True)), "USERS",
        "textual: ABOUT; only one field of ITEMS may be textual",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_personalize_would_refuse_in_a_schema_is_said_in_words(case: str) -> None:
    text, kind, expected = WRONG[case]
    (problem,) = schema_problems(text, kind)
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("INTERACTIONS", json.dumps(SCHEMA)),
        ("ITEMS", record("items", ITEM, field("PRICE", ["null", "float"]))),
        ("ITEMS", record("Items", ITEM, field("CREATION_TIMESTAMP", "long"))),
        ("ACTION_INTERACTIONS", record("ActionInteractions", *(
            field(name, columns) for name, columns
            in schema_files.REQUIRED["ACTION_INTERACTIONS"].items()
        ))),
    ],
)  # fmt: skip
def test_a_schema_that_personalize_takes_has_no_problem(kind: str, text: str) -> None:
    assert list(schema_problems(text, kind)) == []


def test_every_problem_of_a_schema_is_said_at_once() -> None:
    text = record("Users", field("TIMESTAMP", "int"), field("ITEM_ID", []))
    assert len(list(schema_problems(text, "INTERACTIONS"))) == 5


def test_the_required_columns_are_those_that_the_emulated_personalize_asks_for() -> None:
    assert schema_files.REQUIRED == REQUIRED_COLUMNS


def test_a_schema_is_read_from_the_folder_of_its_environment_file(tmp_path: Path) -> None:
    wrong, missing = tmp_path / "wrong.avsc", tmp_path / "missing.avsc"
    wrong.write_text("{")
    place = "refreshes[0].datasets[0].schema: "
    (problem,) = problems(tmp_path, schema="wrong.avsc")
    assert problem.startswith(f"{place}{wrong}: it is not valid JSON")
    (problem,) = problems(tmp_path, schema="missing.avsc")
    assert problem.startswith(f"{place}{missing} does not exist; write")
    (problem,) = problems(tmp_path, schema=7)
    assert problem.startswith(f"{place}must be text")
    assert load(ENVIRONMENTS)["new"].datasets[0].avro_schema


def test_what_goes_with_a_recipe_is_refused_without_it_or_with_another() -> None:
    place = "refreshes[0].campaigns[0]"
    (problem,) = problems(recipe=None)
    assert problem.startswith(f"{place}.min_provisioned_tps: goes with recipe")
    (problem,) = problems(recipe="aws-user-segmentation")
    assert problem.startswith(f"{place}.recipe: Input should be 'aws-user-personalization-v2',")
    wanted = f"{place}.training_mode: aws-user-personalization-v2 has no training mode UPDATE"
    assert any(problem.startswith(wanted) for problem in problems(training_mode="UPDATE"))
    (problem,) = problems(recipe="aws-sims", canary={})
    assert problem.startswith(f"{place}.canary: aws-sims recommends no items to a user")


def test_campaigns_that_share_a_solution_give_it_the_same_recipe() -> None:
    raw = json.loads(json.dumps(NEW))
    raw["refreshes"][0]["campaigns"].append({"name": "other", "solution": "for-you-new"})
    with pytest.raises(SettingsError) as caught:
        read(yaml.safe_dump(raw), folder=ENVIRONMENTS)
    (problem,) = caught.value.problems
    assert problem.startswith("refreshes[0].campaigns[1].recipe: none for solution for-you-new")


@pytest.mark.parametrize(
    ("changes", "makes"),
    [
        ({}, {"min_provisioned_tps": 1}),
        ({"min_provisioned_tps": 5}, {"min_provisioned_tps": 5}),
        ({"recipe": None, "min_provisioned_tps": None}, {}),
        ({"schema": None}, {"min_provisioned_tps": 1}),
        ({"schema": None, "recipe": None, "min_provisioned_tps": None}, None),
    ],
)
def test_a_run_makes_what_the_settings_describe_and_nothing_without_them(
    changes: dict[str, Any], makes: object
) -> None:
    planned = plan_settings(settings(**changes), import_role_arn="arn:role")
    assert planned["refreshes"][0]["campaigns"][0].get("makes") == makes
    described = make_settings(settings(**changes))
    assert bool(described["datasets"] or described["solutions"]) is (makes is not None)


def test_the_names_of_what_is_made_follow_from_the_settings(tmp_path: Path) -> None:
    new = settings()
    described = make_settings(new)
    assert described["solutions"] == {
        SOLUTION: {
            "group_arn": f"{HERE}:dataset-group/new-shop",
            "recipe_arn": "arn:aws:personalize:::recipe/aws-user-personalization-v2",
        }
    }
    assert described["datasets"][DATASET]["name"] == "new-shop-interactions"
    same, other = tmp_path / "same.avsc", tmp_path / "other.avsc"
    same.write_text(json.dumps(SCHEMA, indent=7))
    other.write_text(changed(lambda s: s["fields"].pop(3)))
    named = [schema_arn(s, s.datasets[0]) for s in (new, settings(tmp_path, schema="same.avsc"))]
    assert named[0] == named[1]
    corrected = settings(tmp_path, schema="other.avsc")
    assert schema_arn(corrected, corrected.datasets[0]) != named[0]


def test_no_name_is_longer_than_personalize_takes() -> None:
    long = settings(dataset_group="g" * 63)
    (dataset,) = long.datasets
    assert len(dataset_name(dataset)) <= 63
    assert len(schema_arn(long, dataset).rsplit("/", 1)[-1]) <= 63


# What exists.


def test_a_dataset_with_the_same_fields_written_otherwise_is_used() -> None:
    there = {
        "schemaArn": "arn:schema/by-hand",
        "schema": record("I", *reversed(SCHEMA["fields"][:3]), field("X", ["string", "null"])),
    }
    wanted = record("Interactions", *SCHEMA["fields"][:3], field("X", ["null", "string"]))
    assert list(make_missing.other_schema(DATASET, there, wanted)) == []


def test_a_dataset_with_other_fields_is_refused_with_their_names() -> None:
    there = {"schemaArn": "arn:schema/by-hand", "schema": record("I", ITEM, field("TIMESTAMP"))}
    (problem,) = make_missing.other_schema(DATASET, there, json.dumps(SCHEMA))
    assert "another schema (arn:schema/by-hand): EVENT_TYPE, TIMESTAMP, USER_ID differ" in problem


@pytest.mark.parametrize(
    ("there", "recipe", "expected"),
    [
        (None, "arn:recipe/a", 0),
        ({"recipeArn": "arn:recipe/a"}, "arn:recipe/a", 0),
        ({"recipeArn": "arn:recipe/b"}, "arn:recipe/a", 1),
        ({"performAutoML": True}, "arn:recipe/a", 1),
    ],
)
def test_a_solution_with_another_recipe_is_refused(there: Any, recipe: str, expected: int) -> None:
    assert len(list(make_missing.other_recipe(SOLUTION, there, recipe))) == expected


def test_what_has_failed_is_refused_with_the_command_that_deletes_it() -> None:
    failed = {"status": "CREATE FAILED", "failureReason": "no luck"}
    (problem,) = make_missing.unusable(f"{HERE}:dataset-group/g", failed)
    assert "CREATE FAILED (no luck)" in problem
    assert f"delete-dataset-group --dataset-group-arn {HERE}:dataset-group/g" in problem
    (going,) = make_missing.unusable(SOLUTION, {"status": "DELETE PENDING"})
    assert "Wait until it is gone" in going
    for fine in (None, {"status": "ACTIVE"}, {"status": "CREATE IN_PROGRESS"}):
        assert list(make_missing.unusable(SOLUTION, fine)) == []
