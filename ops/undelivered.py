"""Events that could not start the dispatch workflow: they lie in the rule's dead-letter queue.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from ops.deployment import CONFIG, Deployment, in_words
from ops.unannounced import NotReplayable, announce_again, reason_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

# While a command works through the queue it hides the messages that it has received, and shows them
# again when it ends. Only if it is killed do they stay hidden, so long.
HIDDEN_SECONDS = 60
MOST_MESSAGES = 10  # of one ReceiveMessage or ChangeMessageVisibilityBatch
# A short poll asks some of SQS's servers only, and may find nothing where there is something.
LONG_POLL_SECONDS = 1
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Undelivered(TypedDict):
    """One message: which event it is, and why it could not be delivered; None if unknown.

    `time` is the event's own (ISO 8601). `body` is the event as it lies in the queue.
    """

    queue: str
    message_id: str
    event_id: str | None
    time: str | None
    glue_job: str | None
    job_run_id: str | None
    error_code: str | None
    error_message: str | None
    exhausted_retry_condition: str | None
    retry_attempts: str | None
    body: str


class Replayed(Undelivered):
    """What became of a message: STARTED, ALREADY_STARTED, ANNOUNCED, or NOT_REPLAYED and why."""

    execution_name: str | None
    outcome: str
    reason: str | None


def undelivered_events(deployment: Deployment) -> list[Undelivered]:
    """Return what lies in the queues, and leave it there, visible for the next command."""
    found: list[Undelivered] = []
    for queue, url in _queues(deployment).items():
        with _received(deployment, url) as messages:
            found += sorted((_undelivered(queue, m) for m in messages.values()), key=_age)
    return found


def replay_events(deployment: Deployment) -> list[Replayed]:
    """Start the dispatch workflow with each undelivered event, and announce what was not.

    A message that cannot be replayed stays in its queue and keeps none of the others back.
    """
    replayed: list[Replayed] = []
    for queue, url in _queues(deployment).items():
        with _received(deployment, url) as messages:
            waiting = sorted(messages.values(), key=lambda m: _age(_undelivered(queue, m)))
            for message in waiting:
                done = _replay(deployment, queue, url, message)
                if done["outcome"] != "NOT_REPLAYED":
                    del messages[done["message_id"]]
                replayed.append(done)
    return replayed


def _queues(deployment: Deployment) -> dict[str, str]:
    """Return the URLs of the stack's queues by what lies in them."""
    urls = {"undelivered": deployment.output("UndeliveredEventsUrl")}
    if unannounced := deployment.outputs.get("UnannouncedEventsUrl"):
        urls["unannounced"] = unannounced
    return urls


def _replay(deployment: Deployment, queue: str, url: str, message: "MessageTypeDef") -> Replayed:
    if queue == "undelivered":
        return _started_again(deployment, url, message)
    return _announced_again(deployment, url, message)


def _announced_again(deployment: Deployment, url: str, message: "MessageTypeDef") -> Replayed:
    """Announce what was not; a task announces an end that was announced already no second time."""
    replayed: Replayed = {
        **_undelivered("unannounced", message),
        "execution_name": None,
        "outcome": "NOT_REPLAYED",
        "reason": None,
    }
    try:
        announce_again(deployment, _object(message["Body"]))
    except NotReplayable as error:
        return {**replayed, "reason": str(error)}
    except (ClientError, BotoCoreError) as error:
        return {**replayed, "reason": in_words(error)}
    return _deleted(deployment, url, message, {**replayed, "outcome": "ANNOUNCED"})


def _deleted(
    deployment: Deployment, url: str, message: "MessageTypeDef", done: Replayed
) -> Replayed:
    """Delete the message of what is done."""
    try:
        deployment.session.client("sqs", config=CONFIG).delete_message(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
        )
    except (ClientError, BotoCoreError) as error:
        kept = f"it is done, but the message is still in the queue: {in_words(error)}"
        return {**done, "outcome": "NOT_REPLAYED", "reason": kept}
    return done


def _started_again(deployment: Deployment, url: str, message: "MessageTypeDef") -> Replayed:
    """Start the dispatch workflow with each event; delete a message only once that has succeeded.

    May be repeated at will. An execution is named by its event, so that the same event never
    starts two of them (within the 90 days for which Step Functions keeps a name); and should the
    rule have delivered the event after all, the dispatch workflow and all that follows it are
    idempotent by names: the refresh, its import and its training exist, and are found instead of
    made. A message that cannot be replayed stays in the queue and keeps none of the others back.
    One that was replayed is the execution's from then on: should that fail, it keeps its input,
    and can be redriven.
    """
    workflow = deployment.output("DispatchWorkflowArn")
    stepfunctions = deployment.session.client("stepfunctions", config=CONFIG)
    replayed: Replayed = {
        **_undelivered("undelivered", message),
        "execution_name": None,
        "outcome": "NOT_REPLAYED",
        "reason": None,
    }
    try:
        name = execution_name(message["Body"], message["MessageId"])
    except ValueError as error:
        return {**replayed, "reason": str(error)}
    outcome = "STARTED"
    try:
        stepfunctions.start_execution(stateMachineArn=workflow, name=name, input=message["Body"])
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        outcome = "ALREADY_STARTED"
    except (ClientError, BotoCoreError) as error:
        return {**replayed, "reason": in_words(error)}
    replayed["execution_name"] = name
    return _deleted(deployment, url, message, {**replayed, "outcome": outcome})


def execution_name(body: str, message_id: str) -> str:
    """Return the name of the execution that replays a message: by its event's id, if it has one.

    Raises ValueError, in words, if the body is not a JSON object: the workflow takes nothing else.
    """
    try:
        event = json.loads(body)
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(event, dict):
        raise ValueError("it is not a JSON object, as events and requests are")  # noqa: TRY004
    identity = str(event.get("id") or message_id)
    if not NAME.fullmatch(identity):
        identity = hashlib.sha256(identity.encode()).hexdigest()
    return f"replay-{identity}"


@contextmanager
def _received(deployment: Deployment, url: str) -> "Iterator[dict[str, MessageTypeDef]]":
    """Receive every message of the queue, by its id; in the end let those still there be seen."""
    sqs = deployment.session.client("sqs", config=CONFIG)
    messages: dict[str, MessageTypeDef] = {}
    try:
        while True:
            batch = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=MOST_MESSAGES,
                MessageAttributeNames=["All"],
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=LONG_POLL_SECONDS,
            ).get("Messages", [])
            is_news = any(message["MessageId"] not in messages for message in batch)
            # of a message that came twice the later handle is the one that deletes it
            messages.update({message["MessageId"]: message for message in batch})
            if not is_news:  # the queue is empty, or so long that its beginning comes again
                break
        yield messages
    finally:
        _show_again(sqs, url, [message["ReceiptHandle"] for message in messages.values()])


def _show_again(sqs: "SQSClient", url: str, handles: list[str]) -> None:
    for start in range(0, len(handles), MOST_MESSAGES):
        # without this permission nothing is lost: the messages are seen again after HIDDEN_SECONDS
        with suppress(ClientError, BotoCoreError):
            sqs.change_message_visibility_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for n, handle in enumerate(handles[start : start + MOST_MESSAGES])
                ],
            )


def _undelivered(queue: str, message: "MessageTypeDef") -> Undelivered:
    attributes = {
        name: value.get("StringValue")
        for name, value in message.get("MessageAttributes", {}).items()
    }
    event = _object(message["Body"])
    detail = event.get("detail")
    detail = detail if isinstance(detail, dict) else {}
    return {
        "queue": queue,
        "message_id": message["MessageId"],
        "event_id": _text(event.get("id")),
        "time": _text(event.get("time")),
        "glue_job": _text(detail.get("jobName")),
        "job_run_id": _text(detail.get("jobRunId")),
        "error_code": attributes.get("ERROR_CODE"),
        "error_message": attributes.get("ERROR_MESSAGE") or reason_of(event),
        "exhausted_retry_condition": attributes.get("EXHAUSTED_RETRY_CONDITION"),
        "retry_attempts": attributes.get("RETRY_ATTEMPTS"),
        "body": message["Body"],
    }


def _object(body: str) -> dict[str, Any]:
    with suppress(ValueError):
        event = json.loads(body)
        if isinstance(event, dict):
            return event
    return {}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _age(event: Undelivered) -> tuple[str, str]:
    return event["time"] or "", event["message_id"]
