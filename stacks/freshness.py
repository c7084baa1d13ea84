"""How fresh the campaigns are, hour by hour; and alarms for schedules that no longer run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.alarms import HOUR, OPS, OURS, Bound, Metric, alarm
from stacks.grants import allow_checking_freshness
from stacks.permissions import allow
from stacks.plan import reconcile_period
from stacks.refresh_settings import Recommender
from stacks.settings import Environment, Reconcile
from stacks.task import Task

if TYPE_CHECKING:
    from check_freshness import FreshnessSettings

UNCHECKED, UNRECONCILED = "freshness-unchecked", "reconciliation-missing"
MISSED_CHECKS = 3
MOST_HOURS = 7 * 24  # CloudWatch looks back no further, by periods of an hour


class Freshness(Construct):
    """The task that measures the age of the watched campaigns, and an alarm for each of them.

    Without any such campaign there is neither: `check` is None.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        environment: Environment,
        *,
        environment_name: str,
        table: dynamodb.ITable,
        topics: Sequence[sns.Topic],
    ) -> None:
        super().__init__(scope, name)
        self.check: Task | None = None
        if not environment.watched:
            return
        settings = freshness_settings(environment, environment_name)
        self.check = Task(
            self,
            "CheckFreshness",
            environment,
            variables={"TABLE_NAME": table.table_name},
            files={"settings.json": json.dumps(settings)},
        )
        allow_checking_freshness(self.check.role, environment, table=table)
        wanted = environment.notifications.stale
        for campaign in environment.watched:
            is_recommender = isinstance(campaign, Recommender)
            hours = campaign.fresh_within_hours or 0
            dimensions = {"Environment": environment_name, "Campaign": campaign.name}
            alarm(
                self,
                stale(campaign.name),
                Metric(OURS, "HoursSinceLastComplete", dimensions, "Maximum"),
                # an hour without a measurement says nothing: `freshness-unchecked` tells of it
                Bound(
                    threshold=hours,
                    comparison="GreaterThanThreshold",
                    period=HOUR,
                    missing="missing",
                ),
                words=f"The {'recommender' if is_recommender else 'campaign'} {campaign.name} is "
                f"stale: its last COMPLETE refresh ended more than {hours} hours ago "
                "(fresh_within_hours); the datapoint is the number of hours. It "
                f"{'learns from old data' if is_recommender else 'serves its old version'}. "
                f"See why: {OPS} history {campaign.name} "
                f"--environment {environment_name}; and whether the Glue job has run.",
                section="stale",
                tell=topics if wanted else (),
                tell_when_good=True,
            )


class Heartbeats(Construct):
    """The hourly schedule, and the alarms for schedules that no longer run.

    It is made after the schedules that it watches: an alarm without any data would be red at once.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        environment: Environment,
        *,
        environment_name: str,
        check: Task | None,
        topics: Sequence[sns.Topic],
    ) -> None:
        super().__init__(scope, name)
        dimensions = {"Environment": environment_name}
        if check:
            schedule = self._hourly(check, environment)
            unchecked = alarm(
                self,
                UNCHECKED,
                Metric(OURS, "FreshnessChecks", dimensions),
                _silent(MISSED_CHECKS),
                words=f"For {MISSED_CHECKS} hours nothing has measured how fresh the campaigns "
                "are, so that no alarm would say that one is stale. See whether the schedule is "
                "enabled, and what the log of the function CheckFreshness says.",
                section=UNCHECKED,
                tell=topics,
            )
            unchecked.node.add_dependency(schedule)
        if hours := missed_after(environment):
            alarm(
                self,
                UNRECONCILED,
                Metric(OURS, "Reconciliations", dimensions),
                _silent(hours),
                words=f"For {hours} hours nothing has looked for lost Glue events and for "
                "refreshes that died. See whether the schedule Reconcile is enabled, and whether "
                "the dispatch workflow fails.",
                section=UNRECONCILED,
                tell=topics,
            )

    def _hourly(self, called: Task, environment: Environment) -> scheduler.CfnSchedule:
        """Call the task each hour; a call that is lost is not kept, as another one follows."""
        group = environment.arn("scheduler", "schedule-group/default")
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": environment.account,
                        "aws:SourceArn": group,
                    }
                },
            ),
        )
        allow(role, ["lambda:InvokeFunction"], [called.arn])
        schedule = scheduler.CfnSchedule(
            self,
            "CheckFreshness",
            description="Measures how fresh the campaigns are",
            schedule_expression="rate(1 hour)",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=called.arn,
                role_arn=role.role_arn,
                input=json.dumps({"now": "<aws.scheduler.scheduled-time>"}),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=HOUR, maximum_retry_attempts=10
                ),
            ),
        )
        schedule.node.add_dependency(role)
        return schedule


def freshness_settings(environment: Environment, name: str) -> FreshnessSettings:
    """Return the settings that are deployed with the task; `name` is the environment's."""
    return {
        "environment": name,
        "campaigns": [
            {"campaign_name": each.name, "recommender_arn": environment.recommender_arn(each)}
            if isinstance(each, Recommender)
            else {"campaign_name": each.name, "campaign_arn": environment.campaign_arn(each)}
            for each in environment.watched
        ],
    }


def missed_after(environment: Environment) -> int:
    """Return after how many hours without a reconciliation its schedule counts as stopped.

    That is after two, or a week; 0 if the schedule is so rare that CloudWatch cannot notice.
    """
    if not isinstance(environment.reconcile, Reconcile):
        return 0
    hours = math.ceil(reconcile_period(environment.reconcile) / HOUR)
    return min(2 * hours + 1, MOST_HOURS) if hours < MOST_HOURS else 0


def stale(campaign_name: str) -> str:
    """Return the name of a campaign's alarm."""
    return f"stale-{campaign_name}"


def names_of_alarms(environment: Environment) -> list[str]:
    """Return the names of all alarms that are made here."""
    watched = environment.watched
    return [
        *([UNRECONCILED] if missed_after(environment) else []),
        *([UNCHECKED] if watched else []),
        *[stale(campaign.name) for campaign in watched],
    ]


def _silent(hours: int) -> Bound:
    return Bound(comparison="LessThanThreshold", period=HOUR, periods=hours, missing="breaching")
