"""A deployment refuses names, numbers and policies that the service would refuse."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from embedded_aws.deployment import DeploymentError
from tests.embedded_aws.schedules import schedule, stack
from tests.embedded_aws.small_stack import MAY_START, allow, deployed, role

PATTERN = {"source": ["aws.glue"]}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def table(name: str) -> dict[str, Any]:
    return resource(
        "AWS::DynamoDB::Table",
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def named_role(name: str) -> dict[str, Any]:
    made = role("states.amazonaws.com")
    made["Properties"]["RoleName"] = name
    return made


def allowed(action: str, target: str) -> dict[str, Any]:
    return role("states.amazonaws.com", allow(action, target))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a bucket with two dots": (
        resource("AWS::S3::Bucket", BucketName="a..b"),
        "The specified bucket is not valid.",
    ),
    "a bucket in capitals": (
        resource("AWS::S3::Bucket", BucketName="Shop"),
        "The specified bucket is not valid.",
    ),
    "a bucket with an access point's name": (
        resource("AWS::S3::Bucket", BucketName="shop-s3alias"),
        "The specified bucket is not valid.",
    ),
    "a role's name with a blank": (
        named_role("a b"),
        "Value 'a b' at 'roleName' failed to satisfy constraint",
    ),
    "a role's name of 65 characters": (
        named_role("r" * 65),
        "Member must have length less than or equal to 64",
    ),
    "a policy of a partition that is none": (
        allowed("s3:GetObject", "arn:awz:s3:::shop/*"),
        'Partition "awz" is not valid for resource "arn:awz:s3:::shop/*".',
    ),
    "a policy on no ARN": (
        allowed("s3:GetObject", "shop/interactions"),
        'Resource shop/interactions must be in ARN format or "*".',
    ),
    "a policy's action without its service": (
        allowed("GetObject", "*"),
        "Actions/Conditions must be prefaced by a vendor",
    ),
    "a table's name with a blank": (table("a b"), "Value 'a b' at 'tableName' failed"),
    "a table's name of two letters": (table("ab"), "Value 'ab' at 'tableName' failed"),
    "a rule's name with a blank": (
        resource("AWS::Events::Rule", Name="a b", EventPattern=PATTERN),
        "Value 'a b' at 'name' failed to satisfy constraint",
    ),
    "a rule's cron with an hour 25": (
        resource("AWS::Events::Rule", ScheduleExpression="cron(0 25 * * ? *)"),
        "Parameter ScheduleExpression is not valid.",
    ),
    "a log group's name with a blank": (
        resource("AWS::Logs::LogGroup", LogGroupName="a b"),
        "Value 'a b' at 'logGroupName' failed to satisfy constraint",
    ),
    "a retention of 8 days": (
        resource("AWS::Logs::LogGroup", RetentionInDays=8),
        "Invalid retention value. Valid values are: [1, 3, 5, 7,",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_resource_that_its_service_refuses_fails_the_deployment(
    case: str, cloud: Cloud, tmp_path: Path
) -> None:
    refused, words = REFUSED[case]
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path, {"Wrong": refused})
    assert "small: Wrong (" in str(caught.value)
    assert words in str(caught.value)


SCHEDULES: dict[str, tuple[dict[str, Any], str]] = {
    "a time zone of this machine": (
        {"ScheduleExpressionTimezone": "localtime"},
        "Invalid Schedule Expression Timezone localtime.",
    ),
    "an hour 25": (
        {"ScheduleExpression": "cron(0 25 * * ? *)"},
        "Invalid Schedule Expression cron(0 25 * * ? *).",
    ),
    "a name with a blank": ({"Name": "a b"}, "'Name' failed to satisfy constraint"),
    "a state that is none": ({"State": "ON"}, "enum value set: [ENABLED, DISABLED]"),
    "a target that is no ARN": ({"target": {"Arn": "machine"}}, "Arn is not in correct format"),
    "a role that is no role's ARN": (
        {"target": {"RoleArn": "arn:aws:iam::1:role/x"}},
        "'Target.RoleArn' failed to satisfy constraint",
    ),
}


@pytest.mark.parametrize("case", SCHEDULES)
def test_a_schedule_that_scheduler_refuses_fails_the_deployment(
    case: str, cloud: Cloud, tmp_path: Path
) -> None:
    properties, words = SCHEDULES[case]
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path, stack(MAY_START, Schedule=schedule(**properties)))
    assert words in str(caught.value)


def test_an_update_is_checked_as_a_creation_is(cloud: Cloud, tmp_path: Path) -> None:
    week, eight_days = (resource("AWS::Logs::LogGroup", RetentionInDays=days) for days in (7, 8))
    deployed(cloud, tmp_path / "1", {"Logs": week})
    with pytest.raises(DeploymentError, match="Invalid retention value"):
        deployed(cloud, tmp_path / "2", {"Logs": eight_days})


def test_the_api_refuses_a_bucket_as_a_template_does(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="The specified bucket is not valid"):
        cloud.client("s3").create_bucket(
            Bucket="shop--ol-s3", CreateBucketConfiguration={"LocationConstraint": cloud.region}
        )


def test_the_key_of_a_log_group_must_exist_and_allow_cloudwatch_logs(
    cloud: Cloud, tmp_path: Path
) -> None:
    key = f"arn:aws:kms:{cloud.region}:{cloud.account}:key/1"
    group = f"arn:aws:logs:{cloud.region}:{cloud.account}:log-group:shop"
    log = resource("AWS::Logs::LogGroup", LogGroupName="shop", KmsKeyId=key)
    refused = f"does not exist or is not allowed to be used with Arn '{group}'"
    statement = {
        **allow(["kms:GenerateDataKey*", "kms:Decrypt"], "*"),
        "Principal": {"Service": f"logs.{cloud.region}.amazonaws.com"},
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"{group[:-4]}*"}},
    }
    delegated = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{cloud.account}:root"})
    with pytest.raises(DeploymentError, match=refused):
        deployed(cloud, tmp_path, {"Log": log})
    cloud.add_key(key, {"Version": "2012-10-17", "Statement": [delegated]})
    with pytest.raises(DeploymentError, match=refused):
        deployed(cloud, tmp_path, {"Log": log})
    with pytest.raises(ClientError, match=refused):
        cloud.client("logs").create_log_group(logGroupName="shop", kmsKeyId=key)
    cloud.add_key(key, {"Version": "2012-10-17", "Statement": [delegated, statement]})
    deployed(cloud, tmp_path, {"Log": log})
    (shown,) = cloud.client("logs").describe_log_groups()["logGroups"]
    assert shown["kmsKeyId"] == key
