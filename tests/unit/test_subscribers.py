"""Who may be told, and where events go: the settings `notifications` and `event_bus`."""

from typing import Any

import pytest
import yaml

from stacks.load import SettingsError, read
from stacks.settings import Notifications
from tests.unit.test_settings import GOOD

QUEUE = "arn:aws:sqs:ap-northeast-1:111122223333:told"
STREAM = "arn:aws:firehose:ap-northeast-1:111122223333:deliverystream/told"
ROLE = "arn:aws:iam::111122223333:role/writes"


def problems(**settings: Any) -> list[str]:
    try:
        read(yaml.safe_dump({**GOOD, **settings}))
    except SettingsError as error:
        return error.problems
    return []


def of_subscribers(*subscribers: Any) -> list[str]:
    return problems(notifications={"subscribers": list(subscribers)})


def test_nobody_is_subscribed_and_the_default_bus_gets_events_by_default() -> None:
    environment = read(yaml.safe_dump(GOOD))
    assert environment.notifications == Notifications(
        subscribers=[], success=True, failure=True, superseded=False, stale=True,
        glue_failure=True, chat=False,
    )  # fmt: skip
    assert environment.event_bus is None
    assert environment.event_bus_arn == (
        "arn:aws:events:ap-northeast-1:111122223333:event-bus/default"
    )


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("email", "data-team@example.co.kr"),
        ("email-json", "a.b+c@example.com"),
        ("sms", "+821012345678"),
        ("http", "http://example.com/told"),
        ("https", "https://example.com:8443/told?by=sns"),
        ("sqs", QUEUE),
        ("sqs", "arn:aws-cn:sqs:cn-north-1:111122223333:told"),
        ("lambda", "arn:aws:lambda:ap-northeast-1:111122223333:function:told:live"),
        ("application", "arn:aws:sns:ap-northeast-1:111122223333:endpoint/GCM/app/1-2"),
    ],
)
def test_every_protocol_of_sns_can_be_subscribed(protocol: str, endpoint: str) -> None:
    assert of_subscribers({"protocol": protocol, "endpoint": endpoint}) == []


def test_a_delivery_stream_is_written_with_a_role() -> None:
    stream = {"protocol": "firehose", "endpoint": STREAM}
    assert of_subscribers({**stream, "role": ROLE}) == []
    (problem,) = of_subscribers(stream)
    assert problem.startswith("notifications.subscribers[0]: SNS writes to a delivery stream with")
    (problem,) = of_subscribers({"protocol": "sqs", "endpoint": QUEUE, "role": ROLE})
    assert problem.startswith("notifications.subscribers[0].role: only the protocol firehose has")


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("email", "data-team"),
        ("email", "a@b"),
        ("email", "Team <team@example.com>"),
        ("sms", "010-1234-5678"),
        ("sms", "+0821012345678"),
        ("http", "https://example.com"),
        ("https", "example.com/told"),
        ("sqs", "https://sqs.ap-northeast-1.amazonaws.com/111122223333/told"),
        ("sqs", f"{QUEUE}.fifo"),
        ("lambda", "told"),
        ("application", QUEUE),
    ],
)
def test_an_endpoint_is_judged_by_its_protocol(protocol: str, endpoint: str) -> None:
    (problem,) = of_subscribers({"protocol": protocol, "endpoint": endpoint})
    assert problem.startswith(
        f"notifications.subscribers[0].endpoint: {endpoint!r} is not what {protocol} takes; write "
    )


def test_every_subscriber_is_judged_at_once() -> None:
    found = of_subscribers(
        {"protocol": "email", "endpoint": "team@example.com"},
        {"protocol": "fax", "endpoint": "1"},
        {"protocol": "email", "endpoint": "team"},
        {"protocol": "email", "endpoint": "team@example.com"},
        "team@example.com",
    )
    assert [problem.split(":")[0] for problem in found] == [
        "notifications.subscribers[1].protocol",
        "notifications.subscribers[4]",
        "notifications.subscribers[2].endpoint",
        "notifications.subscribers[3]",
    ]
    assert "is already at notifications.subscribers[0]; each may stand once" in found[-1]


def test_a_bus_is_named_not_by_its_arn() -> None:
    assert problems(event_bus="shop.events/all_1") == []
    (problem,) = problems(event_bus="arn:aws:events:ap-northeast-1:111122223333:event-bus/x")
    assert problem.startswith("event_bus: ")
