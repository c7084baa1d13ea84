"""Events to the bus, messages to the topics, and what cannot be announced to its queue."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from announce_types import AnnounceSettings, Detail
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)
from messages import Message
from retry_later import NEVER_TWICE, PASSING, READ_AGAIN, RetryLater, retry_later
from row_changes import NotAnnounceable

SOURCE, DETAIL_TYPE = "personalize-refresh", "Personalize Refresh State Change"

events = boto3.client("events", config=READ_AGAIN)  # a repeated event has the same id
sns = boto3.client("sns", config=NEVER_TWICE)
chats = boto3.client("sns", config=READ_AGAIN)
sqs = boto3.client("sqs", config=READ_AGAIN)


class Unanswered(Exception):
    """A message may not have been sent, and is not sent again: one that was would come twice."""


@cache
def deployed_settings() -> AnnounceSettings:
    """Return the environment's settings, which are deployed beside this module."""
    text = Path(__file__).with_name("settings.json").read_text(encoding="utf-8")
    settings: AnnounceSettings = json.loads(text)
    return settings


def send(details: Sequence[Detail], bus: str) -> None:
    """Put the events on the bus, in their order.

    Raises RetryLater if one of them could not be put now, and NotAnnounceable if it never can.
    """
    if not details:
        return
    response = events.put_events(
        Entries=[
            {
                "Source": SOURCE,
                "DetailType": DETAIL_TYPE,
                "Detail": json.dumps(detail, ensure_ascii=False),
                "Resources": [
                    arn for arn in [detail["execution_arn"]] if (arn or "").count(":") > 1
                ],
                "EventBusName": bus,
            }
            for detail in details
        ]
    )
    for entry in response["Entries"]:
        if "ErrorCode" in entry:
            words = f"EventBridge: {entry['ErrorCode']}: {entry.get('ErrorMessage', '')}"
            raise (RetryLater if entry["ErrorCode"] in PASSING else NotAnnounceable)(words)


def publish(message: Message) -> None:
    """Send the message once to people, then to the chat.

    Raises Unanswered if either may not have been sent, RetryLater if people can be told later, and
    botocore's own errors if SNS refuses.
    """
    try:
        with retry_later():
            sns.publish(
                TopicArn=os.environ["TOPIC_ARN"],
                Subject=message["subject"],
                Message=message["text"],
            )
    except RetryLater as error:
        if isinstance(error.__cause__, (ConnectionClosedError, ReadTimeoutError)):
            raise Unanswered(str(error)) from error
        raise
    if chat := os.environ.get("CHAT_TOPIC_ARN"):
        try:
            chats.publish(TopicArn=chat, Message=message["chat"])
        except (ClientError, BotoCoreError) as error:  # once people know, nothing is told again
            raise Unanswered(f"the chat's topic: {error}") from error


def put_aside(what: Mapping[str, Any], reason: str) -> None:
    """Keep what cannot be announced in the queue, whole and with its reason."""
    body = json.dumps({"reason": reason, **what}, ensure_ascii=False)
    sqs.send_message(QueueUrl=os.environ["UNANNOUNCED_URL"], MessageBody=body)
