"""Definitions of state machines: what is refused, and what an update changes."""

import json
from typing import Any

import pytest

from tests.embedded_aws.state_machines import (
    DONE,
    ROLE,
    WAIT,
    Machines,
    refused,
)


@pytest.mark.parametrize(
    ("states", "why"),
    [
        ({"A": {"Type": "Pass", "Next": "Nowhere"}}, "Nowhere"),
        ({"A": {"Type": "Pass"}}, "A"),
        ({"A": {"Type": "Pass", "End": True}, "B": {"Type": "Pass", "End": True}}, "B"),
        ({"A": {"Type": "Pass", "End": True, "Colour": "red"}}, "Colour"),
        ({"A": {"Type": "Pass", "End": True, "Output": "{% 1 + %}"}}, "1 +"),
        ({"A": {"Type": "Pass", "End": True, "Output": "{% $ %}"}}, "'$'"),
        ({"A": {"Type": "Pass", "End": True, "Output": "{% $$.a %}"}}, "'$$'"),
        ({"A": {"Type": "Pass", "End": True, "Output": "{% name.first %}"}}, "'name'"),
        ({"A": {"Type": "Wait", "Seconds": -1, "End": True}}, "Seconds"),
        (
            {
                "A": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::aws-sdk:personalize:describeCampaign",
                    "Arguments": {"campaignArn": "x"},
                    "End": True,
                }
            },
            'The field "campaignArn" is not supported by Step Functions',
        ),
        (
            {
                "A": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::dynamodb:getItem",
                    "Arguments": {"TableName": "t", "Key": {}, "Colour": "red"},
                    "End": True,
                }
            },
            'The field "Colour" is not supported by Step Functions',
        ),
    ],
)
def test_a_definition_that_cannot_work_is_refused_at_creation(
    machines: Machines, states: dict[str, Any], why: str
) -> None:
    code, message = refused(lambda: machines.create(states))
    assert code == "InvalidDefinition"
    assert why in message


@pytest.mark.parametrize("definition", ["no json", "[]", "{}"])
def test_a_definition_that_is_not_a_state_machine_is_refused(
    machines: Machines, definition: str
) -> None:
    create = machines.client.create_state_machine
    code, _ = refused(lambda: create(name="m", definition=definition, roleArn=ROLE))
    assert code == "InvalidDefinition"


def test_a_machine_is_created_once_and_its_name_cannot_be_used_for_another(
    machines: Machines,
) -> None:
    one, other = (
        json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}, "Comment": text})
        for text in ("one", "other")
    )
    create = machines.client.create_state_machine
    first = create(name="m", definition=one, roleArn=ROLE)["stateMachineArn"]
    assert create(name="m", definition=one, roleArn=ROLE)["stateMachineArn"] == first
    code, _ = refused(lambda: create(name="m", definition=other, roleArn=ROLE))
    assert code == "StateMachineAlreadyExists"


def test_an_update_is_checked_like_a_creation(machines: Machines) -> None:
    arn = machines.create(DONE)
    update = machines.client.update_state_machine
    assert refused(lambda: update(stateMachineArn=arn, definition="{}"))[0] == "InvalidDefinition"


def test_context_names_are_allowed_where_there_is_a_context(machines: Machines) -> None:
    expression = "{% $states.input.xs[$ > 1 and $ < 9].($ * 10) ~> $map(function($v) { $v }) %}"
    ended = machines.run({"A": {"Type": "Succeed", "Output": expression}}, {"xs": [1, 2, 3, 10]})
    assert ended.output == [20, 30]


def test_an_update_does_not_change_running_executions(machines: Machines) -> None:
    arn = machines.create(
        WAIT | {"Wait": WAIT["Wait"] | {"Output": "old"}}, Comment="the old definition"
    )
    with machines.clock.running():
        execution = machines.start(arn)
        machines.client.update_state_machine(
            stateMachineArn=arn,
            definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        )
        used = machines.client.describe_state_machine_for_execution(executionArn=execution)
        assert json.loads(used["definition"])["Comment"] == "the old definition"
    machines.settle()
    assert machines.look(execution).output == "old"
    new = machines.start(arn)
    machines.settle()
    assert machines.look(new).output == {}
