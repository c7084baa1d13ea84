"""One environment: the table, the tasks, the two workflows and what starts them."""

import aws_cdk as cdk
from constructs import Construct

from stacks.definition import refresh_values
from stacks.grants import (
    allow_campaign_update,
    allow_check,
    allow_import,
    allow_planning,
    allow_polling,
    allow_reading_executions,
    allow_rows,
    allow_starting,
    allow_training,
)
from stacks.import_role import import_role_arn
from stacks.plan import plan_settings
from stacks.settings import Environment
from stacks.table import refresh_table
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
        executions = environment.arn("states", f"execution:{name}-refresh")
        table = refresh_table(self, environment)
        import_role = import_role_arn(self, environment)

        check_campaign = Task(self, "CheckCampaign", environment)
        allow_check(check_campaign.role, environment)
        create_import = Task(self, "CreateImport", environment)
        allow_import(create_import.role, environment, import_role_arn=import_role)
        create_solution_version = Task(self, "CreateSolutionVersion", environment)
        allow_training(create_solution_version.role, environment)
        update_campaign = Task(self, "UpdateCampaign", environment)
        allow_campaign_update(update_campaign.role, environment)

        refresh = Workflow(
            self,
            "Refresh",
            environment,
            state_machine_name=f"{name}-refresh",
            values=refresh_values(environment),
            table=table,
            tasks=[check_campaign, create_import, create_solution_version, update_campaign],
        )
        allow_rows(refresh.role, table)
        allow_polling(refresh.role, environment)
        allow_reading_executions(refresh.role, executions)

        plan_refresh = Task(
            self,
            "PlanRefresh",
            environment,
            variables={"TABLE_NAME": table.table_name, "REFRESH_EXECUTIONS": executions},
        )
        allow_planning(
            plan_refresh.role,
            environment,
            table=table,
            executions=executions,
            dispatch=f"{name}-dispatch",
        )
        dispatch = Workflow(
            self,
            "Dispatch",
            environment,
            state_machine_name=f"{name}-dispatch",
            values={"settings": plan_settings(environment, import_role_arn="${import_role_arn}")},
            tasks=[plan_refresh],
            substitutions={"refresh_workflow": refresh.arn, "import_role_arn": import_role},
        )
        allow_starting(dispatch.role, refresh)
        triggers = Triggers(self, "Triggers", dispatch=dispatch, environment=environment)

        for output, value in {
            "DispatchWorkflowArn": dispatch.arn,
            "RefreshWorkflowArn": refresh.arn,
            "TableName": table.table_name,
            "ImportRoleArn": import_role,
            "UndeliveredEventsUrl": triggers.undelivered.queue_url,
        }.items():
            cdk.CfnOutput(self, output, value=value)
