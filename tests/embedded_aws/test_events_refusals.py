"""EventBridge: the rules, targets and entries that it refuses, through the API and a deployment."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws import Cloud
from embedded_aws.deployment import DeploymentError
from tests.embedded_aws.small_stack import (
    ACCOUNT,
    ECHO,
    MAY_START,
    REGION,
    arn,
    dead_letters,
    deployed,
    physical_id,
    role,
    state_machine,
)
from tests.embedded_aws.test_events import GLUE, deploy_rule, glue_event
from tests.embedded_aws.test_quotas import refused

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:machine"
PATTERN = json.dumps({"source": ["shop"]})


def transformer(template: str, **paths: str) -> dict[str, Any]:
    return {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}


# a target's settings -> AWS's words
TARGETS: dict[str, tuple[dict[str, Any], str]] = {
    "no role": ({"Arn": MACHINE}, f"RoleArn is required for target {MACHINE}."),
    "no ARN": (
        {"Arn": "machine"},
        "Parameter machine is not valid. Reason: Provided Arn is not in correct format.",
    ),
    "an input that is no JSON": (
        {"Input": "hello"},
        "JSON syntax error in input for target mine.",
    ),
    "two inputs": (
        {"Input": "{}", "InputPath": "$.detail"},
        "Only one of Input, InputPath, or InputTransformer must be provided for target mine.",
    ),
    "a path without its root": (
        {"InputPath": "detail.state"},
        "InputPath for target mine is invalid.",
    ),
    "a path in brackets": (
        transformer('"<state>"', state="$.detail['state']"),
        "InputPath for target mine is invalid.",
    ),
    **{
        f"the path {path}": ({"InputPath": path}, "InputPath for target mine is invalid.")
        for path in ("$detail", "$.", "$.detail[0", "$.detail.a b", "$.detail.my:key", "$.a+1")
    },
    "a place without a path": (
        transformer('"<state> of <job>"', state="$.detail.state"),
        "InputTemplate for target mine contains invalid placeholder job.",
    ),
    "the whole event in a string": (
        transformer('"<aws.events.event.json>"'),
        "InputTemplate for target mine contains placeholder aws.events.event.json valid only for "
        "JSON template.",
    ),
    "a template that is no JSON": (
        transformer('{"state": <state>', state="$.detail.state"),
        "Invalid InputTemplate for target mine: it is no JSON object.",
    ),
    "a place as a key": (
        transformer("{<state>: 1}", state="$.detail.state"),
        "Invalid InputTemplate for target mine: it is no JSON object.",
    ),
    "a dead-letter queue that is none": (
        {"DeadLetterConfig": {"Arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"}},
        "sns is not supported as a dead letter resource.",
    ),
    "a FIFO dead-letter queue": (
        {"DeadLetterConfig": {"Arn": f"{QUEUE}.fifo"}},
        "SQS FIFO is not supported by Dead Letter Queues.",
    ),
    "an Id with a blank": (
        {"Id": "a b"},
        "1 validation error detected: Value 'a b' at 'targets.1.member.id' failed to satisfy "
        r"constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+",
    ),
    "186 retries": (
        {"RetryPolicy": {"MaximumRetryAttempts": 186}},
        "1 validation error detected: Value '186' at "
        "'targets.1.member.retryPolicy.maximumRetryAttempts' failed to satisfy constraint: "
        "Member must have value less than or equal to 185",
    ),
    "101 paths": (
        transformer('"<p1>"', **{f"p{number}": "$.id" for number in range(101)}),
        "Member must have length less than or equal to 100",
    ),
    "a template of 8,193 characters": (
        transformer(8193 * "x"),
        "Member must have length less than or equal to 8192",
    ),
}


@pytest.mark.parametrize("case", TARGETS)
def test_a_target_is_refused(cloud: Cloud, case: str) -> None:
    events = cloud.client("events")
    settings, words = TARGETS[case]
    events.put_rule(Name="rule", EventPattern=PATTERN)
    target = {"Id": "mine", "Arn": QUEUE, **settings}
    code, message = refused(events.put_targets, Rule="rule", Targets=[target])
    assert code == "ValidationException"
    assert message.endswith(words)
    assert events.list_targets_by_rule(Rule="rule")["Targets"] == []


def test_two_targets_of_a_request_need_two_ids(cloud: Cloud) -> None:
    events = cloud.client("events")
    events.put_rule(Name="rule", EventPattern=PATTERN)
    targets = [{"Id": "mine", "Arn": QUEUE}, {"Id": "mine", "Arn": f"{QUEUE}-2"}]
    assert refused(events.put_targets, Rule="rule", Targets=targets) == (
        "ValidationException",
        "Parameter targets is not valid. Reason: More than one target with Id 'mine' is provided.",
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"Name": "a b"}, "Value 'a b' at 'name' failed to satisfy constraint"),
        ({"Name": 65 * "r"}, "Member must have length less than or equal to 64"),
        ({"Description": 513 * "d"}, "Member must have length less than or equal to 512"),
        ({"State": "ON"}, "Member must satisfy enum value set: [ENABLED, DISABLED,"),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}, "cannot be assumed by principal"),
        ({"ScheduleExpression": "rate(0 hours)"}, "Parameter ScheduleExpression is not valid."),
        ({"ScheduleExpression": "cron(0 25 * * ? *)"}, "Parameter ScheduleExpression is not val"),
        ({"ScheduleExpression": "rate(1 hours)"}, "Parameter ScheduleExpression is not valid."),
        ({"ScheduleExpression": "rate(2 hour)"}, "Parameter ScheduleExpression is not valid."),
        ({"ScheduleExpression": "cron(0 12 * * ?)"}, "Parameter ScheduleExpression is not valid."),
        ({"ScheduleExpression": "at(2026-12-01T00:00:00)"}, "Parameter ScheduleExpression is n"),
    ],
)
def test_a_rule_is_refused(cloud: Cloud, settings: dict[str, Any], words: str) -> None:
    code, message = refused(
        cloud.client("events").put_rule, **{"Name": "rule", "EventPattern": PATTERN, **settings}
    )
    assert code == "ValidationException"
    assert words in message


def entry(**more: Any) -> dict[str, Any]:
    return {"Source": "shop", "DetailType": "Sale", "Detail": "{}", **more}


def test_the_entries_of_a_request_have_at_most_a_megabyte(cloud: Cloud) -> None:
    put = cloud.client("events").put_events
    rest = 1_048_576 - len("shopSale") - len('{"a":""}')
    full = json.dumps({"a": rest * "x"}, separators=(",", ":"))
    assert put(Entries=[entry(Detail=full)])["FailedEntryCount"] == 0
    assert refused(put, Entries=[entry(Detail=full, Resources=["é"])]) == (
        "ValidationException",
        "Total size of the entries in the request is over the limit.",
    )
    code, message = refused(put, Entries=[entry()] * 11)
    assert code == "ValidationException"
    assert message.endswith("Member must have length less than or equal to 10")


@pytest.mark.parametrize(
    ("settings", "code", "message"),
    [
        (
            {name: ""},
            "InvalidArgument",
            f"Parameter {name} is not valid. Reason: {name} is a required argument.",
        )
        for name in ("Source", "DetailType", "Detail")
    ]
    + [
        ({"Detail": detail}, "MalformedDetail", "Detail is malformed.")
        for detail in ("text", '"text"', "[1]", "{")
    ],
)
def test_an_entry_is_refused(
    cloud: Cloud, settings: dict[str, Any], code: str, message: str
) -> None:
    response = cloud.client("events").put_events(Entries=[entry(**settings), entry()])
    assert response["FailedEntryCount"] == 1
    assert response["Entries"][0] == {"ErrorCode": code, "ErrorMessage": message}


TEMPLATES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown operator": (
        {"EventPattern": {"source": [{"like": "shop"}]}},
        "Event pattern is not valid. Reason: Unrecognized match type like",
    ),
    "no role": ({"Targets": [{"Id": "machine", "Arn": arn("Machine")}]}, "RoleArn is required"),
    "an input that is no JSON": (
        {
            "Targets": [
                {"Id": "m", "Arn": arn("Machine"), "RoleArn": arn("Sender"), "Input": "hello"}
            ]
        },
        "JSON syntax error in input for target m.",
    ),
    "six targets": (
        {"Targets": [{"Id": f"t{number}", "Arn": QUEUE} for number in range(6)]},
        "The requested resource exceeds the maximum number allowed.",
    ),
}


@pytest.mark.parametrize("case", TEMPLATES)
def test_a_rule_that_eventbridge_refuses_fails_the_deployment(
    cloud: Cloud, tmp_path: Path, case: str
) -> None:
    properties, words = TEMPLATES[case]
    resources = {
        "Runner": role("states.amazonaws.com"),
        "Machine": state_machine(ECHO, "Runner"),
        "Sender": role("events.amazonaws.com"),
        "Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": GLUE, **properties}},
    }
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path, resources)
    assert "Rule (AWS::Events::Rule)" in str(caught.value)
    assert words in str(caught.value)


def test_an_input_that_its_values_break_goes_to_the_dead_letter_queue(
    cloud: Cloud, tmp_path: Path
) -> None:
    template = transformer('{"text": "<job>"}', job="$.detail")
    deploy_rule(cloud, tmp_path, MAY_START, **template)
    glue_event(cloud)
    ((event, attributes),) = dead_letters(cloud)
    assert event["detail"]["jobName"] == "nightly"
    assert attributes["ERROR_CODE"] == "INVALID_JSON"


def test_a_switch_escapes_the_values_inside_strings(cloud: Cloud, tmp_path: Path) -> None:
    cloud.behaviour.events.values_in_strings = "escaped"
    deploy_rule(cloud, tmp_path, MAY_START, **transformer('{"t": "<d>"}', d="$.detail"))
    glue_event(cloud)
    assert dead_letters(cloud) == []


def test_a_refused_update_leaves_a_rule_as_it_was(cloud: Cloud) -> None:
    events = cloud.client("events")
    events.put_rule(Name="rule", EventPattern=PATTERN)
    with pytest.raises(ClientError, match="InvalidEventPatternException"):
        events.put_rule(Name="rule", EventPattern="{}")
    assert events.describe_rule(Name="rule")["EventPattern"] == PATTERN


def test_the_name_that_a_deployment_gives_a_rule_is_no_longer_than_a_rule_s(
    cloud: Cloud, tmp_path: Path
) -> None:
    logical_id = 80 * "R"
    properties = {"EventPattern": GLUE}
    deployed(cloud, tmp_path, {logical_id: {"Type": "AWS::Events::Rule", "Properties": properties}})
    assert len(physical_id(cloud, logical_id)) == 64
