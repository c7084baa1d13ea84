"""EventBridge: which patterns it takes, and what they match; cases recorded on AWS or documented.

https://github.com/localstack/localstack/blob/main/tests/aws/services/events/test_events_patterns.snapshot.json
"""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws import Cloud
from embedded_aws.services.events.matching import matches
from tests.embedded_aws.small_stack import deployed, function, physical_id, role

ENVELOPE = {
    "id": "1",
    "account": "111122223333",
    "source": "shop",
    "time": "2026-09-28T00:30:00Z",
    "region": "ap-northeast-1",
    "resources": [],
    "detail-type": "Sale",
}

# pattern -> AWS's reason
REFUSED: list[tuple[object, str]] = [
    ({"int": 42}, '"int" must be an object or an array'),
    ({"resources": []}, "Empty arrays are not allowed"),
    ({}, "Empty objects are not allowed"),
    ({"detail": {}}, "Empty objects are not allowed"),
    (["not", "a", "dict"], "Filter is not an object"),
    ({"a": [["nested"]]}, "Match value must be String, number, true, false, or null"),
    ({"a": [{"EXISTS": True}]}, "Unrecognized match type EXISTS"),
    ({"a": [{"regex": ".*"}]}, "Unrecognized match type regex"),
    ({"a": [{"exists": "yes"}]}, "exists match pattern must be either true or false."),
    ({"a": [{"prefix": "x", "suffix": "y"}]}, "Only one key allowed in match expression"),
    ({"a": [{"prefix": 123}]}, "prefix match pattern must be a string"),
    ({"a": [{"suffix": [".png"]}]}, "suffix match pattern must be a string"),
    (
        {"a": [{"equals-ignore-case": {"prefix": "x"}}]},
        "equals-ignore-case match pattern must be a string",
    ),
    ({"a": [{"numeric": [">", 0, ">", 0]}]}, "Bad numeric range operator: >"),
    ({"a": [{"numeric": [">", 0, "<"]}]}, "Value of < must be numeric"),
    ({"a": [{"numeric": ["=", "5"]}]}, "Value of equals must be numeric"),
    ({"a": [{"numeric": ["<", 5, ">", 1]}]}, "Too many elements in numeric expression"),
    ({"a": [{"numeric": 5}]}, "Value of numeric must be an array."),
    (
        {"a": [{"anything-but": {"equals-ignore-case": [123, 456]}}]},
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    ),
    ({"a": [{"anything-but": {"prefix": 123}}]}, "prefix/suffix match pattern must be a string"),
    ({"a": [{"anything-but": {"suffix": ""}}]}, "Null prefix/suffix not allowed"),
    ({"a": [{"anything-but": {"wildcard": [1]}}]}, "wildcard match pattern must be a string"),
    ({"a": [{"anything-but": {"numeric": 1}}]}, "Unsupported anything-but pattern: numeric"),
    (
        {"a": [{"anything-but": ["x", 1]}]},
        "Inside anything but list, either all values are number or string, mixed type is not "
        "supported",
    ),
    (
        {"a": [{"anything-but": [None]}]},
        "Inside anything but list, start|null|boolean is not supported.",
    ),
    (
        {"a": [{"anything-but": {"prefix": {"equals-ignore-case": "file"}}}]},
        "Value of anything-but must be an array or single string/number value.",
    ),
    (
        {"EventBusArn": [{"wildcard": "arn:aws:events:us-east-1:**:event-bus/*"}]},
        "Consecutive wildcard characters at pos 26",
    ),
    ({"a": [{"wildcard": "C:\\dir"}]}, "Invalid escape character at pos 3"),
    ({"a": [{"cidr": "10.0.0.0"}]}, "Malformed CIDR, one '/' required"),
    ({"a": [{"cidr": "10.0.0.0/x"}]}, "Malformed CIDR, mask bits must be an integer"),
    ({"a": [{"cidr": "xx.11.xx/8"}]}, "Nonstandard IP address: xx.11.xx"),
    ({"$or": [{"a": ["x"]}]}, "There must have at least 2 Objects in $or relationship."),
    ({"$or": {"a": ["x"]}}, "It must be an Array followed with $or."),
]


@pytest.mark.parametrize(("pattern", "reason"), REFUSED)
def test_a_pattern_is_refused_with_the_reason(cloud: Cloud, pattern: object, reason: str) -> None:
    with pytest.raises(ClientError) as caught:
        cloud.client("events").put_rule(Name="rule", EventPattern=json.dumps(pattern))
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidEventPatternException"
    assert error["Message"] == f"Event pattern is not valid. Reason: {reason}"


MATCHES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"a": ["x"]}, {"a": "x"}, True),
    ({"A": ["x"]}, {"a": "x"}, False),
    ({"a": ["x"]}, {"a": ["y", "x"]}, True),
    ({"a": [True]}, {"a": 1}, False),
    ({"a": [300]}, {"a": 300.0}, True),
    ({"a": ["300"]}, {"a": 300}, False),
    ({"a": [None]}, {"a": None}, True),
    ({"a": [""]}, {}, False),
    ({"a": {"b": ["x"]}}, {"a.b": "x"}, True),
    ({"a.b": ["x"]}, {"a": {"b": "x"}}, True),
    ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1, "c": 3}, {"b": 3, "c": 2}]}, False),
    ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1, "c": 3}, {"b": 1, "c": 2}]}, True),
    ({"a": [{"exists": True}]}, {"a": {"b": 1}}, False),
    ({"a": {"b": [{"exists": False}]}}, {}, True),
    ({"a": [{"prefix": "x"}]}, {"a": ["yx", "xy"]}, True),
    ({"a": [{"prefix": {"equals-ignore-case": "EVENT"}}]}, {"a": "eventBridge"}, True),
    ({"a": [{"suffix": {"equals-ignore-case": ".PNG"}}]}, {"a": "x.png"}, True),
    ({"a": [{"suffix": ".png"}]}, {"a": 1}, False),
    ({"a": [{"equals-ignore-case": "Alice"}]}, {"a": "aLICE"}, True),
    ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 5}, True),
    ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": "5"}, False),
    ({"a": [{"anything-but": "x"}]}, {"a": None}, True),
    ({"a": [{"anything-but": "x"}]}, {}, False),
    ({"a": [{"anything-but": [1, 2]}]}, {"a": 2}, False),
    ({"a": [{"anything-but": {"prefix": ["x", "y"]}}]}, {"a": "yes"}, False),
    ({"a": [{"anything-but": {"wildcard": "*/bin/*"}}]}, {"a": "dir/file"}, True),
    ({"a": [{"wildcard": "*.b?d*"}]}, {"a": "x.bad"}, False),
    ({"a": [{"wildcard": "dir/*.t\\*t"}]}, {"a": "dir/one.t*t"}, True),
    ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.255"}, True),
    ({"a": [{"cidr": "2001:db8::/32"}]}, {"a": "10.0.0.255"}, False),
    ({"$or": [{"a": ["x"]}, {"b": [{"numeric": ["<", 1]}]}], "c": [1]}, {"b": 0, "c": 1}, True),
    ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"a": "y", "b": "x"}, False),
]


@pytest.mark.parametrize(("pattern", "event", "expected"), MATCHES)
def test_a_pattern_matches(pattern: dict[str, Any], event: dict[str, Any], expected: bool) -> None:
    assert matches(pattern, event) is expected


def test_a_pattern_can_be_tested_against_an_event(cloud: Cloud) -> None:
    events = cloud.client("events")
    pattern = json.dumps({"source": [{"prefix": "sh"}]})
    test = events.test_event_pattern
    assert test(EventPattern=pattern, Event=json.dumps(ENVELOPE))["Result"] is True
    other = json.dumps({**ENVELOPE, "source": "other"})
    assert test(EventPattern=pattern, Event=other)["Result"] is False
    with pytest.raises(ClientError, match="Unrecognized match type"):
        test(EventPattern='{"source": [{"like": "x"}]}', Event=other)
    for event in ("plain", '"text"', '{"source": "shop"}'):
        with pytest.raises(ClientError, match=r"\(ValidationException\).*Event is not valid"):
            test(EventPattern=pattern, Event=event)


TEST_PATTERN = """
import boto3
client = boto3.client("events")
def handler(event, context):
    try:
        return client.test_event_pattern(EventPattern='{"a": ["x"]}', Event=event)["Result"]
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
"""


@pytest.mark.parametrize(("may", "result"), [(True, False), (False, "AccessDeniedException")])
def test_a_role_may_test_a_pattern_if_its_policy_allows(
    cloud: Cloud, tmp_path: Path, may: bool, result: object
) -> None:
    action = "events:TestEventPattern" if may else "events:PutEvents"
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    resources = {
        "Role": role("lambda.amazonaws.com", statement),
        "Tester": function(TEST_PATTERN, "Role"),
    }
    deployed(cloud, tmp_path, resources)
    response = cloud.client("lambda").invoke(
        FunctionName=physical_id(cloud, "Tester"), Payload=json.dumps(json.dumps(ENVELOPE))
    )
    assert json.loads(response["Payload"].read()) == result
