"""Faults hit calls of deployed roles, as often as requested, with the errors of AWS."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from embedded_aws.faults import Fault, Faults
from tests.embedded_aws.small_stack import (
    Resources,
    allow,
    arn,
    deployed,
    function,
    physical_id,
    role,
    state_machine,
)

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
# Puts one row without boto3's own retries, and returns the result.
PUT = """
import boto3, botocore
table = boto3.client("dynamodb", config=botocore.config.Config(retries={"total_max_attempts": 1}))
def handler(event, context):
    try:
        table.put_item(TableName=event, Item={"id": {"S": "row"}})
        return "put"
    except botocore.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return [status, error.response["Error"]["Code"]]
    except botocore.exceptions.BotoCoreError as error:
        return type(error).__name__
"""


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "personalize:CreateSolutionVersion=lost*2",
            Fault("personalize", "CreateSolutionVersion", "lost", None, 2),
        ),
        ("sfn:StartExecution=throttle", Fault("states", "StartExecution", "throttle", None, 1)),
        ("dynamodb:*=slow:1.5", Fault("dynamodb", "*", "slow", "1.5", 1)),
        ("s3:Get*=error:503*always", Fault("s3", "Get*", "error", "503", float("inf"))),
        ("dynamodb:UpdateItem@3=lost", Fault("dynamodb", "UpdateItem", "lost", None, 1, 3)),
        ("lambda:Invoke@2=hung:61*4", Fault("lambda", "Invoke", "hung", "61", 4, 2)),
    ],
)
def test_a_fault_is_parsed_from_text_and_its_own_text_can_be_parsed_again(
    spec: str, expected: Fault
) -> None:
    assert Fault.parse(spec) == expected
    assert Fault.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("CreateCampaign=lost", r"expected SERVICE:OPERATION\[@N\]=KIND\[:ARGUMENT\]\[\*TIMES\]"),
        (
            "s3:GetObject=broken",
            "kind 'broken' is not one of throttle, error, denied, slow, lost, hung, killed, "
            "exhausted, refused, aborted",
        ),
        ("s3:GetObject=slow", "slow takes seconds, as in slow:30"),
        ("s3:GetObject=error:404", "error takes 500 or 503"),
        ("s3:GetObject=hung", "hung takes seconds, as in hung:30"),
        ("s3:GetObject=refused", "refused takes the name of an error, as in refused:Limit"),
        ("s3:GetObject=refused:404", "refused takes the name of an error, as in refused:Limit"),
        ("s3:GetObject=lost:1", "lost takes no argument"),
        ("s3:GetObject=lost*0", "TIMES must be a whole number from 1, or always"),
        ("s3:GetObject@0=lost", "N must be a whole number from 1"),
        ("s3:GetObject@last=lost", "N must be a whole number from 1"),
    ],
)
def test_the_error_for_an_invalid_fault_says_what_is_allowed(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fault.parse(spec)


def test_a_fault_hits_as_many_calls_as_it_says_in_upper_or_lower_case() -> None:
    faults = Faults([Fault.parse("Personalize:createcampaign=lost*2")])
    assert faults.take("personalize", "UpdateCampaign") is None
    assert faults.take("dynamodb", "CreateCampaign") is None
    taken = [faults.take("personalize", "CreateCampaign") for _ in range(3)]
    assert [fault is not None for fault in taken] == [True, True, False]


def test_a_fault_of_the_nth_call_hits_as_many_calls_as_it_says_from_that_call_on() -> None:
    faults = Faults([Fault.parse("s3:GetObject@3=lost"), Fault.parse("s3:*@5=error*2")])
    operations = ["GetObject", "PutObject", "GetObject", "GetObject", *["PutObject"] * 4]
    taken = [faults.take("s3", operation) for operation in operations]
    assert [fault and fault.kind for fault in taken] == [
        *(None, None, None, "lost", "error", "error", None, None)
    ]


def test_a_fault_of_a_role_leaves_the_calls_of_others_alone_and_does_not_count_them() -> None:
    fault = Fault("s3", "GetObject", "lost", nth=2, roles={"reader"})
    faults = Faults([fault])
    roles = ["reader", "writer", "reader", "reader"]
    taken = [faults.take("s3", "GetObject", role) for role in roles]
    assert taken == [None, None, fault, None]


def test_calls_that_another_fault_hits_still_count_for_a_fault_of_the_nth_call() -> None:
    faults = Faults([Fault.parse("s3:Get*=throttle"), Fault.parse("s3:GetObject=denied")])
    faults.add("s3:GetObject@3=lost")
    taken = [faults.take("s3", "GetObject") for _ in range(4)]
    assert [fault and fault.kind for fault in taken] == ["throttle", "denied", "lost", None]
    faults.clear()
    faults.add("s3:GetObject=throttle")
    late = faults.add("s3:GetObject@1=lost")
    taken = [faults.take("s3", "GetObject") for _ in range(2)]
    assert [fault and fault.kind for fault in taken] == ["throttle", None]
    assert faults.unused == [late]


def test_a_fault_that_matched_no_call_is_reported_as_unused() -> None:
    used, unused = Fault.parse("s3:GetObject=lost"), Fault.parse("s3:GetObjekt=lost")
    faults = Faults([used, unused])
    faults.take("s3", "GetObject")
    assert faults.unused == [unused]


def put(cloud: Cloud) -> Any:
    name, table = physical_id(cloud, "Task"), physical_id(cloud, "Table")
    response = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(table))
    return json.loads(response["Payload"].read())


def rows(cloud: Cloud) -> int:
    count: int = cloud.client("dynamodb").scan(TableName=physical_id(cloud, "Table"))["Count"]
    return count


def deploy_putter(cloud: Cloud, folder: Path, more: Resources | None = None) -> None:
    resources = {
        "Table": TABLE,
        "Role": role("lambda.amazonaws.com", allow("dynamodb:PutItem", arn("Table"))),
        "Task": function(PUT, "Role"),
    }
    deployed(cloud, folder, resources | dict(more or {}))


@pytest.mark.parametrize(
    ("kind", "result", "written"),
    [
        ("throttle", [400, "ThrottlingException"], 0),
        ("error", [500, "InternalServerError"], 0),
        ("error:503", [503, "ServiceUnavailable"], 0),
        ("denied", [400, "AccessDeniedException"], 0),
        ("refused:ReplicatedWriteConflictException", [400, "ReplicatedWriteConflictException"], 0),
        ("lost", "ConnectionClosedError", 1),
        ("hung:12", "ConnectionClosedError", 1),
        ("slow:12", "put", 1),
        ("aborted", "put", 1),
    ],
)
def test_a_call_hit_by_a_fault_fails_once_as_the_fault_says(
    cloud: Cloud, tmp_path: Path, kind: str, result: Any, written: int
) -> None:
    deploy_putter(cloud, tmp_path)
    cloud.faults.add(f"dynamodb:PutItem={kind}")
    assert put(cloud) == result
    assert rows(cloud) == written
    assert put(cloud) == "put"
    assert cloud.faults.unused == []


@pytest.mark.parametrize("kind", ["slow", "hung"])
def test_a_late_response_takes_its_simulated_seconds(
    cloud: Cloud, tmp_path: Path, kind: str
) -> None:
    deploy_putter(cloud, tmp_path)
    cloud.faults.add(f"dynamodb:PutItem={kind}:12.5")
    began = cloud.clock.time()
    put(cloud)
    assert cloud.clock.time() == began + 12.5


def test_a_call_that_hangs_longer_than_the_function_timeout_ends_the_function_at_its_timeout(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_putter(cloud, tmp_path)
    cloud.faults.add("dynamodb:PutItem=hung:31")
    began = cloud.clock.time()
    assert put(cloud)["errorType"] == "Sandbox.Timedout"
    assert cloud.clock.time() == began + 30
    assert rows(cloud) == 1


def test_a_function_that_a_fault_kills_never_reads_the_response_and_is_not_used_again(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = "import os\nprint('started', flush=True)" + PUT
    task = function(code, "Role", LoggingConfig={"LogGroup": {"Ref": "Log"}})
    log = {"Type": "AWS::Logs::LogGroup", "Properties": {}}
    may_log = allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn("Log"))
    may_put = allow("dynamodb:PutItem", arn("Table"))
    more = {"Log": log, "Task": task, "Role": role("lambda.amazonaws.com", may_put, may_log)}
    deploy_putter(cloud, tmp_path, more)
    cloud.faults.add("dynamodb:PutItem@2=killed")
    assert put(cloud) == "put"
    killed = put(cloud)
    assert killed["errorType"] == "Runtime.ExitError"
    assert killed["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert rows(cloud) == 1
    assert put(cloud) == "put"
    logged = cloud.client("logs").filter_log_events(logGroupName=physical_id(cloud, "Log"))
    messages = [event["message"] for event in logged["events"]]
    lambdas_own = ("START ", "END ", "REPORT ")
    assert [m for m in messages if not m.startswith(lambdas_own)] == [
        "started",
        killed["errorMessage"],
        "started",
    ]


def test_a_function_that_a_fault_exhausts_is_reported_as_out_of_memory(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_putter(cloud, tmp_path)
    cloud.faults.add("dynamodb:PutItem=exhausted")
    assert put(cloud)["errorType"] == "Runtime.OutOfMemory"
    assert rows(cloud) == 1
    assert put(cloud) == "put"


def put_item(table: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem",
        "Arguments": {"TableName": table, "Item": {"id": {"S": "row"}}},
        **more,
    }


def machine(cloud: Cloud, folder: Path, states: dict[str, Any]) -> str:
    """Deploy a state machine with the table and the function; it may only call these two."""
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    deploy_putter(cloud, folder)
    may = [allow("dynamodb:PutItem", arn("Table")), allow("lambda:InvokeFunction", arn("Task"))]
    text = json.loads(
        json.dumps(definition)
        .replace("TABLE", physical_id(cloud, "Table"))
        .replace("TASK", physical_id(cloud, "Task"))
    )
    more = {
        "MachineRole": role("states.amazonaws.com", *may),
        "Machine": state_machine(text, "MachineRole"),
    }
    deploy_putter(cloud, folder, more)
    return physical_id(cloud, "Machine")


def start(cloud: Cloud, machine_arn: str, **given: Any) -> str:
    started = cloud.client("stepfunctions").start_execution(
        stateMachineArn=machine_arn, input=json.dumps(given)
    )
    arn: str = started["executionArn"]
    return arn


def status(cloud: Cloud, execution_arn: str) -> str:
    described = cloud.client("stepfunctions").describe_execution(executionArn=execution_arn)
    found: str = described["status"]
    return found


def test_a_killed_fault_on_a_call_of_a_state_machine_loses_the_response(
    cloud: Cloud, tmp_path: Path
) -> None:
    arn = machine(cloud, tmp_path, {"Put": put_item("TABLE", End=True)})
    cloud.faults.add("dynamodb:PutItem=killed")
    execution = start(cloud, arn)
    assert cloud.clock.wait_until_idle(30)
    assert status(cloud, execution) == "FAILED"
    assert rows(cloud) == 1


CHOOSE = {
    "Type": "Choice",
    "Choices": [{"Condition": "{% $states.input.wait %}", "Next": "Wait"}],
    "Default": "Call",
}
INVOKE = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Arguments": {"FunctionName": "TASK", "Payload": "TABLE"},
}


@pytest.mark.parametrize("call", [put_item("TABLE", Next="Wait"), INVOKE | {"Next": "Wait"}])
def test_an_aborted_fault_stops_every_execution_before_the_caller_continues(
    cloud: Cloud, tmp_path: Path, call: dict[str, Any]
) -> None:
    states = {
        "Choose": CHOOSE,
        "Call": call,
        "Wait": {"Type": "Wait", "Seconds": 60, "End": True},
    }
    arn = machine(cloud, tmp_path, states)
    cloud.faults.add("dynamodb:PutItem=aborted")
    with cloud.clock.running():
        began = cloud.clock.time()
        executions = [start(cloud, arn, wait=wait) for wait in (True, False)]
        cloud.clock.sleep(1)
    assert cloud.clock.wait_until_idle(30)
    assert [status(cloud, execution) for execution in executions] == ["ABORTED", "ABORTED"]
    assert rows(cloud) == 1
    described = cloud.client("stepfunctions").describe_execution(executionArn=executions[1])
    assert described["stopDate"].timestamp() == began
    history = cloud.client("stepfunctions").get_execution_history(executionArn=executions[1])
    assert [event["type"] for event in history["events"]][-2:] == [
        "TaskStarted",
        "ExecutionAborted",
    ]
    # Executions that are started later run.
    after = start(cloud, arn, wait=False)
    assert cloud.clock.wait_until_idle(30)
    assert status(cloud, after) == "SUCCEEDED"


def test_faults_never_hit_calls_of_root(cloud: Cloud, tmp_path: Path) -> None:
    cloud.faults.add("*:*=denied*always")
    deploy_putter(cloud, tmp_path)
    assert rows(cloud) == 0
    assert put(cloud) == [400, "AccessDeniedException"]
