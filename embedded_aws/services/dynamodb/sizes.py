"""The size of an item, as DynamoDB counts it, and the 400 KB that it may have.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from typing import Any

from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict

from embedded_aws.moto_changes import replace

MOST_BYTES = 409_600


def size(value: Any) -> int:
    """Count the bytes of one of moto's values."""
    held = value.value
    if value.is_number():
        digits = str(held).partition("e")[0].strip("-0.").replace(".", "")
        return (len(digits) + 1) // 2 + 1
    if value.is_set():
        return sum(size(DynamoType({value.type[0]: member})) for member in held)
    if value.is_list():
        return 3 + sum(1 + size(_typed(each)) for each in held)
    if value.is_map():
        return 3 + sum(1 + _bytes(name) + size(_typed(each)) for name, each in held.items())
    return 1 if held is None or isinstance(held, bool) else _bytes(held)


def _typed(value: Any) -> Any:
    return value if isinstance(value, DynamoType) else DynamoType(value)


def _bytes(text: str | bytes) -> int:
    return len(text.encode() if isinstance(text, str) else text)


def _set(self: Any, key: str, value: Any) -> None:
    """Set an attribute of an item that stays small enough."""
    whole = {**self, key: value}
    if sum(_bytes(name) + size(_typed(each)) for name, each in whole.items()) > MOST_BYTES:
        raise ItemSizeTooLarge
    dict.__setitem__(self, key, value)


def install() -> None:
    """Let moto count as DynamoDB does."""
    replace(LimitedSizeDict, "an item has at most 409,600 bytes, as AWS counts", __setitem__=_set)
