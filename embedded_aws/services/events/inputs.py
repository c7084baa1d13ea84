"""What a rule passes to its target: the event, a part of it, a constant, or a transformed text."""

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonpath_ng.ext.parser import parse

_PLACE = re.compile(r"<([\w.-]+)>")


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule_arn: str) -> str:
    """Return the JSON text for a target, from its Input, InputPath or InputTransformer."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], event), ensure_ascii=False)
    if "InputTransformer" not in target:
        return json.dumps(event, ensure_ascii=False)
    transformer = target["InputTransformer"]
    paths = transformer.get("InputPathsMap", {})
    values = {name: _at(path, event) for name, path in paths.items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rsplit("/", 1)[-1],
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": {k: v for k, v in event.items() if k != "detail"},
        "aws.events.event.json": event,
    }
    return _fill(transformer["InputTemplate"], values)


def _at(path: str, event: Mapping[str, Any]) -> Any:
    # EventBridge writes $.detail-type, which standard JSONPath reads as a subtraction.
    quoted = re.sub(r"\.([\w]*-[\w-]*)", r'."\1"', path)
    found = parse(quoted).find(event)
    return found[0].value if found else None


def _fill(template: str, values: Mapping[str, Any]) -> str:
    """Replace the `<names>`: with plain text inside a string, with a JSON value elsewhere.

    A value that the event does not have becomes empty inside a string, and null outside.
    """
    out: list[str] = []
    is_quoted = False
    position = 0
    while position < len(template):
        place = _PLACE.match(template, position)
        if place and place[1] in values:
            out.append(_insert(values[place[1]], is_quoted=is_quoted))
            position = place.end()
            continue
        if template[position] == '"' and template[position - 1 : position] != "\\":
            is_quoted = not is_quoted
        out.append(template[position])
        position += 1
    return "".join(out)


def _insert(value: Any, *, is_quoted: bool) -> str:
    if not is_quoted:
        return json.dumps(value, ensure_ascii=False)
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False)[1:-1]
