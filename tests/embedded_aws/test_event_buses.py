"""Event buses of one's own: deployed, with their rules, and who may put events on them."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import allow, arn, deployed, function, physical_id, role

# Puts an event of the type and on the bus that its own event names.
PUTS = """
import boto3
def handler(event, context):
    entry = {"Source": "shop", "DetailType": event["type"], "Detail": "{}"}
    api = boto3.client("events")
    return api.put_events(Entries=[{**entry, "EventBusName": event["bus"]}])["FailedEntryCount"]
"""
IS_SALE = {"StringEquals": {"events:source": "shop", "events:detail-type": "Sale"}}
MAY_SEND = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": arn("Queue"),
}


def deploy(cloud: Cloud, folder: Path, **bus: Any) -> str:
    """Deploy a bus, a rule on it and a function that may put sales on it; return the bus's ARN."""
    rule = {
        "EventBusName": {"Ref": "Bus"},
        "EventPattern": {"source": ["shop"]},
        "Targets": [{"Id": "queue", "Arn": arn("Queue")}],
    }
    queue_policy = {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Statement": [MAY_SEND]}}
    outputs = deployed(
        cloud,
        folder,
        {
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "own", **bus}},
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
            "QueuePolicy": {"Type": "AWS::SQS::QueuePolicy", "Properties": queue_policy},
            "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
            "Role": role(
                "lambda.amazonaws.com", allow("events:PutEvents", arn("Bus"), Condition=IS_SALE)
            ),
            "Task": function(PUTS, "Role"),
        },
        {"Arn": {"Value": arn("Bus")}},
    )
    return outputs["Arn"]


def put(cloud: Cloud, bus: str, kind: str) -> Any:
    answer = cloud.client("lambda").invoke(
        FunctionName=physical_id(cloud, "Task"), Payload=json.dumps({"bus": bus, "type": kind})
    )
    return json.loads(answer["Payload"].read())


def delivered(cloud: Cloud) -> list[str]:
    assert cloud.clock.wait_until_idle(30)
    found = cloud.client("sqs").receive_message(
        QueueUrl=physical_id(cloud, "Queue"), MaxNumberOfMessages=10
    )
    return [json.loads(message["Body"])["detail-type"] for message in found.get("Messages", [])]


def test_a_role_puts_events_on_a_deployed_bus_by_its_name_or_arn(
    cloud: Cloud, tmp_path: Path
) -> None:
    bus = deploy(cloud, tmp_path)
    assert bus == "arn:aws:events:ap-northeast-1:111122223333:event-bus/own"
    assert [put(cloud, name, "Sale") for name in ("own", bus)] == [0, 0]
    assert delivered(cloud) == ["Sale", "Sale"]


@pytest.mark.parametrize(("bus", "kind"), [("own", "Loss"), ("default", "Sale")])
def test_a_role_may_put_only_the_events_and_on_the_bus_that_its_policy_allows(
    cloud: Cloud, tmp_path: Path, bus: str, kind: str
) -> None:
    deploy(cloud, tmp_path)
    answer = put(cloud, bus, kind)
    assert "not authorized to perform: events:PutEvents" in answer["errorMessage"]
    assert delivered(cloud) == []


def test_an_update_keeps_a_bus_with_its_rules(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path, Description="first")
    deploy(cloud, tmp_path, Description="second")
    described = cloud.client("events").describe_event_bus(Name="own")
    assert described["Description"] == "second"
    assert put(cloud, "own", "Sale") == 0
    assert delivered(cloud) == ["Sale"]


def test_a_bus_exists_once_and_rules_need_one_that_exists(cloud: Cloud) -> None:
    api = cloud.client("events")
    api.create_event_bus(Name="own", Description="mine")
    assert api.describe_event_bus(Name="own")["Description"] == "mine"
    with pytest.raises(api.exceptions.ResourceAlreadyExistsException):
        api.create_event_bus(Name="own")
    with pytest.raises(api.exceptions.ResourceNotFoundException):
        api.describe_event_bus(Name="none")
    with pytest.raises(api.exceptions.ResourceNotFoundException):
        api.put_rule(Name="rule", EventPattern='{"source":["shop"]}', EventBusName="none")
    api.delete_event_bus(Name="own")
    assert [bus["Name"] for bus in api.list_event_buses()["EventBuses"]] == ["default"]
