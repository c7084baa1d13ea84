"""The schemas that a dataset can have."""

import json
from typing import Any

import pytest

from embedded_aws.services.personalize.avro import (
    SchemaRules,
    check_columns,
    parse_schema,
    record_type,
)
from embedded_aws.services.personalize.behaviour import PersonalizeBehaviour
from tests.embedded_aws.personalize_shop import INTERACTIONS, TEXT, Shop, record, refusal


def check(kind: str, fields: dict[str, Any], rules: SchemaRules | None = None) -> None:
    check_columns(kind, parse_schema(record(kind, **fields)), None, rules or SchemaRules())


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        ("INTERACTIONS", {"USER_ID": "string", "ITEM_ID": "string"}, "needs the field TIMESTAMP"),
        ("USERS", {"USER_ID": "string"}, "USERS needs at least one metadata field"),
        (
            "ITEMS",
            {"ITEM_ID": "string", "CREATION_TIMESTAMP": "long"},
            "ITEMS needs at least one metadata field",
        ),
        (
            "INTERACTIONS",
            INTERACTIONS | {"EVENT_TYPE": "int"},
            "the reserved field EVENT_TYPE must be of type string",
        ),
        (
            "INTERACTIONS",
            INTERACTIONS | {"EVENT_TYPE": {"type": "string", "categorical": True}},
            "the reserved field EVENT_TYPE can be neither categorical nor textual",
        ),
        (
            "INTERACTIONS",
            INTERACTIONS | {"EVENT_VALUE": "double"},
            "the reserved field EVENT_VALUE must be of type float",
        ),
        (
            "ITEMS",
            {"ITEM_ID": "string", "A": "int", "CREATION_TIMESTAMP": "int"},
            "the reserved field CREATION_TIMESTAMP must be of type long",
        ),
        (
            "INTERACTIONS",
            INTERACTIONS | {"IMPRESSION": "int"},
            "the reserved field IMPRESSION must be of type string",
        ),
        (
            "USERS",
            {"USER_ID": "string", "ABOUT": TEXT},
            "only ITEMS can have a textual field, and ABOUT is textual",
        ),
        (
            "ITEMS",
            {"ITEM_ID": "string", "ABOUT": TEXT, "MORE": TEXT},
            "ITEMS can have one textual field, and ABOUT, MORE are textual",
        ),
        (
            "ITEMS",
            {"ITEM_ID": "string", "ABOUT": {"type": "int", "textual": True}},
            "field ABOUT is textual and must be of type string",
        ),
        ("USERS", {"USER_ID": "string"} | {f"F{n}": "int" for n in range(26)}, "at most 25"),
        ("ITEMS", {"ITEM_ID": "string"} | {f"F{n}": "int" for n in range(101)}, "at most 100"),
        ("INTERACTIONS", INTERACTIONS | {f"F{n}": "int" for n in range(6)}, "at most 5 metadata"),
        (
            "ITEMS",
            {"ITEM_ID": "string", "GENRESFIELD1": "int", "GENRES_FIELD_1": "int"},
            "a field needs a unique alphanumeric name",
        ),
    ],
)
def test_a_schema_that_a_dataset_cannot_have_is_refused(
    kind: str, fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        check(kind, fields)


def test_as_many_fields_as_the_quotas_allow_are_accepted() -> None:
    nullable: Any = {"type": ["float", "null"]}
    event = {"EVENT_TYPE": "string", "EVENT_VALUE": nullable, "RECOMMENDATION_ID": "string"}
    check("INTERACTIONS", {**INTERACTIONS, **event, **{f"F{n}": "int" for n in range(5)}})
    check("USERS", {"USER_ID": "string", **{f"F{n}": "string" for n in range(25)}})
    check("ITEMS", {"ITEM_ID": "string", "ABOUT": TEXT, **{f"F{n}": "int" for n in range(99)}})


def test_what_the_guide_leaves_open_about_fields_is_a_switch() -> None:
    behaviour = PersonalizeBehaviour()
    nullable = {**INTERACTIONS, "EVENT_TYPE": {"type": ["null", "string"]}}
    plain = {"USER_ID": "string", "NAME": {"type": "string"}}
    check("INTERACTIONS", nullable, behaviour.schema_rules())
    check("USERS", plain, behaviour.schema_rules())
    behaviour.null_in_reserved_fields = behaviour.plain_string_as_metadata = "refused"
    with pytest.raises(ValueError, match="EVENT_TYPE cannot be of type null"):
        check("INTERACTIONS", nullable, behaviour.schema_rules())
    with pytest.raises(ValueError, match="USERS needs at least one metadata field"):
        check("USERS", plain, behaviour.schema_rules())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Interactions", "INTERACTIONS"),
        ("ITEMS", "ITEMS"),
        ("users", "USERS"),
        ("ActionInteractions", "ACTION_INTERACTIONS"),
        ("Action_Interactions", "ACTION_INTERACTIONS"),
        ("Events", None),
        (None, None),
    ],
)
def test_the_name_of_a_schema_says_its_dataset_type_in_any_case(
    name: str | None, kind: str | None
) -> None:
    assert record_type(json.dumps({"name": name})) == kind


def test_a_schema_is_refused_by_the_call_that_the_switch_names(shop: Shop) -> None:
    shop.personalize.create_dataset_group(name="shop")
    shop.wait(60)
    schemas = {
        "other": record("Items", **INTERACTIONS),
        "fields": record("Interactions", USER_ID="string"),
    }
    for name, schema in schemas.items():
        assert refusal(
            shop.personalize.create_dataset,
            name=name,
            schemaArn=shop.personalize.create_schema(name=name, schema=schema)["schemaArn"],
            datasetGroupArn=shop.arn("dataset-group/shop"),
            datasetType="Interactions",
        )[0] == ("InvalidInputException")
    shop.backend.behaviour.schemas_are_checked_by = "CreateSchema"
    for schema in (schemas["fields"], record("Events", **INTERACTIONS)):
        made: Any = {"name": "again", "schema": schema}
        assert refusal(shop.personalize.create_schema, **made)[0] == "InvalidInputException"
    shop.personalize.create_schema(name="good", schema=record("INTERACTIONS", **INTERACTIONS))
