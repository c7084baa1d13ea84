"""Change sets belong to their stack, and import what exists already if they are told to."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from tests.embedded_aws.test_deploy import TABLE

NAME = "cdk-deploy-change-set"
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}
KEPT_TABLE = {**TABLE, "DeletionPolicy": "RetainExceptOnCreate"}


def create(
    cloud: Cloud, stack: str, kind: str = "CREATE", *, name: str = NAME, **resources: Any
) -> str:
    body = json.dumps({"Resources": resources or {"Queue": QUEUE}})
    made = cloud.client("cloudformation").create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateBody=body,
        ImportExistingResources=True,
    )
    arn: str = made["Id"]
    return arn


def described(cloud: Cloud, stack: str, name: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("cloudformation").describe_change_set(
        StackName=stack, ChangeSetName=name
    )
    return found


def execute(cloud: Cloud, stack: str, name: str = NAME) -> str:
    formation = cloud.client("cloudformation")
    formation.execute_change_set(StackName=stack, ChangeSetName=name)
    status: str = formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    return status


def existing_table(cloud: Cloud) -> None:
    properties: dict[str, Any] = TABLE["Properties"]  # type: ignore[assignment] # it is a dict
    cloud.client("dynamodb").create_table(**properties)
    cloud.client("dynamodb").put_item(TableName="ROWS", Item={"id": {"S": "kept"}})


def test_the_name_of_a_change_set_belongs_to_its_stack(cloud: Cloud) -> None:
    formation = cloud.client("cloudformation")
    for stack in ("one", "two"):
        create(cloud, stack)
    assert described(cloud, "one")["StackName"] == "one"
    formation.delete_change_set(StackName="one", ChangeSetName=NAME)
    with pytest.raises(formation.exceptions.ChangeSetNotFoundException):
        described(cloud, "one")
    assert described(cloud, "two")["StackName"] == "two"
    summaries = formation.list_change_sets(StackName="two")["Summaries"]
    assert [summary["StackName"] for summary in summaries] == ["two"]
    assert formation.list_change_sets(StackName="one")["Summaries"] == []


def test_a_change_set_of_a_stack_that_does_not_exist_is_an_error(cloud: Cloud) -> None:
    create(cloud, "one")
    with pytest.raises(ClientError, match=r"Stack \[nowhere\] does not exist"):
        described(cloud, "nowhere")


def test_executing_one_change_set_deletes_the_others_of_its_stack_only(cloud: Cloud) -> None:
    arn = create(cloud, "one")
    create(cloud, "one", name="other")
    create(cloud, "two")
    assert execute(cloud, "one") == "CREATE_COMPLETE"
    formation = cloud.client("cloudformation")
    with pytest.raises(formation.exceptions.ChangeSetNotFoundException):
        described(cloud, "one", "other")
    assert described(cloud, "two")["ExecutionStatus"] == "AVAILABLE"
    with pytest.raises(formation.exceptions.InvalidChangeSetStatusException):
        execute(cloud, "one", arn)


def test_a_deleted_stack_has_no_change_sets(cloud: Cloud) -> None:
    arn = create(cloud, "one")
    formation = cloud.client("cloudformation")
    formation.delete_stack(StackName="one")
    with pytest.raises(formation.exceptions.ChangeSetNotFoundException):
        formation.describe_change_set(ChangeSetName=arn)


def test_a_stack_that_exists_is_not_created_again(cloud: Cloud) -> None:
    create(cloud, "one")
    execute(cloud, "one")
    with pytest.raises(ClientError, match="already exists and cannot be created again"):
        create(cloud, "one", name="other")


def test_a_stack_whose_creation_failed_can_only_be_deleted(cloud: Cloud) -> None:
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": "nowhere", "PolicyDocument": {"Statement": []}},
    }
    create(cloud, "one", Policy=policy)
    assert execute(cloud, "one") == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        create(cloud, "one", "UPDATE", name="other")
    cloud.client("cloudformation").delete_stack(StackName="one")
    create(cloud, "one")
    assert execute(cloud, "one") == "CREATE_COMPLETE"


@pytest.mark.parametrize("kind", ["CREATE", "UPDATE"])
def test_a_named_resource_that_exists_is_imported_as_it_is(cloud: Cloud, kind: str) -> None:
    existing_table(cloud)
    if kind == "UPDATE":
        create(cloud, "one")
        execute(cloud, "one")
    create(cloud, "one", kind, name="import", Queue=QUEUE, Table=KEPT_TABLE)
    changes = described(cloud, "one", "import")["Changes"]
    actions = {
        c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"]["Action"] for c in changes
    }
    assert actions["Table"] == "Import"
    assert execute(cloud, "one", "import") == f"{kind}_COMPLETE"
    assert cloud.client("dynamodb").scan(TableName="ROWS")["Count"] == 1
    (table,) = (
        resource
        for resource in cloud.client("cloudformation").describe_stack_resources(StackName="one")[
            "StackResources"
        ]
        if resource["LogicalResourceId"] == "Table"
    )
    assert table["PhysicalResourceId"] == "ROWS"


def test_a_resource_that_its_stack_would_delete_is_not_imported(cloud: Cloud) -> None:
    existing_table(cloud)
    create(cloud, "one", Table=TABLE)
    change_set = described(cloud, "one")
    assert change_set["Status"] == "FAILED"
    assert change_set["StatusReason"].endswith(
        "must have the DeletionPolicy attribute set to 'Retain' or 'RetainExceptOnCreate' in the "
        "template for successful import. The affected resources are Table ({TableName=ROWS})"
    )
    with pytest.raises(ClientError, match=r"current execution status of \[UNAVAILABLE\]"):
        execute(cloud, "one")


def test_a_resource_of_another_stack_is_not_imported(cloud: Cloud) -> None:
    create(cloud, "owner", Table=KEPT_TABLE)
    execute(cloud, "owner")
    create(cloud, "one", Table=KEPT_TABLE)
    change_set = described(cloud, "one")
    assert change_set["Status"] == "FAILED"
    assert "stack/owner/" in change_set["StatusReason"]
