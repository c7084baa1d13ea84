"""The Step Functions API: what it accepts, what it refuses, and how it describes executions."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from embedded_aws import moto_changes
from embedded_aws.clock import Clock, current, use
from embedded_aws.services import stepfunctions
from embedded_aws.services.events import models as events
from tests.embedded_aws.state_machines import (
    ACCOUNT,
    DONE,
    REAL_SECONDS,
    REGION,
    START,
    WAIT,
    Machines,
    refused,
)


def test_starting_a_running_name_with_the_same_input_returns_that_execution(
    machines: Machines,
) -> None:
    arn = machines.create(WAIT)
    with machines.clock.running():
        assert machines.start(arn, {"x": 1}, "a") == machines.start(arn, {"x": 1}, "a")
    machines.settle()
    assert len(machines.client.list_executions(stateMachineArn=arn)["executions"]) == 1


def test_starting_a_running_name_with_another_input_is_refused(machines: Machines) -> None:
    arn = machines.create(WAIT)
    with machines.clock.running():
        first = machines.start(arn, {"x": 1}, "a")
        code, message = refused(lambda: machines.start(arn, {"x": 2}, "a"))
    assert code == "ExecutionAlreadyExists"
    assert message == f"Execution Already Exists: '{first}'"


def test_a_name_cannot_be_used_again_after_its_execution_closed(machines: Machines) -> None:
    arn = machines.create(DONE)
    machines.start(arn, {"x": 1}, "a")
    machines.settle()
    assert refused(lambda: machines.start(arn, {"x": 1}, "a"))[0] == "ExecutionAlreadyExists"


def test_each_start_without_a_name_is_a_new_execution(machines: Machines) -> None:
    arn = machines.create(DONE)
    names = {machines.start(arn).rsplit(":", 1)[1] for _ in range(2)}
    assert len(names) == 2
    assert all(len(name) == 36 and name.count("-") == 4 for name in names)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a" * 81, "ValidationException"),
        ("with blank", "InvalidName"),
        ("with/slash", "InvalidName"),
        ("with:colon", "InvalidName"),
    ],
)
def test_an_execution_name_that_aws_refuses_is_refused(
    machines: Machines, name: str, code: str
) -> None:
    arn = machines.create(DONE)
    assert refused(lambda: machines.start(arn, name=name))[0] == code
    assert machines.start(arn, name="a" * 80)


def test_input_over_256_kib_is_refused_and_just_below_it_is_not(machines: Machines) -> None:
    arn = machines.create(DONE)
    start = machines.client.start_execution
    assert start(stateMachineArn=arn, input='"' + "가" * 87_380 + '"')  # 262,142 bytes
    code, message = refused(lambda: start(stateMachineArn=arn, input='"' + "가" * 87_381 + '"'))
    assert code == "ValidationException"
    assert "'input'" in message


def test_input_that_is_not_json_is_refused(machines: Machines) -> None:
    arn = machines.create(DONE)
    start = machines.client.start_execution
    code, _ = refused(lambda: start(stateMachineArn=arn, input="{x: 1}"))
    assert code == "InvalidExecutionInput"


def test_a_machine_that_does_not_exist_cannot_be_started(machines: Machines) -> None:
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:none"
    assert refused(lambda: machines.start(arn))[0] == "StateMachineDoesNotExist"


def test_a_running_execution_is_described_without_an_end(machines: Machines) -> None:
    with machines.clock.running():
        described = machines.look(machines.start(machines.create(WAIT), {"x": 1}, "a")).described
    del described["ResponseMetadata"]
    assert described == {
        "executionArn": described["executionArn"],
        "stateMachineArn": described["stateMachineArn"],
        "name": "a",
        "status": "RUNNING",
        "startDate": START,
        "input": '{"x": 1}',
        "inputDetails": {"included": True},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is RUNNING and cannot be redriven",
    }


def test_a_succeeded_execution_is_described_with_its_output_as_json_text(
    machines: Machines,
) -> None:
    ended = machines.run({"Done": {"Type": "Succeed", "Output": "text, 가"}})
    assert ended.described["output"] == '"text, 가"'
    assert ended.described["outputDetails"] == {"included": True}
    assert ended.described["stopDate"] == START
    assert ended.described["redriveStatus"] == "NOT_REDRIVABLE"


def test_a_failed_execution_is_described_with_error_and_cause(machines: Machines) -> None:
    ended = machines.run({"Fail": {"Type": "Fail", "Error": "Mine", "Cause": "why"}})
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "Mine", "why")
    assert ended.described["stopDate"] == START
    assert ended.described["redriveStatus"] == "REDRIVABLE"
    assert "output" not in ended.described


def test_a_timed_out_execution_is_described_with_its_end(machines: Machines) -> None:
    ended = machines.run(WAIT, TimeoutSeconds=30)
    assert (ended.status, ended.seconds) == ("TIMED_OUT", 30)


def test_an_execution_that_does_not_exist_cannot_be_described(machines: Machines) -> None:
    arn = machines.create(DONE).replace(":stateMachine:", ":execution:") + ":none"
    describe = machines.client.describe_execution
    assert refused(lambda: describe(executionArn=arn))[0] == "ExecutionDoesNotExist"


def test_stopping_an_ended_execution_changes_nothing(machines: Machines) -> None:
    execution = machines.start(machines.create(DONE))
    machines.settle()
    stopped = machines.client.stop_execution(executionArn=execution)
    assert stopped["stopDate"] == START
    assert machines.look(execution).status == "SUCCEEDED"


def test_executions_are_listed_by_status_the_newest_first(machines: Machines) -> None:
    arn = machines.create(WAIT)
    with machines.clock.running():
        for name in ("a", "b", "c"):
            machines.start(arn, name=name)
            machines.clock.sleep(10)
        machines.client.stop_execution(
            executionArn=arn.replace(":stateMachine:", ":execution:") + ":b"
        )

        def names(**filters: Any) -> list[str]:
            pages = machines.client.get_paginator("list_executions").paginate(
                stateMachineArn=arn, PaginationConfig={"PageSize": 1}, **filters
            )
            return [entry["name"] for page in pages for entry in page["executions"]]

        assert names() == ["c", "b", "a"]
        assert names(statusFilter="RUNNING") == ["c", "a"]
        assert names(statusFilter="ABORTED") == ["b"]
        assert names(statusFilter="FAILED") == []


def test_a_history_can_be_read_backwards_and_in_pages(machines: Machines) -> None:
    execution = machines.start(machines.create(WAIT))
    machines.settle()
    read = machines.client.get_execution_history
    forwards = machines.look(execution).events
    backwards = read(executionArn=execution, reverseOrder=True)["events"]
    assert [event["id"] for event in forwards] == [1, 2, 3, 4]
    assert backwards == forwards[::-1]
    first = read(executionArn=execution, maxResults=3)
    second = read(executionArn=execution, maxResults=3, nextToken=first["nextToken"])
    assert first["events"] + second["events"] == forwards
    assert "nextToken" not in second


def test_the_history_shows_assigned_variables_as_json_text(machines: Machines) -> None:
    assign = {"text": 'a "b"', "number": 1}
    ended = machines.run({"Set": {"Type": "Pass", "Assign": assign, "End": True}})
    exited = next(e for e in ended.events if e["type"] == "PassStateExited")
    assert exited["stateExitedEventDetails"]["assignedVariables"] == {
        "number": "1",
        "text": json.dumps('a "b"'),
    }


LOOP = {
    "Count": {
        "Type": "Pass",
        "Assign": {"n": "{% $exists($n) ? $n + 1 : 1 %}"},
        "Next": "Again?",
    },
    "Again?": {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $n < $states.input.times %}", "Next": "Count"}],
        "Default": "Done",
    },
    "Done": {"Type": "Succeed", "Output": "{% $n %}"},
}


def test_an_execution_fails_at_its_25000th_event(machines: Machines) -> None:
    ended = machines.run(LOOP, {"times": 1_000_000})
    assert len(ended.events) == 25_000
    assert ended.error == "States.Runtime"
    assert ended.cause == "The execution reached the maximum number of history events (25000)."
    assert ended.events[-1]["type"] == "ExecutionFailed"


def test_dates_of_machines_come_from_the_clock(machines: Machines) -> None:
    with machines.clock.running():
        machines.clock.sleep(60)
        described = machines.client.describe_state_machine(stateMachineArn=machines.create(DONE))
    assert described["creationDate"] == START + timedelta(seconds=60)


def test_a_served_cloud_returns_the_same_results(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    clock = Clock(datetime(2026, 11, 22, 15, 30, tzinfo=UTC).timestamp())
    monkeypatch.setattr("embedded_aws.clock._current", None)
    use(clock)
    stepfunctions.install()
    events.install()
    client: Any = boto3.client(
        "stepfunctions", region_name="eu-west-1", endpoint_url=f"http://127.0.0.1:{port}"
    )
    served = Machines(current(), client, {})
    describe = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
        "Arguments": {"ExecutionArn": "{% $states.context.Execution.Id %}"},
        "Output": "{% $states.result.StartDate %}",
        "End": True,
    }
    wait = {"Type": "Wait", "Seconds": 60, "Next": "Describe"}
    execution = served.start(served.create({"Wait": wait, "Describe": describe}))
    assert clock.wait_until_idle(REAL_SECONDS)
    ended = served.look(execution)
    assert (ended.output, ended.seconds) == ("2026-11-22T15:30:00.000Z", 60)
    clock.stop()
    server.stop()
    moto_changes.undo_all()
