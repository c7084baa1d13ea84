"""Event source mappings: what polls a DynamoDB stream and invokes a function with its records.

Records reach the function in the order of the writes, batch by batch. A batch that fails is tried
again, with back-off on the clock, until it succeeds, is discarded, or its records are trimmed.
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

import threading
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import EventSourceMapping
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import StreamShard
from moto.moto_api._internal import mock_random

from embedded_aws.clock import Alarm, current
from embedded_aws.services import iam
from embedded_aws.services.awslambda.destinations import send_to_destination
from embedded_aws.services.awslambda.runtime import InvocationResult
from embedded_aws.services.awslambda.stream_events import event, first_failed, iso, let_through
from embedded_aws.services.cloudwatch.metrics import record
from embedded_aws.services.dynamodb.stream_reader import StreamReader, Unreadable, cannot_access
from embedded_aws.services.dynamodb.streams import KEPT_SECONDS, arrival, records

DEFAULT_BATCH = 100
# Lambda repeats a failed batch with exponential back-off, and keeps the numbers to itself.
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
REFUSED_DELAY = 300.0  # assumed, too: until a stream is tried again that the role may not read
READS = ("DescribeStream", "GetShardIterator", "GetRecords")
CALL_FAILED = "PROBLEM: Function call failed"


def check_access(role_arn: str, stream_arn: str) -> None:
    """Refuse a mapping of a function whose role may not read the stream, as Lambda does."""
    allowed = [
        iam.is_authorized(role_arn, f"dynamodb:{action}", stream_arn, {}) for action in READS
    ]
    allowed.append(iam.is_authorized(role_arn, "dynamodb:ListStreams", stream_arn, {}))
    if not all(allowed):
        raise JsonRESTError("InvalidParameterValueException", cannot_access(stream_arn))


def current_shard(stream_arn: str) -> StreamShard | None:
    """Return a stream's only shard; None once the stream or its table is gone."""
    _, _, _, region, account, resource = stream_arn.split(":", 5)
    _, name, _, label = resource.split("/", 3)
    table = dynamodb_backends[account][region].tables.get(name)
    return table.stream_shard if table and table.latest_stream_label == label else None


@dataclass
class Poller:
    """The part of a mapping that reads; one for each mapping of a DynamoDB stream."""

    mapping: EventSourceMapping
    function: Any  # a callable that returns the function, as it is deployed now
    reader: StreamReader
    result: str = "No records processed"
    attempts: int = 0
    size: int | None = None  # of the next batch, while one that failed is split
    _read: list[dict[str, Any]] = field(default_factory=list)  # and not yet done
    _since: float | None = None  # when the first of them was read
    _alarm: Alarm | None = field(default=None, repr=False)
    _is_filling: bool = False  # the alarm is the end of the batching window
    _is_busy: bool = False
    _is_called: bool = False  # while it was busy
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def wake(self) -> None:
        """Read soon: there are new records, or the mapping was enabled."""
        with self._lock:
            if self._is_busy:
                self._is_called = True
            elif self._alarm is None or self._is_filling:
                self._plan(0.0)

    def _plan(self, delay: float) -> None:
        # the new alarm first: without any, time could pass
        last, self._alarm = self._alarm, current().call_at(current().time() + delay, self._poll)
        self._is_filling = False
        if last:
            last.cancel()

    def _poll(self) -> None:
        with self._lock:
            if self._is_busy:  # it waits for its function: one batch of a shard at a time
                self._is_called = True
                return
            self._is_busy, self._alarm, self._is_called = True, None, False
        delay: float | None = None
        try:
            self._is_filling = False
            delay = self._step()
        finally:
            with self._lock:
                self._is_busy = False
                if delay is not None or self._is_called:
                    is_filling = self._is_filling
                    self._plan(0.0 if delay is None or (is_filling and self._is_called) else delay)
                    self._is_filling = is_filling

    def _step(self) -> float | None:
        """Read and process one batch; return in how many seconds to go on, None for nothing."""
        shard = current_shard(self.mapping.event_source_arn)
        if shard is None or not self.mapping.enabled:
            return None
        self._drop_trimmed()
        try:
            function = self.function()
            if len(self._read) < self._wanted and self._is_behind(shard):
                self._fill(function, shard)
        except UnknownFunctionException:
            self.result = CALL_FAILED
            return REFUSED_DELAY if self._read or self._is_behind(shard) else None
        except Unreadable as unreadable:
            self.result = str(unreadable)
            return REFUSED_DELAY if unreadable.is_refused else FIRST_DELAY
        if not self._read:
            return 0.0 if self._is_behind(shard) else None
        if left := self._window_left():
            self._is_filling = True
            return left
        return self._process(function, self._read[: self._wanted])

    @property
    def _wanted(self) -> int:
        return self.size or self.mapping.batch_size or DEFAULT_BATCH

    def _is_behind(self, shard: StreamShard) -> bool:
        start = self.reader.next_number - shard.starting_sequence_number
        return bool(records(shard, start, 1))

    def _drop_trimmed(self) -> None:
        oldest = current().time() - KEPT_SECONDS
        if self._read and arrival(self._read[0]) < oldest:
            self._read = [each for each in self._read if arrival(each) >= oldest]
            self.attempts, self.size = 0, None

    def _fill(self, function: Any, shard: StreamShard) -> None:
        """Read on; records that no filter lets through are done with."""
        found = self.reader.read(function.role, function.function_arn, shard.id)
        source = self.mapping.event_source_arn
        self._read += let_through(self.mapping.filter_criteria, found, source)
        if self._read and self._since is None:
            self._since = current().time()

    def _window_left(self) -> float:
        """Return for how long to wait for more records, which only a new batch does."""
        is_new = not self.attempts and self.size is None
        if not is_new or self._since is None or len(self._read) >= self._wanted:
            return 0.0
        end = self._since + float(self.mapping.max_batch_window or 0)
        return max(0.0, end - current().time())

    def _process(self, function: Any, batch: list[dict[str, Any]]) -> float:
        """Invoke the function; return in how many seconds to go on."""
        longest = self.mapping.max_record_age
        if longest not in {None, -1} and current().time() - arrival(batch[0]) > int(longest):
            self._discard(function, batch[:1], "RecordAgeExceeded", None)
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
        result: InvocationResult = function.run(event(batch, self.mapping.event_source_arn))
        is_partial = "ReportBatchItemFailures" in (self.mapping.function_response_types or [])
        failed_from = first_failed(batch, result, is_partial=is_partial)
        if failed_from is None:
            self.result = "OK"
            self._advance(len(batch))
            return 0.0
        self.result = CALL_FAILED
        if failed_from:  # those before it are done
            self._advance(failed_from)
            return FIRST_DELAY
        return self._try_again(function, batch, result)

    def _try_again(
        self, function: Any, batch: list[dict[str, Any]], result: InvocationResult
    ) -> float:
        most = self.mapping.max_retry_attempts
        if self.mapping.bisect_on_error and len(batch) > 1:
            self.size, self.attempts = (len(batch) + 1) // 2, 0  # splitting is no retry
            return FIRST_DELAY
        if most not in {None, -1} and self.attempts > int(most):
            self._discard(function, batch, "RetryAttemptsExhausted", result)
            return 0.0
        return min(FIRST_DELAY * 2.0 ** (self.attempts - 1), LONGEST_DELAY)

    def _advance(self, done: int) -> None:
        del self._read[:done]
        self.attempts, self.size = 0, None
        if not self._read:
            self._since = None

    def _discard(
        self,
        function: Any,
        batch: list[dict[str, Any]],
        condition: str,
        result: InvocationResult | None,
    ) -> None:
        """Give up records; tell the destination which they were, but not what they say."""
        shard = current_shard(self.mapping.event_source_arn)
        first, last = batch[0]["dynamodb"], batch[-1]["dynamodb"]
        message: dict[str, Any] = {
            "requestContext": {
                "requestId": str(mock_random.uuid4()),
                "functionArn": self.mapping.function_arn,
                "condition": condition,
                "approximateInvokeCount": self.attempts,
            },
            "version": "1.0",
            "timestamp": iso(current().time()),
            "DDBStreamBatchInfo": {
                "shardId": shard.id if shard else "",
                "startSequenceNumber": first["SequenceNumber"],
                "endSequenceNumber": last["SequenceNumber"],
                "approximateArrivalOfFirstRecord": iso(arrival(batch[0])),
                "approximateArrivalOfLastRecord": iso(arrival(batch[-1])),
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
            send_to_destination(function, arn, message)
