"""Asynchronous invocations: two retries on the clock, and a destination for what stays undone.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException

from embedded_aws.clock import current
from embedded_aws.services import iam
from embedded_aws.services.awslambda.destinations import send_to_destination
from embedded_aws.services.awslambda.runtime import InvocationResult

RETRIES = 2
DELAYS = (60.0, 120.0)  # before the first and the second retry
LONGEST_AGE = 21_600.0
LONGEST_MESSAGE = 1024  # of a dead letter's ErrorMessage


@dataclass(kw_only=True)
class AsynchronousInvocation:
    """An event that was accepted for a function; `start` returns at once."""

    function: Callable[[], Any]  # returns the function as it is deployed when an attempt is made
    event: bytes
    accepted: float = field(default_factory=lambda: current().time())
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempts: int = 0

    def start(self) -> None:
        """Make the first attempt as soon as it is its turn."""
        current().call_at(current().time(), self._attempt)

    def _attempt(self) -> None:
        self.attempts += 1
        try:
            function = self.function()
        except UnknownFunctionException:
            return  # deleted meanwhile, with its settings: the event is lost
        result: InvocationResult
        try:
            result = function.run(self.event)
        except iam.TrustRefused as refused:
            payload = json.dumps({"errorMessage": str(refused)}).encode()
            result = InvocationResult(payload, "AccessDeniedException")
        settings = function.asynchronous_settings()
        if result.error_type is None:
            self._report(function, settings, "OnSuccess", "Success", result)
            return
        now = current().time()
        if self.attempts > int(settings.get("MaximumRetryAttempts", RETRIES)):
            self._report(function, settings, "OnFailure", "RetriesExhausted", result)
            return
        again = now + DELAYS[self.attempts - 1]
        if again - self.accepted > float(settings.get("MaximumEventAgeInSeconds", LONGEST_AGE)):
            self._report(function, settings, "OnFailure", "EventAgeExceeded", result)
            return
        current().call_at(again, self._attempt)

    def _report(
        self,
        function: Any,
        settings: dict[str, Any],
        kind: str,
        condition: str,
        result: InvocationResult,
    ) -> None:
        """Send the invocation's record to its destination, and a failed event to the queue."""
        if result.error_type:
            self._send_to_dead_letter_queue(function, result)
        config = settings.get("DestinationConfig") or {}
        destination = (config.get(kind) or {}).get("Destination")
        if not destination:
            return
        moment = datetime.fromtimestamp(current().time(), UTC).isoformat(timespec="milliseconds")
        response: dict[str, Any] = {"statusCode": 200, "executedVersion": str(function.version)}
        if result.error_type:
            response["functionError"] = "Unhandled"
        record = {
            "version": "1.0",
            "timestamp": moment.replace("+00:00", "Z"),
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": f"{function.function_arn}:{function.version}",
                "condition": condition,
                "approximateInvokeCount": self.attempts,
            },
            "requestPayload": json.loads(self.event),
            "responseContext": response,
            "responsePayload": json.loads(result.payload or b"null"),
        }
        send_to_destination(function, destination, record)

    def _send_to_dead_letter_queue(self, function: Any, result: InvocationResult) -> None:
        """Send the event as it was; https://docs.aws.amazon.com/lambda/latest/dg/dlq.html."""
        if not (arn := function.dead_letter.get("TargetArn")):
            return
        message = str(json.loads(result.payload).get("errorMessage", ""))
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": self.request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {
                "DataType": "String",
                "StringValue": message[:LONGEST_MESSAGE] or str(result.error_type),
            },
        }
        send_to_destination(function, arn, self.event.decode(), attributes)
