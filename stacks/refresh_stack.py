"""One environment: the table, the four tasks, the two workflows and the rule that starts them."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.definition import refresh_values
from stacks.import_role import import_role_arn
from stacks.log import removal_policy
from stacks.permissions import acknowledge, allow
from stacks.plan import import_job_prefix, plan_settings
from stacks.settings import Environment, Provisioned, Reconcile
from stacks.task import Task
from stacks.workflow import Workflow

NAMED_BY_RUN = "its name ends in the date and key of a run"
NAMED_BY_PERSONALIZE = "Personalize gives a solution version its id when the training begins"


class RefreshStack(cdk.Stack):
    """PersonalizeRefresh-<name>, made from one environment file."""

    def __init__(self, scope: Construct, name: str, *, environment: Environment) -> None:
        super().__init__(
            scope,
            name,
            env=cdk.Environment(account=environment.account, region=environment.region),
            description="Retrains Amazon Personalize campaigns when their Glue job has succeeded",
        )
        campaign_arns = [environment.campaign_arn(c) for c in environment.campaigns]
        solution_arns = [environment.solution_arn(c) for c in environment.campaigns]
        # IAM's reference has one resource type for a solution and its versions: what is called on a
        # version may be judged on either's ARN
        version_arns = solution_arns + [f"{arn}/*" for arn in solution_arns]
        dataset_arns = [environment.dataset_arn(d) for d in environment.datasets]
        import_job_arns = [
            environment.arn("personalize", f"dataset-import-job/{import_job_prefix(d)}-*")
            for d in environment.datasets
        ]
        executions = environment.arn("states", f"execution:{name}-refresh:*")

        table = _table(self, environment)
        role_arn = import_role_arn(self, environment)

        create_import = Task(self, "CreateImport", module="create_import", environment=environment)
        allow(
            create_import.role,
            ["personalize:CreateDatasetImportJob"],
            dataset_arns + import_job_arns,
            wildcard=NAMED_BY_RUN,
        )
        allow(
            create_import.role,
            ["personalize:DescribeDatasetImportJob"],
            import_job_arns,
            wildcard=NAMED_BY_RUN,
        )
        allow(
            create_import.role,
            ["iam:PassRole"],
            [role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "personalize.amazonaws.com"}},
        )

        create_solution_version = Task(
            self,
            "CreateSolutionVersion",
            module="create_solution_version",
            environment=environment,
        )
        allow(
            create_solution_version.role,
            [
                "personalize:CreateSolutionVersion",
                "personalize:DescribeSolutionVersion",
                "personalize:StopSolutionVersionCreation",
            ],
            version_arns,
            wildcard=NAMED_BY_PERSONALIZE,
        )
        allow(
            create_solution_version.role,
            ["personalize:ListSolutionVersions"],
            ["*"],
            wildcard="Personalize's List calls are authorised on no resource",
        )

        update_campaign = Task(
            self, "UpdateCampaign", module="update_campaign", environment=environment
        )
        allow(
            update_campaign.role,
            ["personalize:DescribeCampaign", "personalize:UpdateCampaign"],
            campaign_arns,
        )
        allow(
            update_campaign.role,
            ["personalize:DescribeSolutionVersion"],
            version_arns,
            wildcard=NAMED_BY_PERSONALIZE,
        )

        refresh = Workflow(
            self,
            "Refresh",
            file="refresh.asl.yaml",
            state_machine_name=f"{name}-refresh",
            environment=environment,
            values=refresh_values(environment),
            substitutions={
                "table_name": table.table_name,
                "create_import": create_import.arn,
                "create_solution_version": create_solution_version.arn,
                "update_campaign": update_campaign.arn,
            },
        )
        allow(
            refresh.role,
            ["lambda:InvokeFunction"],
            [create_import.arn, create_solution_version.arn, update_campaign.arn],
        )
        allow(
            refresh.role,
            ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
            [table.table_arn],
        )
        allow(
            refresh.role,
            ["personalize:DescribeDatasetImportJob"],
            import_job_arns,
            wildcard=NAMED_BY_RUN,
        )
        allow(
            refresh.role,
            ["personalize:DescribeSolutionVersion", "personalize:StopSolutionVersionCreation"],
            version_arns,
            wildcard=NAMED_BY_PERSONALIZE,
        )
        allow(refresh.role, ["personalize:DescribeCampaign"], campaign_arns)
        allow(refresh.role, ["states:DescribeExecution"], [executions], wildcard=NAMED_BY_RUN)

        plan_refresh = Task(
            self,
            "PlanRefresh",
            module="plan_refresh",
            environment=environment,
            variables={
                "TABLE_NAME": table.table_name,
                "REFRESH_EXECUTIONS": executions.removesuffix(":*"),
            },
        )
        allow(plan_refresh.role, ["dynamodb:Query"], [table.table_arn])
        allow(plan_refresh.role, ["states:DescribeExecution"], [executions], wildcard=NAMED_BY_RUN)

        dispatch = Workflow(
            self,
            "Dispatch",
            file="dispatch.asl.yaml",
            state_machine_name=f"{name}-dispatch",
            environment=environment,
            values={"settings": plan_settings(environment, import_role_arn="${import_role_arn}")},
            substitutions={
                "plan_refresh": plan_refresh.arn,
                "refresh_workflow": refresh.arn,
                "import_role_arn": role_arn,
            },
        )
        allow(dispatch.role, ["lambda:InvokeFunction"], [plan_refresh.arn])
        allow(dispatch.role, ["states:StartExecution"], [refresh.arn])

        undelivered = sqs.Queue(
            self,
            "UndeliveredEvents",
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(undelivered, "AwsSolutions-SQS3", "it is the dead-letter queue of the rule")
        events.Rule(
            self,
            "GlueJobSucceeded",
            description="Starts the dispatch workflow when a refresh's Glue job has succeeded",
            event_pattern=events.EventPattern(
                source=["aws.glue"],
                detail_type=["Glue Job State Change"],
                detail={"state": ["SUCCEEDED"], "jobName": environment.glue_jobs},
            ),
            targets=[
                targets.SfnStateMachine(
                    dispatch.state_machine,
                    dead_letter_queue=undelivered,
                    max_event_age=cdk.Duration.hours(24),
                    retry_attempts=185,
                )
            ],
        )
        if isinstance(environment.reconcile, Reconcile):
            allow(
                plan_refresh.role,
                ["glue:GetJobRuns"],
                [environment.arn("glue", f"job/{job}") for job in environment.glue_jobs],
            )
            scheduler.Schedule(
                self,
                "Reconcile",
                description="Looks for lost Glue events and for refreshes that died",
                schedule=scheduler.ScheduleExpression.expression(
                    environment.reconcile.schedule, cdk.TimeZone.of(environment.time_zone)
                ),
                target=scheduler_targets.StepFunctionsStartExecution(
                    dispatch.state_machine,
                    input=scheduler.ScheduleTargetInput.from_object({"reconcile": True}),
                    dead_letter_queue=undelivered,
                    max_event_age=cdk.Duration.hours(24),
                    retry_attempts=185,
                ),
            )
        for output, value in {
            "DispatchWorkflowArn": dispatch.arn,
            "RefreshWorkflowArn": refresh.arn,
            "TableName": table.table_name,
            "ImportRoleArn": role_arn,
            "UndeliveredEventsUrl": undelivered.queue_url,
        }.items():
            cdk.CfnOutput(self, output, value=value)


def _table(scope: Construct, environment: Environment) -> dynamodb.Table:
    capacity = environment.table.capacity
    provisioned = capacity if isinstance(capacity, Provisioned) else None
    billing = dynamodb.BillingMode
    table = dynamodb.Table(
        scope,
        "Table",
        table_name=environment.table.name,
        partition_key=dynamodb.Attribute(name="campaign_name", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="base_date", type=dynamodb.AttributeType.NUMBER),
        billing_mode=billing.PROVISIONED if provisioned else billing.PAY_PER_REQUEST,
        read_capacity=provisioned.read if provisioned else None,
        write_capacity=provisioned.write if provisioned else None,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        deletion_protection=environment.removal_policy == "retain",
        removal_policy=removal_policy(environment),
    )
    if provisioned:
        table.auto_scale_write_capacity(
            min_capacity=provisioned.write, max_capacity=provisioned.max_write
        ).scale_on_utilization(target_utilization_percent=70)
    return table
