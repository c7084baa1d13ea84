"""What states do: data, choices, waits, and errors with the states that catch them."""

import pytest

from tests.embedded_aws.state_machines import (
    CAUGHT,
    Machines,
    caught,
    each,
    invoke,
    parallel,
    task,
)

STRANGE = "\"double\" 'single' back\\slash; $dollar {% not this %} 한글 \U0001f600 \n"


def test_a_variable_keeps_its_quotes_backslashes_hangul_and_emoji(machines: Machines) -> None:
    ended = machines.run(
        {
            "Keep": {
                "Type": "Pass",
                "Assign": {"text": "{% $states.input.text %}", "map": {"a": "{% $states.input %}"}},
                "Next": "Return",
            },
            "Return": {"Type": "Succeed", "Output": "{% [$text, $map.a.text] %}"},
        },
        {"text": STRANGE},
    )
    assert ended.output == [STRANGE, STRANGE]


def test_a_literal_emoji_in_the_definition_counts_as_one_character(machines: Machines) -> None:
    ended = machines.run({"Return": {"Type": "Succeed", "Output": "{% $length('\U0001f600') %}"}})
    assert ended.output == 1


def test_null_is_a_value_and_not_a_missing_value(machines: Machines) -> None:
    ended = machines.run(
        {
            "Keep": {"Type": "Pass", "Assign": {"x": None}, "Next": "Return"},
            "Return": {
                "Type": "Succeed",
                "Output": {"x": "{% $x %}", "known": "{% $exists($x) %}"},
            },
        }
    )
    assert ended.output == {"x": None, "known": True}


def test_a_choice_rule_assigns_and_a_default_does_too(machines: Machines) -> None:
    states = {
        "Big?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $states.input.n > 10 %}",
                    "Assign": {"size": "{% 'big ' & $states.input.n %}"},
                    "Next": "Return",
                }
            ],
            "Assign": {"size": "small"},
            "Default": "Return",
        },
        "Return": {"Type": "Succeed", "Output": "{% $size %}"},
    }
    assert machines.run(states, {"n": 11}).output == "big 11"
    assert machines.run(states, {"n": 1}).output == "small"


def test_a_choice_without_a_match_fails_with_its_own_error(machines: Machines) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.n = 1 %}", "Next": "Done"}],
    }
    ended = machines.run({"One?": choice, "Done": {"Type": "Succeed"}}, {"n": 2})
    assert (ended.status, ended.error) == ("FAILED", "States.NoChoiceMatched")
    assert ended.event_types()[-1] == "ExecutionFailed"


def test_an_outer_catch_handles_an_inner_choice_without_a_match(machines: Machines) -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "Done"}]}
    inner = {"One?": choice, "Done": {"Type": "Succeed"}}
    catch = caught("States.NoChoiceMatched")
    ended = machines.run({"All": parallel(inner, Catch=catch, End=True), **CAUGHT})
    assert ended.output["Error"] == "States.NoChoiceMatched"


def test_a_condition_that_is_not_a_boolean_is_an_evaluation_error(machines: Machines) -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "Done"}]}
    ended = machines.run({"One?": choice, "Done": {"Type": "Succeed"}})
    assert ended.error == "States.QueryEvaluationError"
    assert "'Choices[0]/Condition'" in ended.cause
    assert "Expected 'boolean', but was 'number'" in ended.cause


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("$states.input.missing", "returned nothing (undefined)"),
        ("1 + 'a'", "threw an error during evaluation"),
        ("$error('my words')", "my words"),
        ("$unknown(1)", "threw an error during evaluation"),
        ("$eval('1')", "$eval is not supported"),
        ("function($x){$x}", "unsupported result type"),
    ],
)
def test_an_expression_that_fails_can_be_caught_by_name(
    machines: Machines, expression: str, why: str
) -> None:
    arguments = {"TableName": "t", "Key": {"k": {"S": f"{{% {expression} %}}"}}}
    state = task("dynamodb:getItem", arguments, Catch=caught("States.QueryEvaluationError"))
    ended = machines.run({"Ask": state, **CAUGHT})
    assert ended.output["Error"] == "States.QueryEvaluationError"
    assert why in ended.output["Cause"]
    assert "'Arguments/Key/k/S'" in ended.output["Cause"]
    assert "executing the state 'Ask' (entered at the event id #2)" in ended.output["Cause"]
    assert ended.event_types().count("EvaluationFailed") == 1


def test_an_uncaught_evaluation_error_says_once_where_it_happened(
    machines: Machines,
) -> None:
    inner = {"Inner": {"Type": "Pass", "Output": "{% $nothing %}", "End": True}}
    ended = machines.run({"Outer": parallel(inner)})
    assert ended.error == "States.QueryEvaluationError"
    assert ended.cause.count("An error occurred while executing the state") == 1
    assert "'Inner'" in ended.cause


@pytest.mark.parametrize("seconds", ["1.5", "'1'", "-1", "true", "null"])
def test_waiting_for_anything_but_a_whole_number_of_seconds_fails(
    machines: Machines, seconds: str
) -> None:
    ended = machines.run({"Wait": {"Type": "Wait", "Seconds": f"{{% {seconds} %}}", "End": True}})
    assert (ended.status, ended.error) == ("FAILED", "States.QueryEvaluationError")
    assert ended.seconds == 0


def test_a_catch_assigns_and_outputs_the_error(machines: Machines) -> None:
    catch = [
        {
            "ErrorEquals": ["States.ALL"],
            "Assign": {"why": "{% $states.errorOutput.Cause %}"},
            "Output": {"error": "{% $states.errorOutput.Error %}"},
            "Next": "Return",
        }
    ]
    fail = {"Fail": {"Type": "Fail", "Error": "Mine", "Cause": STRANGE.replace("{%", "")}}
    returned = {"Type": "Succeed", "Output": "{% [$states.input.error, $why] %}"}
    ended = machines.run({"All": parallel(fail, Catch=catch, End=True), "Return": returned})
    assert ended.output == ["Mine", STRANGE.replace("{%", "")]


def test_a_fail_inside_an_iteration_inside_a_branch_reaches_the_outer_catch(
    machines: Machines,
) -> None:
    fail = {
        "Fail": {
            "Type": "Fail",
            "Error": "{% $states.input.error %}",
            "Cause": "{% 'item ' & $states.context.Map.Item.Index %}",
        }
    }
    inner = {"Each": each([{"error": "Inner"}], fail)}
    ended = machines.run({"All": parallel(inner, Catch=caught("Inner"), End=True), **CAUGHT})
    assert ended.output == {"Error": "Inner", "Cause": "item 0"}


def test_a_reserved_error_name_is_kept_in_outer_states(machines: Machines) -> None:
    fail = {"Fail": {"Type": "Fail", "Error": "States.Timeout", "Cause": "passed on"}}
    for state in (parallel(fail), each([1], fail)):
        ended = machines.run({"All": state})
        assert (ended.error, ended.cause) == ("States.Timeout", "passed on")


def test_states_all_does_not_catch_runtime_errors(machines: Machines) -> None:
    fail = {"Fail": {"Type": "Fail", "Error": "States.Runtime"}}
    ended = machines.run({"All": parallel(fail, Catch=caught("States.ALL"), End=True), **CAUGHT})
    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")


def test_states_all_catches_a_task_whose_data_is_too_large(machines: Machines) -> None:
    machines.functions["size"] = lambda payload: payload if payload == "" else 300_000 * "x"
    state = invoke("size", "go", Catch=caught("States.ALL"))
    assert machines.run({"Call": state, **CAUGHT}).output == {
        "Error": "States.DataLimitExceeded",
        "Cause": "The state/task 'lambda' returned a result with a size exceeding the maximum "
        "number of bytes service limit.",
    }
    large = invoke("size", "{% $pad('', 270000, 'x') %}", Catch=caught("States.ALL"))
    assert machines.run({"Call": large, **CAUGHT}).output == {
        "Error": "States.DataLimitExceeded",
        "Cause": "The state/task 'Call' provided parameters with a size exceeding the maximum "
        "number of bytes service limit.",
    }
    machines.behaviour.data_limit_in_states_all = "not caught"
    ended = machines.run({"Call": state, **CAUGHT})
    assert (ended.status, ended.error) == ("FAILED", "States.DataLimitExceeded")


def test_states_task_failed_catches_any_error_except_a_timeout(machines: Machines) -> None:
    for error, status in (("Mine", "SUCCEEDED"), ("States.Timeout", "FAILED")):
        fail = {"Fail": {"Type": "Fail", "Error": error}}
        state = parallel(fail, Catch=caught("States.TaskFailed"), End=True)
        assert machines.run({"All": state, **CAUGHT}).status == status


def test_the_context_object_has_the_same_fields_as_in_aws(machines: Machines) -> None:
    context = machines.value("$states.context", {"x": 1})
    name = context["Execution"]["Name"]
    machine = context["StateMachine"]["Name"]
    assert context == {
        "Execution": {
            "Id": context["Execution"]["Id"],
            "Input": {"x": 1},
            "Name": name,
            "RoleArn": context["Execution"]["RoleArn"],
            "StartTime": "2026-11-22T15:30:00.000Z",
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": context["StateMachine"]["Id"], "Name": machine},
        "State": {"Name": "Done", "EnteredTime": "2026-11-22T15:30:00.000Z", "RetryCount": 0},
    }
    assert context["Execution"]["Id"].endswith(f":execution:{machine}:{name}")
