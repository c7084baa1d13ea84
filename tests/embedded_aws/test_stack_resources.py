"""CloudFormation fails a resource, or rolls a stack back, where AWS does.

Words marked "recorded" are those of AWS in the snapshots of LocalStack's tests.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from embedded_aws.deployment import DeploymentError
from embedded_aws.services.cloudformation.schemas import failure, has_attribute
from tests.embedded_aws.small_stack import arn, deployed, role
from tests.embedded_aws.test_deploy import TABLE
from tests.embedded_aws.test_templates import ONE, QUEUE, create, queue

PROPERTIES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": (queue(Name="x"), "#: extraneous key [Name] is not permitted"),
    "read only": (queue(Arn="x"), "#: extraneous key [Arn] is not permitted"),
    "missing": (
        {"Queue": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": []}}},
        "#: required key [PolicyDocument] not found",
    ),
    "no number": (
        queue(DelaySeconds="soon"),
        "#/DelaySeconds: expected type: Integer, found: String",
    ),
    "no list": (queue(Tags="a"), "#/Tags: expected type: JSONArray, found: String"),
    "unknown inside": (
        queue(Tags=[{"Key": "a", "Value": "b", "value": "c"}]),
        "#/Tags/0: extraneous key [value] is not permitted",
    ),
    "a list for a text": (
        queue(QueueName=["a"]),
        "#/QueueName: expected type: String, found: JSONArray",
    ),
}


@pytest.mark.parametrize("case", PROPERTIES)
def test_a_wrong_property_fails_its_resource(case: str, cloud: Cloud, tmp_path: Path) -> None:
    resources, words = PROPERTIES[case]
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path, resources)
    start = "Properties validation failed for resource Queue with message:\n["
    assert f"{start}{words}]" in str(caught.value)
    (stack,) = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def test_what_can_be_turned_into_the_type_is_accepted(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, queue(DelaySeconds="5", QueueName="a", SqsManagedSseEnabled="true"))


def test_wrong_keys_inside_properties_may_be_accepted(cloud: Cloud, tmp_path: Path) -> None:
    cloud.behaviour.cloudformation.wrong_keys_inside_properties = "accepted"
    deployed(cloud, tmp_path / "1", queue(Tags=[{"Key": "a", "Value": "b", "value": "c"}]))
    with pytest.raises(DeploymentError, match="extraneous key"):
        deployed(cloud, tmp_path / "2", queue(Name="x"))


def test_a_type_without_a_schema_is_not_judged() -> None:
    assert failure("A", "Custom::Anything", {"a": 1}, nested=True) is None
    assert has_attribute("Custom::Anything", "a.b")


def test_an_unknown_attribute_fails_the_resource_that_asks_for_it(
    cloud: Cloud, tmp_path: Path
) -> None:
    asks = {**QUEUE, "Properties": {"QueueName": {"Fn::Sub": "${Queue.arn}"}}}
    with pytest.raises(
        DeploymentError,
        match=r"Asks .*Requested attribute arn does not exist in schema for AWS::SQS::Queue",
    ):
        deployed(cloud, tmp_path, {**ONE, "Asks": asks})


def test_an_output_s_unknown_attribute_rolls_the_stack_back(cloud: Cloud, tmp_path: Path) -> None:
    outputs = {"Wrong": {"Value": {"Fn::GetAtt": ["Queue", "Invalid"]}}}
    reason = (  # recorded, of a parameter
        "[Error] /Outputs/Wrong/Value/Fn::GetAtt: Resource type AWS::SQS::Queue does not support "
        "attribute {Invalid}. Rollback requested by user."
    )
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path, ONE, outputs)
    assert reason in str(caught.value)
    assert "QueueUrls" not in cloud.client("sqs").list_queues()


def test_an_output_that_cannot_be_evaluated_rolls_the_stack_back(cloud: Cloud) -> None:
    formation = cloud.client("cloudformation")
    table = {"Table": TABLE}
    wrong = {
        "Resources": table,
        "Outputs": {"O": {"Value": {"Fn::GetAtt": ["Table", "StreamArn"]}}},
    }
    reason = "Attribute 'StreamArn' of the table ROWS does not exist: it has no stream"
    assert create(cloud, wrong, StackName="first") == ("", "")
    (first,) = formation.describe_stacks(StackName="first")["Stacks"]
    assert first["StackStatus"] == "ROLLBACK_COMPLETE"
    assert cloud.client("dynamodb").list_tables()["TableNames"] == []
    assert create(cloud, {"Resources": table}, StackName="second") == ("", "")
    formation.update_stack(StackName="second", TemplateBody=json.dumps(wrong))
    (second,) = formation.describe_stacks(StackName="second")["Stacks"]
    assert second["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    for name in ("first", "second"):
        events = formation.describe_stack_events(StackName=name)["StackEvents"]
        assert any(reason in event.get("ResourceStatusReason", "") for event in events)


def exporting(name: str) -> dict[str, Any]:
    return {"Resources": ONE, "Outputs": {"O": {"Value": arn("Queue"), "Export": {"Name": name}}}}


def test_an_export_that_another_stack_has_rolls_the_stack_back(cloud: Cloud) -> None:
    formation = cloud.client("cloudformation")
    assert create(cloud, exporting("shared"), StackName="first") == ("", "")
    assert create(cloud, exporting("shared"), StackName="second") == ("", "")
    (second,) = formation.describe_stacks(StackName="second")["Stacks"]
    assert second["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason")
        for event in formation.describe_stack_events(StackName="second")["StackEvents"]
    ]
    assert (
        "Export with name shared is already exported by stack first. Rollback requested by user."
        in reasons
    )
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1
    formation.update_stack(StackName="first", TemplateBody=json.dumps(exporting("other")))
    assert [each["Name"] for each in formation.list_exports()["Exports"]] == ["other"]
    formation.delete_stack(StackName="second")
    assert create(cloud, exporting("shared"), StackName="second") == ("", "")
    assert len(formation.list_exports()["Exports"]) == 2
    formation.update_stack(StackName="second", TemplateBody=json.dumps(exporting("other")))
    (second,) = formation.describe_stacks(StackName="second")["Stacks"]
    assert second["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_stack_that_exports_rolls_back_as_others_do(cloud: Cloud) -> None:
    template = {**exporting("shared"), "Resources": queue(Name="x")}
    assert create(cloud, template) == ("", "")
    (stack,) = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


TRUST = role("lambda.amazonaws.com")["Properties"]["AssumeRolePolicyDocument"]
TAKEN: dict[str, tuple[dict[str, Any], tuple[str, str, dict[str, Any]]]] = {
    "AWS::Logs::LogGroup": (
        {"LogGroupName": "taken"},
        ("logs", "create_log_group", {"logGroupName": "taken"}),
    ),
    "AWS::IAM::Role": (
        {"RoleName": "taken", "AssumeRolePolicyDocument": TRUST},
        (
            "iam",
            "create_role",
            {"RoleName": "taken", "AssumeRolePolicyDocument": json.dumps(TRUST)},
        ),
    ),
    "AWS::SNS::Topic": ({"TopicName": "taken"}, ("sns", "create_topic", {"Name": "taken"})),
    "AWS::SQS::Queue": ({"QueueName": "taken"}, ("sqs", "create_queue", {"QueueName": "taken"})),
    "AWS::SSM::Parameter": (
        {"Name": "taken", "Type": "String", "Value": "v"},
        ("ssm", "put_parameter", {"Name": "taken", "Type": "String", "Value": "v"}),
    ),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_resource_that_exists_already_fails_its_creation(
    kind: str, cloud: Cloud, tmp_path: Path
) -> None:
    properties, (service, call, arguments) = TAKEN[kind]
    getattr(cloud.client(service), call)(**arguments)
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path, {"Mine": {"Type": kind, "Properties": properties}})
    assert (
        f"Resource handler returned message: \"Resource of type '{kind}' with identifier 'taken' "
        'already exists."'
    ) in str(caught.value)
    assert "HandlerErrorCode: AlreadyExists)" in str(caught.value)


@pytest.mark.parametrize(
    ("resources", "validation", "reason"),
    [
        (
            queue(Name="x"),
            "AWS::EarlyValidation::PropertyValidation",
            "#: extraneous key [Name] is not permitted",
        ),
        (
            queue(QueueName="taken"),
            "AWS::EarlyValidation::ResourceExistenceCheck",
            "Resource of type 'AWS::SQS::Queue' with identifier 'taken' already exists.",
        ),
    ],
)
def test_a_change_set_is_validated_when_it_is_created(
    resources: dict[str, Any], validation: str, reason: str, cloud: Cloud
) -> None:
    cloud.client("sqs").create_queue(QueueName="taken")
    formation = cloud.client("cloudformation")
    which = {"StackName": "small", "ChangeSetName": "one"}
    template = json.dumps({"Resources": resources})
    formation.create_change_set(**which, ChangeSetType="CREATE", TemplateBody=template)
    shown = formation.describe_change_set(**which)
    assert (shown["Status"], shown["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert shown["StatusReason"] == (
        f"The following hook(s)/validation failed: [{validation}]. To troubleshoot Early "
        "Validation errors, use the DescribeEvents API for detailed failure information."
    )
    (event,) = formation.describe_events(**which)["OperationEvents"]
    assert (event["LogicalResourceId"], event["ValidationStatusReason"]) == ("Queue", reason)
    with pytest.raises(formation.exceptions.InvalidChangeSetStatusException):
        formation.execute_change_set(**which)
