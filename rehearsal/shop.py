"""A shop to try things in: a deployed environment whose campaigns serve last week's data."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from embedded_aws import cloud as clouds
from embedded_aws.clock import Clock
from embedded_aws.deploy import deploy
from embedded_aws.services.glue.models import GlueBehaviour, glue_backend
from embedded_aws.services.iam import Call
from embedded_aws.services.personalize.behaviour import Behaviour
from embedded_aws.services.personalize.models import personalize_backend
from rehearsal import marketplace
from rehearsal.assembly import SynthesisedStack
from rehearsal.marketplace import Delivery
from rehearsal.outcome import Outcome
from rehearsal.refresh import Refresh, glue_event

# The article's week: the Glue job ends on Monday, 28 September 2020, at ten in Seoul.
TODAY = datetime(2020, 9, 28, 1, tzinfo=UTC)
HOUR = 3600.0
DAY = 24 * HOUR
LAST_WEEK = TODAY.timestamp() - 7 * DAY


@dataclass
class Shop:
    """A deployed environment, and what may happen to it.

    Time stands still but in `later` and `settle`, so that whoever does several things does them at
    one instant, however slow this computer is.
    """

    refresh: Refresh
    behaviour: Behaviour

    @property
    def cloud(self) -> clouds.Cloud:
        """The cloud that the environment is deployed to."""
        return self.refresh.cloud

    @property
    def settings(self) -> dict[str, Any]:
        """What the stack says its refreshes are."""
        return self.refresh.stack.settings

    def new_day(self) -> None:
        """Wait for the next day at eleven in Seoul, with nothing wrong any more and all ended."""
        self.cloud.faults.clear()
        vars(self.behaviour).update(vars(Behaviour()))
        vars(glue_backend(self.cloud.account, self.cloud.region).behaviour).update(
            vars(GlueBehaviour())
        )
        self.settle()
        since_one = (self.cloud.clock.time() - TODAY.timestamp()) % DAY
        self.later(DAY - since_one + HOUR)
        self.settle()
        self.refresh.began = self.cloud.clock.time()

    def send(self, *events: dict[str, Any]) -> None:
        """Send Glue events at the same moment, after this week's files were put in S3."""
        for dataset in marketplace.datasets(self.settings):
            marketplace.put(self.cloud, dataset, self.refresh.this_week)
        for event in events:
            self.cloud.client("events").put_events(Entries=[event])

    @property
    def run_id(self) -> str:
        """The id of the day's run of the Glue job."""
        return f"jr_{int(self.refresh.began):064x}"

    def succeed(self, run_id: str = "") -> None:
        """Let the Glue job of the first refresh succeed: the day's run, or another."""
        self.send(glue_event(self.refresh.stack.glue_jobs[0], run_id=run_id or self.run_id))

    def start(self, **request: Any) -> str:
        """Start the dispatch workflow as a person does; return the execution's ARN."""
        arn: str = self.cloud.client("stepfunctions").start_execution(
            stateMachineArn=self.refresh.outputs["DispatchWorkflowArn"],
            input=json.dumps(request),
        )["executionArn"]
        return arn

    def ask(self, **request: Any) -> dict[str, Any]:
        """Start the dispatch workflow as a person does; return its execution, all ended."""
        arn = self.start(**request)
        self.settle()
        execution: dict[str, Any] = self.cloud.client("stepfunctions").describe_execution(
            executionArn=arn
        )
        return execution

    def settle(self) -> None:
        """Let everything end."""
        self.cloud.clock.leave()
        try:
            if not self.cloud.clock.wait_until_idle(timeout=120):
                raise TimeoutError("the cloud does not come to rest")
        finally:
            self.cloud.clock.enter()

    def outcome(self) -> Outcome:
        """Let everything end, and return what it has done since `send`."""
        self.settle()
        return self.refresh.outcome()

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the day's runs as plain values."""
        return [
            row
            for row in self.refresh.rows()
            if row.get("triggered_datetime", 0) >= int(self.refresh.began)
        ]

    def later(self, seconds: float) -> None:
        """Let simulated time pass; none: let what is due at this instant happen."""
        self.cloud.clock.sleep(seconds)

    def calls(self) -> list[Call]:
        """Return what deployed roles were judged for on this day."""
        return [call for call in self.cloud.calls if call.time >= self.refresh.began]

    def undelivered(self) -> int:
        """Count what lies in the dead-letter queue."""
        attributes = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=self.refresh.outputs["UndeliveredEventsUrl"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    def served(self, campaign: int = 0) -> str:
        """Return the ARN of the version that a campaign of the first refresh serves."""
        arn = self.settings["refreshes"][0]["campaigns"][campaign]["campaign_arn"]
        described = self.cloud.client("personalize").describe_campaign(campaignArn=arn)
        version: str = described["campaign"]["solutionVersionArn"]
        return version

    def item(self) -> dict[str, dict[str, str]]:
        """Return the table's only row as DynamoDB stores it."""
        table = self.refresh.outputs["TableName"]
        (item,) = self.cloud.client("dynamodb").scan(TableName=table)["Items"]
        stored: dict[str, dict[str, str]] = item
        return stored


@contextmanager
def open_shop(stack: SynthesisedStack, deliveries: tuple[Delivery, Delivery]) -> Iterator[Shop]:
    """Deploy a stack to a cloud of its own, with campaigns trained on the first delivery.

    The second one is this week's. The clock stands at TODAY.
    """
    last_week, this_week = deliveries
    clock = Clock(LAST_WEEK)
    with clouds.start(account=stack.account, region=stack.region, clock=clock) as cloud:
        marketplace.prepare(cloud, stack.settings, last_week)
        with clock.running():
            clock.sleep(TODAY.timestamp() - clock.time())
            outputs = deploy(stack.assembly, stack.name, cloud)
            behaviour = personalize_backend(stack.account, stack.region).behaviour
            refresh = Refresh(cloud, stack, outputs, last_week, this_week, began=clock.time())
            yield Shop(refresh, behaviour)
