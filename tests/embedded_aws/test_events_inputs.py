"""EventBridge: the input that a target gets from an event."""

import json
from typing import Any

import pytest

from embedded_aws.services.events.inputs import target_input

EVENT = {
    "detail-type": "Glue Job State Change",
    "time": "2020-09-28T00:30:00Z",
    "detail": {"jobName": 'say "hi"', "attempts": 2, "tags": ["a", "b"]},
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"reconcile": true}'}, {"reconcile": True}),
        ({"InputPath": "$.detail"}, EVENT["detail"]),
        ({"InputPath": "$.detail-type"}, "Glue Job State Change"),
        ({"InputPath": "$.nowhere"}, None),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"job": "$.detail.jobName", "n": "$.detail.attempts"},
                    "InputTemplate": '{"text": "job <job>, <n> times", "job": <job>, "n": <n>}',
                }
            },
            {"text": 'job say "hi", 2 times', "job": 'say "hi"', "n": 2},
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"tags": "$.detail.tags", "gone": "$.detail.gone"},
                    "InputTemplate": '{"tags": <tags>, "gone": "<gone>", "rule": '
                    '"<aws.events.rule-name>", "event": <aws.events.event.json>}',
                }
            },
            {"tags": ["a", "b"], "gone": "", "rule": "mine", "event": EVENT},
        ),
    ],
)
def test_a_target_gets_what_its_input_settings_say(target: dict[str, Any], expected: Any) -> None:
    text = target_input(target, EVENT, "arn:aws:events:ap-northeast-1:111122223333:rule/mine")
    assert json.loads(text) == expected
