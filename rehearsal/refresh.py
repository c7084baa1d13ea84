"""The article's week: the Glue job delivers new data and succeeds, and the refresh follows."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded_aws.cloud import Cloud
from embedded_aws.services.glue.models import EndState, end_job_run, job_state_change
from rehearsal import outcome
from rehearsal.assembly import SynthesisedStack
from rehearsal.marketplace import Delivery, datasets, kind_of, put

CANDIDATES = 40  # users of whom one is shown
SHOWN = 25  # recommendations a user


@dataclass
class Refresh:
    """One rehearsed week of a deployed stack, in the cloud that it was deployed to."""

    cloud: Cloud
    stack: SynthesisedStack
    outputs: Mapping[str, str]
    last_week: Delivery
    this_week: Delivery
    began: float = 0.0
    before: dict[str, list[str]] = field(default_factory=dict)

    @property
    def machines(self) -> dict[str, str]:
        """The state machines' ARNs by name."""
        arns = (self.outputs["DispatchWorkflowArn"], self.outputs["RefreshWorkflowArn"])
        return {arn.rsplit(":", 1)[-1]: arn for arn in arns}

    @property
    def campaign_arn(self) -> str:
        """The campaign whose recommendations are shown: the first."""
        arn: str = self.stack.settings["refreshes"][0]["campaigns"][0]["campaign_arn"]
        return arn

    def start(self) -> None:
        """Put this week's files in S3 and end the runs of the Glue jobs that wrote them."""
        with self.cloud.clock.running():
            users = self.last_week.users()[:CANDIDATES]
            self.before = {user: self._recommended(user) for user in users}
            self.began = self.cloud.clock.time()
            for dataset in datasets(self.stack.settings):
                put(self.cloud, dataset, self.this_week)
            for job in self.stack.glue_jobs:
                run = hashlib.sha256(f"{job} {self.began}".encode()).hexdigest()
                end_job_run(self.cloud.account, self.cloud.region, job, run_id=f"jr_{run}")

    def follow(self, watch: Callable[[list[dict[str, Any]]], None], every: float) -> None:
        """Call `watch` with the table's rows until nothing runs any more, every so many seconds."""
        while not self.cloud.clock.wait_until_idle(every):
            watch(self.rows())
        watch(self.rows())

    def rows(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the table's rows since a date (20200928) as plain values."""
        return outcome.rows(self.cloud, self.outputs["TableName"], since)

    def outcome(self) -> outcome.Outcome:
        """Return everything that the refresh has done since it began."""
        ran = outcome.executions(self.cloud, self.machines, since=self.began)
        made = outcome.resources_since(self.cloud, self.began)
        delivered = sum(
            file.stat().st_size
            for dataset in datasets(self.stack.settings)
            for file in self.this_week.of(kind_of(dataset))
        )
        return {
            "executions": ran,
            "rows": [r for r in self.rows() if r.get("triggered_datetime", 0) >= int(self.began)],
            "personalize": made,
            "recommendations": self._recommendations(),
            "cost": outcome.cost(ran, made, delivered),
        }

    def is_complete(self) -> bool:
        """Whether every campaign of every refresh has a row of this run that is COMPLETE."""
        wanted = [c for r in self.stack.settings["refreshes"] for c in r["campaigns"]]
        complete = [row for row in self.rows() if row.get("refresh_status") == "COMPLETE"]
        return len(complete) == len(wanted)

    def _recommended(self, user: str) -> list[str]:
        answer = self.cloud.client("personalize-runtime").get_recommendations(
            campaignArn=self.campaign_arn, userId=user, numResults=SHOWN
        )
        return [item["itemId"] for item in answer["itemList"]]

    def _recommendations(self) -> dict[str, Any]:
        """Show the user to whom most new items are recommended now; any, if there are none."""
        with self.cloud.clock.running():
            after = {user: self._recommended(user) for user in self.before}
        known = self.last_week.items()
        fresh = {user: [i for i in items if i not in known] for user, items in after.items()}
        user = max(fresh, key=lambda user: len(fresh[user]), default=None)
        return {
            "campaign_arn": self.campaign_arn,
            "user_id": user,
            "before": self.before[user] if user else [],
            "after": after[user] if user else [],
            "new_items": fresh[user] if user else [],
        }


def glue_event(job: str, *, run_id: str, state: EndState = "SUCCEEDED") -> dict[str, Any]:
    """Return the PutEvents entry of a Glue job's end, in the shape in which Glue sends it."""
    return {
        "Source": "aws.glue",
        "DetailType": "Glue Job State Change",
        "Resources": [],
        "Detail": json.dumps(job_state_change(job, run_id, state)),
    }
