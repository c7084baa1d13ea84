"""Variables: which values a state's fields see, and how large they may become."""

import pytest

from tests.embedded_aws.state_machines import (
    CAUGHT,
    DONE,
    FunctionError,
    Machines,
    caught,
    each,
    invoke,
)

SET = {"Set": {"Type": "Pass", "Assign": {"n": 1}, "Next": "Go"}}
SAY = {"Say": {"Type": "Succeed", "Output": {"before": "{% $states.input %}", "after": "{% $n %}"}}}
RAISED = {"n": "{% $n + 1 %}"}
SEEN = {"before": 1, "after": 2}


def test_the_output_of_a_state_sees_variables_as_they_were_on_entry(machines: Machines) -> None:
    go = {"Type": "Pass", "Assign": RAISED, "Output": "{% $n %}", "Next": "Say"}
    assert machines.run(SET | {"Go": go} | SAY).output == SEEN


def test_a_task_s_output_sees_variables_as_they_were_on_entry(machines: Machines) -> None:
    machines.functions["echo"] = lambda payload: payload
    go = invoke("echo", Assign=RAISED, Output="{% $n %}", Next="Say")
    assert machines.run(SET | {"Go": go} | SAY).output == SEEN


def test_the_output_of_a_choice_rule_sees_variables_as_they_were_on_entry(
    machines: Machines,
) -> None:
    rule = {"Condition": "{% true %}", "Assign": RAISED, "Output": "{% $n %}", "Next": "Say"}
    go = {"Type": "Choice", "Choices": [rule]}
    assert machines.run(SET | {"Go": go} | SAY).output == SEEN


def test_the_output_of_a_catch_sees_variables_as_they_were_on_entry(machines: Machines) -> None:
    def fail(_: object) -> None:
        raise FunctionError('{"errorType": "Mine"}')

    machines.functions["fail"] = fail
    catch = {"ErrorEquals": ["Mine"], "Assign": RAISED, "Output": "{% $n %}", "Next": "Say"}
    go = invoke("fail", Catch=[catch], Next="Say")
    assert machines.run(SET | {"Go": go} | SAY).output == SEEN


def test_an_iteration_keeps_variables_from_state_to_state(machines: Machines) -> None:
    inner = {
        "Set": {"Type": "Pass", "Assign": {"k": "{% $states.input %}"}, "Next": "Add"},
        "Add": {"Type": "Pass", "Assign": {"k": "{% $k + 1 %}"}, "Next": "Tell"},
        "Tell": {"Type": "Pass", "Output": "{% $k %}", "End": True},
    }
    assert machines.run({"Each": each([1, 5], inner)}).output == [2, 6]


@pytest.mark.parametrize(("bytes_", "status"), [(262_142, "SUCCEEDED"), (262_143, "FAILED")])
def test_the_variables_of_one_assign_are_limited_to_256_kib(
    machines: Machines, bytes_: int, status: str
) -> None:
    text = f"{{% $pad('', {bytes_}, 'x') %}}"  # and two quotes
    ended = machines.run({"Set": {"Type": "Pass", "Assign": {"x": text}, "Next": "Done"}, **DONE})
    assert ended.status == status
    assert ended.error in (None, "States.DataLimitExceeded")


def test_two_variables_of_one_assign_share_the_limit_and_a_catch_by_name_handles_it(
    machines: Machines,
) -> None:
    machines.functions["echo"] = lambda payload: payload
    assign = dict.fromkeys(("x", "y"), "{% $pad('', 140000, 'x') %}")
    go = invoke("echo", Assign=assign, Catch=caught("States.DataLimitExceeded"))
    ended = machines.run({"Go": go, **CAUGHT})
    assert ended.output["Error"] == "States.DataLimitExceeded"
    assert "x, y" in ended.output["Cause"]


def test_all_variables_of_an_execution_are_limited_to_10_mib(machines: Machines) -> None:
    big = "{% $pad('', 262000, 'x') %}"
    states = {
        f"Set {n}": {"Type": "Pass", "Assign": {f"v{n}": big}, "Next": f"Set {n + 1}"}
        for n in range(41)
    }
    ended = machines.run(states | {"Set 41": {"Type": "Succeed"}})
    assert (ended.error, ended.entered()[-1]) == ("States.DataLimitExceeded", "Set 40")
