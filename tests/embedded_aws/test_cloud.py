"""The served cloud: empty at its start, gone at its end, and the same every time."""

import os
import socket
import threading

import pytest

from embedded_aws.clock import Clock
from embedded_aws.cloud import Cloud, start


def test_a_cloud_has_the_account_and_region_it_was_started_for(cloud: Cloud) -> None:
    assert cloud.client("sts").get_caller_identity()["Account"] == "111122223333"
    url = cloud.client("sqs").create_queue(QueueName="shop")["QueueUrl"]
    arn = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    assert arn["Attributes"]["QueueArn"] == "arn:aws:sqs:ap-northeast-1:111122223333:shop"


def test_clouds_of_any_account_run_one_after_the_other_and_start_empty() -> None:
    for account in ("111111111111", "222222222222", "111111111111"):
        with start(account=account, region="eu-west-1", clock=Clock(0)) as cloud:
            assert cloud.client("sts").get_caller_identity()["Account"] == account
            assert "QueueUrls" not in cloud.client("sqs").list_queues()
            cloud.client("sqs").create_queue(QueueName="left-behind")


def test_the_same_steps_create_the_same_identifiers_in_every_cloud() -> None:
    event = {"Source": "shop", "DetailType": "Sale", "Detail": "{}"}
    ids = []
    for _ in range(2):
        with start(account="111122223333", region="eu-west-1", clock=Clock(0)) as cloud:
            ids.append(cloud.client("events").put_events(Entries=[event])["Entries"][0]["EventId"])
    assert ids[0] == ids[1]


def test_a_second_cloud_in_the_same_process_is_refused(cloud: Cloud) -> None:
    clock = Clock(0)
    with pytest.raises(RuntimeError, match="already running"):
        start(account=cloud.account, region=cloud.region, clock=clock)
    clock.stop()


def test_the_error_for_a_port_in_use_names_the_port() -> None:
    clock = Clock(0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is taken"):
            start(account="111122223333", region="eu-west-1", clock=clock, port=port)
    clock.stop()


def test_stopping_leaves_no_thread_no_port_and_no_variable(cloud: Cloud) -> None:
    port = int(cloud.endpoint.rsplit(":", 1)[1])
    cloud.client("sqs").list_queues()
    assert os.environ["AWS_ENDPOINT_URL"] == cloud.endpoint
    cloud.stop()
    cloud.stop()  # a second stop does nothing
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert not [t for t in threading.enumerate() if t.name == "clock"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_cloud_listens_on_loopback_only(cloud: Cloud) -> None:
    assert cloud._server.server_address[0] == "127.0.0.1"


def test_the_exported_variables_point_to_the_cloud(cloud: Cloud) -> None:
    assert cloud.environment["AWS_ENDPOINT_URL"] == cloud.endpoint
    assert cloud.environment["AWS_REGION"] == "ap-northeast-1"
    assert "localhost" in cloud.environment["AWS_ENDPOINT_URL_S3"]
