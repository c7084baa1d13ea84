"""Delivery to one target: attempts under its role, retries on the clock, the dead-letter queue.

What EventBridge's rules and EventBridge Scheduler have in common; each adds what it sends to the
target and to the dead-letter queue.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.clients import Credentials, client
from embedded_aws.clock import current
from embedded_aws.services import iam

# AWS's defaults, in seconds and attempts after the first.
DEFAULT_AGE = 86_400
DEFAULT_RETRIES = 185
# AWS backs off exponentially "with jitter", and keeps the numbers to itself.
FIRST_DELAY = 5.0
LONGEST_DELAY = 600.0
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException"}


class Undeliverable(Exception):
    """An attempt that failed, and whether another may succeed.

    `code` is EventBridge's word for it, `target_code` that of the service that refused.
    """

    def __init__(
        self, code: str, message: str, *, is_final: bool, target_code: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.target_code = target_code or code
        self.is_final = is_final


@dataclass(kw_only=True)
class Delivery(ABC):
    """One thing for one target, whose RetryPolicy and DeadLetterConfig are respected."""

    service: ClassVar[str]  # which assumes the target's role

    target: Mapping[str, Any]
    accepted: float  # simulated, epoch seconds
    attempts: int = 0

    @property
    @abstractmethod
    def source_arn(self) -> str:
        """The rule or schedule that delivers, as the role's trust policy sees it."""

    @property
    def region(self) -> str:
        """Where the source is."""
        return self.source_arn.split(":")[3]

    @abstractmethod
    def hand_over(self) -> None:
        """Make one attempt; raise Undeliverable if it fails."""

    @abstractmethod
    def send_dead_letter(
        self, queue_arn: str, failure: Undeliverable, attributes: Mapping[str, str]
    ) -> None:
        """Send a dead letter to a queue; Undeliverable if the queue refuses."""

    def give_up(self) -> None:  # noqa: B027 - not every service measures it
        """Measure that nothing was delivered, with a dead-letter queue or without."""

    def attempt(self) -> None:
        """Deliver, or plan the next attempt, or send a dead letter."""
        self.attempts += 1
        try:
            self.hand_over()
        except Undeliverable as failure:
            self._retry_or_give_up(failure)

    def start_execution(self, body: str, **name: str) -> None:
        """Start the state machine that is the target, under the target's role."""
        try:
            client("stepfunctions", self.region, self.assume_role()).start_execution(
                stateMachineArn=self.target["Arn"], input=body, **name
            )
        except ClientError as error:
            raise _failure(error) from error
        except BotoCoreError as error:  # the connection broke: the response may be lost
            raise Undeliverable("SDK_CLIENT_ERROR", str(error), is_final=False) from error

    def invoke_function(self, body: str) -> None:
        """Invoke the function that is the target, asynchronously, under the target's role."""
        try:
            client("lambda", self.region, self.assume_role()).invoke(
                FunctionName=self.target["Arn"], InvocationType="Event", Payload=body.encode()
            )
        except ClientError as error:
            raise _failure(error) from error
        except BotoCoreError as error:
            raise Undeliverable("SDK_CLIENT_ERROR", str(error), is_final=False) from error

    def assume_role(self) -> Credentials:
        """Start a session of the target's role; Undeliverable if its trust policy refuses."""
        if not (role := self.target.get("RoleArn")):
            raise Undeliverable("NO_PERMISSIONS", "the target has no RoleArn", is_final=True)
        try:
            return iam.assume_role_as_service(
                role, service=self.service, source_arn=self.source_arn, region=self.region
            )
        except iam.TrustRefused as refused:
            raise Undeliverable("NO_PERMISSIONS", str(refused), is_final=True) from None

    def _retry_or_give_up(self, failure: Undeliverable) -> None:
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
        self.give_up()
        self._send_to_dead_letter_queue(failure, exhausted)

    def _send_to_dead_letter_queue(self, failure: Undeliverable, exhausted: str | None) -> None:
        queue = self.target.get("DeadLetterConfig", {}).get("Arn")
        if not queue:
            return  # dropped, as on AWS
        attributes = {
            "TARGET_ARN": self.target["Arn"],
            "ERROR_MESSAGE": str(failure),
            "RETRY_ATTEMPTS": str(self.attempts - 1),
        }
        if exhausted:
            attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
        try:
            self.send_dead_letter(queue, failure, attributes)
        except Undeliverable:
            return  # the queue is closed to the sender: noted in the cloud's calls


def _failure(error: ClientError) -> Undeliverable:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    ours, is_final = "INVALID_REQUEST", True
    if code == "AccessDeniedException":
        ours = "NO_PERMISSIONS"
    elif code in {"StateMachineDoesNotExist", "ResourceNotFoundException"}:
        ours = "RESOURCE_NOT_FOUND"
    elif code in _THROTTLED:
        ours, is_final = "THROTTLING", False
    elif error.response["ResponseMetadata"]["HTTPStatusCode"] in range(500, 600):
        ours, is_final = "INTERNAL_ERROR", False
    return Undeliverable(ours, message, is_final=is_final, target_code=code)
