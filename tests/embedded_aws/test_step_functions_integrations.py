"""Tasks that call services: names both ways, results, and the names of their errors."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import (
    StateCredentials,
)

from embedded_aws.services.stepfunctions import clients, naming
from tests.embedded_aws.state_machines import (
    ACCOUNT,
    CAUGHT,
    REGION,
    ROLE,
    FunctionError,
    Machines,
    caught,
    error_of,
    invoke,
    task,
)


@pytest.fixture
def table(machines: Machines) -> str:
    del machines
    boto3.client("dynamodb", region_name=REGION).create_table(
        TableName="rows",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "rows"


def test_an_sdk_response_has_pascal_case_names_and_iso_dates(machines: Machines) -> None:
    state = task(
        "aws-sdk:sfn:describeExecution",
        {"ExecutionArn": "{% $states.context.Execution.Id %}"},
        Output="{% $states.result %}",
    )
    output = machines.run({"Call": state}).output
    assert output["StartDate"] == "2026-11-22T15:30:00.000Z"
    assert output["InputDetails"] == {"Included": True}
    assert output["Status"] == "RUNNING"
    assert "ResponseMetadata" not in output


def test_a_service_is_found_by_its_name_in_step_functions(machines: Machines) -> None:
    state = task("aws-sdk:eventbridge:listRules", {}, Output="{% $states.result.Rules %}")
    assert machines.run({"Call": state}).output == []


@pytest.mark.parametrize(
    ("service", "action"),
    [
        ("elasticloadbalancingv2", "describeLoadBalancers"),
        ("cognitoidentityprovider", "adminGetUser"),
        ("costexplorer", "getCostAndUsage"),
        ("cloudwatchlogs", "describeLogGroups"),
        ("lexmodelsv2", "describeBot"),
        ("directoryservicedata", "describeUser"),
    ],
)
def test_a_service_whose_name_in_boto3_is_another_one_is_recognised(
    service: str, action: str
) -> None:
    assert naming.unrecognised(f"arn:aws:states:::aws-sdk:{service}:{action}") is None
    assert naming.unrecognised(f"arn:aws:states:::aws-sdk:{service}:{action}It")


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("datasetImportJobArn", "DatasetImportJobArn"),
        ("latestCampaignUpdate", "LatestCampaignUpdate"),
        ("Item", "Item"),
        ("DBInstance", "DbInstance"),
    ],
)
def test_members_are_spelled_as_step_functions_spells_them(member: str, name: str) -> None:
    shape = naming.operation("personalize", "describeCampaign").output_shape
    assert list(naming.from_response(shape, {member: 1})) == [name]


def test_arguments_are_converted_at_every_depth_but_not_the_keys_of_maps() -> None:
    shape = naming.operation("personalize", "createDatasetImportJob").input_shape
    request = naming.to_request(shape, {"JobName": "j", "DataSource": {"DataLocation": "s3://b/"}})
    assert request == {"jobName": "j", "dataSource": {"dataLocation": "s3://b/"}}
    shape = naming.operation("dynamodb", "getItem").input_shape
    request = naming.to_request(shape, {"TableName": "t", "Key": {"my_key": {"S": "x"}}})
    assert request == {"TableName": "t", "Key": {"my_key": {"S": "x"}}}


def test_camel_case_arguments_made_by_an_expression_are_refused_at_run_time(
    machines: Machines,
) -> None:
    state = task("aws-sdk:personalize:describeSchema", "{% {'schemaArn': 'x'} %}")
    ended = machines.run({"Call": state | {"Catch": caught("States.ALL")}, **CAUGHT})
    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
    assert 'The field "schemaArn" is not supported by Step Functions' in ended.cause


def test_arguments_unknown_to_an_optimised_integration_are_refused_at_run_time(
    machines: Machines, table: str
) -> None:
    arguments = f"{{% {{'TableName': '{table}', 'Key': {{'k': {{'S': 'x'}}}}, 'Colour': 'red'}} %}}"
    ended = machines.run({"Call": task("dynamodb:getItem", arguments)})
    assert ended.error == "States.Runtime"
    assert 'The field "Colour" is not supported by Step Functions' in ended.cause


def test_a_modelled_error_of_an_sdk_call_has_its_own_name(machines: Machines) -> None:
    none = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:none"
    state = task("aws-sdk:sfn:describeStateMachine", {"StateMachineArn": none})
    error = error_of(machines, state, by="Sfn.StateMachineDoesNotExistException")
    assert error["Cause"].startswith(f"State Machine Does Not Exist: '{none}' (Service: Sfn, ")
    assert "Status Code: 400, Request ID: " in error["Cause"]


@pytest.mark.parametrize(
    ("service", "prefix"),
    [
        ("personalize", "Personalize"),
        ("personalizeruntime", "PersonalizeRuntime"),
        ("dynamodb", "DynamoDb"),
        ("sfn", "Sfn"),
        ("s3", "S3"),
        ("sns", "Sns"),
        ("eventbridge", "EventBridge"),
        ("glue", "Glue"),
    ],
)
def test_error_names_begin_with_the_name_of_the_java_sdk(service: str, prefix: str) -> None:
    assert naming.error_prefix(service) == prefix


def test_an_error_that_is_not_modelled_has_the_name_of_the_service(
    machines: Machines,
) -> None:
    state = task("aws-sdk:personalize:listSchemas", {"MaxResults": 1})
    response: Any = {
        "Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "r"},
    }
    with failing_calls(ClientError(response, "ListSchemas")):
        error = error_of(machines, state, by="Personalize.PersonalizeException")
    assert error["Cause"] == (
        "Rate exceeded (Service: Personalize, Status Code: 400, Request ID: r)"
    )


@contextmanager
def failing_calls(error: Exception) -> Iterator[None]:
    """Make every call of a state machine end with `error`, as a broken network would.

    Undone before the machines end, for these undo their own changes of the same names.
    """
    real = clients.client_for

    changed: list[Any] = []

    def fail(**_: Any) -> None:
        raise error

    def client_for(region: str, service: str, state_credentials: Any) -> Any:
        client = real(region, service, state_credentials)
        client.meta.events.register("before-call.*.*", fail)
        changed.append(client)
        return client

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "moto.stepfunctions.parser.asl.component.state.exec.state_task.service"
            ".state_task_service_aws_sdk.boto_client_for",
            client_for,
        )
        patched.setattr("embedded_aws.services.stepfunctions.integrations.client_for", client_for)
        yield
    for client in changed:  # later clouds have the same ones
        client.meta.events.unregister("before-call.*.*", fail)


@pytest.mark.parametrize(
    "problem",
    [ConnectionClosedError(endpoint_url="x"), EndpointConnectionError(endpoint_url="x")],
)
def test_a_call_without_a_response_is_an_sdk_client_exception(
    machines: Machines, problem: Exception
) -> None:
    for state, error in (
        (task("aws-sdk:sfn:listStateMachines", {}), "Sfn.SdkClientException"),
        (
            task("dynamodb:getItem", {"TableName": "t", "Key": {"k": {"S": "x"}}}),
            "DynamoDB.SdkClientException",
        ),
        (invoke("f"), "Lambda.SdkClientException"),
    ):
        with failing_calls(problem):
            assert error_of(machines, state, by=error)["Error"] == error


def test_starting_an_existing_name_is_an_error_with_an_sfn_name(machines: Machines) -> None:
    child = machines.create({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    arguments = {"StateMachineArn": child, "Name": "taken", "Input": {"x": 1}}
    again = arguments | {"Input": {"x": 2}}
    catch = caught("Sfn.ExecutionAlreadyExistsException")
    ended = machines.run(
        {
            "Start": task("aws-sdk:sfn:startExecution", arguments, Next="Again"),
            "Again": task("aws-sdk:sfn:startExecution", again, Catch=catch),
            **CAUGHT,
        }
    )
    assert "Execution Already Exists" in ended.output["Cause"]


def test_a_failed_condition_is_an_error_with_a_dynamodb_name(
    machines: Machines, table: str
) -> None:
    arguments = {
        "TableName": table,
        "Item": {"k": {"S": "가"}},
        "ConditionExpression": "attribute_not_exists(k)",
    }
    catch = caught("DynamoDB.ConditionalCheckFailedException")
    ended = machines.run(
        {
            "Put": task("dynamodb:putItem", arguments, Next="Again"),
            "Again": task("dynamodb:putItem", arguments, Catch=catch),
            **CAUGHT,
        }
    )
    cause = ended.output["Cause"]
    assert cause.startswith("The conditional request failed (Service: AmazonDynamoDBv2; ")
    assert "Error Code: ConditionalCheckFailedException; Request ID: " in cause


def test_a_dynamodb_error_that_is_not_modelled_has_the_general_name(
    machines: Machines, table: str
) -> None:
    state = task("dynamodb:getItem", {"TableName": table, "Key": {"wrong": {"S": "x"}}})
    assert error_of(machines, state)["Error"] == "DynamoDB.AmazonDynamoDBException"


def test_a_missing_table_has_the_prefix_of_the_sdk_integration(machines: Machines) -> None:
    state = task("aws-sdk:dynamodb:getItem", {"TableName": "no", "Key": {"k": {"S": "x"}}})
    assert error_of(machines, state)["Error"] == "DynamoDb.ResourceNotFoundException"


def test_an_optimised_dynamodb_result_contains_call_metadata(
    machines: Machines, table: str
) -> None:
    arguments = {"TableName": table, "Item": {"k": {"S": "x"}}}
    output = machines.run({"Put": task("dynamodb:putItem", arguments)}).output
    assert set(output) == {"SdkHttpMetadata", "SdkResponseMetadata"}
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert output["SdkHttpMetadata"]["HttpHeaders"]["Date"] == "Sun, 22 Nov 2026 15:30:00 GMT"
    assert output["SdkResponseMetadata"]["RequestId"]


def test_a_function_gets_its_payload_and_its_result_is_returned(machines: Machines) -> None:
    machines.functions["double"] = lambda payload: {"doubled": payload["n"] * 2, "text": "가"}
    output = machines.run({"Call": invoke("double", {"n": "{% 21 %}"})}).output
    assert output["Payload"] == {"doubled": 42, "text": "가"}
    assert (output["ExecutedVersion"], output["StatusCode"]) == ("$LATEST", 200)
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ('{"errorMessage": "full: \\"가\\"", "errorType": "RetryLater"}', "RetryLater"),
        ('{"errorType": "Sandbox.Timedout", "errorMessage": "timed out"}', "Sandbox.Timedout"),
    ],
)
def test_a_function_error_has_its_type_as_name_and_its_payload_as_cause(
    machines: Machines, payload: str, error: str
) -> None:
    def fail(_: Any) -> None:
        raise FunctionError(payload)

    machines.functions["fail"] = fail
    assert error_of(machines, invoke("fail"), by=error) == {"Error": error, "Cause": payload}


def test_a_function_error_without_a_type_is_unknown_and_its_cause_is_no_json(
    machines: Machines,
) -> None:
    payload = '{"errorMessage":"2026-11-22T15:31:00.160Z 1-2-3 Task timed out after 60.16 seconds"}'

    def fail(_: Any) -> None:
        raise FunctionError(payload)

    machines.functions["fail"] = fail
    assert error_of(machines, invoke("fail"), by="Lambda.Unknown") == {
        "Error": "Lambda.Unknown",
        "Cause": "The cause could not be determined because Lambda did not return an error type. "
        f"Returned payload: {payload}",
    }


def test_calls_are_made_under_the_role_of_the_machine(machines: Machines) -> None:
    state = task("aws-sdk:sts:getCallerIdentity", {}, Output="{% $states.result.Arn %}")
    arn = machines.run({"Call": state}).output
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE.rsplit('/', 1)[1]}/states"


def test_one_client_serves_all_calls_of_a_role(machines: Machines) -> None:
    credentials = StateCredentials(role_arn=ROLE)
    first = clients.client_for(REGION, "dynamodb", credentials)
    assert clients.client_for(REGION, "dynamodb", credentials) is first
    other = StateCredentials(role_arn=ROLE + "-other")
    assert clients.client_for(REGION, "dynamodb", other) is not first
    del machines


def test_a_result_over_256_kib_fails_and_hangul_counts_three_bytes(machines: Machines) -> None:
    machines.functions["long"] = lambda length: "가" * length
    keep = {"Output": "{% $states.result.Payload %}"}
    assert machines.run({"Call": invoke("long", 80_000, **keep)}).status == "SUCCEEDED"
    ended = machines.run({"Call": invoke("long", 90_000, **keep)})
    assert ended.error == "States.DataLimitExceeded"


def test_objects_for_a_text_argument_are_sent_as_json(machines: Machines) -> None:
    child = machines.create({"Return": {"Type": "Succeed", "Output": "{% $states.input %}"}})
    arguments = {"StateMachineArn": child, "Name": "c", "Input": {"x": [1, "가"]}}
    machines.run({"Start": task("aws-sdk:sfn:startExecution", arguments)})
    ended = machines.look(child.replace(":stateMachine:", ":execution:") + ":c")
    assert json.loads(ended.described["input"]) == {"x": [1, "가"]}
    assert ended.output == {"x": [1, "가"]}
