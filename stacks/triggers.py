"""What starts the dispatch workflow, and where an event lies that could not start it."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.encryption import allow_encryption, encryption_key
from stacks.permissions import acknowledge
from stacks.settings import Environment, Reconcile
from stacks.sizes import glue_patterns
from stacks.workflow import Workflow

LONGEST_DELIVERY = cdk.Duration.hours(24)
DELIVERY_RETRIES = 185  # EventBridge's most, and its default


class Triggers(Construct):
    """The rules on Glue's success and the schedule that looks for what was missed."""

    def __init__(
        self, scope: Construct, name: str, *, dispatch: Workflow, environment: Environment
    ) -> None:
        super().__init__(scope, name)
        key = encryption_key(self, environment)
        self.undelivered = sqs.Queue(
            self,
            "UndeliveredEvents",
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            encryption=sqs.QueueEncryption.KMS if key else None,
            encryption_master_key=key,
        )
        acknowledge(self.undelivered, "AwsSolutions-SQS3", "it is a dead-letter queue itself")
        target = targets.SfnStateMachine(
            dispatch.state_machine,
            # by its ARN, or CDK would give the queue's policy a statement for each rule
            dead_letter_queue=sqs.Queue.from_queue_arn(
                self, "DeadLetters", self.undelivered.queue_arn
            ),
            max_event_age=LONGEST_DELIVERY,
            retry_attempts=DELIVERY_RETRIES,
        )
        rules = [
            events.Rule(
                self,
                f"GlueJobSucceeded{number if number > 1 else ''}",
                description="Starts the dispatch workflow when a refresh's Glue job has succeeded",
                event_pattern=events.EventPattern(
                    source=pattern["source"],
                    detail_type=pattern["detail-type"],
                    detail=pattern["detail"],
                ),
                targets=[target],
            )
            for number, pattern in enumerate(glue_patterns(environment.glue_jobs), 1)
        ]
        self.undelivered.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                resources=[self.undelivered.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": [rule.rule_arn for rule in rules]}},
            )
        )
        if isinstance(environment.reconcile, Reconcile):
            scheduler.Schedule(
                self,
                "Reconcile",
                description="Looks for lost Glue events and for refreshes that died",
                schedule=scheduler.ScheduleExpression.expression(
                    environment.reconcile.schedule, cdk.TimeZone.of(environment.time_zone)
                ),
                target=scheduler_targets.StepFunctionsStartExecution(
                    dispatch.state_machine,
                    role=self._encrypting_role(environment),
                    input=scheduler.ScheduleTargetInput.from_object({"reconcile": True}),
                    dead_letter_queue=self.undelivered,
                    max_event_age=LONGEST_DELIVERY,
                    retry_attempts=DELIVERY_RETRIES,
                ),
            )

    def _encrypting_role(self, environment: Environment) -> iam.Role | None:
        """Return the schedule's role if it must encrypt for the queue; None for the CDK's own."""
        if environment.encryption_key is None:
            return None
        group = environment.arn("scheduler", "schedule-group/default")
        conditions = {
            "StringEquals": {"aws:SourceAccount": environment.account, "aws:SourceArn": group}
        }
        service = iam.ServicePrincipal("scheduler.amazonaws.com", conditions=conditions)
        role = iam.Role(self, "ReconcileRole", assumed_by=service)
        allow_encryption(role, environment, service="sqs")
        return role
