"""A Step Functions workflow: its definition from statemachine/, its log, role and time limit."""

import json
from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.definition import definition
from stacks.log import log_group
from stacks.permissions import acknowledge
from stacks.settings import Environment


class Workflow(Construct):
    """The state machine of `statemachine/<file>`, by a name that people start it by.

    A placeholder `${name}` that is in `values` becomes that JSON value at synthesis; every other
    one becomes a string of `substitutions` at deployment.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        file: str,
        state_machine_name: str,
        environment: Environment,
        values: dict[str, Any],
        substitutions: dict[str, str],
    ) -> None:
        super().__init__(scope, name)
        text = json.dumps(definition(file, values), ensure_ascii=False)
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=state_machine_name,
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(text),
            definition_substitutions=substitutions,
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

    @property
    def arn(self) -> str:
        """The state machine's ARN."""
        return self.state_machine.state_machine_arn
