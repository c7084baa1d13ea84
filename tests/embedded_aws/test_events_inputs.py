"""EventBridge: the input that a target gets from an event."""

import json
from typing import Any

import pytest

from embedded_aws.services.events.inputs import InvalidInputError, target_input

RULE = "arn:aws:events:ap-northeast-1:111122223333:rule/mine"

EVENT = {
    "detail-type": "Glue Job State Change",
    "time": "2020-09-28T00:30:00Z",
    "detail": {
        "jobName": 'say "hi"',
        "attempts": 2,
        "tags": ["a", "b"],
        "check/item-1": {"2nd_where": 3},
        "where": 4,
    },
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"reconcile": true}'}, {"reconcile": True}),
        ({"InputPath": "$.detail"}, EVENT["detail"]),
        ({"InputPath": "$.detail-type"}, "Glue Job State Change"),
        ({"InputPath": "$.nowhere"}, None),
        ({"InputPath": "$"}, EVENT),
        ({"InputPath": "$.detail.check/item-1.2nd_where"}, 3),
        ({"InputPath": "$.detail.where"}, 4),
        ({"InputPath": "$.detail.tags[1]"}, "b"),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"job": "$.detail.jobName", "n": "$.detail.attempts"},
                    "InputTemplate": '{"text": "it ran <n> times", "job": <job>, "n": <n>}',
                }
            },
            {"text": "it ran 2 times", "job": 'say "hi"', "n": 2},
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"tags": "$.detail.tags", "gone": "$.detail.gone"},
                    "InputTemplate": '{"tags": <tags>, "gone": "<gone>", "missing": <gone>, "rule":'
                    ' "<aws.events.rule-name>", "event": <aws.events.event.json>}',
                }
            },
            {"tags": ["a", "b"], "gone": "", "missing": "", "rule": "mine", "event": EVENT},
        ),
        (
            {"InputTransformer": {"InputTemplate": '{"event": <aws.events.event>}'}},
            {"event": {"detailType": "Glue Job State Change", "time": EVENT["time"]}},
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"first": "$.detail.tags[0]", "all": "$.detail.tags[*]"},
                    "InputTemplate": '{"first": <first>, "all": <all>}',
                }
            },
            {"first": "a", "all": ["a", "b"]},
        ),
    ],
)
def test_a_target_gets_what_its_input_settings_say(target: dict[str, Any], expected: Any) -> None:
    text = target_input(target, EVENT, RULE)
    assert json.loads(text) == expected


def test_a_json_template_is_sent_without_white_space() -> None:
    transformer = {"InputPathsMap": {"n": "$.detail.attempts"}, "InputTemplate": '{ "n" : <n> }'}
    assert target_input({"InputTransformer": transformer}, EVENT, RULE) == '{"n":2}'


def test_a_value_with_quotes_breaks_a_json_template_unless_it_is_escaped() -> None:
    transformer = {
        "InputPathsMap": {"job": "$.detail.jobName", "tags": "$.detail.tags"},
        "InputTemplate": '{"text": "<job> has <tags>"}',
    }
    target = {"InputTransformer": transformer}
    with pytest.raises(InvalidInputError, match="no JSON"):
        target_input(target, EVENT, RULE)
    escaped = target_input(target, EVENT, RULE, escapes=True)
    assert json.loads(escaped) == {"text": 'say "hi" has ["a","b"]'}


def test_a_template_that_is_one_string_is_sent_as_it_is() -> None:
    transformer = {
        "InputPathsMap": {"state": "$.detail.attempts", "gone": "$.detail.gone"},
        "InputTemplate": '"{[/ <state> of <gone>"',
    }
    assert target_input({"InputTransformer": transformer}, EVENT, RULE) == '"{[/ 2 of "'
