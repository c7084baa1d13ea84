"""One event on its way to one target of a rule.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.moto_api._internal import mock_random
from moto.sqs.models import sqs_backends

from embedded_aws.services import iam
from embedded_aws.services.cloudwatch.metrics import record
from embedded_aws.services.events.inputs import InvalidInputError, target_input
from embedded_aws.target_delivery import Delivery, Undeliverable


@dataclass(kw_only=True)
class EventDelivery(Delivery):
    """One event for one target of one rule."""

    service = "events.amazonaws.com"

    event: Mapping[str, Any]
    rule_arn: str
    escapes: bool = False  # whether values inside strings of an input template are escaped

    @property
    def source_arn(self) -> str:
        """The rule."""
        return self.rule_arn

    def hand_over(self) -> None:
        """Start the state machine, invoke the function, or send the queue a message."""
        arn = self.target["Arn"]
        service = arn.split(":")[2]
        if service not in {"states", "sqs", "lambda"}:
            raise Undeliverable("UNSUPPORTED_TARGET", f"no rehearsal for {arn}", is_final=True)
        body = self._input()
        if service == "sqs":
            self._send(arn, body, {})
            return
        if service == "lambda":
            self._invoke(arn, body)
            return
        # A new name for each attempt: delivery is at least once, and a lost response starts a
        # second execution.
        self.start_execution(body, name=f"{self.event['id']}_{mock_random.uuid4()}")

    def _input(self) -> str:
        try:
            return target_input(
                self.target,
                self.event,
                self.rule_arn,
                ingested=datetime.fromtimestamp(self.accepted, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                escapes=self.escapes,
            )
        except InvalidInputError as error:
            raise Undeliverable("INVALID_JSON", str(error), is_final=True) from error

    def _invoke(self, arn: str, body: str) -> None:
        """Invoke a function as EventBridge itself: only the function's own policy lets it in."""
        backend: Any = lambda_backends[arn.split(":")[4]][self.region]
        try:
            function = backend.get_function(arn)
        except UnknownFunctionException as unknown:
            message = f"no function {arn}"
            raise Undeliverable("RESOURCE_NOT_FOUND", message, is_final=True) from unknown
        statements = function.policy.statements
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        if not iam.is_authorized_as_service(
            self.service,
            "lambda:InvokeFunction",
            arn,
            source_arn=self.rule_arn,
            resource_policy=policy if statements else None,
        ):
            raise Undeliverable("NO_PERMISSIONS", f"{arn} refuses {self.service}", is_final=True)
        backend.accept(arn, None, body.encode())

    def give_up(self) -> None:
        """Count it, as CloudWatch does."""
        rule = {"RuleName": self.rule_arn.rsplit("/", 1)[-1]}
        record(self.rule_arn.split(":")[4], self.region, "AWS/Events", "FailedInvocations", rule)

    def send_dead_letter(
        self, queue_arn: str, failure: Undeliverable, attributes: Mapping[str, str]
    ) -> None:
        """Keep the event as it was."""
        ours = {"RULE_ARN": self.rule_arn, "ERROR_CODE": failure.code}
        self._send(queue_arn, json.dumps(self.event, ensure_ascii=False), {**ours, **attributes})

    def _send(self, queue_arn: str, body: str, attributes: Mapping[str, str]) -> None:
        """Send a message as EventBridge itself: only the queue's own policy lets it in."""
        account, name = queue_arn.split(":")[4:6]
        backend = sqs_backends[account][self.region]
        queue = backend.queues.get(name)
        if queue is None:
            raise Undeliverable("RESOURCE_NOT_FOUND", f"no queue {queue_arn}", is_final=True)
        if not iam.is_authorized_as_service(
            self.service,
            "sqs:SendMessage",
            queue_arn,
            source_arn=self.rule_arn,
            resource_policy=queue.policy,
        ):
            raise Undeliverable(
                "NO_PERMISSIONS", f"{queue_arn} refuses {self.service}", is_final=True
            )
        backend.send_message(
            name,
            body,
            message_attributes={
                key: {"DataType": "String", "StringValue": value}
                for key, value in attributes.items()
            },
        )
