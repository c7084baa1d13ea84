"""One environment: the table, the tasks, the two workflows and what starts them."""

import json

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.announcements import Announcements
from stacks.definition import refresh_values
from stacks.freshness import Freshness, Heartbeats
from stacks.grants import (
    allow_planning,
    allow_polling,
    allow_reading_executions,
    allow_rows,
    allow_starting,
)
from stacks.import_role import import_role_arn
from stacks.monitoring import Monitoring
from stacks.plan import plan_settings
from stacks.refresh_tasks import absent_tasks, refresh_tasks
from stacks.settings import Environment
from stacks.table import named_table, refresh_table
from stacks.task import Task
from stacks.triggers import Triggers
from stacks.workflow import Workflow


class RefreshStack(cdk.Stack):
    """PersonalizeRefresh-<name>, made from one environment file."""

    def __init__(self, scope: Construct, name: str, *, environment: Environment) -> None:
        super().__init__(
            scope,
            name,
            env=cdk.Environment(account=environment.account, region=environment.region),
            description="Retrains Amazon Personalize campaigns when their Glue job has succeeded",
        )
        mark(self, environment)
        environment_name = name.removeprefix("PersonalizeRefresh-")
        executions = environment.arn("states", f"execution:{name}-refresh")
        table = named_table(self, environment)
        import_role = import_role_arn(self, environment)
        tasks = refresh_tasks(self, environment, import_role=import_role, table=table)
        refresh = Workflow(
            self,
            "Refresh",
            environment,
            values=refresh_values(environment),
            named={"table_name": table.table_name, **absent_tasks(tasks)},
            tasks=tasks,
        )
        allow_rows(refresh.role, environment, table=table)
        allow_polling(refresh.role, environment)
        allow_reading_executions(refresh.role, executions)

        plan_refresh = Task(
            self,
            "PlanRefresh",
            environment,
            variables={
                "TABLE_NAME": table.table_name,
                "REFRESH_EXECUTIONS": executions,
                "IMPORT_ROLE_ARN": import_role,
                "ENVIRONMENT_NAME": environment_name,
            },
            # the role's ARN may be known at deployment only: it is a variable
            files={"settings.json": json.dumps(plan_settings(environment, import_role_arn=""))},
        )
        allow_planning(
            plan_refresh.role, environment, table=table, executions=executions, stack=name
        )
        dispatch = Workflow(
            self,
            "Dispatch",
            environment,
            named={"refresh_workflow": refresh.arn},
            tasks=[plan_refresh],
        )
        allow_starting(dispatch.role, refresh)
        announcements = Announcements(
            self,
            "Announcements",
            environment,
            environment_name=environment_name,
            table=table,
            refresh=refresh,
            dispatch=dispatch,
            executions=executions,
        )
        topics = announcements.topics
        freshness = Freshness(
            self,
            "Freshness",
            environment,
            environment_name=environment_name,
            table=table,
            topics=topics,
        )
        rows = refresh_table(self, environment, after=self.node.children)
        announcements.follow(self, rows)
        triggers = Triggers(self, "Triggers", dispatch=dispatch, environment=environment)
        triggers.node.add_dependency(rows)
        Monitoring(
            self,
            "Monitoring",
            environment,
            refresh=refresh,
            dispatch=dispatch,
            announce=announcements.announce,
            undelivered=triggers.undelivered,
            unannounced=announcements.unannounced,
            environment_name=environment_name,
            topics=topics,
        )
        heartbeats = Heartbeats(
            self,
            "Heartbeats",
            environment,
            environment_name=environment_name,
            check=freshness.check,
            topics=topics,
        )
        heartbeats.node.add_dependency(triggers)

        for output, value in {
            "DispatchWorkflowArn": dispatch.arn,
            "RefreshWorkflowArn": refresh.arn,
            "TableName": rows.table_name,
            "ImportRoleArn": import_role,
            "UndeliveredEventsUrl": triggers.undelivered.queue_url,
            "UnannouncedEventsUrl": announcements.unannounced.queue_url,
            **{f"{topic.node.id}TopicArn": topic.topic_arn for topic in announcements.topics},
        }.items():
            cdk.CfnOutput(self, output, value=value)


def mark(stack: cdk.Stack, environment: Environment) -> None:
    """Give all that is in the stack the environment's tags, and its roles their boundary."""
    for key, value in environment.tags.items():
        cdk.Tags.of(stack).add(key, value)
    if arn := environment.permissions_boundary:
        boundary = iam.ManagedPolicy.from_managed_policy_arn(stack, "PermissionsBoundary", arn)
        iam.PermissionsBoundary.of(stack).apply(boundary)
