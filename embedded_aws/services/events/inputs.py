"""What a rule passes to its target: the event, a part of it, a constant, or a transformed text.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonpath_ng.ext.parser import parse

PLACE = re.compile(r"<([\w.-]+)>")
# What EventBridge supports of JSONPath: names of letters, digits, `-`, `_` and `/` after dots,
# array indices, and wildcards.
_PATH = re.compile(r"\$(\.([\w/-]+|\*)|\[(\d+|\*)\])*")
RESERVED = {
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
}


class InvalidInputError(ValueError):
    """A template that is a JSON object, and none any more once its values are in it."""


@cache
def path(text: str) -> Any:
    """Return a path, parsed; ValueError if EventBridge does not support it."""
    if not _PATH.fullmatch(text):
        raise ValueError(f"{text} is not a path that EventBridge supports")
    # Standard JSONPath reads $.detail-type as a subtraction.
    return parse(re.sub(r"\.([\w/-]+)", r'."\1"', text))


def target_input(
    target: Mapping[str, Any],
    event: Mapping[str, Any],
    rule_arn: str,
    *,
    ingested: str = "",
    escapes: bool = False,
) -> str:
    """Return the JSON text for a target, from its Input, InputPath or InputTransformer.

    `ingested` is when the event was accepted, as ISO text, by default the event's own time.
    `escapes` makes values JSON text where they stand inside a string. Raises InvalidInputError.
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], event, None), ensure_ascii=False)
    if "InputTransformer" not in target:
        return json.dumps(event, ensure_ascii=False)
    transformer = target["InputTransformer"]
    paths = transformer.get("InputPathsMap", {})
    # What the event does not have is an empty string, in quotes and without (recorded):
    # https://github.com/localstack/localstack/blob/main/tests/aws/services/events/test_events_inputs.snapshot.json
    values = {name: _at(text, event, "") for name, text in paths.items()}
    arrived = ingested or event["time"]
    envelope = {k: v for k, v in event.items() if k not in {"detail", "detail-type"}}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rsplit("/", 1)[-1],
        "aws.events.event.ingestion-time": arrived,
        # `detailType`, not `detail-type`, as recorded in the same file
        "aws.events.event": {**envelope, "detailType": event["detail-type"]},
        "aws.events.event.json": event,
    }
    template = transformer["InputTemplate"]
    text = _fill(template, values, escapes=escapes)
    return _minified(text) if template.lstrip().startswith("{") else text


def _minified(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    except ValueError as error:
        raise InvalidInputError(f"The transformed input is no JSON: {error}") from None


def _at(text: str, event: Mapping[str, Any], missing: object) -> Any:
    found = [each.value for each in path(text).find(event)]
    if "*" in text:
        return found or missing
    return found[0] if found else missing


def _fill(template: str, values: Mapping[str, Any], *, escapes: bool) -> str:
    """Replace the `<names>`: with plain text inside a string, with a JSON value elsewhere."""
    out: list[str] = []
    is_quoted = False
    position = 0
    while position < len(template):
        place = PLACE.match(template, position)
        if place and place[1] in values:
            out.append(_insert(values[place[1]], is_quoted=is_quoted, escapes=escapes))
            position = place.end()
            continue
        if template[position] == '"' and template[position - 1 : position] != "\\":
            is_quoted = not is_quoted
        out.append(template[position])
        position += 1
    return "".join(out)


def _insert(value: Any, *, is_quoted: bool, escapes: bool) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not is_quoted:
        return text
    plain = value if isinstance(value, str) else text
    return json.dumps(plain, ensure_ascii=False)[1:-1] if escapes else plain
