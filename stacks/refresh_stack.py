"""One environment: the table, the tasks, the two workflows and what starts them."""

import json

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.announcements import Announcements
from stacks.definition import refresh_values
from stacks.freshness import Freshness, Heartbeats
from stacks.grants import (
    allow_campaign_update,
    allow_check,
    allow_checking_data,
    allow_choosing_modes,
    allow_import,
    allow_judging,
    allow_making,
    allow_planning,
    allow_polling,
    allow_reading_executions,
    allow_recommender_update,
    allow_rows,
    allow_starting,
    allow_training,
    allow_trying,
)
from stacks.import_role import import_role_arn
from stacks.making import make_settings
from stacks.monitoring import Monitoring
from stacks.plan import plan_settings
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
        check_campaign = Task(self, "CheckCampaign", environment)
        allow_check(check_campaign.role, environment)
        variables = {"TABLE_NAME": table.table_name}
        create_import = Task(self, "CreateImport", environment, variables=variables)
        allow_import(create_import.role, environment, import_role_arn=import_role, table=table)
        create_solution_version = Task(
            self, "CreateSolutionVersion", environment, variables=variables
        )
        allow_training(create_solution_version.role, environment, table=table)
        update_campaign = Task(self, "UpdateCampaign", environment)
        allow_campaign_update(update_campaign.role, environment)
        update_recommender = update_recommender_task(self, environment)
        make_missing = make_missing_task(self, environment)
        choose_modes = Task(self, "ChooseModes", environment)
        allow_choosing_modes(choose_modes.role, environment)
        check_data = Task(self, "CheckData", environment, variables=variables)
        allow_checking_data(check_data.role, environment, table=table)
        judge_version = Task(self, "JudgeVersion", environment)
        allow_judging(judge_version.role, environment)
        try_campaign = Task(self, "TryCampaign", environment)
        allow_trying(try_campaign.role, environment)

        refresh = Workflow(
            self,
            "Refresh",
            environment,
            values=refresh_values(environment),
            named={
                "table_name": table.table_name,
                # no run of this environment comes to the state that calls what is not there
                **({} if make_missing else {"make_missing": "nothing-to-make"}),
                **({} if update_recommender else {"update_recommender": "no-recommender"}),
            },
            tasks=[
                check_campaign,
                *filter(None, [make_missing]),
                choose_modes,
                check_data,
                create_import,
                create_solution_version,
                judge_version,
                update_campaign,
                *filter(None, [update_recommender]),
                try_campaign,
            ],
        )
        allow_rows(refresh.role, environment, table=table)
        allow_polling(refresh.role, environment)
        allow_reading_executions(refresh.role, executions)

        plan_refresh = Task(
            self,
            "PlanRefresh",
            environment,
            variables={
                **variables,
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


def make_missing_task(stack: cdk.Stack, environment: Environment) -> Task | None:
    """Return the task that makes what the settings describe; None if they describe nothing."""
    settings = make_settings(environment)
    if not any(settings.values()):
        return None
    files = {"settings.json": json.dumps(settings)}
    task = Task(stack, "MakeMissing", environment, files=files)
    allow_making(task.role, environment)
    return task


def update_recommender_task(stack: cdk.Stack, environment: Environment) -> Task | None:
    """Return the task that looks after recommenders; None if the settings have none."""
    if not environment.recommenders:
        return None
    task = Task(stack, "UpdateRecommender", environment)
    allow_recommender_update(task.role, environment)
    return task


def mark(stack: cdk.Stack, environment: Environment) -> None:
    """Give all that is in the stack the environment's tags, and its roles their boundary."""
    for key, value in environment.tags.items():
        cdk.Tags.of(stack).add(key, value)
    if arn := environment.permissions_boundary:
        boundary = iam.ManagedPolicy.from_managed_policy_arn(stack, "PermissionsBoundary", arn)
        iam.PermissionsBoundary.of(stack).apply(boundary)
