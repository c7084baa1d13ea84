"""Definitions of state machines: what is refused, and what an update changes."""

import json
from typing import Any

import pytest

from embedded_aws import moto_changes
from embedded_aws.services.stepfunctions import jsonata
from embedded_aws.services.stepfunctions.checks import problems
from tests.embedded_aws.state_machines import (
    CAUGHT,
    DONE,
    ROLE,
    WAIT,
    Machines,
    caught,
    each,
    invoke,
    parallel,
    refused,
    task,
)


@pytest.mark.parametrize(
    ("states", "why"),
    [
        ({"A": {"Type": "Pass", "Next": "Nowhere"}}, "Nowhere"),
        ({"A": {"Type": "Pass"}}, "A"),
        ({"A": {"Type": "Pass", "End": True}, "B": {"Type": "Pass", "End": True}}, "B"),
        ({"A": {"Type": "Pass", "End": True, "Colour": "red"}}, "Colour"),
        ({"A": {"Type": "Pass", "End": True, "Output": "{% 1 + %}"}}, "Unexpected end"),
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


@pytest.mark.parametrize("branches", [5, [5], {"A": 5}, "A"])
def test_a_definition_whose_branches_are_no_list_of_machines_has_problems(branches: Any) -> None:
    states = {"All": {"Type": "Parallel", "Branches": branches, "End": True}}
    assert problems(json.dumps({"StartAt": "All", "States": states}))


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


END = {"Type": "Pass", "End": True}
LONG = 81 * "n"
# Each definition with the code, the message and the place of AWS's refusal. The texts are AWS's
# where public reports quote them (states, targets, States.ALL, JSONata), else the cloud's own.
REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"A": task("aws-sdk:glue:startJobRun.sync", {"JobName": "j"})},
        "SCHEMA_VALIDATION_FAILED: The resource provided "
        "arn:aws:states:::aws-sdk:glue:startJobRun.sync is not recognized. The value is not a "
        "valid resource ARN, or the resource is not available in this region. at "
        "/States/A/Resource",
    ),
    (
        {"A": invoke("f", Catch=caught("States.ALL") + caught("Mine")), **CAUGHT},
        "SCHEMA_VALIDATION_FAILED: States.ALL must appear alone and at end of list at "
        "/States/A/Catch[0]/ErrorEquals[0]",
    ),
    (
        {"A": invoke("f", Retry=[{"ErrorEquals": ["Mine", "States.ALL"]}])},
        "SCHEMA_VALIDATION_FAILED: States.ALL must appear alone and at end of list at "
        "/States/A/Retry[0]/ErrorEquals[1]",
    ),
    (
        {
            "A": invoke(
                "f",
                Retry=[{"ErrorEquals": ["M"], "IntervalSeconds": 10, "MaxDelaySeconds": 10}],
            )
        },
        "MaxDelaySeconds must be greater than IntervalSeconds at "
        "/States/A/Retry[0]/MaxDelaySeconds",
    ),
    (
        {"A": invoke("f", Retry=[{"ErrorEquals": ["M"], "MaxDelaySeconds": 31622400}])},
        "MaxDelaySeconds must be less than 31622400 at /States/A/Retry[0]/MaxDelaySeconds",
    ),
    (
        {LONG: END},
        f"INVALID_STATE_NAME: Invalid State name: State '{LONG}' exceeds the 80-character limit "
        f"allowed by the service at /States/{LONG}",
    ),
    ({"A": END | {"Assign": {"states": 1}}}, "'states' is not supported: it is reserved"),
    ({"A": END | {"Assign": {"a-b": 1}}}, "at /States/A/Assign/a-b"),
    ({"A": END | {"Assign": {"_a": 1}}}, "at /States/A/Assign/_a"),
    ({"A": END | {"Assign": {LONG: 1}}}, f"at /States/A/Assign/{LONG}"),
    (
        {"A": invoke("f", Catch=[caught("M")[0] | {"Assign": {"a b": 1}}]), **CAUGHT},
        "at /States/A/Catch[0]/Assign/a b",
    ),
    (
        {"A": END | {"Output": "{% $states.result %}"}},
        "UNSUPPORTED_JSONATA_EXPRESSION: Field '$states.result' does not exist. at "
        "/States/A/Output",
    ),
    (
        {"A": invoke("f", "{% $states.result %}")},
        "Field '$states.result' does not exist. at /States/A/Arguments/Payload",
    ),
    (
        {"A": invoke("f", Output="{% $states.errorOutput %}")},
        "Field '$states.errorOutput' does not exist. at /States/A/Output",
    ),
    (
        {"A": END | {"Output": {"x": ["{% 1"]}}},
        "is not enclosed in {% and %} at /States/A/Output/x[0]",
    ),
    ({"A": END | {"Output": "1 %}"}}, "is not enclosed in {% and %} at /States/A/Output"),
    (
        {"A": END | {"Output": "{% $states.input.a ?? 1 %}"}},
        'INVALID_JSONATA_EXPRESSION: The symbol "?" cannot be used as a unary operator at '
        "/States/A/Output",
    ),
    (
        {"A": END | {"Output": "{% $states.input.a ?: 1 %}"}},
        'INVALID_JSONATA_EXPRESSION: The symbol ":" cannot be used as a unary operator',
    ),
    (
        {"A": END | {"Output": "{% phone %}"}},
        "UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. "
        "at /States/A/Output",
    ),
    (
        {"A": END | {"Output": "{% $$.a %}"}},
        "UNSUPPORTED_JSONATA_EXPRESSION: Reference to '$$' is not supported. at /States/A/Output",
    ),
    ({"A": WAIT["Wait"] | {"Seconds": 10**8}}, "Maximum value is 99999999 at /States/A/Seconds"),
    (
        {"A": each([1], WAIT, TimeoutSeconds=9)},
        "Field 'TimeoutSeconds' is not supported at /States/A",
    ),
    (
        {"A": END | {"QueryLanguage": "JSONPath"}},
        "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at "
        "/States/A",
    ),
    (
        {"A": END | {"InputPath": "$"}},
        "The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the "
        "'JSONPath' QueryLanguage at /States/A",
    ),
    (
        {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}},
        "MISSING_END_STATE: Workflow has no terminal state at null",
    ),
    (
        {"A": END, "B": END},
        'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B',
    ),
    (
        {"A": parallel({"In": {"Type": "Pass", "Next": "No"}})},
        "MISSING_TRANSITION_TARGET: Missing 'Next' target: No at "
        "/States/A/Branches[0]/States/In/Next",
    ),
]


@pytest.mark.parametrize(("states", "text"), REFUSED, ids=range(len(REFUSED)))
def test_what_aws_refuses_is_refused_with_its_code_and_its_place(
    states: dict[str, Any], text: str
) -> None:
    machine = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    jsonata.install()
    try:
        found = problems(json.dumps(machine))
    finally:
        moto_changes.undo_all()
    assert any(text in str(problem) for problem in found), [str(problem) for problem in found]


CALL = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f", "Payload.$": "$.rows"},
    "End": True,
}
PROCESSOR = {"StartAt": "In", "States": {"In": END}}
ACCEPTED: list[dict[str, Any]] = [
    CALL | {"ResultSelector": {"p.$": "$.Payload"}, "ResultPath": "$.x", "OutputPath": None},
    CALL | {"Credentials": {"RoleArn.$": "$.role"}, "TimeoutSecondsPath": "$.t"},
    CALL | {"Retry": [{"ErrorEquals": ["a"], "BackoffRate": 2, "MaxDelaySeconds": 9}]},
    END | {"Assign": {"x.$": "$.a", "y": {"z.$": "$x"}}},
    END | {"InputPath": "$variable", "OutputPath": "$$.Execution"},
    END | {"Parameters": {"text": "{% not evaluated", "x.$": "States.Format('{}', $.b)"}},
    END | {"QueryLanguage": "JSONata", "Output": "{% $states.input %}"},
    {"Type": "Fail", "ErrorPath": "$$.State.Name", "CausePath": "$cause"},
    {"Type": "Wait", "SecondsPath": "$seconds", "End": True},
    {"Type": "Map", "ItemsPath": "$.xs", "Iterator": PROCESSOR, "MaxConcurrency": 2, "End": True},
    {
        "Type": "Map",
        "Label": "Each",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "b", "Key.$": "$.k"},
        },
        "ItemProcessor": PROCESSOR
        | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}},
        "End": True,
    },
    {
        "Type": "Choice",
        "Choices": [{"Variable": "$x", "IsNull": True, "Assign": {"q.$": "$"}, "Next": "A"}],
        "Default": "A",
    },
]


@pytest.mark.parametrize("state", ACCEPTED, ids=range(len(ACCEPTED)))
def test_a_jsonpath_machine_that_aws_accepts_is_created(
    machines: Machines, state: dict[str, Any]
) -> None:
    states = {"First": state} | ({"A": END} if state["Type"] == "Choice" else {})
    definition = json.dumps({"StartAt": "First", "States": states})
    machines.client.create_state_machine(name="m", definition=definition, roleArn=ROLE)


def test_a_branch_without_a_terminal_state_is_accepted(machines: Machines) -> None:
    loop = {"In": {"Type": "Pass", "Next": "Out"}, "Out": {"Type": "Pass", "Next": "In"}}
    machines.create({"A": parallel(loop)})


def test_a_definition_can_be_validated_without_creating_a_machine(machines: Machines) -> None:
    validate = machines.client.validate_state_machine_definition
    good = {"StartAt": "A", "States": {"A": END}}
    answer = validate(definition=json.dumps(good))
    assert (answer["result"], answer["diagnostics"], answer["truncated"]) == ("OK", [], False)
    loop = {"A": END | {"Colour": 1}, "B": {"Type": "Pass", "Next": "Nowhere"}}
    answer = validate(definition=json.dumps({"StartAt": "A", "States": loop}), maxResults=1)
    assert (answer["result"], answer["truncated"]) == ("FAIL", True)
    assert answer["diagnostics"][0] == {
        "severity": "ERROR",
        "code": "SCHEMA_VALIDATION_FAILED",
        "message": "Field 'Colour' is not supported",
        "location": "/States/A",
    }
    assert machines.client.list_state_machines()["stateMachines"] == []


@pytest.mark.parametrize(
    ("definition", "diagnostic"),
    [
        (
            "{}",
            {
                "code": "SCHEMA_VALIDATION_FAILED",
                "message": "These fields are required: [States, StartAt]",
                "location": "/",
            },
        ),
        (
            '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "A"}}}',
            {"code": "MISSING_END_STATE", "message": "Workflow has no terminal state"},
        ),
    ],
)
def test_a_diagnostic_has_the_form_that_it_has_in_aws(
    machines: Machines, definition: str, diagnostic: dict[str, str]
) -> None:
    answer = machines.client.validate_state_machine_definition(definition=definition)
    assert answer["diagnostics"] == [{"severity": "ERROR"} | diagnostic]
