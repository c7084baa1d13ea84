"""What a function gets of a stream, which records it gets, and what it says of them.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from moto.events.models import EventPattern, EventPatternParser

from embedded_aws.services.awslambda.runtime import InvocationResult
from embedded_aws.services.dynamodb.streams import arrival

Records = list[dict[str, Any]]


def event(batch: Records, source: str) -> bytes:
    """Return the function's event: times are epoch seconds, binary values Base64."""
    sent = [
        {
            **each,
            "dynamodb": {**each["dynamodb"], "ApproximateCreationDateTime": int(arrival(each))},
            "eventSourceARN": source,
        }
        for each in batch
    ]
    return json.dumps({"Records": sent}, default=lambda b: base64.b64encode(b).decode()).encode()


def let_through(criteria: dict[str, Any] | None, found: Records, source: str) -> Records:
    """Return the records that one of the filters matches; all, if there is no filter."""
    texts = [each["Pattern"] for each in (criteria or {}).get("Filters", [])]
    if not texts:
        return found
    patterns = [EventPattern(text, EventPatternParser(text).parse()) for text in texts]
    plain = json.loads(event(found, source))["Records"]
    return [
        each
        for each, sent in zip(found, plain, strict=True)
        if any(pattern.matches_event(sent) for pattern in patterns)
    ]


def first_failed(batch: Records, result: InvocationResult, *, is_partial: bool) -> int | None:
    """Return the index of the first record that failed; None if none did.

    `is_partial` is ReportBatchItemFailures: the function may say which failed.
    """
    if result.error_type:
        return 0
    if not is_partial:
        return None
    try:
        answer = json.loads(result.payload or b"null")
        items = answer["batchItemFailures"] if answer else []
        failed = [item["itemIdentifier"] for item in items or []]
    except (ValueError, KeyError, TypeError):
        return 0
    numbers = [each["dynamodb"]["SequenceNumber"] for each in batch]
    if any(number not in numbers for number in failed):
        return 0  # an identifier that is none fails the whole batch
    return min(map(numbers.index, failed)) if failed else None


def iso(moment: float) -> str:
    """Return a time as Lambda writes it, with milliseconds."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
