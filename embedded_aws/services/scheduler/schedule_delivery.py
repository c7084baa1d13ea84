"""One occurrence of a schedule on its way to the state machine or function that it starts.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError
from moto.moto_api._internal import mock_random

from embedded_aws.clients import client
from embedded_aws.services.cloudwatch.metrics import record
from embedded_aws.target_delivery import Delivery, Undeliverable


@dataclass(kw_only=True)
class ScheduleDelivery(Delivery):
    """One time at which a schedule invokes its target; `accepted` is that time."""

    service = "scheduler.amazonaws.com"

    schedule_arn: str
    body: str = ""
    execution_id: str = ""

    @property
    def source_arn(self) -> str:
        """The schedule's group: AWS says that a trust policy must not name a single schedule.

        https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
        """
        return group_arn(self.schedule_arn)

    def hand_over(self) -> None:
        """Start the state machine, with a name that it gets there, or invoke the function."""
        self.execution_id = mock_random.get_random_hex(16)
        group = {"ScheduleGroup": self.source_arn.rsplit("/", 1)[-1]}
        account = self.schedule_arn.split(":")[4]
        record(account, self.region, "AWS/Scheduler", "InvocationAttemptCount", group)
        self.body = self._input()
        arn = self.target["Arn"]
        service = arn.split(":")[2]
        if service == "states":
            self.start_execution(self.body)
        elif service == "lambda":
            self.invoke_function(self.body)
        else:
            raise Undeliverable("UNSUPPORTED_TARGET", f"no rehearsal for {arn}", is_final=True)

    def send_dead_letter(
        self, queue_arn: str, failure: Undeliverable, attributes: Mapping[str, str]
    ) -> None:
        """Send what the target was to get, under the target's role."""
        account, name = queue_arn.split(":")[4:6]
        ours = {
            "SCHEDULE_ARN": self.schedule_arn,
            "SCHEDULED_TIME": self._time,
            "EXECUTION_ID": self.execution_id,
            "ERROR_CODE": failure.target_code,  # Scheduler quotes the target's own
            "IS_PAYLOAD_TRUNCATED": "false",
        }
        try:
            client("sqs", self.region, self.assume_role()).send_message(
                QueueUrl=f"{os.environ['AWS_ENDPOINT_URL']}/{account}/{name}",
                MessageBody=self.body,
                MessageAttributes={
                    key: {"DataType": "String", "StringValue": value}
                    for key, value in {**ours, **attributes}.items()
                },
            )
        except (ClientError, BotoCoreError) as error:
            raise Undeliverable("UNDELIVERABLE", str(error), is_final=True) from error

    @property
    def _time(self) -> str:
        return datetime.fromtimestamp(self.accepted, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _input(self) -> str:
        """Return the target's Input with its keywords replaced, or the default notification."""
        if "Input" not in self.target:
            notification = {
                "version": "0",
                "id": str(mock_random.uuid4()),
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": self.schedule_arn.split(":")[4],
                "time": self._time,
                "region": self.region,
                "resources": [self.schedule_arn],
                "detail": "{}",
            }
            return json.dumps(notification)
        text = str(self.target["Input"])
        keywords = {
            "schedule-arn": self.schedule_arn,
            "scheduled-time": self._time,
            "execution-id": self.execution_id,
            "attempt-number": str(self.attempts),
        }
        for keyword, value in keywords.items():
            text = text.replace(f"<aws.scheduler.{keyword}>", value)
        return text


def group_arn(schedule_arn: str) -> str:
    """Return the ARN of a schedule's group."""
    prefix, group, _ = schedule_arn.split("/")
    return f"{prefix}-group/{group}"
