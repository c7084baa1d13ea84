"""Tasks that wait after their call: for a token that is sent, or for a child execution."""

from typing import Any

from tests.embedded_aws.state_machines import (
    CAUGHT,
    Machines,
    caught,
    error_of,
    invoke,
    task,
)


def token_task(**fields: Any) -> dict[str, Any]:
    payload = {"token": "{% $states.context.Task.Token %}"}
    return invoke("ask", payload, **fields) | {
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken"
    }


def test_a_task_that_waits_for_its_token_continues_when_the_token_is_sent(
    machines: Machines,
) -> None:
    def ask(payload: Any) -> None:
        def send_token() -> None:
            machines.client.send_task_success(taskToken=payload["token"], output='{"yes": true}')

        machines.clock.call_at(machines.clock.time() + 90, send_token)

    machines.functions["ask"] = ask
    ended = machines.run({"Ask": token_task()})
    assert (ended.output, ended.seconds) == ({"yes": True}, 90)


def test_a_token_that_is_not_sent_in_time_is_a_timeout(machines: Machines) -> None:
    machines.functions["ask"] = lambda _: None
    ended = machines.run(
        {"Ask": token_task(TimeoutSeconds=60, Catch=caught("States.Timeout")), **CAUGHT}
    )
    assert (ended.output["Error"], ended.seconds) == ("States.Timeout", 60)


def test_a_token_can_report_a_failure(machines: Machines) -> None:
    def ask(payload: Any) -> None:
        def send_token() -> None:
            machines.client.send_task_failure(taskToken=payload["token"], error="No", cause="why")

        machines.clock.call_at(machines.clock.time() + 5, send_token)

    machines.functions["ask"] = ask
    error = error_of(machines, token_task(), by="No")
    assert error == {"Error": "No", "Cause": "why"}


def test_a_synchronous_start_waits_for_the_child_on_the_clock(machines: Machines) -> None:
    wait = {"Type": "Wait", "Seconds": 60, "Next": "Return"}
    child = machines.create({"Wait": wait, "Return": {"Type": "Succeed", "Output": {"x": 1}}})
    ended = machines.run(
        {
            "Start": task(
                "states:startExecution.sync:2",
                {"StateMachineArn": child, "Name": "child", "Input": {}},
                Output="{% $states.result.Output %}",
            )
        }
    )
    assert ended.output == {"x": 1}
    assert 60 <= ended.seconds < 61  # it looks twice a second
