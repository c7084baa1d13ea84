"""What DynamoDB refuses in a request before it looks at an item, and moto lets through.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.dynamodb.exceptions import DynamodbException

from embedded_aws.services.dynamodb.conditions import reserved_word, syntax_problem
from embedded_aws.services.dynamodb.tables import table_problem
from embedded_aws.services.dynamodb.values import value_problem

MOST_EXPRESSION = 4_096  # bytes
MOST_WRITES = 25  # of a batch
_CONDITIONS = ("ConditionExpression", "FilterExpression", "KeyConditionExpression")
_EXPRESSIONS = (*_CONDITIONS, "UpdateExpression", "ProjectionExpression")
_OF_OPERATION = {
    "PutItem": ("ConditionExpression",),
    "DeleteItem": ("ConditionExpression",),
    "UpdateItem": ("UpdateExpression", "ConditionExpression"),
    "Query": ("FilterExpression", "KeyConditionExpression"),
    "Scan": ("FilterExpression",),
}
_EMPTY_KEY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
    "contain an empty {} value. Key: {}"
)


def check(action: str, params: Mapping[str, Any], tables: Mapping[str, Any]) -> None:
    """Raise ValidationException for a request that DynamoDB refuses; `tables` are by name."""
    if problem := next(_problems(action, params, tables), None):
        raise DynamodbException("ValidationException", problem)


def _problems(action: str, params: Mapping[str, Any], tables: Mapping[str, Any]) -> Iterator[str]:
    if action == "CreateTable":
        yield from filter(None, [table_problem(params)])
    elif action == "BatchWriteItem":
        yield from _batch_problems(params.get("RequestItems", {}), tables)
    elif action in {"TransactWriteItems", "TransactGetItems"}:
        for transacted in params.get("TransactItems", []):
            for kind, part in transacted.items():
                yield from _part_problems(part, tables, _OF_OPERATION.get(f"{kind}Item", ()))
    elif action in {"GetItem", *_OF_OPERATION}:
        yield from _part_problems(params, tables, _OF_OPERATION.get(action, ()))


def _part_problems(
    part: Mapping[str, Any], tables: Mapping[str, Any], expressions: tuple[str, ...]
) -> Iterator[str]:
    """Yield what is wrong with a request, or with one action of a transaction."""
    yield from _expression_problems(part, expressions)
    values = part.get("ExpressionAttributeValues") or {}
    for name, value in values.items():
        if problem := value_problem(value):
            yield f"ExpressionAttributeValues contains invalid value: {problem} for key {name}"
    yield from _item_problems(part, tables.get(str(part.get("TableName", "")).rpartition("/")[2]))


def _item_problems(part: Mapping[str, Any], table: Any) -> Iterator[str]:
    for attribute, value in (part.get("Item") or {}).items():
        yield from _key_problems({attribute: value}, table)
        yield from filter(None, [value_problem(value)])
    key = part.get("Key")
    if not isinstance(key, dict):
        return
    for value in key.values():
        yield from filter(None, [value_problem(value)])
    yield from _key_problems(key, table)
    if table is not None and {name: next(iter(value)) for name, value in key.items()} != {
        name: kind for name, kind in _key_types(table).items() if name in _keys(table)
    }:
        yield "The provided key element does not match the schema"


def _key_problems(attributes: Mapping[str, Any], table: Any) -> Iterator[str]:
    for name, value in attributes.items():
        if table is not None and name in _keys(table):
            for kind, words in (("S", "string"), ("B", "binary")):
                if value.get(kind) == "":
                    yield _EMPTY_KEY.format(words, name)


def _keys(table: Any) -> list[str]:
    return [each["AttributeName"] for each in table.schema]


def _key_types(table: Any) -> dict[str, str]:
    return {each["AttributeName"]: each["AttributeType"] for each in table.attr}


def _expression_problems(part: Mapping[str, Any], kinds: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with the expressions of a request, and with their placeholders."""
    given = {kind: str(part[kind]) for kind in _EXPRESSIONS if part.get(kind) is not None}
    names = part.get("ExpressionAttributeNames") or {}
    values = part.get("ExpressionAttributeValues") or {}
    if values and kinds and not any(kind in given for kind in kinds):
        yield (
            "ExpressionAttributeValues can only be specified when using expressions: "
            f"{' and '.join(kinds)} {'are' if len(kinds) > 1 else 'is'} null"
        )
    for kind, text in given.items():
        yield from (f"Invalid {kind}: {problem}" for problem in _text_problems(kind, text))
        for name in sorted(_placeholders(text) - set(names) - set(values)):
            what = ("value", "used in expression")
            if name.startswith("#"):
                what = ("name", "used in the document path")
            yield (
                f"Invalid {kind}: An expression attribute {' '.join(what)} is not defined; "
                f"attribute {what[0]}: {name}"
            )
    if given:  # moto refuses names without an expression
        used = set[str]().union(*map(_placeholders, given.values()))
        yield from _unused("Names", names, used)
        yield from _unused("Values", values, used)


def _text_problems(kind: str, text: str) -> Iterator[str]:
    if not text:
        yield "The expression can not be empty;"
    if len(text.encode()) > MOST_EXPRESSION:
        yield "Expression size has exceeded the maximum allowed size;"
    if kind in _CONDITIONS and (problem := syntax_problem(text)):
        yield problem
    if kind != "UpdateExpression" and (word := reserved_word(text)):
        yield f"Attribute name is a reserved keyword; reserved keyword: {word}"


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"[#:]\w+", text))


def _unused(member: str, defined: Mapping[str, Any], used: set[str]) -> Iterator[str]:
    if unused := [name for name in defined if name not in used]:
        yield (
            f"Value provided in ExpressionAttribute{member} unused in expressions: keys: "
            f"{{{', '.join(unused)}}}"
        )


def _batch_problems(requests: Mapping[str, Any], tables: Mapping[str, Any]) -> Iterator[str]:
    begin = "1 validation error detected: Value"
    if not requests:
        yield (
            f"{begin} '{{}}' at 'requestItems' failed to satisfy constraint: Member must have "
            "length greater than or equal to 1"
        )
    if any(len(entries) > MOST_WRITES for entries in requests.values()):
        yield (
            f"{begin} at 'requestItems' failed to satisfy constraint: Map value must satisfy "
            f"constraint: [Member must have length less than or equal to {MOST_WRITES}, Member "
            "must have length greater than or equal to 1]"
        )
    if sum(map(len, requests.values())) > MOST_WRITES:
        yield "Too many items requested for the BatchWriteItem call"
    for name, entries in requests.items():
        table = tables.get(name.rpartition("/")[2])
        seen = set()
        for entry in entries:
            part = entry.get("PutRequest") or entry.get("DeleteRequest") or {}
            yield from _item_problems(part, table)
            if table is not None:
                held = part.get("Item") or part.get("Key") or {}
                seen.add(json.dumps({key: held.get(key) for key in _keys(table)}, sort_keys=True))
        if table is not None and len(seen) < len(entries):
            yield "Provided list of item keys contains duplicates"
