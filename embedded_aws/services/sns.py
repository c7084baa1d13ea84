"""SNS: topics that deliver to queues and functions, and to a mailbox what leaves AWS.

Nothing leaves this machine: what a person or another system would get is put in `Cloud.mailbox`.
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.sns.exceptions import InvalidParameterValue
from moto.sns.models import SNSBackend, Subscription, sns_backends
from moto.sqs.models import sqs_backends

from embedded_aws.clock import current
from embedded_aws.moto_changes import replace
from embedded_aws.services import iam
from embedded_aws.services.awslambda.models import lambda_backend
from embedded_aws.services.iam.keys import may_use_key

SERVICE = "sns.amazonaws.com"
LARGEST_MESSAGE = 262_144  # bytes
# "ASCII text that begins with a letter, number, or punctuation mark", no line breaks or control
# characters, less than 100 characters long; the service takes a hundred.
_SUBJECT = re.compile(r"[!-~][ -~]{0,99}")


@dataclass(frozen=True)
class Mail:
    """One message that left AWS: by e-mail, SMS, HTTP(S), to an app or a Firehose stream."""

    time: float  # simulated, epoch seconds
    topic: str  # its ARN
    protocol: str
    endpoint: str
    subject: str  # empty if the message has none
    body: str


_mailbox: list[Mail] = []


def reset() -> list[Mail]:
    """Empty the mailbox; return the list to which messages are added."""
    _mailbox.clear()
    return _mailbox


def publish_as_service(
    service: str, topic_arn: str, *, source: str, subject: str, body: str
) -> bool:
    """Publish as an AWS service does, if the topic's policy and key let it; return whether."""
    _, _, _, region, account, _ = topic_arn.split(":", 5)
    backend = sns_backends[account][region]
    topic = backend.topics.get(topic_arn)
    if topic is None:
        return False
    allowed = iam.is_authorized_as_service(
        service, "sns:Publish", topic_arn, source_arn=source, resource_policy=topic.policy
    )
    if not allowed:
        return False
    if topic.kms_master_key_id and not may_use_key(
        str(topic.kms_master_key_id), service, topic_arn, source
    ):
        return False
    backend.publish(message=body, arn=topic_arn, subject=subject)
    return True


_plain_publish = SNSBackend.publish
_plain_deliver = Subscription.publish


def _publish(self: SNSBackend, message: str, arn: str | None, *args: Any, **kwargs: Any) -> str:
    """Publish a message that SNS takes."""
    subject = kwargs.get("subject")
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise InvalidParameterValue("Invalid parameter: Subject")
    if not message:
        raise InvalidParameterValue("Invalid parameter: Empty message")
    if len(message.encode()) > LARGEST_MESSAGE:
        raise InvalidParameterValue("Invalid parameter: Message too long")
    return _plain_publish(self, message, arn, *args, **kwargs)


def _deliver(self: Subscription, message: str, message_id: str, **details: Any) -> None:
    """Deliver a message to one subscription."""
    matcher = self._filter_policy_matcher
    attributes = details.get("message_attributes")
    if matcher is not None and not matcher.matches(attributes, message):
        return
    if details.get("message_structure") == "json":
        parts = json.loads(message)
        message = parts.get(self.protocol, parts["default"])
    subject = details.get("subject") or ""
    if self.protocol == "sqs":
        _send(self, message, message_id, subject, details)
    elif self.protocol == "lambda":
        _invoke(self, message, message_id, subject)
    else:
        is_json = self.protocol not in {"email", "sms"}
        body = json.dumps(_notification(self, message, message_id, subject)) if is_json else message
        mail = Mail(current().time(), self.topic_arn, self.protocol, self.endpoint, subject, body)
        _mailbox.append(mail)


def _send(
    subscription: Subscription, message: str, message_id: str, subject: str, details: Any
) -> None:
    """Send the queue a message, if its policy lets the topic in."""
    _, _, _, region, account, name = subscription.endpoint.split(":", 5)
    backend = sqs_backends[account][region]
    queue = backend.queues.get(name)
    if queue is None or not iam.is_authorized_as_service(
        SERVICE,
        "sqs:SendMessage",
        subscription.endpoint,
        source_arn=subscription.topic_arn,
        resource_policy=queue.policy,
    ):
        return  # lost, as on AWS without a dead-letter queue of the subscription
    if subscription.attributes.get("RawMessageDelivery"):
        _plain_deliver(subscription, message, message_id, **{**details, "message_structure": None})
        return
    body = _notification(subscription, message, message_id, subject)
    if details.get("message_attributes"):
        body["MessageAttributes"] = details["message_attributes"]
    backend.send_message(name, json.dumps(body))


def _invoke(subscription: Subscription, message: str, message_id: str, subject: str) -> None:
    """Invoke the function asynchronously, if its policy lets the topic in."""
    arn = subscription.endpoint
    lambdas = lambda_backend(arn.split(":")[4], arn.split(":")[3])
    function: Any = lambdas.get_function(arn)
    policy = json.dumps({"Version": "2012-10-17", "Statement": function.policy.statements})
    if not iam.is_authorized_as_service(
        SERVICE,
        "lambda:InvokeFunction",
        arn,
        source_arn=subscription.topic_arn,
        resource_policy=policy if function.policy.statements else None,
    ):
        return
    record = {
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "EventSource": "aws:sns",
        "Sns": _notification(subscription, message, message_id, subject),
    }
    lambdas.accept(arn, None, json.dumps({"Records": [record]}).encode())


def _notification(
    subscription: Subscription, message: str, message_id: str, subject: str
) -> dict[str, Any]:
    moment = datetime.fromtimestamp(current().time(), UTC).isoformat(timespec="milliseconds")
    body = {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": subscription.topic_arn,
        "Message": message,
        "Timestamp": moment.replace("+00:00", "Z"),
        "SignatureVersion": "1",
        "Signature": "not signed",
        "SigningCertURL": "",
        "UnsubscribeURL": "",
    }
    return {**body, "Subject": subject} if subject else body


def install() -> None:
    """Make moto deliver as this module does."""
    replace(SNSBackend, "a subject or message that SNS refuses is refused", publish=_publish)
    replace(
        Subscription,
        "queues and functions must let the topic in; what leaves AWS goes to the mailbox",
        publish=_deliver,
    )
