"""A Step Functions workflow: its definition from statemachine/, its log, role and time limit."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.definition import definition
from stacks.log import log_group
from stacks.permissions import acknowledge, allow
from stacks.settings import Environment
from stacks.task import Task


class Workflow(Construct):
    """The state machine of `statemachine/<name>.asl.yaml`, which people start by <stack>-<name>.

    A placeholder `${name}` that is in `values` becomes that JSON value at synthesis. Every other
    one becomes a string at deployment: the ARN of a task's version, or one of `named`. The
    workflow may call every version of its tasks.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        environment: Environment,
        *,
        tasks: Sequence[Task],
        named: Mapping[str, str],
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(scope, name)
        state_machine_name = f"{cdk.Stack.of(self).stack_name}-{name.lower()}"
        machine = definition(
            f"{name.lower()}.asl.yaml", {"partition": environment.partition, **(values or {})}
        )
        text = json.dumps(machine, ensure_ascii=False)
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=state_machine_name,
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(text),
            definition_substitutions={
                **{task.module: task.version_arn for task in tasks},
                **named,
            },
            tracing_enabled=True,
            logs=sfn.LogOptions(
                # under this prefix the log delivery's resource policy cannot outgrow its limit
                destination=log_group(
                    self, environment, f"/aws/vendedlogs/states/{state_machine_name}"
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
        )

        self.role = self.state_machine.role
        acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "X-Ray segments and the delivery of a workflow's log have no resource to name",
        )
        allow(self.role, ["lambda:InvokeFunction"], [f"{task.arn}:*" for task in tasks])
        for task in tasks:
            acknowledge(
                self.role,
                f"AwsSolutions-IAM5[Resource::<{task.logical_id}.Arn>:*]",
                "an execution goes on calling the versions that were deployed when it started",
            )

    @property
    def arn(self) -> str:
        """The state machine's ARN."""
        return self.state_machine.state_machine_arn
