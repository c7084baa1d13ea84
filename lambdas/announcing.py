"""Events to the bus, messages to the topics, and what cannot be announced to its queue."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
MOST_ATTEMPTS = 4  # to publish, in one invocation


def again_if_throttled(
    response: tuple[Any, Mapping[str, Any]] | None, attempts: int, **_: object
) -> float | None:
    """Return in how many seconds botocore shall publish again, or None if it must not.

    What SNS has refused as too much was not sent; what it has not answered may have been.
    """
    if response is None or attempts >= MOST_ATTEMPTS:
        return None
    throttled = response[1].get("Error", {}).get("Code") in {"Throttled", "Throttling"}
    return 0.25 * 2**attempts if throttled else None


_handler: Any = again_if_throttled  # the stubs know only of handlers that return nothing
sns.meta.events.register_first("needs-retry.sns.Publish", _handler)


class Unanswered(Exception):
    """A message may not have been sent, and is not sent again: one that was would come twice."""


@dataclass(frozen=True)
class Outlets:
    """Where an environment announces: its bus, its topics, and the queue of what it could not."""

    settings: AnnounceSettings
    topic: str
    chat: str | None
    unannounced: str

    def send(self, details: Sequence[Detail]) -> None:
        """Put the events on the bus, in their order.

        Raises RetryLater if one of them could not be put now, and NotAnnounceable if it never can.
        """
        if not details:
            return
        entries = [
            {
                "Source": SOURCE,
                "DetailType": DETAIL_TYPE,
                "Detail": json.dumps(detail, ensure_ascii=False),
                "Resources": [arn] if (arn := detail["execution_arn"]) else [],
                "EventBusName": self.settings["event_bus"],
            }
            for detail in details
        ]
        for entry in events.put_events(Entries=entries)["Entries"]:  # type: ignore[arg-type]
            if "ErrorCode" in entry:
                words = f"EventBridge: {entry['ErrorCode']}: {entry.get('ErrorMessage', '')}"
                raise (RetryLater if entry["ErrorCode"] in PASSING else NotAnnounceable)(words)

    def publish(self, message: Message) -> None:
        """Send the message once to people, then to the chat.

        Raises Unanswered if either may not have been sent, RetryLater if people can be told later,
        and botocore's own errors if SNS refuses.
        """
        try:
            with retry_later():
                sns.publish(
                    TopicArn=self.topic, Subject=message["subject"], Message=message["text"]
                )
        except RetryLater as error:
            if isinstance(error.__cause__, (ConnectionClosedError, ReadTimeoutError)):
                raise Unanswered(str(error)) from error
            raise
        if self.chat:
            try:
                chats.publish(TopicArn=self.chat, Message=message["chat"])
            except (ClientError, BotoCoreError) as error:  # people know: nothing is told again
                raise Unanswered(f"the chat's topic: {error}") from error

    def put_aside(self, what: Mapping[str, Any], reason: str) -> None:
        """Keep what cannot be announced in the queue, whole and with its reason."""
        body = json.dumps({"reason": reason, **what}, ensure_ascii=False)
        sqs.send_message(QueueUrl=self.unannounced, MessageBody=body)


@cache
def deployed_settings() -> AnnounceSettings:
    """Return the environment's settings, which are deployed beside this module."""
    text = Path(__file__).with_name("settings.json").read_text(encoding="utf-8")
    settings: AnnounceSettings = json.loads(text)
    return settings


def outlets(variables: Mapping[str, str]) -> Outlets:
    """Return the outlets that a function's environment variables name."""
    return Outlets(
        settings=deployed_settings(),
        topic=variables["TOPIC_ARN"],
        chat=variables.get("CHAT_TOPIC_ARN"),
        unannounced=variables["UNANNOUNCED_URL"],
    )
