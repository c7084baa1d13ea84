"""TestState: a state without its machine, with mocked results, variables and context."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.embedded_aws.state_machines import (
    REGION,
    ROLE,
    FunctionError,
    Machines,
    caught,
    each,
    invoke,
    parallel,
    refused,
    task,
)


@pytest.fixture
def client(machines: Machines) -> Any:
    del machines
    config = Config(inject_host_prefix=False)
    return boto3.client("stepfunctions", region_name=REGION, config=config)


def try_state(client: Any, state: dict[str, Any], **given: Any) -> dict[str, Any]:
    """Test a JSONata state; arguments that are not text are sent as JSON."""
    if "mock" in given and "result" in given["mock"]:
        given["mock"] = given["mock"] | {"result": json.dumps(given["mock"]["result"])}
    for name in ("input", "variables", "context"):
        if name in given:
            given[name] = json.dumps(given[name])
    definition = json.dumps({"QueryLanguage": "JSONata"} | state)
    answer: dict[str, Any] = client.test_state(**{"definition": definition} | given)
    del answer["ResponseMetadata"]
    return answer


def test_a_choice_is_tried_with_input_and_variables(client: Any) -> None:
    rule = {"Condition": "{% $states.input.n > $limit %}", "Next": "Many", "Output": "many"}
    state = {"Type": "Choice", "Choices": [rule], "Default": "Few"}
    many = try_state(client, state, input={"n": 5}, variables={"limit": 3})
    assert many == {"status": "SUCCEEDED", "output": '"many"', "nextState": "Many"}
    few = try_state(client, state, input={"n": 1}, variables={"limit": 3})
    assert (few["nextState"], few["output"]) == ("Few", '{"n":1}')


def test_a_mocked_result_passes_through_assign_and_output(client: Any) -> None:
    state = task(
        "aws-sdk:personalize:describeCampaign",
        {"CampaignArn": "{% $arn %}"},
        Assign={"status": "{% $states.result.Campaign.Status %}"},
        Output={"was": "{% $status %}", "is": "{% $states.result.Campaign.Status %}"},
        Next="Ready?",
    )
    answer = try_state(
        client,
        state,
        variables={"arn": "arn:x", "status": "OLD"},
        mock={"result": {"Campaign": {"Status": "ACTIVE"}}},
        inspectionLevel="DEBUG",
    )
    assert (answer["status"], answer["nextState"]) == ("SUCCEEDED", "Ready?")
    assert json.loads(answer["output"]) == {"was": "OLD", "is": "ACTIVE"}
    seen = answer["inspectionData"]
    assert json.loads(seen["afterArguments"]) == {"CampaignArn": "arn:x"}
    assert json.loads(seen["result"]) == {"Campaign": {"Status": "ACTIVE"}}
    assert json.loads(seen["variables"]) == {"arn": "arn:x", "status": "ACTIVE"}


def test_a_mocked_error_is_retried_then_caught_then_fails(client: Any) -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 2}]
    state = invoke("f", Retry=retry, Catch=caught("Busy"))
    mock = {"errorOutput": {"error": "Busy", "cause": "later"}}
    answers = [
        try_state(
            client,
            state,
            mock=mock,
            inspectionLevel="DEBUG",
            stateConfiguration={"retrierRetryCount": count},
        )
        for count in (0, 1, 2)
    ]
    assert [answer["status"] for answer in answers] == ["RETRIABLE", "RETRIABLE", "CAUGHT_ERROR"]
    assert [
        answer["inspectionData"]["errorDetails"].get("retryBackoffIntervalSeconds")
        for answer in answers
    ] == [3, 6, None]
    assert answers[2]["nextState"] == "Caught"
    assert answers[2]["inspectionData"]["errorDetails"] == {"catchIndex": 0}
    assert json.loads(answers[2]["output"]) == {"Error": "Busy", "Cause": "later"}
    other = {"errorOutput": {"error": "Other", "cause": "why"}}
    assert try_state(client, state, mock=other) == {
        "status": "FAILED",
        "error": "Other",
        "cause": "why",
    }


def test_the_first_retrier_that_names_an_error_decides(client: Any) -> None:
    retry = [
        {"ErrorEquals": ["Busy"], "MaxAttempts": 0},
        {"ErrorEquals": ["States.ALL"], "MaxAttempts": 5},
    ]
    state = invoke("f", Retry=retry, Catch=caught("Busy"))
    statuses = [
        try_state(client, state, mock={"errorOutput": {"error": error}})["status"]
        for error in ("Busy", "Other")
    ]
    assert statuses == ["CAUGHT_ERROR", "RETRIABLE"]


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Choice", "Choices": ["x"]},
        {"Type": "Choice", "Choices": 5},
        {"Type": "Pass", "End": True, "Catch": 5},
        {"Type": "Parallel", "Branches": 5, "End": True},
    ],
)
def test_a_state_of_another_form_is_refused(client: Any, state: dict[str, Any]) -> None:
    assert refused(lambda: try_state(client, state, roleArn=ROLE))[0] == "InvalidDefinition"


def test_a_state_of_a_whole_definition_is_tried_by_its_name_with_a_context(client: Any) -> None:
    inner = {"Call": invoke("f", Output="{% $states.context.Execution.Id %}")}
    states = {"All": parallel(inner)}
    machine = {"QueryLanguage": "JSONata", "StartAt": "All", "States": states}
    answer = try_state(
        client,
        {},
        definition=json.dumps(machine),
        stateName="Call",
        mock={"result": {"Payload": 1}},
        context={"Execution": {"Id": "mine"}},
    )
    assert answer == {"status": "SUCCEEDED", "output": '"mine"'}


def test_without_a_mock_the_state_really_runs(machines: Machines, client: Any) -> None:
    def fail(_: Any) -> None:
        raise FunctionError('{"errorType": "Mine"}')

    machines.functions["echo"] = lambda payload: payload
    machines.functions["fail"] = fail
    state = invoke("echo", "{% $states.input %}", Output="{% $states.result.Payload %}")
    answer = try_state(client, state, input={"x": 1}, roleArn=ROLE)
    assert answer == {"status": "SUCCEEDED", "output": '{"x":1}'}
    assert try_state(client, invoke("fail"), roleArn=ROLE)["error"] == "Mine"
    wait = {"Type": "Wait", "Seconds": 60, "Next": "Then"}
    before = machines.clock.time()
    assert try_state(client, wait)["nextState"] == "Then"
    assert machines.clock.time() - before == 60
    long = try_state(client, wait | {"Seconds": 301})
    assert (long["status"], long["error"]) == ("FAILED", "States.Timeout")
    assert machines.client.list_state_machines()["stateMachines"] == []


@pytest.mark.parametrize(
    ("state", "given", "code", "text"),
    [
        (
            {"Type": "Pass", "End": True},
            {"mock": {"result": 1}},
            "ValidationException",
            "State type 'Pass' is not supported when a mock is specified",
        ),
        (
            parallel({"In": {"Type": "Pass", "End": True}}),
            {},
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types "
            "include: [Task, Wait, Pass, Succeed, Fail, Choice]",
        ),
        (
            invoke("f"),
            {"mock": {"result": {}, "errorOutput": {"error": "E"}}},
            "ValidationException",
            "A test mock should have only one of the following fields: [result, errorOutput].",
        ),
        (
            invoke("f"),
            {"mock": {"result": {}}, "revealSecrets": True},
            "ValidationException",
            "TestState does not support RevealSecrets when a mock is specified.",
        ),
        (
            each([1], {"In": {"Type": "Pass", "End": True}}),
            {"mock": {"result": 1}},
            "ValidationException",
            "Mocked result must be an array.",
        ),
        (
            parallel({"In": {"Type": "Pass", "End": True}}),
            {"mock": {"result": [1, 2]}},
            "ValidationException",
            "Mocked result must contain the same number of items as number of Parallel branches.",
        ),
        (
            task("states:startExecution", {"StateMachineArn": "a"}),
            {"mock": {"result": {"StartDate": "2026"}}},
            "ValidationException",
            "Mock result schema validation error: Required field 'ExecutionArn' is missing",
        ),
        (
            task("aws-sdk:lambda:getFunction", {"FunctionName": "f"}),
            {"mock": {"result": {"Configuration": {"MemorySize": 1}}}},
            "ValidationException",
            "Mock result schema validation error: Field 'MemorySize' is less than the minimum "
            "value",
        ),
    ],
)
def test_a_mock_that_aws_refuses_is_refused_in_its_words(
    client: Any, state: dict[str, Any], given: dict[str, Any], code: str, text: str
) -> None:
    assert refused(lambda: try_state(client, state, **given)) == (code, text)


def test_fields_of_a_mock_are_checked_as_strictly_as_asked(client: Any) -> None:
    state = task("states:startExecution", {"StateMachineArn": "a"})
    mock = {"result": {"StartDate": "2026", "other": 1}, "fieldValidationMode": "PRESENT"}
    assert try_state(client, state, mock=mock)["status"] == "SUCCEEDED"
    mock = {"result": {"StartDate": 7}, "fieldValidationMode": "PRESENT"}
    _, text = refused(lambda: try_state(client, state, mock=mock))
    assert text.endswith("Field 'StartDate' must be a string")
    assert try_state(client, state, mock=mock | {"fieldValidationMode": "NONE"})
