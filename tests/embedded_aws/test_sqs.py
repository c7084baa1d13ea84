"""SQS, where the embedded cloud differs from moto."""

import pytest
from moto.sqs.models import Queue

from embedded_aws import Cloud


def test_a_long_poll_of_an_empty_queue_ends_when_no_event_can_come(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(_queue: Queue, _seconds: int) -> None:
        raise AssertionError("it waits for real seconds")

    monkeypatch.setattr(Queue, "wait_for_messages", wait)
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="empty")["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
