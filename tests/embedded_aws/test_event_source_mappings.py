"""Event source mappings: what they tell, how they read under the role, what changes them."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import allow, arn, deployed, function, physical_id, role
from tests.embedded_aws.test_dynamodb_streams import (
    MAY_LIST,
    MAY_READ,
    STREAM,
    TABLE,
    deploy,
    keys,
    put,
    put_together,
    received,
)

# Reads the stream of the event, through the API.
READS = """
import boto3
def handler(event, context):
    api = boto3.client("dynamodbstreams")
    streams = api.list_streams(TableName="rows")["Streams"]
    stream = api.describe_stream(StreamArn=streams[0]["StreamArn"])["StreamDescription"]
    iterator = api.get_shard_iterator(
        StreamArn=stream["StreamArn"],
        ShardId=stream["Shards"][0]["ShardId"],
        ShardIteratorType="TRIM_HORIZON",
    )["ShardIterator"]
    found = api.get_records(ShardIterator=iterator)["Records"]
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in found]
"""
# Writes a row for the first row that it gets, and goes on for a while after that.
WRITES = """
import boto3, json, os
def handler(event, context):
    names = [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
    boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(names))
    if "a" in names:
        api = boto3.client("dynamodb")
        api.put_item(TableName="rows", Item={"id": {"S": "b"}})
        api.get_item(TableName="rows", Key={"id": {"S": "a"}})
        boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps("end"))
"""


def described(cloud: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("lambda").get_event_source_mapping(
        UUID=physical_id(cloud, "Mapping")
    )
    return found


def last_result(cloud: Cloud) -> str:
    assert cloud.clock.wait_until_idle(60)
    return str(described(cloud)["LastProcessingResult"])


def restart_stream(cloud: Cloud) -> None:
    with cloud.clock.running():
        cloud.clock.sleep(60)  # a stream is named by its time
    api = cloud.client("dynamodb")
    on = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    api.update_table(TableName="rows", StreamSpecification={"StreamEnabled": False})
    api.update_table(TableName="rows", StreamSpecification=on)


def test_a_mapping_tells_how_its_last_batch_went(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path, MaximumRetryAttempts=1)
    assert last_result(cloud) == "No records processed"
    put(cloud, "a")
    assert last_result(cloud) == "OK"
    put(cloud, "b", poison="yes")
    assert last_result(cloud) == "PROBLEM: Function call failed"


def test_a_mapping_is_described_with_what_streams_have_by_default(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(cloud, tmp_path)
    told = described(cloud)
    assert (told["MaximumRetryAttempts"], told["MaximumRecordAgeInSeconds"]) == (-1, -1)
    assert (told["BatchSize"], told["ParallelizationFactor"]) == (100, 1)
    assert told["LastModified"].timestamp() == cloud.clock.time()


def test_a_role_that_may_read_no_longer_gets_nothing_and_the_mapping_says_why(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(cloud, tmp_path)
    cloud.client("iam").delete_role_policy(RoleName=physical_id(cloud, "Role"), PolicyName="inline")
    put(cloud, "a")
    assert last_result(cloud).startswith("PROBLEM: Cannot access stream arn:aws:dynamodb:")
    refused = {(call.action, call.allowed) for call in cloud.calls if not call.allowed}
    assert refused == {("dynamodb:GetShardIterator", False)}
    assert received(cloud, "Seen") == []


@pytest.mark.parametrize("kind", ["error", "throttle", "lost", "denied"])
def test_faults_strike_the_reads_and_no_record_is_lost(
    cloud: Cloud, tmp_path: Path, kind: str
) -> None:
    deploy(cloud, tmp_path)
    cloud.faults.add(f"dynamodb:GetRecords={kind}*2")
    put_together(cloud, {"key": "a"}, {"key": "b"})
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["a", "b"]]
    assert not cloud.faults.unused
    assert last_result(cloud) == "OK"


def test_a_full_batch_does_not_wait_for_the_end_of_the_window(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path, BatchSize=2, MaximumBatchingWindowInSeconds=30)
    began = cloud.clock.time()
    put_together(cloud, {"key": "a"}, {"key": "b"})
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["a", "b"]]
    assert cloud.clock.time() == began
    with cloud.clock.running():
        put(cloud, "c")
        cloud.clock.sleep(20)
        put(cloud, "d")
        assert cloud.clock.time() == began + 20
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["c", "d"]]
    assert cloud.clock.time() == began + 20
    put(cloud, "e")
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["e"]]
    assert cloud.clock.time() == began + 50


def test_the_next_batch_waits_until_the_function_has_returned(cloud: Cloud, tmp_path: Path) -> None:
    may_use = allow(["dynamodb:PutItem", "dynamodb:GetItem"], arn("Table"))
    deployed(
        cloud,
        tmp_path,
        {
            "Table": TABLE,
            "Seen": {"Type": "AWS::SQS::Queue", "Properties": {}},
            "Role": role(
                "lambda.amazonaws.com",
                MAY_READ,
                MAY_LIST,
                may_use,
                allow("sqs:SendMessage", arn("Seen")),
            ),
            "Reader": function(
                WRITES, "Role", Environment={"Variables": {"SEEN": {"Ref": "Seen"}}}
            ),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": STREAM,
                    "FunctionName": {"Ref": "Reader"},
                    "StartingPosition": "LATEST",
                },
            },
        },
    )
    cloud.faults.add("dynamodb:GetItem=slow:20")  # meanwhile, others have their turn
    put(cloud, "a")
    assert received(cloud, "Seen") == [["a"], "end", ["b"]]


def test_a_mapping_of_a_stream_that_was_switched_off_does_not_read_the_next_one(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(cloud, tmp_path)
    put(cloud, "a")
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["a"]]
    restart_stream(cloud)
    put_together(cloud, {"key": "b"}, {"key": "c"})
    assert received(cloud, "Seen") == []


def test_a_source_has_one_mapping_to_a_function(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path)
    api = cloud.client("lambda")
    known = described(cloud)
    again = {
        "EventSourceArn": known["EventSourceArn"],
        "FunctionName": known["FunctionArn"],
        "StartingPosition": "LATEST",
    }
    with pytest.raises(api.exceptions.ResourceConflictException, match=known["UUID"]):
        api.create_event_source_mapping(**again)
    api.delete_event_source_mapping(UUID=known["UUID"])
    made = api.create_event_source_mapping(**again)["UUID"]
    put(cloud, "a")
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["a"]]
    (listed,) = api.list_event_source_mappings()["EventSourceMappings"]
    assert listed["UUID"] == made
    api.delete_event_source_mapping(UUID=made)
    put(cloud, "b")
    assert received(cloud, "Seen") == []


def test_an_update_of_the_template_changes_a_mapping_in_place(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path, BatchSize=1, MaximumRetryAttempts=3)
    mapping = physical_id(cloud, "Mapping")
    put(cloud, "a")
    assert len(received(cloud, "Seen")) == 1
    deploy(cloud, tmp_path, MaximumRecordAgeInSeconds=600)
    assert physical_id(cloud, "Mapping") == mapping
    told = described(cloud)
    assert (told["BatchSize"], told["MaximumRecordAgeInSeconds"]) == (100, 600)
    assert told["MaximumRetryAttempts"] == -1  # the template no longer has it
    put_together(cloud, {"key": "b"}, {"key": "c"})
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["b", "c"]]


def test_an_update_of_the_template_replaces_a_mapping_of_another_stream(
    cloud: Cloud, tmp_path: Path
) -> None:
    may_read_any = allow("dynamodb:*", "*")
    deploy(cloud, tmp_path, may_read_any)
    before = physical_id(cloud, "Mapping")
    restart_stream(cloud)
    deploy(cloud, tmp_path, may_read_any, BatchSize=10)
    assert physical_id(cloud, "Mapping") != before
    assert len(cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]) == 1
    put(cloud, "a")
    assert [keys(batch) for batch in received(cloud, "Seen")] == [["a"]]


def test_the_records_of_a_function_that_was_deleted_are_trimmed(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy(cloud, tmp_path)
    cloud.client("lambda").delete_function(FunctionName=described(cloud)["FunctionArn"])
    put(cloud, "a")
    assert last_result(cloud) == "PROBLEM: Function call failed"


def test_binary_values_reach_the_function_as_base64(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path)
    item = {"id": {"S": "a"}, "blob": {"B": b"\x00\xff"}, "set": {"SS": ["x"]}, "n": {"N": "1.5"}}
    cloud.client("dynamodb").put_item(TableName="rows", Item=item)
    ((record,),) = received(cloud, "Seen")
    assert record["dynamodb"]["NewImage"] == {**item, "blob": {"B": "AP8="}}


def reader(cloud: Cloud, folder: Path, *statements: Any) -> Any:
    deployed(
        cloud,
        folder,
        {
            "Table": TABLE,
            "Role": role("lambda.amazonaws.com", *statements),
            "Task": function(READS, "Role"),
        },
    )
    put(cloud, "a")
    answer = cloud.client("lambda").invoke(FunctionName=physical_id(cloud, "Task"))
    return json.loads(answer["Payload"].read())


def test_a_role_may_read_a_stream_itself(cloud: Cloud, tmp_path: Path) -> None:
    every = allow("dynamodb:ListStreams", "*")
    assert reader(cloud, tmp_path, MAY_READ, every) == ["a"]


@pytest.mark.parametrize("action", ["ListStreams", "DescribeStream", "GetRecords"])
def test_a_role_needs_each_permission_to_read_a_stream(
    cloud: Cloud, tmp_path: Path, action: str
) -> None:
    names = {"ListStreams", "DescribeStream", "GetShardIterator", "GetRecords"} - {action}
    answer = reader(cloud, tmp_path, allow([f"dynamodb:{name}" for name in sorted(names)], "*"))
    assert f"not authorized to perform: dynamodb:{action}" in answer["errorMessage"]


def test_a_mapping_begins_somewhere(cloud: Cloud, tmp_path: Path) -> None:
    deploy(cloud, tmp_path)
    with pytest.raises(ClientError, match="StartingPosition"):
        cloud.client("lambda").create_event_source_mapping(
            EventSourceArn=described(cloud)["EventSourceArn"],
            FunctionName=physical_id(cloud, "Reader"),
        )
