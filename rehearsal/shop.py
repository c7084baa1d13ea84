"""A shop with a deployed environment, whose campaigns serve last week's data."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from embedded_aws import (
    Call,
    Clock,
    Cloud,
    JobRunState,
    PersonalizeBehaviour,
    deploy,
    job_state_change,
    start,
)
from rehearsal.assembly import SynthesisedStack, dataset_type, datasets, recommends_actions
from rehearsal.preparation import prepare
from rehearsal.result import RefreshResult, cost, executions, resources_since, table_rows
from rehearsal.weekly_files import WeeklyFiles, upload

# The article's week: the Glue job ends on Monday, 28 September 2020, at ten in Seoul.
TODAY = datetime(2020, 9, 28, 1, tzinfo=UTC)
MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LAST_WEEK = TODAY.timestamp() - 7 * DAY
CANDIDATES = 40  # users of whom one is shown
SHOWN = 25  # recommendations a user


@dataclass(kw_only=True)
class Shop:
    """A deployed environment, and what may happen to it.

    Time stands still but in `later`, `settle` and `follow`, so that a caller does several things
    at one instant, however slow this computer is.
    """

    cloud: Cloud
    stack: SynthesisedStack
    outputs: Mapping[str, str]
    last_week: WeeklyFiles
    this_week: WeeklyFiles
    # How long last week's stages took, in simulated seconds: see preparation.prepare.
    usual: Mapping[str, float]
    # When the day's refresh began, in whole epoch seconds: AWS's own times are rounded too.
    began: int
    # What was recommended before the refresh, by user.
    before: dict[str, list[str]] = field(default_factory=dict)

    @property
    def behaviour(self) -> PersonalizeBehaviour:
        """Personalize's quotas, durations and planned failures."""
        return self.cloud.behaviour.personalize

    @property
    def settings(self) -> dict[str, Any]:
        """What the stack says its refreshes are."""
        return self.stack.settings

    @property
    def campaigns(self) -> list[dict[str, Any]]:
        """Every campaign and recommender of every refresh, as the stack's settings have it."""
        return [c for refresh in self.settings["refreshes"] for c in refresh["campaigns"]]

    @property
    def machines(self) -> dict[str, str]:
        """The state machines' ARNs by name."""
        arns = (self.outputs["DispatchWorkflowArn"], self.outputs["RefreshWorkflowArn"])
        return {arn.rsplit(":", 1)[-1]: arn for arn in arns}

    @property
    def run_id(self) -> str:
        """The id of the day's run of the Glue job."""
        return f"jr_{self.began:064x}"

    # What happens to it.

    def deliver(self) -> None:
        """Put this week's files in S3 and end the runs of the Glue jobs that wrote them."""
        users = self.last_week.users()[:CANDIDATES] if self.served() else []
        self.before = {user: self._recommended(user) for user in users}
        self.began = int(self.cloud.clock.time())
        self._upload()
        self.end_glue_runs()

    def end_glue_runs(self) -> None:
        """End today's runs of the Glue jobs with success."""
        for job in self.stack.glue_jobs:
            run = hashlib.sha256(f"{job} {self.began}".encode()).hexdigest()
            self.cloud.glue.end_run(job, f"jr_{run}")

    def send(self, *events: dict[str, Any]) -> None:
        """Send Glue events at the same moment, after this week's files were put in S3."""
        self._upload()
        for event in events:
            self.cloud.client("events").put_events(Entries=[event])

    def succeed(self, run_id: str = "") -> None:
        """Send the success of the first refresh's Glue job: of the day's run, or of another."""
        self.send(glue_event(self.stack.glue_jobs[0], run_id=run_id or self.run_id))

    def start(self, **request: Any) -> str:
        """Start the dispatch workflow as a person does; return the execution's ARN."""
        arn: str = self.cloud.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["DispatchWorkflowArn"], input=json.dumps(request)
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

    def pause(self, schedule: str, *, state: str = "DISABLED") -> None:
        """Disable the schedules whose names have this in them, or enable them, as a person does."""
        scheduler = self.cloud.client("scheduler")
        for each in scheduler.list_schedules()["Schedules"]:
            if schedule in each["Name"]:
                given = scheduler.get_schedule(Name=each["Name"])
                if given["State"] == state:
                    continue
                kept = {k: v for k, v in given.items() if k.startswith("ScheduleExpression")}
                scheduler.update_schedule(
                    Name=each["Name"],
                    FlexibleTimeWindow=given["FlexibleTimeWindow"],
                    Target=given["Target"],
                    State=state,
                    **kept,
                )

    # How time passes.

    @contextmanager
    def time_passing(self) -> Iterator[None]:
        """Let time pass inside the block."""
        self.cloud.clock.leave()
        try:
            yield
        finally:
            self.cloud.clock.enter()

    def settle(self) -> None:
        """Wait until everything has ended."""
        with self.time_passing():
            if not self.cloud.clock.wait_until_idle(timeout=120):
                raise TimeoutError("the cloud does not come to rest")

    def follow(self, watch: Callable[[list[dict[str, Any]]], None], every: float) -> None:
        """Wait until everything has ended; call `watch` with the rows, every so many seconds."""
        with self.time_passing():
            while not self.cloud.clock.wait_until_idle(every):
                watch(self.table_rows())
        watch(self.table_rows())

    def later(self, seconds: float) -> None:
        """Let simulated time pass; none: let what is due at this instant happen."""
        self.cloud.clock.sleep(seconds)

    def new_day(self) -> None:
        """Wait for the next day at eleven in Seoul, without any fault, and with all ended."""
        self.cloud.faults.clear()
        self.cloud.behaviour.reset()
        self.settle()
        since_one = (self.cloud.clock.time() - TODAY.timestamp()) % DAY
        self.later(DAY - since_one + HOUR)
        self.settle()
        self.began = int(self.cloud.clock.time())

    # What has come of it.

    def result(self) -> RefreshResult:
        """Wait until everything has ended; return all that has happened since `began`."""
        self.settle()
        ran = executions(self.cloud, self.machines, since=self.began)
        made = resources_since(self.cloud, self.began)
        size = sum(
            file.stat().st_size
            for dataset in datasets(self.settings)
            for file in self.this_week.of(dataset_type(dataset))
        )
        return {
            "executions": ran,
            "rows": self.rows(),
            "personalize": made,
            "recommendations": self._recommendations(),
            "cost": cost(ran, made, size),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the day's runs as plain values."""
        return [r for r in self.table_rows() if r.get("triggered_datetime", 0) >= self.began]

    def table_rows(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the table's rows since a date (20200928) as plain values."""
        return table_rows(self.cloud, self.outputs["TableName"], since)

    def is_complete(self) -> bool:
        """Whether every campaign of every refresh has a row of the day's run that is COMPLETE."""
        complete = [row for row in self.rows() if row.get("refresh_status") == "COMPLETE"]
        return len(complete) == len(self.campaigns)

    def served(self, campaign: int = 0) -> str:
        """Return the ARN of the solution version that a campaign serves (the first).

        Empty if it does not exist yet.
        """
        return self.served_versions()[self.campaigns[campaign]["campaign_name"]]

    def served_versions(self) -> dict[str, str]:
        """Return the ARN of the version that each campaign serves, by its name; "": no campaign.

        A recommender, which has no version, is there with its own ARN.
        """
        return {
            c["campaign_name"]: c.get("recommender_arn") or self._served(c["campaign_arn"])
            for c in self.campaigns
        }

    def _served(self, campaign_arn: str) -> str:
        personalize = self.cloud.client("personalize")
        try:
            described = personalize.describe_campaign(campaignArn=campaign_arn)["campaign"]
        except personalize.exceptions.ResourceNotFoundException:
            return ""
        return str(described["solutionVersionArn"])

    def calls(self) -> list[Call]:
        """Return the permission checks of deployed roles on this day."""
        return [call for call in self.cloud.calls if call.time >= self.began]

    def undelivered(self) -> int:
        """Count the messages in the dead-letter queue."""
        attributes = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs["UndeliveredEventsUrl"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    def item(self) -> dict[str, dict[str, str]]:
        """Return the table's only row as DynamoDB stores it."""
        table = self.outputs["TableName"]
        items: list[dict[str, dict[str, str]]]
        items = self.cloud.client("dynamodb").scan(TableName=table)["Items"]
        (row,) = (item for item in items if "run_key" in item)  # queues of full quotas have none
        return row

    def _upload(self) -> None:
        for dataset in datasets(self.settings):
            upload(self.cloud, dataset, self.this_week, self.settings["time_zone"])

    def _recommended(self, user: str) -> list[str]:
        runtime = self.cloud.client("personalize-runtime")
        first, wanted = self.campaigns[0], {"userId": user, "numResults": SHOWN}
        if "recommender_arn" in first:
            response = runtime.get_recommendations(
                recommenderArn=first["recommender_arn"], **wanted
            )
        elif recommends_actions(self.settings["refreshes"][0]):
            response = runtime.get_action_recommendations(
                campaignArn=first["campaign_arn"], **wanted
            )
            return [action["actionId"] for action in response["actionList"]]
        else:
            response = runtime.get_recommendations(campaignArn=first["campaign_arn"], **wanted)
        return [item["itemId"] for item in response["itemList"]]

    def _recommendations(self) -> dict[str, Any]:
        """Return those of the user to whom most new items are recommended; of any without one."""
        after = {user: self._recommended(user) for user in self.before}
        known = self.last_week.items()
        new = {user: [i for i in items if i not in known] for user, items in after.items()}
        user = max(new, key=lambda user: len(new[user]), default=None)
        first = self.campaigns[0]
        return {
            "campaign_arn": first.get("campaign_arn") or first["recommender_arn"],
            "user_id": user,
            "before": self.before[user] if user else [],
            "after": after[user] if user else [],
            "new_items": new[user] if user else [],
        }


@contextmanager
def open_shop(
    stack: SynthesisedStack,
    files: tuple[WeeklyFiles, WeeklyFiles],
    *,
    port: int = 0,
    say: Callable[[str], object] = lambda _: None,
    before_deployment: Callable[[Cloud], object] = lambda _: None,
) -> Iterator[Shop]:
    """Deploy a stack to a cloud of its own, with campaigns trained on last week's files.

    `files` are last week's and this week's. `say` is called with each step,
    `before_deployment` two minutes before TODAY, at which the clock stands afterwards.
    Raises PreparationError and embedded_aws.DeploymentError.
    """
    last_week, this_week = files
    clock = Clock(LAST_WEEK)
    with start(account=stack.account, region=stack.region, clock=clock, port=port) as cloud:
        say("Making the shop as it was last week, and training its campaigns …")
        usual = prepare(cloud, stack, last_week, say)
        with clock.running():
            clock.sleep(TODAY.timestamp() - 2 * MINUTE - clock.time())
            before_deployment(cloud)
            clock.sleep(MINUTE)
            say(f"Deploying {stack.name} …")
            outputs = deploy(stack.assembly, stack.name, cloud)
            clock.sleep(MINUTE)  # what the schedule starts at once has ended
            yield Shop(
                cloud=cloud,
                stack=stack,
                outputs=outputs,
                last_week=last_week,
                this_week=this_week,
                usual=usual,
                began=int(clock.time()),
            )


def glue_event(job: str, *, run_id: str, state: JobRunState = "SUCCEEDED") -> dict[str, Any]:
    """Return the PutEvents entry of a Glue job's end, in the shape in which Glue sends it."""
    return {
        "Source": "aws.glue",
        "DetailType": "Glue Job State Change",
        "Resources": [],
        "Detail": json.dumps(job_state_change(job, run_id, state)),
    }
