"""Who is told what the rows say: the table's stream, three tasks, the topics and the bus."""

import json
from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.announce_settings import announce_settings
from stacks.encryption import encryption_key
from stacks.grants import allow_announcing, allow_reading_changes, allow_recording_ends
from stacks.permissions import acknowledge
from stacks.settings import Environment
from stacks.sizes import glue_patterns
from stacks.task import Task
from stacks.triggers import DELIVERY_RETRIES, LONGEST_DELIVERY
from stacks.workflow import Workflow

ENDED_BADLY = ["FAILED", "ABORTED", "TIMED_OUT"]
GLUE_ENDED_BADLY = ["FAILED", "TIMEOUT", "STOPPED"]
# A batch waits for its slowest message: small ones keep what comes behind it from waiting long.
BATCH = 10
OF_A_RUN = {"dynamodb": {"NewImage": {"run_key": {"S": [{"exists": True}]}}}}
# The stream keeps a record for a day. AWS is rarely busy for six hours; then the queue has it.
OLDEST_RECORD = cdk.Duration.hours(6)


class Announcements(Construct):
    """The topics, and what sends events and messages; `follow` connects it to the table."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        environment: Environment,
        *,
        environment_name: str,
        table: dynamodb.ITable,
        refresh: Workflow,
        dispatch: Workflow,
        executions: str,
    ) -> None:
        """Make all but the mapping of the stream; `executions` are those of the refresh."""
        super().__init__(scope, name)
        self._environment = environment
        key = encryption_key(self, environment)
        self.topics = self._make_topics(key)
        self.unannounced = self._make_queue(key)
        settings = json.dumps(announce_settings(environment, environment_name))
        variables = {
            "TOPIC_ARN": self.topics[0].topic_arn,
            **({"CHAT_TOPIC_ARN": self.topics[1].topic_arn} if self.topics[1:] else {}),
            "UNANNOUNCED_URL": self.unannounced.queue_url,
        }
        with_table = {**variables, "TABLE_NAME": table.table_name}

        def task(construct: str, variables: dict[str, str]) -> Task:
            made = Task(
                self, construct, environment, variables=variables, files={"settings.json": settings}
            )
            allow_announcing(
                made.role, environment, topics=self.topics, unannounced=self.unannounced
            )
            return made

        self.announce = task("Announce", with_table)
        allow_reading_changes(self.announce.role, environment, table=table, executions=executions)
        record_end = task("RecordEnd", with_table)
        allow_recording_ends(record_end.role, environment, table=table)
        announce_failure = task("AnnounceFailure", variables)

        glue = glue_patterns(environment.glue_jobs, GLUE_ENDED_BADLY)
        rules = [
            self._rule("RefreshEnded", _ends_of(refresh), record_end),
            self._rule("DispatchFailed", _ends_of(dispatch), announce_failure),
            *(
                self._rule(f"GlueJobFailed{n if n > 1 else ''}", pattern, announce_failure)
                for n, pattern in enumerate(glue, 1)
            ),
        ]
        for called in (record_end, announce_failure):
            self._let_rules_call(called)
        self.unannounced.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                resources=[self.unannounced.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]}},
            )
        )

    def follow(self, scope: Construct, rows: dynamodb.Table) -> None:
        """Announce the changes of the table's rows, in the order of each campaign."""
        mapping = lambda_.CfnEventSourceMapping(
            scope,
            "Changes",
            function_name=self.announce.arn,
            event_source_arn=rows.table_stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=BATCH,
            # no queue's item, and no row of another program
            filter_criteria={"filters": [{"pattern": json.dumps(OF_A_RUN)}]},
            bisect_batch_on_function_error=True,
            maximum_record_age_in_seconds=OLDEST_RECORD.to_seconds(),
            maximum_retry_attempts=-1,  # bounded by the age: busy services are waited for
            function_response_types=["ReportBatchItemFailures"],
            destination_config={"onFailure": {"destination": self.unannounced.queue_arn}},
        )
        mapping.node.add_dependency(self)

    def _make_topics(self, key: kms.IKey | None) -> Sequence[sns.Topic]:
        """Make the topic for people, with the environment's subscribers, and that of the chat."""
        wanted = self._environment.notifications
        names = ["Notifications", *(["ChatNotifications"] if wanted.chat else [])]
        topics = [sns.Topic(self, name, enforce_ssl=True, master_key=key) for name in names]
        for number, subscriber in enumerate(wanted.subscribers, 1):
            sns.CfnSubscription(
                self,
                f"Subscriber{number}",
                topic_arn=topics[0].topic_arn,
                protocol=subscriber.protocol,
                endpoint=subscriber.endpoint,
                subscription_role_arn=subscriber.role,
            )
        return topics

    def _make_queue(self, key: kms.IKey | None) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "Unannounced",
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            encryption=sqs.QueueEncryption.KMS if key else None,
            encryption_master_key=key,
        )
        acknowledge(queue, "AwsSolutions-SQS3", "it is a dead-letter queue itself")
        return queue

    def _rule(self, name: str, pattern: dict[str, Any], called: Task) -> events.CfnRule:
        """Make a rule that calls a task; what cannot be delivered is kept in the queue."""
        properties = events.CfnRule
        return events.CfnRule(
            self,
            name,
            description=f"Calls {called.node.id}",
            event_pattern=pattern,
            targets=[
                properties.TargetProperty(
                    id="Task",
                    arn=called.arn,
                    dead_letter_config=properties.DeadLetterConfigProperty(
                        arn=self.unannounced.queue_arn
                    ),
                    retry_policy=properties.RetryPolicyProperty(
                        maximum_event_age_in_seconds=LONGEST_DELIVERY.to_seconds(),
                        maximum_retry_attempts=DELIVERY_RETRIES,
                    ),
                )
            ],
        )

    def _let_rules_call(self, called: Task) -> None:
        """Let the stack's rules call a task, and keep the events with which it fails."""
        stack = cdk.Stack.of(self)
        called.function.add_permission(
            "Rules",
            principal=iam.ServicePrincipal("events.amazonaws.com"),
            # their names begin with the stack's; 50 rules by name would be too long for the policy
            source_arn=self._environment.arn("events", f"rule/{stack.stack_name}-*"),
        )
        lambda_.CfnEventInvokeConfig(
            called,
            "Failures",
            function_name=called.function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=OLDEST_RECORD.to_seconds(),
            destination_config={"onFailure": {"destination": self.unannounced.queue_arn}},
        ).node.add_dependency(called.role)


def _ends_of(workflow: Workflow) -> dict[str, Any]:
    """Return the pattern of the bad ends of a workflow's executions."""
    return {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": [workflow.arn], "status": ENDED_BADLY},
    }
