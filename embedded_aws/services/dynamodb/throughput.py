"""Provisioned throughput: a bucket of read and write units for each table, filled by the clock.

A table saves up to 300 seconds of the capacity that it does not use. Calls of deployed roles take
from the bucket; those of the account's root do not, so that looking at a table changes nothing.
What a call takes is estimated from its response, as moto does not count what a filter leaves out.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
"""

import json
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from flask import has_request_context, request
from moto.dynamodb.exceptions import DynamodbException
from moto.dynamodb.responses import DynamoHandler

from embedded_aws.clock import current
from embedded_aws.moto_changes import replace
from embedded_aws.services.cloudwatch.metrics import record
from embedded_aws.services.dynamodb import sizes
from embedded_aws.services.dynamodb.requests import check
from embedded_aws.services.iam.guard import SESSION

SAVED_SECONDS = 300
READS = {"GetItem": 4096, "Query": 4096, "Scan": 4096}  # bytes a unit
WRITES = {"PutItem": 1024, "UpdateItem": 1024, "DeleteItem": 1024}
MESSAGE = (
    "The level of configured provisioned throughput for the table was exceeded. Consider "
    "increasing your provisioning level with the UpdateTable API."
)


@dataclass
class _Bucket:
    """What is left of one table's read or write capacity, in units."""

    rate: float
    filled: float = field(init=False)
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.filled, self.level = current().time(), SAVED_SECONDS * self.rate

    def fill(self, rate: float) -> None:
        now = current().time()
        self.level = min(SAVED_SECONDS * rate, self.level + (now - self.filled) * rate)
        self.rate, self.filled = rate, now


_buckets: WeakKeyDictionary[Any, dict[str, _Bucket]] = WeakKeyDictionary()
_plain: Callable[[Any], Any] = DynamoHandler.call_action
_lock = threading.RLock()


def _handle(handler: Any) -> Any:
    """Handle a call alone: moto reads and writes a table's items in plain dictionaries."""
    with _lock:
        return _plain(handler)


def _throttled(self: Any) -> Any:
    """Handle a call that DynamoDB takes; throttle it if its table has no capacity left."""
    check(self._get_action(), self.params, self.dynamodb_backend.tables)
    bucket = _bucket(self)
    if bucket is None:
        return _handle(self)
    if bucket.level <= 0:
        _measure(self)
        raise DynamodbException("ProvisionedThroughputExceededException", MESSAGE)
    response = _handle(self)
    bucket.level -= _units(self._get_action(), self.params, response)
    return response


def _measure(handler: Any) -> None:
    """Record a throttled call, as DynamoDB does."""
    action, table = handler._get_action(), handler.params["TableName"]
    place = (handler.current_account, handler.region)
    kind = "WriteThrottleEvents" if action in WRITES else "ReadThrottleEvents"
    record(*place, "AWS/DynamoDB", kind, {"TableName": table})
    whose = {"TableName": table, "Operation": action}
    record(*place, "AWS/DynamoDB", "ThrottledRequests", whose)


def _bucket(handler: Any) -> _Bucket | None:
    """Return the bucket that the call takes from; None for what is not throttled."""
    action, kind = handler._get_action(), "ReadCapacityUnits"
    if action in WRITES:
        kind = "WriteCapacityUnits"
    elif action not in READS:
        return None
    if not (has_request_context() and SESSION in request.environ):
        return None
    table = handler.dynamodb_backend.tables.get(handler.params.get("TableName"))
    if table is None or table.billing_mode == "PAY_PER_REQUEST":
        return None
    rate = float(table.throughput[kind])
    bucket = _buckets.setdefault(table, {}).setdefault(kind, _Bucket(rate))
    bucket.fill(rate)
    return bucket


def _units(action: str, params: dict[str, Any], response: Any) -> float:
    size = len(json.dumps(params)) if action in WRITES else len(response[2])
    if action in {"Query", "Scan"}:
        found = json.loads(response[2])
        if found.get("Count"):
            size = size * found["ScannedCount"] // found["Count"]
        else:
            size = 1024 * found.get("ScannedCount", 0)
    units = max(1, math.ceil(size / {**READS, **WRITES}[action]))
    return units if action in WRITES or params.get("ConsistentRead") else units / 2


def install() -> None:
    """Let moto throttle provisioned tables, and refuse what DynamoDB refuses."""
    sizes.install()
    replace(
        DynamoHandler,
        "a provisioned table has limited throughput, and requests are checked",
        call_action=_throttled,
    )
