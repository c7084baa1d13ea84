"""Executions on the virtual clock: exact times, time limits, and identical runs."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.moto_api._internal import mock_random

from tests.embedded_aws import state_machines
from tests.embedded_aws.state_machines import (
    CAUGHT,
    START,
    FunctionError,
    Machines,
    caught,
    invoke,
    running_machines,
    task,
)

POLL = {
    "Begin": {"Type": "Pass", "Assign": {"began": "{% $millis() %}"}, "Next": "Wait"},
    "Wait": {"Type": "Wait", "Seconds": 600, "Next": "Look"},
    "Look": task(
        "aws-sdk:sfn:describeExecution",
        {"ExecutionArn": "{% $states.context.Execution.Id %}"},
        Next="Done?",
    ),
    "Done?": {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $millis() - $began < 604800000 %}", "Next": "Wait"}],
        "Default": "Done",
    },
    "Done": {"Type": "Succeed", "Output": {"now": "{% $now() %}"}},
}


def test_a_week_of_polling_takes_exactly_a_week(machines: Machines) -> None:
    ended = machines.run(POLL)
    assert ended.seconds == timedelta(days=7).total_seconds()
    assert ended.output == {"now": "2026-11-29T15:30:00.000Z"}
    assert ended.entered().count("Wait") == 7 * 24 * 6
    assert len(ended.events) == 1 + 2 + 7 * 24 * 6 * 9 + 2 + 1


def test_every_timestamp_comes_from_the_clock(machines: Machines) -> None:
    ended = machines.run(
        {
            "Wait": {"Type": "Wait", "Seconds": 90, "Next": "Return"},
            "Return": {
                "Type": "Succeed",
                "Output": {
                    "started": "{% $states.context.Execution.StartTime %}",
                    "entered": "{% $states.context.State.EnteredTime %}",
                    "millis": "{% $millis() %}",
                },
            },
        }
    )
    later = START + timedelta(seconds=90)
    assert ended.described["startDate"] == START
    assert ended.described["stopDate"] == later
    assert [event["timestamp"] for event in ended.events] == [START] * 2 + [later] * 4
    assert ended.output == {
        "started": "2026-11-22T15:30:00.000Z",
        "entered": "2026-11-22T15:31:30.000Z",
        "millis": int(later.timestamp() * 1000),
    }


def test_a_wait_until_a_timestamp_ends_at_that_moment(machines: Machines) -> None:
    state = {"Type": "Wait", "Timestamp": "{% $states.input.until %}", "End": True}
    ended = machines.run({"Wait": state}, {"until": "2026-11-23T00:30:00.250+09:00"})
    assert ended.described["stopDate"] == datetime(2026, 11, 22, 15, 30, 0, 250_000, tzinfo=UTC)


def test_a_retry_backs_off_up_to_its_longest_delay(machines: Machines) -> None:
    times: list[float] = []

    def fail(_: Any) -> None:
        times.append(machines.clock.time() - START.timestamp())
        raise FunctionError('{"errorType": "RetryLater"}')

    machines.functions["fail"] = fail
    retry = {
        "ErrorEquals": ["RetryLater"],
        "IntervalSeconds": 10,
        "BackoffRate": 3,
        "MaxDelaySeconds": 60,
        "MaxAttempts": 4,
    }
    ended = machines.run({"Call": invoke("fail", Retry=[retry])})
    assert times == [0, 10, 40, 100, 160]
    assert (ended.error, ended.seconds) == ("RetryLater", 160)


def test_full_jitter_stays_below_the_interval_and_is_the_same_on_every_run(
    machines: Machines,
) -> None:
    times: list[float] = []

    def fail(_: Any) -> None:
        times.append(machines.clock.time())
        raise FunctionError('{"errorType": "RetryLater"}')

    machines.functions["fail"] = fail
    retry = {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 100,
        "BackoffRate": 1,
        "MaxAttempts": 20,
        "JitterStrategy": "FULL",
    }
    machines.run({"Call": invoke("fail", Retry=[retry])})
    delays = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(0 <= delay <= 100 for delay in delays)
    assert len(set(delays)) == 20
    assert 30 < sum(delays) / 20 < 70


def test_the_retry_count_is_in_the_context_of_each_attempt(machines: Machines) -> None:
    counts: list[int] = []

    def note(payload: Any) -> None:
        counts.append(payload["count"])
        raise FunctionError('{"errorType": "RetryLater"}')

    machines.functions["note"] = note
    retry = {"ErrorEquals": ["RetryLater"], "MaxAttempts": 2}
    payload = {"count": "{% $states.context.State.RetryCount %}"}
    machines.run({"Call": invoke("note", payload, Retry=[retry])})
    assert counts == [0, 1, 2]


def test_a_task_that_takes_longer_than_its_limit_times_out_on_time(machines: Machines) -> None:
    machines.functions["slow"] = lambda _: machines.clock.sleep(900)
    state = invoke("slow", TimeoutSeconds=300, Catch=caught("States.Timeout"))
    ended = machines.run({"Call": state, **CAUGHT})
    assert ended.output == {"Error": "States.Timeout", "Cause": ""}
    assert ended.seconds == 300
    assert "TaskTimedOut" in ended.event_types()


def test_a_response_after_the_time_limit_is_not_in_the_history(machines: Machines) -> None:
    machines.functions["slow"] = lambda _: machines.clock.sleep(900)
    state = invoke("slow", TimeoutSeconds=300, Catch=caught("States.Timeout"))
    ended = machines.run({"Call": state, "Caught": {"Type": "Wait", "Seconds": 900, "End": True}})
    assert ended.seconds == 1200
    assert "TaskSucceeded" not in ended.event_types()


def test_a_task_within_its_limit_is_not_timed_out(machines: Machines) -> None:
    machines.functions["slow"] = lambda _: machines.clock.sleep(299)
    ended = machines.run({"Call": invoke("slow", TimeoutSeconds="{% 300 %}")})
    assert (ended.status, ended.seconds) == ("SUCCEEDED", 299)


@pytest.mark.parametrize("kind", ["wait", "call", "retry", "branch"])
def test_an_execution_past_its_limit_times_out_no_matter_what_it_does(
    machines: Machines, kind: str
) -> None:
    def fail(_: Any) -> None:
        raise FunctionError('{"errorType": "RetryLater"}')

    machines.functions["slow"] = lambda _: machines.clock.sleep(900)
    machines.functions["fail"] = fail
    wait = {"Type": "Wait", "Seconds": 900, "End": True}
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 900}
    branch = {"StartAt": "Wait", "States": {"Wait": wait}}
    states = {
        "wait": {"Wait": wait},
        "call": {"Call": invoke("slow")},
        "retry": {"Call": invoke("fail", Retry=[retry])},
        "branch": {"All": {"Type": "Parallel", "Branches": [branch], "End": True}},
    }
    ended = machines.run(states[kind], TimeoutSeconds=300)
    assert (ended.status, ended.seconds) == ("TIMED_OUT", 300)
    assert ended.events[-1]["type"] == "ExecutionTimedOut"
    assert ended.events[-1]["timestamp"] == START + timedelta(seconds=300)


@pytest.mark.parametrize("kind", ["wait", "call", "nothing"])
def test_a_stopped_execution_ends_at_once_and_does_nothing_after_that(
    machines: Machines, kind: str
) -> None:
    calls: list[Any] = []
    machines.functions["slow"] = lambda _: machines.clock.sleep(900)
    machines.functions["note"] = calls.append
    first = {
        "wait": {"Type": "Wait", "Seconds": 900, "Next": "Note"},
        "call": invoke("slow", Next="Note"),
        "nothing": {"Type": "Pass", "Next": "Wait"},
    }
    wait = {"Type": "Wait", "Seconds": 900, "Next": "Note"}
    states = {"First": first[kind], "Note": invoke("note")}
    if kind == "nothing":
        states["Wait"] = wait
    arn = machines.create(states)
    with machines.clock.running():
        execution = machines.start(arn)  # it runs before or after the stop
        machines.client.stop_execution(executionArn=execution, error="Mine", cause="enough")
        ended = machines.look(execution)
    assert (ended.status, ended.error, ended.cause) == ("ABORTED", "Mine", "enough")
    assert ended.events[-1]["type"] == "ExecutionAborted"
    machines.settle()
    assert machines.look(execution).status == "ABORTED"
    assert machines.look(execution).events == ended.events
    assert calls == []


def test_an_execution_stopped_at_a_moment_ends_at_that_moment(machines: Machines) -> None:
    arn = machines.create({"Wait": {"Type": "Wait", "Seconds": 900, "End": True}})
    with machines.clock.running():
        execution = machines.start(arn)
        machines.clock.sleep(60)
        machines.client.stop_execution(executionArn=execution)
    machines.settle()
    ended = machines.look(execution)
    assert (ended.status, ended.seconds) == ("ABORTED", 60)
    assert machines.clock.now() == START + timedelta(seconds=60)


def test_executions_that_are_started_at_the_same_time_run_at_the_same_time(
    machines: Machines,
) -> None:
    arn = machines.create({"Wait": {"Type": "Wait", "Seconds": 10, "End": True}})
    with machines.clock.running():
        machines.clock.call_at(START.timestamp() + 5, lambda: None)
        executions = [machines.start(arn) for _ in range(20)]
    machines.settle()
    assert {machines.look(one).seconds for one in executions} == {10}
    assert machines.clock.now() == START + timedelta(seconds=10)


BUSY = {
    "Each": {
        "Type": "Map",
        "Items": "{% [1..6] %}",
        "MaxConcurrency": 3,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "Wait",
            "States": {
                "Wait": {"Type": "Wait", "Seconds": "{% $states.input %}", "Next": "Try"},
                "Try": invoke(
                    "flaky",
                    "{% $states.input %}",
                    Retry=[
                        {
                            "ErrorEquals": ["RetryLater"],
                            "IntervalSeconds": 7,
                            "MaxAttempts": 9,
                            "JitterStrategy": "FULL",
                        }
                    ],
                ),
            },
        },
        "Assign": {"a": 1, "b": "two", "c": "{% $uuid() %}"},
        "Next": "Return",
    },
    "Return": {"Type": "Succeed", "Output": "{% [$c, $random()] %}"},
}


def test_two_runs_have_identical_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = []
    for _ in range(3):
        monkeypatch.setattr(state_machines, "_numbers", itertools.count())
        mock_random.seed(7)
        with running_machines(monkeypatch) as machines:
            attempts: list[int] = []

            def flaky(number: int, attempts: list[int] = attempts) -> int:
                attempts.append(number)
                if attempts.count(number) <= number % 3:
                    raise FunctionError('{"errorType": "RetryLater"}')
                return number

            machines.functions["flaky"] = flaky
            execution = machines.start(machines.create(BUSY), name="same")
            machines.settle()
            ended = machines.look(execution)
            assert ended.status == "SUCCEEDED"
            histories.append(json.dumps(ended.events, default=str))
    assert histories[0] == histories[1] == histories[2]
