"""RedriveExecution: what runs again, with which data, and what cannot be redriven."""

from datetime import timedelta
from typing import Any

from tests.embedded_aws.state_machines import (
    DONE,
    START,
    WAIT,
    Ended,
    FunctionError,
    Machines,
    each,
    invoke,
    parallel,
    refused,
)


class Flaky:
    """A function that fails for some payloads until it is repaired, and counts its calls."""

    def __init__(self, *bad: Any) -> None:
        self.bad, self.calls = list(bad), []  # type: tuple[list[Any], list[Any]]

    def __call__(self, payload: Any) -> Any:
        self.calls.append(payload)
        if payload in self.bad:
            raise FunctionError('{"errorType": "Flaky"}')
        return payload


def redriven(machines: Machines, execution: str, flaky: Flaky | None = None) -> Ended:
    """Repair the function, redrive, and wait for the end."""
    if flaky is not None:
        flaky.bad, flaky.calls = [], []
    machines.client.redrive_execution(executionArn=execution)
    machines.settle()
    return machines.look(execution)


def failed(machines: Machines, states: dict[str, Any], given: Any = None) -> str:
    execution = machines.start(machines.create(states), given)
    machines.settle()
    assert machines.look(execution).status == "FAILED"
    return execution


def test_a_redrive_continues_at_the_failed_task_with_its_input_and_variables(
    machines: Machines,
) -> None:
    flaky = machines.functions["f"] = Flaky(7)
    states = {
        "Set": {"Type": "Pass", "Assign": {"n": 7}, "Output": {"kept": 1}, "Next": "Call"},
        "Call": invoke("f", "{% $n %}", Next="Done"),
        "Done": {"Type": "Succeed", "Output": "{% {'n': $n, 'r': $states.context.Execution} %}"},
    }
    states["Call"]["Output"] = "{% $states.input %}"
    execution = failed(machines, states)
    ended = redriven(machines, execution, flaky)
    assert ended.status == "SUCCEEDED"
    assert flaky.calls == [7]
    assert ended.output["n"] == 7
    assert ended.output["r"]["RedriveCount"] == 1
    assert ended.output["r"]["RedriveTime"] == "2026-11-22T15:30:00.000Z"
    assert ended.entered() == ["Set", "Call", "Done"]
    types = ended.event_types()
    assert types[types.index("ExecutionFailed") :] == [
        "ExecutionFailed", "ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskSucceeded",
        "TaskStateExited", "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    assert ended.described["redriveCount"] == 1
    assert ended.described["redriveDate"] == START


def test_a_redriven_task_has_all_its_retries_again(machines: Machines) -> None:
    flaky = machines.functions["f"] = Flaky(1)
    retry = [{"ErrorEquals": ["Flaky"], "MaxAttempts": 2}]
    execution = failed(machines, {"Call": invoke("f", 1, Retry=retry)})
    assert len(flaky.calls) == 3
    assert redriven(machines, execution).status == "FAILED"
    assert len(flaky.calls) == 6


def test_a_redrive_of_a_fail_state_fails_again(machines: Machines) -> None:
    states = {"Pass": {"Type": "Pass", "Next": "Fail"}, "Fail": {"Type": "Fail", "Error": "Mine"}}
    execution = failed(machines, states)
    ended = redriven(machines, execution)
    assert (ended.status, ended.error) == ("FAILED", "Mine")
    assert ended.entered() == ["Pass", "Fail", "Fail"]
    assert redriven(machines, execution).described["redriveCount"] == 2


def test_only_the_iterations_that_did_not_succeed_run_again(machines: Machines) -> None:
    flaky = machines.functions["f"] = Flaky(2)
    inner = {
        "Note": {"Type": "Pass", "Assign": {"item": "{% $states.input %}"}, "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": "{% $item * 60 %}", "Next": "Call"},
        "Call": invoke("f", "{% $item %}", Output="{% $item %}"),
    }
    execution = failed(machines, {"Each": each([1, 2, 3], inner, Next="Done"), **DONE})
    assert flaky.calls == [1, 2]
    ended = redriven(machines, execution, flaky)
    assert ended.output == [1, 2, 3]
    assert flaky.calls == [2, 3]
    assert ended.entered().count("Note") == 3


def test_only_the_branches_that_did_not_succeed_run_again(machines: Machines) -> None:
    flaky = machines.functions["f"] = Flaky("b")
    branches: list[Any] = [
        {"StartAt": f"Call {name}", "States": {f"Call {name}": invoke("f", name, Output=name)}}
        for name in "ab"
    ]
    branches[1]["States"]["Wait"] = {"Type": "Wait", "Seconds": 60, "Next": "Call b"}
    branches[1]["StartAt"] = "Wait"
    both = {"Type": "Parallel", "Branches": branches, "End": True}
    execution = failed(machines, {"Both": both})
    ended = redriven(machines, execution, flaky)
    assert (ended.output, flaky.calls) == (["a", "b"], ["b"])
    assert ended.seconds == 60


def test_an_iteration_inside_a_branch_continues_where_it_failed(machines: Machines) -> None:
    flaky = machines.functions["f"] = Flaky(2)
    inner = {"Call": invoke("f", "{% $states.input %}", Output="{% $states.input %}")}
    execution = failed(machines, {"All": parallel({"Each": each([1, 2], inner)})})
    ended = redriven(machines, execution, flaky)
    assert (ended.output, flaky.calls) == ([[1, 2]], [2])


def test_a_map_whose_result_was_too_large_runs_again_entirely(machines: Machines) -> None:
    flaky = machines.functions["f"] = Flaky()
    size = {"n": 200_000}
    machines.functions["size"] = lambda _: "x" * size["n"]
    inner = {
        "Call": invoke("f", "{% $states.input %}", Next="Size"),
        "Size": invoke("size", Output="{% $states.result.Payload %}"),
    }
    execution = failed(machines, {"Each": each([1, 2], inner)})
    assert machines.look(execution).error == "States.DataLimitExceeded"
    size["n"] = 3
    ended = redriven(machines, execution, flaky)
    assert (ended.output, flaky.calls) == (["xxx", "xxx"], [1, 2])


def test_an_execution_that_timed_out_or_was_stopped_continues_at_its_wait(
    machines: Machines,
) -> None:
    arn = machines.create(WAIT, TimeoutSeconds=70)
    with machines.clock.running():
        execution = machines.start(arn)
        machines.clock.sleep(30)
        machines.client.stop_execution(executionArn=execution)
        assert machines.look(execution).status == "ABORTED"
    ended = redriven(machines, execution)
    assert (ended.status, ended.seconds) == ("SUCCEEDED", 90)
    assert ended.event_types() == [
        "ExecutionStarted", "WaitStateEntered", "ExecutionAborted", "ExecutionRedriven",
        "WaitStateExited", "ExecutionSucceeded",
    ]  # fmt: skip


def test_an_old_definition_is_used_after_an_update(machines: Machines) -> None:
    execution = failed(machines, {"Fail": {"Type": "Fail", "Error": "Old"}})
    arn = machines.look(execution).described["stateMachineArn"]
    machines.client.update_state_machine(
        stateMachineArn=arn, definition='{"StartAt": "D", "States": {"D": {"Type": "Succeed"}}}'
    )
    assert redriven(machines, execution).error == "Old"


def test_what_succeeded_or_runs_cannot_be_redriven(machines: Machines) -> None:
    redrive = machines.client.redrive_execution
    with machines.clock.running():
        execution = machines.start(machines.create(WAIT))
        code, message = refused(lambda: redrive(executionArn=execution))
        assert code == "ExecutionNotRedrivable"
        assert message == "Execution is RUNNING and cannot be redriven"
    machines.settle()
    code, message = refused(lambda: redrive(executionArn=execution))
    assert message == "Execution is SUCCEEDED and cannot be redriven"
    assert refused(lambda: redrive(executionArn=execution + "x"))[0] == "ExecutionDoesNotExist"


def test_an_execution_can_be_redriven_for_14_days(machines: Machines) -> None:
    execution = failed(machines, {"Fail": {"Type": "Fail"}})
    with machines.clock.running():
        machines.clock.sleep(timedelta(days=14).total_seconds() - 1)
        assert machines.look(execution).described["redriveStatus"] == "REDRIVABLE"
        machines.clock.sleep(1)
    described = machines.look(execution).described
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    assert described["redriveStatusReason"] == "Execution redrivable period exceeded"
    redrive = machines.client.redrive_execution
    assert refused(lambda: redrive(executionArn=execution))[0] == "ExecutionNotRedrivable"


def test_a_repeated_request_of_one_token_redrives_once(machines: Machines) -> None:
    execution = failed(machines, {"Fail": {"Type": "Fail"}})
    for _ in range(2):
        answer = machines.client.redrive_execution(executionArn=execution, clientToken="t")
        machines.settle()
    assert answer["redriveDate"] == START
    assert machines.look(execution).described["redriveCount"] == 1
    arn = machines.look(execution).described["stateMachineArn"]
    listed = machines.client.list_executions
    assert len(listed(stateMachineArn=arn, redriveFilter="REDRIVEN")["executions"]) == 1
    assert listed(stateMachineArn=arn, redriveFilter="NOT_REDRIVEN")["executions"] == []


def test_a_retry_of_a_map_runs_all_iterations_again_after_a_redrive_too(
    machines: Machines,
) -> None:
    flaky = machines.functions["f"] = Flaky(2)
    inner = {"Call": invoke("f", "{% $states.input %}", Output="{% $states.input %}")}
    retry = [{"ErrorEquals": ["Flaky"], "MaxAttempts": 1}]
    execution = failed(machines, {"Each": each([1, 2], inner, MaxConcurrency=1, Retry=retry)})
    assert flaky.calls == [1, 2, 1, 2]
    ended = redriven(machines, execution)
    assert ended.status == "FAILED"
    assert flaky.calls == [1, 2, 1, 2, 2, 1, 2]
