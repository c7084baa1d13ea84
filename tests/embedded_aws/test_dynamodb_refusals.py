"""DynamoDB: the requests and tables that it refuses, in the words that others have from AWS."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import Cloud
from embedded_aws.deployment import DeploymentError
from embedded_aws.services.dynamodb.conditions import reserved_word, syntax_problem
from embedded_aws.services.dynamodb.tables import table_problem
from embedded_aws.services.dynamodb.values import value_problem
from tests.embedded_aws.small_stack import deployed
from tests.embedded_aws.test_quotas import refused

KEY: dict[str, Any] = {"id": {"S": "1"}}
OVERFLOW = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
UNDERFLOW = (
    "Number underflow. Attempting to store a number with magnitude smaller than supported range"
)
DIGITS = "Attempting to store more than 38 significant digits in a Number"


def no_number(text: str) -> str:
    return f"The parameter cannot be converted to a numeric value: {text}"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"N": "1" * 38}, None),
        ({"N": "-9.99E125"}, None),
        ({"N": "1e-130"}, None),
        ({"N": "0.000"}, None),
        ({"N": "1" * 38 + "000"}, None),
        ({"N": "1" * 39}, DIGITS),
        ({"N": "-1." + 38 * "3"}, DIGITS),
        ({"N": "1e126"}, OVERFLOW),
        ({"N": "-1e126"}, OVERFLOW),
        ({"N": "1e-131"}, UNDERFLOW),
        ({"N": ""}, "The parameter cannot be converted to a numeric value"),
        ({"N": "b"}, no_number("b")),
        ({"N": "NaN"}, no_number("NaN")),
        ({"N": "Infinity"}, no_number("Infinity")),
        ({"N": "1_000"}, no_number("1_000")),
        ({"L": [{"M": {"a": {"N": "x"}}}]}, no_number("x")),
        ({"NS": ["1", "b"]}, no_number("b")),
        (
            {"SS": ["a", "a"]},
            "One or more parameter values were invalid: Input collection [a, a] contains "
            "duplicates.",
        ),
        ({"NS": ["1", "2"]}, None),
        (
            {"S": "a", "N": "1"},
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
            "the supported datatypes",
        ),
        (
            {},
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
    ],
)
def test_a_value_is_taken_or_refused(value: dict[str, Any], problem: str | None) -> None:
    assert value_problem(value) == problem


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("a = :a AND NOT (b <> :b OR size(c) > :c)", None),
        ("attribute_not_exists(#a.b[0].#c) OR owner = :me", None),
        ("a BETWEEN :a AND :b and c IN (:c, :d)", None),
        ("(a) = :a", None),
        ("begins_with(a, :a)", None),
        ("a = :a AND AND b", 'Syntax error; token: "AND", near: "AND AND b"'),
        ("a = ", 'Syntax error; token: "<EOF>", near: "="'),
        ("a :a", 'Syntax error; token: ":a", near: "a :a"'),
        ("attribute_exists(a", 'Syntax error; token: "<EOF>", near: "a"'),
        ("a = :a)", 'Syntax error; token: ")", near: ":a)"'),
        ("a[x] = :a", 'Syntax error; token: "x", near: "[x]"'),
    ],
)
def test_the_syntax_of_a_condition(expression: str, problem: str | None) -> None:
    assert syntax_problem(expression) == problem


def test_a_reserved_word_is_one_in_any_case_but_not_a_function_or_placeholder() -> None:
    assert reserved_word("a = :name AND Status = :b") == "Status"
    assert reserved_word("size(#status) > :size AND NOT contains(a, :b)") is None


@pytest.fixture
def table(cloud: Cloud) -> Any:
    client = cloud.client("dynamodb")
    client.create_table(**new("items"))
    return client


def new(name: str, **more: Any) -> dict[str, Any]:
    return {
        "TableName": name,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


EMPTY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
    "contain an empty string value. Key: id"
)
NO_MATCH = "The provided key element does not match the schema"
NAMES, VALUES = "ExpressionAttributeNames", "ExpressionAttributeValues"
SET = {"Key": KEY, "UpdateExpression": "SET aa = :a"}
ONE = {":a": {"S": "x"}}
Operation = Callable[..., Any]

REQUESTS: list[tuple[str, dict[str, Any], str]] = [
    ("put_item", {"Item": {"id": {"S": ""}}}, EMPTY),
    ("get_item", {"Key": {"id": {"S": ""}}}, EMPTY),
    ("update_item", {**SET, "Key": {"id": {"S": ""}}, VALUES: ONE}, EMPTY),
    ("delete_item", {"Key": {"id": {"S": ""}}}, EMPTY),
    ("get_item", {"Key": {"id": {"N": "1"}}}, NO_MATCH),
    ("delete_item", {"Key": {**KEY, "x": {"S": "1"}}}, NO_MATCH),
    ("put_item", {"Item": {**KEY, "n": {"L": [{"N": "x"}]}}}, no_number("x")),
    (
        "update_item",
        {**SET, VALUES: {":a": {"N": "x"}}},
        f"{VALUES} contains invalid value: {no_number('x')} for key :a",
    ),
    (
        "update_item",
        {**SET, "UpdateExpression": "SET aa = :a" + 4_086 * " ", VALUES: ONE},
        "Invalid UpdateExpression: Expression size has exceeded the maximum allowed size;",
    ),
    (
        "update_item",
        {**SET, VALUES: {**ONE, ":b": {"S": "y"}}},
        f"Value provided in {VALUES} unused in expressions: keys: {{:b}}",
    ),
    (
        "put_item",
        {"Item": KEY, "ConditionExpression": "attribute_exists(id)", NAMES: {"#b": "x"}},
        f"Value provided in {NAMES} unused in expressions: keys: {{#b}}",
    ),
    (
        "put_item",
        {"Item": KEY, VALUES: ONE},
        f"{VALUES} can only be specified when using expressions: ConditionExpression is null",
    ),
    (
        "put_item",
        {"Item": KEY, "ConditionExpression": ""},
        "Invalid ConditionExpression: The expression can not be empty;",
    ),
    (
        "delete_item",
        {"Key": KEY, "ConditionExpression": "#a = :a", VALUES: ONE},
        "Invalid ConditionExpression: An expression attribute name used in the document path is "
        "not defined; attribute name: #a",
    ),
    (
        "scan",
        {"FilterExpression": "aa = :a"},
        "Invalid FilterExpression: An expression attribute value used in expression is not "
        "defined; attribute value: :a",
    ),
    (
        "scan",
        {"FilterExpression": "status = :a", VALUES: ONE},
        "Invalid FilterExpression: Attribute name is a reserved keyword; reserved keyword: status",
    ),
    (
        "query",
        {"KeyConditionExpression": "id = :a AND", VALUES: ONE},
        'Invalid KeyConditionExpression: Syntax error; token: "<EOF>", near: "AND"',
    ),
    (
        "get_item",
        {"Key": KEY, "ProjectionExpression": "aa, name"},
        "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: "
        "name",
    ),
]


@pytest.mark.parametrize(("operation", "request_", "message"), REQUESTS)
def test_a_request_is_refused(
    table: Any, operation: str, request_: dict[str, Any], message: str
) -> None:
    found = refused(getattr(table, operation), TableName="items", **request_)
    assert found == ("ValidationException", message)


def test_what_is_as_large_as_it_may_be_is_taken(table: Any) -> None:
    expression = "SET aa = :a"
    table.update_item(
        TableName="items",
        Key=KEY,
        UpdateExpression=expression + (4_096 - len(expression)) * " ",
        ExpressionAttributeValues=ONE,
    )
    rest = 409_600 - len("id") - len("1") - len("x")
    table.put_item(TableName="items", Item={**KEY, "x": {"S": rest * "y"}})
    larger = {**KEY, "x": {"S": (rest + 1) * "y"}}
    assert refused(table.put_item, TableName="items", Item=larger) == (
        "ValidationException",
        "Item size has exceeded the maximum allowed size",
    )


def put(number: int) -> dict[str, Any]:
    return {"PutRequest": {"Item": {"id": {"S": str(number)}}}}


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        ([put(number) for number in range(26)], "Member must have length less than or equal to 25"),
        ([put(1), {"DeleteRequest": {"Key": KEY}}], "list of item keys contains duplicates"),
        ([{"PutRequest": {"Item": {"id": {"S": ""}}}}], EMPTY),
    ],
)
def test_a_batch_is_refused(table: Any, requests: list[Any], message: str) -> None:
    code, found = refused(table.batch_write_item, RequestItems={"items": requests})
    assert code == "ValidationException"
    assert message in found
    assert table.scan(TableName="items")["Items"] == []


def test_a_transaction_is_refused(table: Any) -> None:
    write = table.transact_write_items

    def puts(*items: dict[str, Any], **more: Any) -> list[Any]:
        return [{"Put": {"TableName": "items", "Item": item, **more}} for item in items]

    deleted = {"Delete": {"TableName": "items", "Key": KEY}}
    many = puts(*({"id": {"S": str(number)}} for number in range(101)))
    for transacted, message in (
        ([*puts(KEY), deleted], "cannot include multiple operations on one item"),
        (many, "Member must have length less than or equal to 100"),
        (puts({**KEY, "n": {"N": "x"}}), no_number("x")),
        (
            puts(KEY, ConditionExpression="#a = :a", ExpressionAttributeValues=ONE),
            "is not defined; attribute name: #a",
        ),
    ):
        code, found = refused(write, TransactItems=transacted)
        assert code == "ValidationException"
        assert message in found
    assert table.scan(TableName="items")["Items"] == []


def keys(*pairs: str) -> dict[str, Any]:
    """The keys and attributes of a table, from `name:HASH` and `name:RANGE`."""
    split = [pair.split(":") for pair in pairs]
    return {
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in split],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in dict(split)
        ],
    }


def index(name: str, **more: Any) -> dict[str, Any]:
    schema = [{"AttributeName": "id", "KeyType": "HASH"}]
    projection = {"ProjectionType": "ALL"}
    return {"IndexName": name, "KeySchema": schema, "Projection": projection, **more}


TABLES: dict[str, tuple[dict[str, Any], str]] = {
    "no partition key": (keys("id:RANGE"), "The first KeySchemaElement is not a HASH key type"),
    "two partition keys": (
        keys("id:HASH", "b:HASH"),
        "The second KeySchemaElement is not a RANGE key type",
    ),
    "keys in another order": (
        keys("b:RANGE", "id:HASH"),
        "The first KeySchemaElement is not a HASH key type",
    ),
    "one attribute twice": (keys("id:HASH", "id:RANGE"), "element in the KeySchema have the same"),
    "an attribute that is not defined": (
        {"AttributeDefinitions": [{"AttributeName": "x", "AttributeType": "S"}]},
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [id], "
        "AttributeDefinitions: [x]",
    ),
    "an attribute that is not used": (
        {**keys("id:HASH", "b:RANGE"), "KeySchema": keys("id:HASH")["KeySchema"]},
        "Number of attributes in KeySchema does not exactly match number of attributes defined",
    ),
    "a key that is a list": (
        {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "L"}]},
        "Member must satisfy enum value set: [B, N, S]",
    ),
    "capacity of a table on demand": (
        {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
        "can be specified when BillingMode is PAY_PER_REQUEST",
    ),
    "no capacity": (
        {"BillingMode": "PROVISIONED"},
        "must both be specified when BillingMode is PROVISIONED",
    ),
    "21 indexes": (
        {"GlobalSecondaryIndexes": [index(f"i{number:02}") for number in range(21)]},
        "GlobalSecondaryIndex count exceeds the per-table limit of 20",
    ),
    "two indexes of one name": (
        {"GlobalSecondaryIndexes": [index("one"), index("one")]},
        "Duplicate index name: one",
    ),
    "a local index without a sort key": (
        {"LocalSecondaryIndexes": [index("one")]},
        "Index KeySchema does not have a range key for index: one",
    ),
    "an index that includes nothing": (
        {"GlobalSecondaryIndexes": [index("one", Projection={"ProjectionType": "INCLUDE"})]},
        "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
    ),
    "a name of two letters": ({"TableName": "ab"}, "Value 'ab' at 'tableName' failed"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_is_refused(case: str) -> None:
    properties, message = TABLES[case]
    assert message in str(table_problem({**new("table"), **properties}))
    assert table_problem(new("table")) is None


def four(kind: str, most: int = 4) -> list[str]:
    return [f"{kind[0].lower()}{number}:{kind}" for number in range(most)]


def wide(*pairs: str) -> dict[str, Any]:
    """A table with the global index `wide`, whose keys are `name:HASH` and `name:RANGE`."""
    made = new("table", **keys("id:HASH", *pairs))
    made["KeySchema"], schema = made["KeySchema"][:1], made["KeySchema"][1:]
    return {**made, "GlobalSecondaryIndexes": [index("wide", KeySchema=schema)]}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (four("HASH", 5), "Invalid KeySchema: more than 4 HASH keys in the index wide"),
        ([*four("HASH"), *four("RANGE", 5)], "more than 4 RANGE keys in the index wide"),
        (["a:HASH", "b:RANGE", "c:HASH"], "Invalid KeySchema: A HASH key follows a RANGE key in"),
    ],
)
def test_the_keys_of_a_global_index_are_refused(pairs: list[str], message: str) -> None:
    assert message in str(table_problem(wide(*pairs)))


def test_a_global_index_with_four_keys_of_each_type_can_be_queried(cloud: Cloud) -> None:
    table = cloud.client("dynamodb")
    table.create_table(**wide(*four("HASH"), *four("RANGE")))
    for number in range(3):
        values = dict.fromkeys(("h0", "h1", "h2", "h3", "r0", "r1", "r2"), "x")
        item = {"id": f"i{number}", **values, "r3": str(number)}
        table.put_item(TableName="table", Item={name: {"S": item[name]} for name in item})
    found = table.query(
        TableName="table",
        IndexName="wide",
        KeyConditionExpression="h0 = :x AND h1 = :x AND h2 = :x AND h3 = :x AND r0 = :x AND r1 = :x"
        " AND r2 = :x AND r3 >= :n",
        ExpressionAttributeValues={":x": {"S": "x"}, ":n": {"S": "1"}},
    )
    assert [item["id"]["S"] for item in found["Items"]] == ["i1", "i2"]


def test_a_table_that_dynamodb_refuses_is_not_created_and_fails_the_deployment(
    cloud: Cloud, tmp_path: Path
) -> None:
    properties, message = TABLES["keys in another order"]
    wrong = {**new("table"), **properties}
    assert refused(cloud.client("dynamodb").create_table, **wrong) == (
        "ValidationException",
        f"Invalid KeySchema: {message}",
    )
    with pytest.raises(DeploymentError, match=message):
        deployed(cloud, tmp_path, {"T": {"Type": "AWS::DynamoDB::Table", "Properties": wrong}})
    assert cloud.client("dynamodb").list_tables()["TableNames"] == []
