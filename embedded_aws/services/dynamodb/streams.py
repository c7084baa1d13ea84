"""DynamoDB Streams on the virtual clock: records in the order of the writes, kept for 24 hours.

A write that changes nothing makes no record. Whoever reads a stream is told of new records, and
reads them later: never in the writer's request.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

import uuid
from datetime import datetime
from typing import Any

from moto.dynamodb.models import table as tables
from moto.dynamodb.models.table import StreamRecord, StreamShard, Table

from embedded_aws.clock import current
from embedded_aws.moto_changes import replace

KEPT_SECONDS = 86_400.0


def records(shard: StreamShard, start: int, limit: int) -> list[dict[str, Any]]:
    """Return records from the position `start` on, without those that are trimmed."""
    oldest = current().time() - KEPT_SECONDS
    found = (item.to_json() for item in shard.items[max(start, 0) :])
    return [record for record in found if arrival(record) >= oldest][:limit]


def arrival(record: dict[str, Any]) -> float:
    """Return the time of the write, in epoch seconds."""
    moment: datetime = record["dynamodb"]["ApproximateCreationDateTime"]
    return moment.timestamp()


def _add(self: StreamShard, old: Any, new: Any) -> None:
    """Add a record, and tell the readers."""
    if old is not None and new is not None and old.attrs == new.attrs:
        return
    specification: Any = self.table.stream_specification
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    number = len(self.items) + self.starting_sequence_number
    record = StreamRecord(self.table, specification["StreamViewType"], name, old, new, number)
    record.record["awsRegion"] = self.table.table_arn.split(":")[3]
    # not drawn from moto's numbers, which requests from outside draw from too
    place = f"{self.table.table_arn}/{self.table.latest_stream_label}/{number}"
    record.record["eventID"] = uuid.uuid5(uuid.NAMESPACE_URL, place).hex
    written = current().now().replace(microsecond=0)
    record.record["dynamodb"]["ApproximateCreationDateTime"] = written
    self.items.append(record)
    mappings: dict[str, Any] = self.table.lambda_event_source_mappings
    for mapping in list(mappings.values()):
        mapping.poller.wake()


def _get(self: StreamShard, start: int, quantity: int) -> list[dict[str, Any]]:
    return records(self, start - self.starting_sequence_number, quantity)


_plain_set = Table.set_stream_specification


def _set(self: Table, streams: dict[str, Any] | None) -> None:
    _plain_set(self, streams)
    specification: Any = self.stream_specification
    if not specification.get("StreamEnabled"):
        self.latest_stream_label = self.stream_shard = None


def install() -> None:
    """Make moto's streams those of this module."""
    replace(
        StreamShard,
        "a write that changes nothing makes no record; readers are told, outside of the request",
        add=_add,
        get=_get,
    )
    replace(
        Table,
        "a disabled stream is gone, and may be enabled again",
        set_stream_specification=_set,
    )
    replace(
        tables,
        "streams are labelled by the clock",
        utcnow=lambda: current().now().replace(tzinfo=None),
    )
