"""Faults strike the calls of deployed roles, as often as asked, in the forms that AWS has."""

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud import Cloud
from rehearsal.faults import Fault, Faults
from tests.rehearsal.small_stack import allow, arn, deployed, function, physical_id, role

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
# Puts one row without boto3's own retries, and answers with what became of it.
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
    ],
)
def test_a_fault_is_read_as_people_write_it(spec: str, expected: Fault) -> None:
    assert Fault.parse(spec) == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("CreateCampaign=lost", r"expected SERVICE:OPERATION=KIND\[:ARGUMENT\]\[\*TIMES\]"),
        ("s3:GetObject=broken", "kind 'broken' is none of throttle, error, denied, slow, lost"),
        ("s3:GetObject=slow", "slow takes seconds, as in slow:30"),
        ("s3:GetObject=error:404", "error takes 500 or 503"),
        ("s3:GetObject=lost:1", "lost takes no argument"),
        ("s3:GetObject=lost*0", "TIMES is a whole number from 1, or always"),
    ],
)
def test_a_bad_fault_says_what_is_allowed(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Fault.parse(spec)


def test_a_fault_strikes_as_often_as_it_says_whatever_the_case() -> None:
    faults = Faults([Fault.parse("Personalize:createcampaign=lost*2")])
    assert faults.take("personalize", "UpdateCampaign") is None
    assert faults.take("dynamodb", "CreateCampaign") is None
    struck = [faults.take("personalize", "CreateCampaign") for _ in range(3)]
    assert [fault is not None for fault in struck] == [True, True, False]


def test_a_fault_that_matched_no_call_is_reported_as_unused() -> None:
    used, unused = Fault.parse("s3:GetObject=lost"), Fault.parse("s3:GetObjekt=lost")
    faults = Faults([used, unused])
    faults.take("s3", "GetObject")
    assert faults.unused == [unused]


def put(cloud: Cloud) -> Any:
    name, table = physical_id(cloud, "Task"), physical_id(cloud, "Table")
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(table))
    return json.loads(answer["Payload"].read())


def rows(cloud: Cloud) -> int:
    count: int = cloud.client("dynamodb").scan(TableName=physical_id(cloud, "Table"))["Count"]
    return count


def deploy_putter(cloud: Cloud, folder: Path) -> None:
    resources = {
        "Table": TABLE,
        "Role": role("lambda.amazonaws.com", allow("dynamodb:PutItem", arn("Table"))),
        "Task": function(PUT, "Role"),
    }
    deployed(cloud, folder, resources)


@pytest.mark.parametrize(
    ("kind", "answer", "written"),
    [
        ("throttle", [400, "ThrottlingException"], 0),
        ("error", [500, "InternalServerError"], 0),
        ("error:503", [503, "ServiceUnavailable"], 0),
        ("denied", [400, "AccessDeniedException"], 0),
        ("lost", "ConnectionClosedError", 1),
        ("slow:12", "put", 1),
    ],
)
def test_a_struck_call_fails_in_its_way_once(
    cloud: Cloud, tmp_path: Path, kind: str, answer: Any, written: int
) -> None:
    deploy_putter(cloud, tmp_path)
    cloud.faults.add(f"dynamodb:PutItem={kind}")
    assert put(cloud) == answer
    assert rows(cloud) == written
    assert put(cloud) == "put"
    assert cloud.faults.unused == []


def test_a_slow_call_takes_its_simulated_seconds(cloud: Cloud, tmp_path: Path) -> None:
    deploy_putter(cloud, tmp_path)
    cloud.faults.add("dynamodb:PutItem=slow:12.5")
    began = cloud.clock.time()
    put(cloud)
    assert cloud.clock.time() == began + 12.5


def test_the_root_s_own_calls_are_never_struck(cloud: Cloud, tmp_path: Path) -> None:
    cloud.faults.add("*:*=denied*always")
    deploy_putter(cloud, tmp_path)
    assert rows(cloud) == 0
    assert put(cloud) == [400, "AccessDeniedException"]
