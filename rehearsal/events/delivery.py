"""One event on its way to one target: attempts, retries on the clock, the dead-letter queue.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.moto_api._internal import mock_random
from moto.sqs.models import sqs_backends

from rehearsal import iam
from rehearsal.clients import client
from rehearsal.clock import current
from rehearsal.events.inputs import target_input

SERVICE = "events.amazonaws.com"
# AWS's defaults, in seconds and attempts after the first.
DEFAULT_AGE = 86_400
DEFAULT_RETRIES = 185
# AWS backs off exponentially "with jitter", and keeps the numbers to itself.
FIRST_DELAY = 5.0
LONGEST_DELAY = 600.0
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException"}


class Undeliverable(Exception):
    """An attempt that failed, and whether another may succeed."""

    def __init__(self, code: str, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.code = code
        self.is_final = is_final


@dataclass
class Delivery:
    """One event for one target of one rule."""

    event: Mapping[str, Any]
    target: Mapping[str, Any]
    rule_arn: str
    accepted: float  # simulated, epoch seconds
    attempts: int = 0

    def attempt(self) -> None:
        """Hand the event over, or plan the next attempt, or give it up."""
        self.attempts += 1
        try:
            self._start()
        except Undeliverable as failure:
            self._retry_or_bury(failure)

    @property
    def _region(self) -> str:
        return self.rule_arn.split(":")[3]

    def _start(self) -> None:
        arn = self.target["Arn"]
        service = arn.split(":")[2]
        if service not in {"states", "sqs"}:
            raise Undeliverable("UNSUPPORTED_TARGET", f"no rehearsal for {arn}", is_final=True)
        body = target_input(self.target, self.event, self.rule_arn)
        if service == "sqs":
            self._send(arn, body, {})
            return
        if not (role := self.target.get("RoleArn")):
            raise Undeliverable("NO_PERMISSIONS", "the target has no RoleArn", is_final=True)
        try:
            credentials = iam.assume_role_as_service(
                role, service=SERVICE, source_arn=self.rule_arn, region=self._region
            )
        except iam.TrustRefused as refused:
            raise Undeliverable("NO_PERMISSIONS", str(refused), is_final=True) from None
        try:
            client("stepfunctions", self._region, credentials).start_execution(
                stateMachineArn=arn,
                # A new name for each attempt: delivery is at least once, and a lost answer
                # starts a second execution.
                name=f"{self.event['id']}_{mock_random.uuid4()}",
                input=body,
            )
        except ClientError as error:
            raise _failure(error) from error
        except BotoCoreError as error:  # the connection broke: the answer may be lost
            raise Undeliverable("SDK_CLIENT_ERROR", str(error), is_final=False) from error

    def _retry_or_bury(self, failure: Undeliverable) -> None:
        policy = self.target.get("RetryPolicy", {})
        longest = float(policy.get("MaximumEventAgeInSeconds", DEFAULT_AGE))
        retries = int(policy.get("MaximumRetryAttempts", DEFAULT_RETRIES))
        delay = min(FIRST_DELAY * 2 ** (self.attempts - 1), LONGEST_DELAY)
        now = current().time()
        exhausted = None
        if not failure.is_final:
            if self.attempts > retries:
                exhausted = "MaximumRetryAttempts"
            elif now + delay - self.accepted > longest:
                exhausted = "MaximumEventAgeInSeconds"
            else:
                current().call_at(now + delay, self.attempt)
                return
        self._bury(failure, exhausted)

    def _bury(self, failure: Undeliverable, exhausted: str | None) -> None:
        queue = self.target.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            return  # dropped, as on AWS
        attributes = {
            "RULE_ARN": self.rule_arn,
            "TARGET_ARN": self.target["Arn"],
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": str(failure),
            "RETRY_ATTEMPTS": str(self.attempts - 1),
        }
        if exhausted:
            attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
        try:
            self._send(queue, json.dumps(self.event, ensure_ascii=False), attributes)
        except Undeliverable:
            return  # the queue does not let EventBridge in: noted in the cloud's calls

    def _send(self, queue_arn: str, body: str, attributes: Mapping[str, str]) -> None:
        """Send a message as EventBridge itself: only the queue's own policy lets it in."""
        account, name = queue_arn.split(":")[4:6]
        backend = sqs_backends[account][self._region]
        queue = backend.queues.get(name)
        if queue is None:
            raise Undeliverable("RESOURCE_NOT_FOUND", f"no queue {queue_arn}", is_final=True)
        if not iam.is_authorized_as_service(
            SERVICE,
            "sqs:SendMessage",
            queue_arn,
            source_arn=self.rule_arn,
            resource_policy=queue.policy,
        ):
            raise Undeliverable("NO_PERMISSIONS", f"{queue_arn} refuses {SERVICE}", is_final=True)
        backend.send_message(
            name,
            body,
            message_attributes={
                key: {"DataType": "String", "StringValue": value}
                for key, value in attributes.items()
            },
        )


def _failure(error: ClientError) -> Undeliverable:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code == "AccessDeniedException":
        return Undeliverable("NO_PERMISSIONS", message, is_final=True)
    if code == "StateMachineDoesNotExist":
        return Undeliverable("RESOURCE_NOT_FOUND", message, is_final=True)
    if code in _THROTTLED:
        return Undeliverable("THROTTLING", message, is_final=False)
    if error.response["ResponseMetadata"]["HTTPStatusCode"] in range(500, 600):
        return Undeliverable("INTERNAL_ERROR", message, is_final=False)
    return Undeliverable("INVALID_REQUEST", message, is_final=True)
