"""A deployment creates every resource, or reports which one it could not create and why."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from embedded_aws.deployment import LARGEST_BODY, DeploymentError, deploy
from tests.embedded_aws.small_stack import (
    ASSETS,
    allow,
    arn,
    assembly,
    deployed,
    function,
    physical_id,
    role,
    state_machine,
)

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": "ROWS",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    },
}
SCALING = {
    "Target": {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {
            "MinCapacity": 1,
            "MaxCapacity": 10,
            "ResourceId": {"Fn::Join": ["", ["table/", {"Ref": "Table"}]]},
            "RoleARN": "arn:aws:iam::111122223333:role/scaling",
            "ScalableDimension": "dynamodb:table:WriteCapacityUnits",
            "ServiceNamespace": "dynamodb",
        },
    },
    "Policy": {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": "writes",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": {"Ref": "Target"},
            "TargetTrackingScalingPolicyConfiguration": {
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "DynamoDBWriteCapacityUtilization"
                },
                "TargetValue": 70,
            },
        },
    },
}


def with_properties(resource: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {**resource, "Properties": {**resource["Properties"], **properties}}


def described_table(cloud: Cloud) -> dict[str, Any]:
    table: dict[str, Any] = cloud.client("dynamodb").describe_table(TableName="ROWS")["Table"]
    return table


def test_outputs_are_returned(cloud: Cloud, tmp_path: Path) -> None:
    outputs = {"Table": {"Value": {"Ref": "Table"}}, "Arn": {"Value": arn("Table")}}
    assert deployed(cloud, tmp_path, {"Table": TABLE}, outputs) == {
        "Table": "ROWS",
        "Arn": "arn:aws:dynamodb:ap-northeast-1:111122223333:table/ROWS",
    }


def test_the_write_capacity_of_a_table_scales_as_the_template_says(
    cloud: Cloud, tmp_path: Path
) -> None:
    deployed(cloud, tmp_path, {"Table": TABLE, **SCALING})
    scaling = cloud.client("application-autoscaling")
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert (target["ResourceId"], target["MaxCapacity"]) == ("table/ROWS", 10)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70


def test_the_substitutions_of_a_definition_are_made(cloud: Cloud, tmp_path: Path) -> None:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${T}", "End": True}}}
    machine = state_machine(
        definition,
        "Role",
        StateMachineName="refresh",
        DefinitionSubstitutions={"T": {"Ref": "Table"}},
        TracingConfiguration={"Enabled": True},
    )
    resources = {"Table": TABLE, "Role": role("states.amazonaws.com"), "Machine": machine}
    outputs = deployed(cloud, tmp_path, resources, {"Arn": {"Value": arn("Machine")}})
    described = cloud.client("stepfunctions").describe_state_machine(stateMachineArn=outputs["Arn"])
    assert json.loads(described["definition"])["States"]["A"]["Result"] == "ROWS"
    assert described["name"] == "refresh"
    assert described["tracingConfiguration"] == {"enabled": True}


def test_the_arn_of_a_log_group_covers_its_streams(cloud: Cloud, tmp_path: Path) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/refresh"}}
    outputs = deployed(cloud, tmp_path, {"Log": group}, {"Arn": {"Value": arn("Log")}})
    assert outputs["Arn"] == "arn:aws:logs:ap-northeast-1:111122223333:log-group:/refresh:*"


def test_deploying_the_same_again_changes_nothing(cloud: Cloud, tmp_path: Path) -> None:
    resources = {"Table": TABLE, **SCALING, "Role": role("states.amazonaws.com")}
    deployed(cloud, tmp_path, resources)
    cloud.client("dynamodb").put_item(TableName="ROWS", Item={"id": {"S": "kept"}})
    before = physical_id(cloud, "Role")
    deployed(cloud, tmp_path, resources)
    assert physical_id(cloud, "Role") == before
    assert cloud.client("dynamodb").scan(TableName="ROWS")["Count"] == 1


def test_deploying_again_updates_in_place_adds_and_removes(cloud: Cloud, tmp_path: Path) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}}
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 3600}}
    pattern = {"source": ["shop"]}
    rule = {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern}}
    old = {"Table": TABLE, **SCALING, "Log": group, "Queue": queue, "Rule": rule}
    deployed(cloud, tmp_path, old)
    cloud.client("dynamodb").put_item(TableName="ROWS", Item={"id": {"S": "kept"}})
    names = {logical: physical_id(cloud, logical) for logical in ("Log", "Queue", "Rule")}

    on_demand = with_properties(
        TABLE,
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    del on_demand["Properties"]["ProvisionedThroughput"]
    new = {
        "Table": on_demand,
        "Log": with_properties(group, RetentionInDays=30),
        "Queue": with_properties(queue, MessageRetentionPeriod=7200),
        "Rule": with_properties(rule, State="DISABLED"),
        "Role": role("states.amazonaws.com"),
    }
    deployed(cloud, tmp_path, new)

    assert {logical: physical_id(cloud, logical) for logical in names} == names
    table = described_table(cloud)
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True
    assert cloud.client("dynamodb").scan(TableName="ROWS")["Count"] == 1
    (log,) = cloud.client("logs").describe_log_groups(logGroupNamePrefix=names["Log"])["logGroups"]
    assert log["retentionInDays"] == 30
    attributes = cloud.client("sqs").get_queue_attributes(
        QueueUrl=names["Queue"], AttributeNames=["All"]
    )["Attributes"]
    assert attributes["MessageRetentionPeriod"] == "7200"
    assert cloud.client("events").describe_rule(Name=names["Rule"])["State"] == "DISABLED"
    scaling = cloud.client("application-autoscaling")
    assert not scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert cloud.client("iam").get_role(RoleName=physical_id(cloud, "Role"))


def test_an_update_with_resources_that_refer_to_each_other_is_refused(
    cloud: Cloud, tmp_path: Path
) -> None:
    first, second = (
        role("states.amazonaws.com", allow("sts:AssumeRole", arn(other))) for other in "BA"
    )
    deployed(cloud, tmp_path, {"A": role("states.amazonaws.com")})
    with pytest.raises(DeploymentError, match=r"Circular dependency between resources: \[[AB], "):
        deployed(cloud, tmp_path, {"A": first, "B": second})


def test_an_unsupported_resource_type_fails_the_deployment(cloud: Cloud, tmp_path: Path) -> None:
    resources = {"Canary": {"Type": "AWS::Synthetics::Canary", "Properties": {}}}
    with pytest.raises(
        DeploymentError, match=r"Unrecognized resource types: \[AWS::Synthetics::Can"
    ):
        deployed(cloud, tmp_path, resources)


def test_a_resource_that_cannot_be_created_is_named_with_its_reason_and_can_be_fixed(
    cloud: Cloud, tmp_path: Path
) -> None:
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": "nowhere", "PolicyDocument": {"Statement": []}},
    }
    resources = {"Role": role("states.amazonaws.com"), "Policy": policy}
    with pytest.raises(DeploymentError, match=r"Policy \(AWS::S3::BucketPolicy\): .*NoSuchBucket"):
        deployed(cloud, tmp_path, resources)
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "nowhere"}}
    policy["Properties"]["Bucket"] = {"Ref": "Bucket"}  # type: ignore[index] # it is a dict
    deployed(cloud, tmp_path, {"Bucket": bucket, **resources})


def test_a_definition_that_step_functions_refuses_fails_the_deployment(
    cloud: Cloud, tmp_path: Path
) -> None:
    machine = state_machine({"StartAt": "Nowhere", "States": {}}, "Role")
    with pytest.raises(DeploymentError, match=r"Machine \(AWS::StepFunctions::StateMachine\)"):
        deployed(cloud, tmp_path, {"Role": role("states.amazonaws.com"), "Machine": machine})


def test_a_state_machine_whose_role_does_not_trust_step_functions_fails_the_deployment(
    cloud: Cloud, tmp_path: Path
) -> None:
    machine = state_machine(
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}, "Role"
    )
    with pytest.raises(DeploymentError, match="nor the regional one is authorized to assume"):
        deployed(cloud, tmp_path, {"Role": role("lambda.amazonaws.com"), "Machine": machine})


def test_a_missing_resource_is_reported_although_the_stack_is_complete(
    cloud: Cloud, tmp_path: Path
) -> None:
    deployed(cloud, tmp_path, {"Table": TABLE})
    cloud.client("dynamodb").delete_table(TableName="ROWS")
    with pytest.raises(DeploymentError, match=r"Table \(AWS::DynamoDB::Table\) is missing"):
        deployed(cloud, tmp_path, {"Table": TABLE})


def test_an_inline_policy_is_attached_to_its_role(cloud: Cloud, tmp_path: Path) -> None:
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "more",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [allow("s3:GetObject", "*")],
            },
            "Roles": [{"Ref": "Role"}],
        },
    }
    deployed(cloud, tmp_path, {"Role": role("states.amazonaws.com"), "More": policy})
    name = physical_id(cloud, "Role")
    assert cloud.client("iam").list_role_policies(RoleName=name)["PolicyNames"] == ["more"]


def test_assets_are_packed_the_same_no_matter_when_their_files_were_written(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = "def handler(event, context): return 1"
    resources = {"Role": role("lambda.amazonaws.com"), "Task": function(code, "Role")}

    def packed(folder: Path, written: float) -> bytes:
        assembly(folder, "small", resources)
        for file in folder.rglob("task.py"):
            os.utime(file, (written, written))
        deploy(folder, "small", cloud)
        (key,) = (o["Key"] for o in cloud.client("s3").list_objects_v2(Bucket=ASSETS)["Contents"])
        body: bytes = cloud.client("s3").get_object(Bucket=ASSETS, Key=key)["Body"].read()
        return body

    assert packed(tmp_path / "a", 1_500_000_000) == packed(tmp_path / "b", 1_600_000_000)


def test_a_template_too_long_for_a_request_is_sent_through_s3(cloud: Cloud, tmp_path: Path) -> None:
    name = "small"
    folder = assembly(tmp_path, name, {"Table": TABLE})
    template = folder / f"{name}.template.json"
    text = json.dumps({**json.loads(template.read_text()), "Metadata": "x" * LARGEST_BODY})
    template.write_text(text)
    key = {"bucketName": "assets", "objectKey": "template.json"}
    files = {
        "t": {"source": {"path": template.name, "packaging": "file"}, "destinations": {"h": key}}
    }
    (folder / f"{name}.assets.json").write_text(json.dumps({"files": files}))
    url = {"stackTemplateAssetObjectUrl": "s3://assets/template.json"}
    manifest = {"artifacts": {name: {"properties": url}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    deploy(folder, name, cloud)
    assert described_table(cloud)["TableName"] == "ROWS"
