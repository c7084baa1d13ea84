"""An item of DynamoDB is returned with every type of attribute as it was put."""

from typing import Any

from embedded_aws import Cloud

ITEM: dict[str, Any] = {
    "key": {"S": "1"},
    "number": {"N": "1.5"},
    "empty": {"S": ""},
    "yes": {"BOOL": True},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "bytes": {"B": b"\x00\xff"},
    "words": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "blobs": {"BS": [b"\x01", b"\x02"]},
    "list": {"L": [{"S": "x"}, {"M": {"deep": {"L": [{"N": "7"}]}}}]},
    "none": {"L": []},
    "map": {"M": {"S": {"N": "1"}, "N": {"M": {}}}},  # names like those of types
}


def test_every_type_of_attribute_is_returned_as_it_was_put(cloud: Cloud) -> None:
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(
        TableName="items",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="items", Item=ITEM)
    assert dynamodb.get_item(TableName="items", Key={"key": {"S": "1"}})["Item"] == ITEM
    assert dynamodb.scan(TableName="items")["Items"] == [ITEM]
