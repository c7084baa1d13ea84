"""What watches an environment: its alarms and its dashboard.

The freshness of campaigns, and schedules that no longer run, are watched by stacks/freshness.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.alarms import OPS, Bound, Metric, alarm, alarm_name, let_alarms_publish
from stacks.dashboard import Shown, dashboard_body
from stacks.freshness import names_of_alarms
from stacks.settings import Environment
from stacks.task import Task
from stacks.workflow import Workflow

MINUTE = 60
LATE = 15 * MINUTE  # Lambda reads the stream several times a second
# The tasks and the workflow repeat what was throttled: only what lasts can fail a refresh.
A_QUARTER_OF_AN_HOUR = Bound(periods=3)
ENDS = {
    "failed": ("ExecutionsFailed", "failed"),
    "aborted": ("ExecutionsAborted", "was stopped by a person or a program"),
    "timed-out": ("ExecutionsTimedOut", "took longer than its time limit"),
}


class Monitoring(Construct):
    """The alarms on executions, queues, the table and what announces; and the dashboard."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        environment: Environment,
        *,
        environment_name: str,
        refresh: Workflow,
        dispatch: Workflow,
        announce: Task,
        undelivered: sqs.IQueue,
        unannounced: sqs.IQueue,
        topics: Sequence[sns.Topic],
    ) -> None:
        """Make them; `topics` get a message from those alarms that nothing else tells of."""
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        self._here = f" --environment {environment_name}"
        for topic in topics:
            let_alarms_publish(topic, environment)
        alarms = [
            *self._executions("refresh", refresh, "The campaign serves its old version."),
            *self._executions("dispatch", dispatch, "It may have started no refresh."),
            self._queue(
                "events-undelivered",
                undelivered,
                "Events that should have started refreshes could not be delivered",
                topics,
            ),
            self._queue(
                "changes-unannounced",
                unannounced,
                "Changes of rows, or ends of executions and Glue runs, could not be announced",
                topics,
            ),
            *self._throttles(environment.table.name, topics),
            alarm(
                self,
                "announcements-late",
                Metric("AWS/Lambda", "IteratorAge", _function(announce), "Maximum"),
                Bound(threshold=LATE * 1000),
                words="Changes of rows have waited for longer than 15 minutes to be announced, so "
                "events and messages are late. Read the log of the function Announce, and fix what "
                "it names.",
                section="announcements-late",
                tell=topics,
            ),
        ]
        arns = [each.attr_arn for each in alarms] + [
            environment.arn("cloudwatch", f"alarm:{alarm_name(self, each)}")
            for each in names_of_alarms(environment)
        ]
        shown = Shown(
            environment=environment_name,
            region=environment.region,
            table=environment.table.name,
            workflows={"refresh": refresh.arn, "dispatch": dispatch.arn},
            queues={"undelivered": undelivered.queue_name, "unannounced": unannounced.queue_name},
            functions={
                task.node.id: task.function.function_name
                for task in scope.node.find_all()
                if isinstance(task, Task)
            },
            alarms=arns,
        )
        cloudwatch.CfnDashboard(
            self,
            "Dashboard",
            dashboard_name=stack.stack_name,
            dashboard_body=stack.to_json_string(dashboard_body(shown)),
        )

    def _executions(
        self, name: str, workflow: Workflow, consequence: str
    ) -> list[cloudwatch.CfnAlarm]:
        """Make the alarms on bad ends. They send nothing: each such end is announced already."""
        return [
            alarm(
                self,
                f"{name}-{end}",
                Metric("AWS/States", metric, {"StateMachineArn": workflow.arn}),
                Bound(),
                words=f"An execution of the {name} workflow {happened}. {consequence} See why, and "
                f"the next command: {OPS} explain EXECUTION{self._here}.",
                section=f"{name}-failed-{name}-aborted-{name}-timed-out",
            )
            for end, (metric, happened) in ENDS.items()
        ]

    def _queue(
        self, name: str, queue: sqs.IQueue, what: str, topics: Sequence[sns.Topic]
    ) -> cloudwatch.CfnAlarm:
        return alarm(
            self,
            name,
            Metric(
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                {"QueueName": queue.queue_name},
                "Maximum",
            ),
            Bound(),
            words=f"{what}. They are kept for 14 days. List them with their reasons: {OPS} "
            f"undelivered{self._here}. Fix the cause, then replay them: {OPS} replay"
            f"{self._here}.",
            section=name,
            tell=topics,
        )

    def _throttles(self, table: str, topics: Sequence[sns.Topic]) -> list[cloudwatch.CfnAlarm]:
        return [
            alarm(
                self,
                f"table-{kind}s-throttled",
                Metric("AWS/DynamoDB", f"{kind.title()}ThrottleEvents", {"TableName": table}),
                A_QUARTER_OF_AN_HOUR,
                words=f"DynamoDB has throttled {kind}s of the table {table} for a quarter of an "
                f"hour; refreshes may fail. Raise table.capacity ({setting}) in the settings, or "
                "set it to on_demand, and deploy.",
                section="table-reads-throttled-table-writes-throttled",
                tell=topics,
            )
            for kind, setting in (("read", "read"), ("write", "max_write"))
        ]


def _function(task: Task) -> dict[str, str]:
    return {"FunctionName": task.function.function_name}
