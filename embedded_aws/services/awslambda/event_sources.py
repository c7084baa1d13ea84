"""Event source mappings: what polls a DynamoDB stream and invokes a function with its records.

Records reach the function in the order of the writes, batch by batch. A batch that fails is tried
again, with back-off on the clock, until it succeeds, is discarded, or its records are trimmed.
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.models import EventSourceMapping
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import StreamShard
from moto.events.models import EventPattern, EventPatternParser
from moto.moto_api._internal import mock_random

from embedded_aws.clock import current
from embedded_aws.services import iam
from embedded_aws.services.awslambda.destinations import send_to_destination
from embedded_aws.services.awslambda.runtime import InvocationResult
from embedded_aws.services.cloudwatch.metrics import record
from embedded_aws.services.dynamodb.streams import arrival, records

DEFAULT_BATCH = 100
# Lambda repeats a failed batch with exponential back-off, and keeps the numbers to itself.
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
READS = ("DescribeStream", "GetShardIterator", "GetRecords")


def check_access(role_arn: str, stream_arn: str) -> None:
    """Refuse a mapping of a function whose role may not read the stream, as Lambda does."""
    allowed = [
        iam.is_authorized(role_arn, f"dynamodb:{action}", stream_arn, {}) for action in READS
    ]
    allowed.append(iam.is_authorized(role_arn, "dynamodb:ListStreams", stream_arn, {}))
    if not all(allowed):
        raise JsonRESTError(
            "InvalidParameterValueException",
            f"Cannot access stream {stream_arn}. Please ensure the role can perform the "
            "GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream "
            "in DynamoDB.",
        )


@dataclass
class Poller:
    """The part of a mapping that reads; one for each mapping of a DynamoDB stream."""

    mapping: EventSourceMapping
    function: Any  # a callable that returns the function, as it is deployed now
    position: int
    result: str = "No records processed"
    attempts: int = 0
    size: int | None = None  # of the next batch, while one that failed is split
    _is_planned: bool = field(default=False, repr=False)

    def wake(self) -> None:
        """Read soon: there are new records, or the mapping was enabled."""
        if not self._is_planned and self.mapping.enabled:
            self._is_planned = True
            window = float(self.mapping.max_batch_window or 0)
            current().call_at(current().time() + window, self._poll)

    @property
    def shard(self) -> StreamShard | None:
        """The stream's only shard; None once the stream or its table is gone."""
        _, _, _, region, account, resource = self.mapping.event_source_arn.split(":", 5)
        table = dynamodb_backends[account][region].tables.get(resource.split("/")[1])
        return table.stream_shard if table else None

    def _poll(self) -> None:
        self._is_planned = False
        shard = self.shard
        if shard is None or not self.mapping.enabled:
            return
        batch = self._batch(shard)
        if not batch:
            return
        delay = self._process(batch)
        if delay is not None and not self._is_planned:
            self._is_planned = True
            current().call_at(current().time() + delay, self._poll)

    def _batch(self, shard: StreamShard) -> list[dict[str, Any]]:
        """Return the next records, and move on past those that are trimmed or filtered out."""
        end = len(shard.items)
        found = records(shard, self.position, end)
        self.position = end - len(found)
        patterns = _patterns(self.mapping.filter_criteria)
        size = self.size or self.mapping.batch_size or DEFAULT_BATCH
        batch: list[dict[str, Any]] = []
        for each in found:
            if patterns and not any(_matches(pattern, each) for pattern in patterns):
                if batch:
                    break  # passed over when its turn comes
                self.position += 1
                continue
            batch.append(each)
            if len(batch) == size:
                break
        return batch

    def _process(self, batch: list[dict[str, Any]]) -> float | None:
        """Invoke the function; return in how many seconds to go on."""
        function = self.function()
        source = self.mapping.event_source_arn
        if not iam.is_authorized(function.role, "dynamodb:GetRecords", source, {}):
            self.result = "PROBLEM: Cannot access stream. Please ensure the role can read it."
            return LONGEST_DELAY
        longest = self.mapping.max_record_age
        if longest not in {None, -1} and current().time() - arrival(batch[0]) > longest:
            self._discard(batch[:1], "RecordAgeExceeded", None)
            return 0.0
        self.attempts += 1
        age = 1000 * (current().time() - arrival(batch[-1]))
        record(
            function.account_id,
            function.region,
            "AWS/Lambda",
            "IteratorAge",
            {"FunctionName": function.function_name},
            value=age,
            unit="Milliseconds",
        )
        event = json.dumps({"Records": [_as_sent(r, source) for r in batch]}).encode()
        result: InvocationResult = function.run(event)
        failed_from = self._failed_from(result, batch)
        if failed_from is None:
            self.result = "OK"
            self._advance(len(batch))
            return 0.0
        self.result = "PROBLEM: Function call failed"
        if failed_from:  # those before it are done
            self._advance(failed_from)
            return FIRST_DELAY
        return self._try_again(batch, result)

    def _failed_from(self, result: InvocationResult, batch: list[dict[str, Any]]) -> int | None:
        """Return the index of the first record that failed; None if none did."""
        if result.error_type:
            return 0
        if "ReportBatchItemFailures" not in (self.mapping.function_response_types or []):
            return None
        try:
            answer = json.loads(result.payload)
            items = answer["batchItemFailures"] if answer else []
            failed = [item["itemIdentifier"] for item in items or []]
        except (ValueError, KeyError, TypeError):
            return None if result.payload in {b"null", b"{}", b'""', b""} else 0
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
        if any(number not in numbers for number in failed):
            return 0  # an identifier that is none fails the whole batch
        return min(map(numbers.index, failed)) if failed else None

    def _try_again(self, batch: list[dict[str, Any]], result: InvocationResult) -> float:
        most = self.mapping.max_retry_attempts
        if self.mapping.bisect_on_error and len(batch) > 1:
            self.size, self.attempts = (len(batch) + 1) // 2, 0  # splitting is no retry
            return FIRST_DELAY
        if most not in {None, -1} and self.attempts > int(most):
            self._discard(batch, "RetryAttemptsExhausted", result)
            return 0.0
        return min(FIRST_DELAY * 2.0 ** (self.attempts - 1), LONGEST_DELAY)

    def _advance(self, done: int) -> None:
        self.position += done
        self.attempts, self.size = 0, None

    def _discard(
        self, batch: list[dict[str, Any]], condition: str, result: InvocationResult | None
    ) -> None:
        """Give up records; tell the destination which they were, but not what they say."""
        function, shard = self.function(), self.shard
        first, last = batch[0]["dynamodb"], batch[-1]["dynamodb"]
        message: dict[str, Any] = {
            "requestContext": {
                "requestId": str(mock_random.uuid4()),
                "functionArn": self.mapping.function_arn,
                "condition": condition,
                "approximateInvokeCount": self.attempts,
            },
            "version": "1.0",
            "timestamp": _iso(current().time()),
            "DDBStreamBatchInfo": {
                "shardId": shard.id if shard else "",
                "startSequenceNumber": first["SequenceNumber"],
                "endSequenceNumber": last["SequenceNumber"],
                "approximateArrivalOfFirstRecord": _iso(arrival(batch[0])),
                "approximateArrivalOfLastRecord": _iso(arrival(batch[-1])),
                "batchSize": len(batch),
                "streamArn": self.mapping.event_source_arn,
            },
        }
        if result is not None:
            message["responseContext"] = {
                "statusCode": 200,
                "executedVersion": str(function.version),
                "functionError": "Unhandled",
            }
        self._advance(len(batch))
        destination = (self.mapping.destination_config or {}).get("OnFailure", {})
        if arn := destination.get("Destination"):
            send_to_destination(function.role, arn, message)


def _as_sent(record: dict[str, Any], source: str) -> dict[str, Any]:
    """Return a record as the function gets it: times are epoch seconds."""
    details = {**record["dynamodb"], "ApproximateCreationDateTime": int(arrival(record))}
    return {**record, "dynamodb": details, "eventSourceARN": source}


def _patterns(criteria: dict[str, Any] | None) -> list[EventPattern]:
    texts = [filter_["Pattern"] for filter_ in (criteria or {}).get("Filters", [])]
    return [EventPattern(text, EventPatternParser(text).parse()) for text in texts]


def _matches(pattern: EventPattern, record: dict[str, Any]) -> bool:
    plain = json.loads(json.dumps(_as_sent(record, "")))
    return bool(pattern.matches_event(plain))


def _iso(moment: float) -> str:
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
