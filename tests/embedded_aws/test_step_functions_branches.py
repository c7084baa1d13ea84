"""Branches and iterations: their variables, their order, and what ends them."""

from typing import Any

import pytest

from tests.embedded_aws.state_machines import (
    CAUGHT,
    FunctionError,
    Machines,
    caught,
    each,
    invoke,
    parallel,
)


def test_an_inner_scope_reads_outer_variables_as_they_were_and_keeps_its_own(
    machines: Machines,
) -> None:
    inner = {
        "Note": {"Type": "Pass", "Assign": {"mine": "{% $outer & 1 %}"}, "Next": "Say"},
        "Say": {"Type": "Pass", "Output": "{% $mine %}", "End": True},
    }
    ended = machines.run(
        {
            "Set": {"Type": "Pass", "Assign": {"outer": "x"}, "Next": "All"},
            "All": parallel(inner, Next="Return"),
            "Return": {
                "Type": "Succeed",
                "Output": {"said": "{% $states.input[0] %}", "leaked": "{% $exists($mine) %}"},
            },
        }
    )
    assert ended.output == {"said": "x1", "leaked": False}


def test_an_inner_scope_cannot_assign_an_outer_variable(machines: Machines) -> None:
    inner = {"Set again": {"Type": "Pass", "Assign": {"outer": "y"}, "End": True}}
    ended = machines.run(
        {
            "Set": {"Type": "Pass", "Assign": {"outer": "x"}, "Next": "All"},
            "All": parallel(inner),
        }
    )
    assert ended.status == "FAILED"


def test_a_map_returns_its_outputs_in_the_order_of_its_items(machines: Machines) -> None:
    wait = {
        "Wait": {
            "Type": "Wait",
            "Seconds": "{% $states.input %}",
            "Output": "{% $states.context.Map.Item.Value * 10 %}",
            "End": True,
        }
    }
    ended = machines.run({"Each": each([30, 10, 20], wait)})
    assert (ended.output, ended.seconds) == ([300, 100, 200], 30)


def test_max_concurrency_limits_the_iterations_that_run_at_once(machines: Machines) -> None:
    wait = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}
    assert machines.run({"Each": each([1, 2, 3, 4, 5], wait, MaxConcurrency=2)}).seconds == 180


def test_a_map_over_an_empty_array_returns_an_empty_array(machines: Machines) -> None:
    wait = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}
    assert machines.run({"Each": each([], wait)}).output == []


def test_the_states_of_an_iteration_see_the_map_in_their_context(machines: Machines) -> None:
    machines.functions["echo"] = lambda payload: payload
    states = {
        "Call": invoke(
            "echo",
            {"index": "{% $states.context.Map.Item.Index %}"},
            Output="{% $states.result.Payload.index %}",
        )
    }
    assert machines.run({"Each": each(["a", "b"], states)}).output == [0, 1]


def test_a_failed_iteration_aborts_the_others(machines: Machines) -> None:
    calls: list[Any] = []
    machines.functions["note"] = calls.append
    states = {
        "Wait": {"Type": "Wait", "Seconds": "{% $states.input * 60 %}", "Next": "First?"},
        "First?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input = 1 %}", "Next": "Fail"}],
            "Default": "Note",
        },
        "Fail": {"Type": "Fail", "Error": "Mine"},
        "Note": invoke("note", "{% $states.input %}"),
    }
    ended = machines.run({"Each": each([1, 2, 3], states, Catch=caught("Mine")), **CAUGHT})
    assert (ended.output["Error"], ended.seconds) == ("Mine", 60)
    assert calls == []
    assert ended.event_types().count("MapIterationAborted") == 2


def test_a_failed_branch_stops_the_others(machines: Machines) -> None:
    calls: list[Any] = []
    machines.functions["note"] = calls.append
    slow = {"Wait": {"Type": "Wait", "Seconds": 60, "Next": "Note"}, "Note": invoke("note")}
    fail = {"Fail": {"Type": "Fail", "Error": "Mine"}}
    branches = [{"StartAt": next(iter(states)), "States": states} for states in (slow, fail)]
    ended = machines.run({"All": {"Type": "Parallel", "Branches": branches, "End": True}})
    assert (ended.error, ended.seconds, calls) == ("Mine", 0, [])


def test_a_call_that_fails_in_a_stopped_branch_is_not_in_the_history(machines: Machines) -> None:
    def fail_late(_: Any) -> None:
        machines.clock.sleep(60)
        raise FunctionError('{"errorType": "Late"}')

    machines.functions["slow"] = fail_late
    fail = {
        "Wait": {"Type": "Wait", "Seconds": 10, "Next": "Fail"},
        "Fail": {"Type": "Fail", "Error": "Mine"},
    }
    branches = [
        {"StartAt": next(iter(states)), "States": states}
        for states in ({"Call": invoke("slow")}, fail)
    ]
    all_of_them = {"Type": "Parallel", "Branches": branches, "Catch": caught("Mine"), "End": True}
    wait = {"Caught": {"Type": "Wait", "Seconds": 900, "End": True}}
    ended = machines.run({"All": all_of_them} | wait)
    assert (ended.status, ended.seconds) == ("SUCCEEDED", 910)
    assert "TaskFailed" not in ended.event_types()


@pytest.mark.parametrize("items", ["$missing", "5"])
def test_a_map_over_something_other_than_an_array_is_one_evaluation_error(
    machines: Machines, items: str
) -> None:
    wait = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}
    catch = caught("States.QueryEvaluationError")
    ended = machines.run({"Each": each(f"{{% {items} %}}", wait, Catch=catch), **CAUGHT})
    assert ended.output["Error"] == "States.QueryEvaluationError"
    assert ended.event_types().count("EvaluationFailed") == 1


def test_an_inline_map_runs_at_most_40_iterations_at_once(machines: Machines) -> None:
    wait = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}
    assert machines.run({"Each": each(list(range(41)), wait)}).seconds == 120
    assert machines.run({"Each": each(list(range(41)), wait, MaxConcurrency=50)}).seconds == 120


def test_a_fail_without_an_error_in_an_iteration_is_caught_as_any_error(
    machines: Machines,
) -> None:
    fail = {"Fail": {"Type": "Fail"}}
    for catch in (caught("States.ALL"), caught("Other") + caught("States.TaskFailed")):
        ended = machines.run({"Each": each([1], fail, Catch=catch), **CAUGHT})
        assert ended.output == {"Error": "", "Cause": ""}
    ended = machines.run({"Each": each([1], fail)})
    assert (ended.status, ended.error) == ("FAILED", None)
