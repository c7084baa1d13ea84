"""Who may subscribe to a topic: what each protocol of SNS takes as its endpoint.

https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html, read in 2026-11
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ARN = r"arn:aws(-[a-z]+)*:{}:[a-z0-9\-]+:[0-9]{{12}}:{}"
_EMAIL = r"[^@\s,;<>]{1,64}@[A-Za-z0-9](-?[A-Za-z0-9])*(\.[A-Za-z0-9](-?[A-Za-z0-9])*)+"
# a pattern of each protocol's endpoints, and what to write
ENDPOINTS = {
    "email": (_EMAIL, "an e-mail address such as team@example.com"),
    "email-json": (_EMAIL, "an e-mail address such as team@example.com"),
    "sms": (r"\+[1-9][0-9]{6,14}", "a number with its country, such as +821012345678"),
    "http": (r"http://[^\s/]+\S*", "a URL that begins with http://"),
    "https": (r"https://[^\s/]+\S*", "a URL that begins with https://"),
    "sqs": (
        _ARN.format("sqs", r"[A-Za-z0-9_\-]{1,80}"),
        "the ARN of a standard queue, arn:<partition>:sqs:<region>:<account>:<name>",
    ),
    "lambda": (
        _ARN.format("lambda", r"function:[A-Za-z0-9_\-]{1,64}(:[A-Za-z0-9_$\-]+)?"),
        "the ARN of a function, arn:<partition>:lambda:<region>:<account>:function:<name>",
    ),
    "firehose": (
        _ARN.format("firehose", r"deliverystream/[A-Za-z0-9_.\-]{1,64}"),
        "the ARN of a delivery stream, arn:<partition>:firehose:…:deliverystream/<name>",
    ),
    "application": (
        _ARN.format("sns", r"endpoint/\S+"),
        "the ARN of a device, arn:<partition>:sns:…:endpoint/<platform>/<app>/<id>",
    ),
}


def subscriber_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the subscribers of a file say against their protocols, and who stands twice.

    Takes the file as it was read, of whatever shape.
    """
    notifications = raw.get("notifications")
    given = notifications.get("subscribers") if isinstance(notifications, dict) else None
    seen: dict[tuple[str, str], str] = {}
    for index, subscriber in enumerate(given if isinstance(given, list) else []):
        if not isinstance(subscriber, dict):
            continue
        at = f"notifications.subscribers[{index}]"
        protocol, endpoint = subscriber.get("protocol"), subscriber.get("endpoint")
        if protocol == "firehose" and "role" not in subscriber:
            yield f"{at}: SNS writes to a delivery stream with a role of yours; add its ARN as role"
        if protocol in ENDPOINTS and protocol != "firehose" and subscriber.get("role") is not None:
            yield f"{at}.role: only the protocol firehose has a role; remove it"
        if protocol not in ENDPOINTS or not isinstance(endpoint, str):
            continue
        pattern, advice = ENDPOINTS[protocol]
        if not re.fullmatch(pattern, endpoint):
            yield f"{at}.endpoint: {endpoint!r} is not what {protocol} takes; write {advice}"
        if (first := seen.setdefault((protocol, endpoint), at)) != at:
            yield f"{at}: {protocol} {endpoint} is already at {first}; each may stand once"
