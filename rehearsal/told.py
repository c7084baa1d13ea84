"""What others were told: the events of a bus and the messages of topics, kept in queues."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from jsonschema import Draft202012Validator

from rehearsal.shop import Shop

ROOT = Path(__file__).parents[1]
SCHEMA = Draft202012Validator(
    json.loads((ROOT / "docs" / "refresh-event.schema.json").read_text("utf-8"))
)
MAY_SEND = {
    "Effect": "Allow",
    "Principal": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
    "Action": "sqs:SendMessage",
}


@dataclass
class Told:
    """Queues that get what a shop tells others from now on."""

    shop: Shop
    _alarms: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def by(cls, shop: Shop, bus: str = "default") -> Self:
        """Connect the queues, empty, to the shop's bus and topics."""
        told = cls(shop)
        events = shop.cloud.client("events")
        for on, source, queue in (
            (bus, ["personalize-refresh"], "events"),
            ("default", [{"prefix": "aws."}], "aws"),
        ):
            rule = {"EventBusName": on, "EventPattern": json.dumps({"source": source})}
            events.put_rule(Name=f"told-{queue}", **rule)
            target = {"Id": "told", "Arn": told._made(queue)}
            events.put_targets(Rule=f"told-{queue}", EventBusName=on, Targets=[target])
        sns = shop.cloud.client("sns")
        for output, queue in (("Notifications", "mails"), ("ChatNotifications", "chat")):
            if topic := shop.outputs.get(f"{output}TopicArn"):
                sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=told._made(queue))
        for forget in (told.events, told.aws_events, told.mails, told.put_aside):
            forget()
        told.alarms()
        return told

    def events(self) -> list[dict[str, Any]]:
        """Return the details of the events since the last call; each is valid by the schema."""
        found = [body["detail"] for body in self._drained("events")]
        for detail in found:
            SCHEMA.validate(detail)
        return found

    def aws_events(self) -> list[dict[str, Any]]:
        """Return the whole events of AWS's services since the last call."""
        return self._drained("aws")

    def changes(self) -> list[tuple[str, str]]:
        """Return stage and status of the events since the last call."""
        return [(detail["stage"], detail["status"]) for detail in self.events()]

    def mails(self) -> list[tuple[str, str]]:
        """Return subject and text of the messages since the last call; alarms' are kept apart."""
        found = self._mails()
        self._alarms += [mail for mail in found if mail[0].startswith(("ALARM:", "OK:"))]
        return [mail for mail in found if not mail[0].startswith(("ALARM:", "OK:"))]

    def alarms(self) -> list[dict[str, Any]]:
        """Return CloudWatch's own messages since the last call."""
        self.mails()
        told, self._alarms = self._alarms, []
        return [json.loads(text) for _, text in told]

    def _mails(self) -> list[tuple[str, str]]:
        return [(body["Subject"], body["Message"]) for body in self._drained("mails")]

    def mail(self) -> tuple[str, str]:
        """Return the only message since the last call."""
        (only,) = self.mails()
        return only

    def chats(self) -> list[dict[str, Any]]:
        """Return what a chat got since the last call."""
        found = [json.loads(body["Message"]) for body in self._drained("chat")]
        return [message for message in found if "AlarmName" not in message]

    def put_aside(self) -> list[dict[str, Any]]:
        """Return what could not be announced, and empty its queue."""
        return self._received(self.shop.outputs["UnannouncedEventsUrl"])

    def _made(self, name: str) -> str:
        sqs = self.shop.cloud.client("sqs")
        url = sqs.create_queue(QueueName=f"told-{name}")["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn: str = asked["Attributes"]["QueueArn"]
        policy = {"Version": "2012-10-17", "Statement": [{**MAY_SEND, "Resource": arn}]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        return arn

    def _drained(self, name: str) -> list[dict[str, Any]]:
        url = self.shop.cloud.client("sqs").get_queue_url(QueueName=f"told-{name}")["QueueUrl"]
        return self._received(url)

    def _received(self, url: str) -> list[dict[str, Any]]:
        sqs, found = self.shop.cloud.client("sqs"), []
        while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in got:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found
