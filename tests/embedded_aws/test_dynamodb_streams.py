"""DynamoDB Streams and the functions that read them: in order, retried, discarded with a word."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws import DeploymentError
from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import allow, arn, deployed, function, physical_id, role

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": "rows",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
    },
}
STREAM = {"Fn::GetAtt": ["Table", "StreamArn"]}
# Writes what it gets to the queue `Seen`; fails for a record whose new image has `poison`.
READER = """
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    records = event["Records"]
    sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(records))
    for record in records:
        poison = record["dynamodb"].get("NewImage", {}).get("poison", {}).get("S")
        if poison == "partial":
            number = record["dynamodb"]["SequenceNumber"]
            return {"batchItemFailures": [{"itemIdentifier": number}]}
        if poison:
            raise ValueError(poison)
"""
MAY_READ = allow(
    [f"dynamodb:{name}" for name in ("DescribeStream", "GetRecords", "GetShardIterator")],
    STREAM,
)
MAY_LIST = allow("dynamodb:ListStreams", STREAM)


def deploy(cloud: Cloud, folder: Path, *statements: Any, **mapping: Any) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {}}
    deployed(
        cloud,
        folder,
        {
            "Table": TABLE,
            "Queue": queue,
            "Seen": queue,
            "Role": role(
                "lambda.amazonaws.com",
                allow("sqs:SendMessage", [arn("Queue"), arn("Seen")]),
                *(statements or (MAY_READ, MAY_LIST)),
            ),
            "Reader": function(
                READER, "Role", Environment={"Variables": {"SEEN": {"Ref": "Seen"}}}
            ),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": STREAM,
                    "FunctionName": {"Ref": "Reader"},
                    "StartingPosition": "TRIM_HORIZON",
                    **mapping,
                },
            },
        },
    )
    assert cloud.clock.wait_until_idle(60)  # the first poll, which finds nothing, has ended


def put(cloud: Cloud, key: str, **values: str) -> None:
    item = {name: {"S": value} for name, value in {"id": key, **values}.items()}
    cloud.client("dynamodb").put_item(TableName="rows", Item=item)


def put_together(cloud: Cloud, *rows: dict[str, str]) -> None:
    with cloud.clock.running():
        for row in rows:
            put(cloud, **row)


def received(cloud: Cloud, queue: str) -> list[Any]:
    assert cloud.clock.wait_until_idle(60)
    found: list[Any] = []
    while (
        messages := cloud.client("sqs")
        .receive_message(QueueUrl=physical_id(cloud, queue), MaxNumberOfMessages=10)
        .get("Messages", [])
    ):
        found += [json.loads(message["Body"]) for message in messages]
    return found


def keys(batch: Any) -> list[str]:
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in batch]


def test_a_function_gets_the_changes_of_a_table_in_their_order(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(cloud, tmp_path)
    with cloud.clock.running():
        put(cloud, "a", x="1")
        put(cloud, "a", x="2")
        cloud.client("dynamodb").delete_item(TableName="rows", Key={"id": {"S": "a"}})
    (batch,) = received(cloud, "Seen")
    assert [record["eventName"] for record in batch] == ["INSERT", "MODIFY", "REMOVE"]
    modified = batch[1]
    assert modified["dynamodb"]["OldImage"] == {"id": {"S": "a"}, "x": {"S": "1"}}
    assert modified["dynamodb"]["NewImage"] == {"id": {"S": "a"}, "x": {"S": "2"}}
    assert modified["dynamodb"]["ApproximateCreationDateTime"] == 1601253000
    assert modified["eventSourceARN"].startswith(
        "arn:aws:dynamodb:ap-northeast-1:111122223333:table/rows/stream/2020-09-28T00:30:00"
    )
    assert modified["awsRegion"] == "ap-northeast-1"
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in batch]
    assert numbers == sorted(numbers)
    assert len({record["eventID"] for record in batch}) == 3


def test_a_write_that_changes_nothing_makes_no_record(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path)
    put_together(cloud, {"key": "a", "x": "1"}, {"key": "a", "x": "1"})
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["a"]]


def test_a_role_that_may_not_read_the_stream_gets_no_mapping(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"Cannot access stream .* GetShardIterator"):
        deploy(cloud, tmp_path, MAY_LIST)


def test_a_poisoned_record_is_split_off_and_discarded_and_the_others_go_on(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(
        cloud,
        tmp_path,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": arn("Queue")}},
    )
    put_together(cloud, {"key": "a"}, {"key": "b", "poison": "yes"}, {"key": "c"}, {"key": "d"})
    tried = [keys(batch) for batch in received(cloud, "Seen")]
    assert tried == [
        ["a", "b", "c", "d"],
        ["a", "b"],
        ["a"],
        ["b", "c", "d"],
        ["b", "c"],
        ["b"],
        ["b"],
        ["c", "d"],
    ]
    (letter,) = received(cloud, "Queue")
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] == 2
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
    assert letter["responseContext"]["functionError"] == "Unhandled"
    # the record can still be read from the stream, by its number
    streams = cloud.client("dynamodbstreams")
    info = letter["DDBStreamBatchInfo"]
    iterator = streams.get_shard_iterator(
        StreamArn=info["streamArn"],
        ShardId=info["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=info["startSequenceNumber"],
    )["ShardIterator"]
    found = streams.get_records(ShardIterator=iterator, Limit=1)["Records"]
    assert keys(found) == ["b"]


def test_a_function_may_report_from_where_on_its_batch_failed(cloud: Cloud, tmp_path: Path) -> None:
    deploy(
        cloud,
        tmp_path,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=1,
    )
    put_together(cloud, {"key": "a"}, {"key": "b", "poison": "partial"}, {"key": "c"})
    tried = [keys(batch) for batch in received(cloud, "Seen")]
    assert tried == [["a", "b", "c"], ["b", "c"], ["b", "c"]]


def test_a_failing_batch_is_repeated_with_growing_waits(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path, MaximumRetryAttempts=8)
    began = cloud.clock.time()
    put_together(cloud, {"key": "a", "poison": "yes"})
    assert len(received(cloud, "Seen")) == 9
    assert cloud.clock.time() - began == 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60


def test_records_are_kept_for_a_day(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path)
    mapping = physical_id(cloud, "Mapping")
    api = cloud.client("lambda")
    api.update_event_source_mapping(UUID=mapping, Enabled=False)
    put(cloud, "a")
    with cloud.clock.running():
        cloud.clock.sleep(20 * 3600)
        put(cloud, "b")
        cloud.clock.sleep(5 * 3600)
    api.update_event_source_mapping(UUID=mapping, Enabled=True)
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["b"]]


def test_records_that_are_too_old_are_given_up(cloud: Cloud, tmp_path: Path) -> None:
    deploy(
        cloud,
        tmp_path,
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": arn("Queue")}},
    )
    put_together(cloud, {"key": "a", "poison": "yes"})
    (letter,) = received(cloud, "Queue")
    assert letter["requestContext"]["condition"] == "RecordAgeExceeded"


def test_a_filter_lets_only_matching_records_through(cloud: Cloud, tmp_path: Path) -> None:
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"x": {"S": ["1"]}}}}
    deploy(cloud, tmp_path, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    put_together(cloud, {"key": "a", "x": "1"}, {"key": "b", "x": "2"}, {"key": "c", "x": "1"})
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["a", "c"]]


def test_a_mapping_that_was_disabled_goes_on_where_it_was(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path)
    mapping = physical_id(cloud, "Mapping")
    api = cloud.client("lambda")
    api.update_event_source_mapping(UUID=mapping, Enabled=False)
    put(cloud, "a")
    assert received(cloud, "Seen") == []
    api.update_event_source_mapping(UUID=mapping, Enabled=True)
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["a"]]


def test_a_stream_can_be_switched_on_and_off(cloud: Cloud) -> None:
    api = cloud.client("dynamodb")
    api.create_table(
        TableName="plain",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    on = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    api.update_table(TableName="plain", StreamSpecification=on)
    assert api.describe_table(TableName="plain")["Table"]["LatestStreamArn"]
    with pytest.raises(ClientError, match="Cannot enable stream"):
        api.update_table(TableName="plain", StreamSpecification=on)
    api.update_table(TableName="plain", StreamSpecification={"StreamEnabled": False})
    api.put_item(TableName="plain", Item={"id": {"S": "a"}})
    api.update_table(TableName="plain", StreamSpecification=on)
