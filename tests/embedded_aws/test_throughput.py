"""A provisioned table's throughput, as a deployed function meets it."""

import json
from pathlib import Path
from typing import Any

from embedded_aws import Cloud
from tests.embedded_aws.small_stack import allow, arn, deployed, function, physical_id, role

READ_ALL = """
import boto3
from botocore.config import Config
once = Config(retries={"total_max_attempts": 1})
client = boto3.client("dynamodb", config=once)
def handler(event, context):
    for count in range(400):
        try:
            client.get_item(TableName="rows", Key={"id": {"S": "x"}}, ConsistentRead=True)
        except client.exceptions.ProvisionedThroughputExceededException:
            return count
    return 400
"""
LOG = allow(["logs:CreateLogStream", "logs:PutLogEvents"], "*")


def deploy_table(cloud: Cloud, folder: Path, **capacity: Any) -> None:
    deployed(
        cloud,
        folder,
        {
            "Rows": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "TableName": "rows",
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    **capacity,
                },
            },
            "Role": role("lambda.amazonaws.com", allow("dynamodb:GetItem", arn("Rows")), LOG),
            "Reader": function(READ_ALL, "Role", Timeout=60),
        },
    )
    cloud.client("dynamodb").put_item(
        TableName="rows", Item={"id": {"S": "x"}, "text": {"S": "y" * 5000}}
    )


def reads(cloud: Cloud) -> int:
    """Return how often the function can read an item of 5 KB, two units, before it is throttled."""
    response = cloud.client("lambda").invoke(FunctionName=physical_id(cloud, "Reader"))
    count: int = json.loads(response["Payload"].read())
    return count


def test_a_provisioned_table_saves_five_minutes_of_its_capacity(
    cloud: Cloud, tmp_path: Path
) -> None:
    one = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    deploy_table(cloud, tmp_path, ProvisionedThroughput=one)
    assert reads(cloud) == 150
    with cloud.clock.running():
        cloud.clock.sleep(60)
    assert reads(cloud) == 30
    with cloud.clock.running():
        cloud.clock.sleep(3600)
    assert reads(cloud) == 150


def test_an_on_demand_table_is_not_throttled(cloud: Cloud, tmp_path: Path) -> None:
    deploy_table(cloud, tmp_path, BillingMode="PAY_PER_REQUEST")
    assert reads(cloud) == 400
