"""A stack that fails is rolled back, and a retained resource outlives its stack."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from embedded_aws.deployment import DeploymentError
from tests.embedded_aws.small_stack import (
    ASSETS,
    ECHO,
    allow,
    deployed,
    function,
    physical_id,
    role,
    state_machine,
)
from tests.embedded_aws.test_deploy import TABLE, with_properties

FAILING = {
    "Type": "AWS::S3::BucketPolicy",
    "Properties": {"Bucket": "nowhere", "PolicyDocument": {"Statement": []}},
    "DependsOn": ["Table", "Log"],
}
LOG = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/refresh"}}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 3600}}


def kept(resource: dict[str, Any], policy: str) -> dict[str, Any]:
    return {**resource, "DeletionPolicy": policy}


def status(cloud: Cloud) -> str:
    stacks = cloud.client("cloudformation").describe_stacks(StackName="small")["Stacks"]
    found: str = stacks[0]["StackStatus"]
    return found


def reasons(cloud: Cloud, event_status: str) -> dict[str, str]:
    events = cloud.client("cloudformation").describe_stack_events(StackName="small")["StackEvents"]
    return {
        event["LogicalResourceId"]: event["ResourceStatusReason"]
        for event in events
        if event["ResourceStatus"] == event_status
    }


def tables(cloud: Cloud) -> list[str]:
    names: list[str] = cloud.client("dynamodb").list_tables()["TableNames"]
    return names


def log_groups(cloud: Cloud) -> list[str]:
    groups = cloud.client("logs").describe_log_groups()["logGroups"]
    return [group["logGroupName"] for group in groups]


def fail_to_create(cloud: Cloud, folder: Path, policy: str, **table: Any) -> None:
    resources = {
        "Failing": FAILING,
        "Table": kept(with_properties(TABLE, **table), policy),
        "Log": kept(LOG, policy),
    }
    with pytest.raises(DeploymentError, match=r"small: Failing \(AWS::S3::BucketPolicy\): "):
        deployed(cloud, folder, resources)


@pytest.mark.parametrize("policy", ["RetainExceptOnCreate", "Delete"])
def test_a_failed_creation_leaves_nothing_behind(cloud: Cloud, tmp_path: Path, policy: str) -> None:
    fail_to_create(cloud, tmp_path, policy)
    assert (tables(cloud), log_groups(cloud)) == ([], [])
    assert status(cloud) == "ROLLBACK_COMPLETE"
    assert "NoSuchBucket" in reasons(cloud, "CREATE_FAILED")["Failing"]
    resources = cloud.client("cloudformation").describe_stack_resources(StackName="small")
    assert resources["StackResources"] == []


def test_a_failed_creation_keeps_what_retain_keeps(cloud: Cloud, tmp_path: Path) -> None:
    fail_to_create(cloud, tmp_path, "Retain")
    assert (tables(cloud), log_groups(cloud)) == (["ROWS"], ["/refresh"])
    assert status(cloud) == "ROLLBACK_COMPLETE"


def test_a_protected_table_cannot_be_rolled_back(cloud: Cloud, tmp_path: Path) -> None:
    fail_to_create(cloud, tmp_path, "RetainExceptOnCreate", DeletionProtectionEnabled=True)
    assert status(cloud) == "ROLLBACK_FAILED"
    assert (tables(cloud), log_groups(cloud)) == (["ROWS"], [])
    assert "DeletionProtectionEnabled is set to True" in reasons(cloud, "DELETE_FAILED")["Table"]


@pytest.mark.parametrize(
    ("policy", "left"),
    [("RetainExceptOnCreate", ["ROWS"]), ("Retain", ["ROWS"]), ("Delete", [])],
)
def test_a_retained_table_outlives_its_stack(
    cloud: Cloud, tmp_path: Path, policy: str, left: list[str]
) -> None:
    deployed(cloud, tmp_path, {"Table": kept(TABLE, policy)})
    cloud.client("cloudformation").delete_stack(StackName="small")
    assert tables(cloud) == left


@pytest.mark.parametrize(("policy", "left"), [("RetainExceptOnCreate", ["ROWS"]), ("Delete", [])])
def test_a_table_that_leaves_the_template_is_retained_or_deleted(
    cloud: Cloud, tmp_path: Path, policy: str, left: list[str]
) -> None:
    deployed(cloud, tmp_path, {"Table": kept(TABLE, policy), "Queue": QUEUE})
    deployed(cloud, tmp_path, {"Queue": QUEUE})
    assert tables(cloud) == left


def test_a_protected_table_keeps_its_stack_from_being_deleted(cloud: Cloud, tmp_path: Path) -> None:
    protected = with_properties(TABLE, DeletionProtectionEnabled=True)
    deployed(cloud, tmp_path, {"Table": protected, "Queue": QUEUE})
    cloud.client("cloudformation").delete_stack(StackName="small")
    assert status(cloud) == "DELETE_FAILED"
    assert tables(cloud) == ["ROWS"]
    assert "QueueUrls" not in cloud.client("sqs").list_queues()


def test_a_deleted_stack_leaves_nothing_behind(cloud: Cloud, tmp_path: Path) -> None:
    rule = {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["shop"]}}}
    code = "def handler(event, context): return 1"
    resources = {
        "Table": TABLE,
        "Log": LOG,
        "Queue": QUEUE,
        "Rule": rule,
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "kept-by-nobody"}},
        "Role": role("states.amazonaws.com", allow("s3:GetObject", "*")),
        "Machine": state_machine(ECHO, "Role"),
        "LambdaRole": role("lambda.amazonaws.com"),
        "Task": function(code, "LambdaRole"),
    }
    deployed(cloud, tmp_path, resources)
    cloud.client("cloudformation").delete_stack(StackName="small")
    left = {
        "tables": tables(cloud),
        "log groups": log_groups(cloud),
        "queues": cloud.client("sqs").list_queues().get("QueueUrls", []),
        "rules": cloud.client("events").list_rules()["Rules"],
        "buckets": [b for b in cloud.client("s3").list_buckets()["Buckets"] if b["Name"] != ASSETS],
        "roles": cloud.client("iam").list_roles()["Roles"],
        "machines": cloud.client("stepfunctions").list_state_machines()["stateMachines"],
        "functions": cloud.client("lambda").list_functions()["Functions"],
    }
    assert left == {kind: [] for kind in left}


def test_a_failed_update_is_rolled_back(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, tmp_path, {"Queue": QUEUE, "Role": role("states.amazonaws.com")})
    url = physical_id(cloud, "Queue")
    new = {
        "Queue": with_properties(QUEUE, MessageRetentionPeriod=7200),
        "Table": TABLE,
        "Log": LOG,
        "Failing": FAILING,
    }
    with pytest.raises(DeploymentError, match=r"small: Failing \(AWS::S3::BucketPolicy\): "):
        deployed(cloud, tmp_path, new)
    assert status(cloud) == "UPDATE_ROLLBACK_COMPLETE"
    assert (tables(cloud), log_groups(cloud)) == ([], [])
    queue = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert queue["Attributes"]["MessageRetentionPeriod"] == "3600"
    assert cloud.client("iam").get_role(RoleName=physical_id(cloud, "Role"))

    del new["Failing"]
    deployed(cloud, tmp_path, new)
    assert tables(cloud) == ["ROWS"]


def test_a_later_stack_of_the_same_name_gives_new_names_to_its_resources(
    cloud: Cloud, tmp_path: Path
) -> None:
    group = kept({"Type": "AWS::Logs::LogGroup", "Properties": {}}, "RetainExceptOnCreate")
    deployed(cloud, tmp_path, {"Log": group})
    cloud.client("cloudformation").delete_stack(StackName="small")
    deployed(cloud, tmp_path, {"Log": group})
    assert len(log_groups(cloud)) == 2


def test_the_boundary_of_a_role_must_exist_and_can_be_changed(cloud: Cloud, tmp_path: Path) -> None:
    policy = {"Version": "2012-10-17", "Statement": [allow("s3:*", "*")]}
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    bound = with_properties(role("states.amazonaws.com"), PermissionsBoundary=boundary)
    with pytest.raises(DeploymentError, match=f"Scope ARN: {boundary} does not exist"):
        deployed(cloud, tmp_path, {"Role": bound})
    iam = cloud.client("iam")
    iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(policy))
    deployed(cloud, tmp_path, {"Role": role("states.amazonaws.com")})
    deployed(cloud, tmp_path, {"Role": bound})
    described = iam.get_role(RoleName=physical_id(cloud, "Role"))["Role"]
    assert described["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
