"""What CreateTable refuses in the keys and indexes of a table, also of a template.

The words are those that tests of others have from AWS:
https://github.com/architect/dynalite/blob/main/validations/createTable.js
https://github.com/badmintoncryer/cdk-preflight/tree/main/rules/dynamodb
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

MOST_GLOBAL_INDEXES, MOST_LOCAL_INDEXES = 20, 5
MOST_KEYS = 4  # of each type, of a global index
_INVALID = "One or more parameter values were invalid: "
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
_KEY_TYPES = ("B", "N", "S")


def table_problem(table: Mapping[str, Any]) -> str | None:
    """Return why CreateTable refuses a table; of a template the properties are the same."""
    return next(_problems(table), None)


def _problems(table: Mapping[str, Any]) -> Iterator[str]:
    yield from _name_problems(str(table.get("TableName", "none")), "tableName")
    definitions = table.get("AttributeDefinitions") or []
    for position, each in enumerate(definitions, 1):
        if each["AttributeType"] not in _KEY_TYPES:
            yield (
                f"1 validation error detected: Value '{each['AttributeType']}' at "
                f"'attributeDefinitions.{position}.member.attributeType' failed to satisfy "
                f"constraint: Member must satisfy enum value set: [{', '.join(_KEY_TYPES)}]"
            )
    names = [each["AttributeName"] for each in definitions]
    if len(set(names)) < len(names):
        yield f"{_INVALID}Duplicate AttributeName in AttributeDefinitions"
    yield from _schema_problems(table.get("KeySchema") or [], names)
    indexes = {kind: table.get(f"{kind}SecondaryIndexes") or [] for kind in ("Local", "Global")}
    if len(indexes["Local"]) > MOST_LOCAL_INDEXES:
        yield f"{_INVALID}Number of LocalSecondaryIndexes exceeds per-table limit of 5"
    if len(indexes["Global"]) > MOST_GLOBAL_INDEXES:
        yield f"{_INVALID}GlobalSecondaryIndex count exceeds the per-table limit of 20"
    yield from _index_problems(table, indexes, names)
    used = {
        key["AttributeName"]
        for each in [table, *indexes["Local"], *indexes["Global"]]
        for key in each.get("KeySchema") or []
    }
    if set(names) != used:
        if indexes["Local"] or indexes["Global"]:
            yield (
                f"{_INVALID}Some AttributeDefinitions are not used. AttributeDefinitions: "
                f"[{', '.join(names)}], keys used: [{', '.join(sorted(used))}]"
            )
        yield (
            f"{_INVALID}Number of attributes in KeySchema does not exactly match number of "
            "attributes defined in AttributeDefinitions"
        )
    yield from _throughput_problems(table)


def _name_problems(name: str, at: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield (
            f"1 validation error detected: Value '{name}' at '{at}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_NAME.pattern}"
        )


def _schema_problems(
    schema: list[Mapping[str, str]], defined: list[str], index: str | None = None
) -> Iterator[str]:
    """Yield what is wrong with keys; those of a global index may be more than two.

    AWS documents that without words.
    """
    keys = [key["AttributeName"] for key in schema]
    kinds = [key["KeyType"] for key in schema]
    if kinds[:1] != ["HASH"]:
        yield "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
    if len(set(keys)) < len(keys):
        yield "Both the Hash Key and the Range Key element in the KeySchema have the same name"
    if index is None and kinds[1:2] not in ([], ["RANGE"]):
        yield "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
    for kind in ("HASH", "RANGE") if index else ():
        if kinds.count(kind) > MOST_KEYS:
            yield f"Invalid KeySchema: more than {MOST_KEYS} {kind} keys in the index {index}"
    if index and kinds != sorted(kinds):
        yield f"Invalid KeySchema: A HASH key follows a RANGE key in the index {index}"
    if not set(keys) <= set(defined):
        yield (
            f"{_INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: "
            f"[{', '.join(keys)}], AttributeDefinitions: [{', '.join(defined)}]"
        )


def _index_problems(
    table: Mapping[str, Any], indexes: Mapping[str, list[Any]], defined: list[str]
) -> Iterator[str]:
    seen = set()
    partition = (table.get("KeySchema") or [{}])[0].get("AttributeName")
    for kind, each in ((kind, index) for kind, all_ in indexes.items() for index in all_):
        name = each["IndexName"]
        yield from _name_problems(name, f"{kind.lower()}SecondaryIndexes.member.indexName")
        if name in seen:
            yield f"{_INVALID}Duplicate index name: {name}"
        seen.add(name)
        schema = each.get("KeySchema") or []
        yield from _schema_problems(schema, defined, name if kind == "Global" else None)
        if kind == "Local" and len(schema) == 1:
            yield f"{_INVALID}Index KeySchema does not have a range key for index: {name}"
        if kind == "Local" and schema[0]["AttributeName"] != partition:
            yield (
                f"{_INVALID}Index KeySchema does not have the same leading hash key as table "
                f"KeySchema for index: {name}. index hash key: {schema[0]['AttributeName']}, "
                f"table hash key: {partition}"
            )
        projection = each.get("Projection") or {}
        is_chosen = projection.get("ProjectionType") == "INCLUDE"
        if is_chosen and not projection.get("NonKeyAttributes"):
            yield f"{_INVALID}ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
        if not is_chosen and projection.get("NonKeyAttributes"):
            kind_of = projection.get("ProjectionType")
            yield f"{_INVALID}ProjectionType is {kind_of}, but NonKeyAttributes is specified"


def _throughput_problems(table: Mapping[str, Any]) -> Iterator[str]:
    capacity = table.get("ProvisionedThroughput")
    if table.get("BillingMode") == "PAY_PER_REQUEST":
        if capacity:
            yield (
                f"{_INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                "BillingMode is PAY_PER_REQUEST"
            )
    elif not capacity:
        yield (
            f"{_INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when "
            "BillingMode is PROVISIONED"
        )
