"""Redrive: how far an execution came, and how it continues from there.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from moto.core.exceptions import AWSError
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import (  # noqa: E501
    IterationWorker,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded

from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions.data import copied
from embedded_aws.services.stepfunctions.errors import DATA_LIMIT_EXCEEDED
from embedded_aws.services.stepfunctions.history import MAX_EVENTS
from embedded_aws.services.stepfunctions.timing import Thread

PERIOD: Final = timedelta(days=14)  # after the execution ended
_LONGEST: Final = timedelta(days=365)
_moto_enter = CommonStateField._eval_body
_moto_iterate = IterationWorker._eval_job
_moto_retry = ExecutionState._handle_retry


class ExecutionNotRedrivable(AWSError):
    """An execution that RedriveExecution refuses; the text is its redriveStatusReason."""

    TYPE = "ExecutionNotRedrivable"


@dataclass
class Progress:
    """How far one program came: a state machine, a branch or an iteration."""

    state: str | None = None  # which it entered last, with the input and variables then
    input: Any = None
    variables: dict[str, Any] = field(default_factory=dict)
    parts: dict[int, Progress] = field(default_factory=dict)  # branches or iterations of `state`
    is_done: bool = False
    output: Any = None


def why_not(execution: Any, now: datetime) -> str | None:
    """Return AWS's reason why an execution cannot be redriven now, or None if it can."""
    status = str(execution.exec_status.value)
    if status in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {status} and cannot be redriven"
    if execution.sm_type == "EXPRESS":
        return "Execution is of an EXPRESS state machine and cannot be redriven"
    if len(execution.exec_worker.env.event_manager.events()) >= MAX_EVENTS - 1:
        return "Execution history event limit exceeded"
    if now - execution.start_date >= _LONGEST:
        return "Execution has exceeded the max execution time"
    if now - execution.stop_date >= PERIOD:
        return "Execution redrivable period exceeded"
    return None


def resume(env: Any, ended: Any, error: str | None) -> None:
    """Let the new environment `env` continue where `ended`, the one before, came to its end.

    What still runs in `ended` adds nothing to the history from now on.
    """
    _silence(ended)
    before: Progress = _progress(ended)
    parts = before.parts.values()
    if error == DATA_LIMIT_EXCEEDED.to_name() and all(part.is_done for part in parts):
        before.parts = {}  # "is rerun, including the branches that were successful"
    env.resumed = before


def share(frame: Any, env: Any, *, is_inner: bool) -> None:
    """Tell a new frame of `env` where it belongs; an inner one is a branch or an iteration."""
    if is_inner:
        number = vars(env).get("opened", 0)
        env.opened = number + 1
        frame.place = (env, number)
    else:
        frame.progress, frame.resumed = _progress(env), vars(env).get("resumed")


def _silence(env: Any) -> None:
    env.event_history_context.is_stopped = True  # for History
    for frame in env._frames:
        _silence(frame)


def _progress(env: Any) -> Progress:
    progress: Progress = vars(env).setdefault("progress", Progress())
    return progress


def _attach(env: Any) -> None:
    """Make a branch or an iteration a part of the state that it belongs to."""
    place = vars(env).pop("place", None)
    if place is None:
        return
    outer, number = place
    _progress(outer).parts[number] = _progress(env)
    before: Progress | None = vars(outer).get("resumed")
    env.resumed = None if before is None else before.parts.pop(number, None)


def _run(self: Program, env: Any) -> None:
    """Do what moto does, but begin where the execution ended, if it is redriven."""
    _attach(env)
    progress, before = _progress(env), vars(env).get("resumed")
    env.next_state_name = self.start_at.start_at_name
    if before is not None and before.is_done:
        env.states.reset(input_value=before.output)
        progress.is_done, progress.output = True, before.output
        env.set_ended()
        return
    if before is not None and before.state is not None:
        env.next_state_name = before.state
        env.states.reset(input_value=before.input)
        env.variable_store._inner_scope.update(copied(before.variables))
        state = self._get_state(before.state)
        # The guide has no Entered event for a state that is continued; a Fail state is "reentered".
        env.event_history_context.is_continued = str(state.state_type.name) != "Fail"
    thread = Thread(EvalComponent.eval, (self, env))
    thread.start()
    thread.join(timeout=self.timeout_seconds.timeout_seconds if self.timeout_seconds else None)
    if thread.is_alive():
        env.set_timed_out()
    if isinstance(env._program_state, ProgramEnded):
        progress.is_done, progress.output = True, env.states._states_data["input"]


def _enter(self: CommonStateField, env: Any) -> None:
    """Note with what a state begins; the values are replaced later on, never changed."""
    progress, before = _progress(env), vars(env).get("resumed")
    progress.state, progress.input = self.name, env.states._states_data["input"]
    progress.variables = env.variable_store._inner_scope
    progress.parts = {} if before is None else dict(before.parts)
    _moto_enter(self, env)
    env.resumed = None


def _iterate(self: IterationWorker, env: Any, job: Any) -> None:
    """Leave out an iteration that succeeded before the execution was redriven."""
    env.place = (self._env, job.job_index)
    _attach(env)
    before: Progress | None = env.resumed
    if before is not None and before.is_done:
        progress = _progress(env)
        progress.is_done, progress.output = True, before.output
        job.job_output = copied(before.output)
        return
    _moto_iterate(self, env, job)


def _retry(self: ExecutionState, env: Any, failure_event: Any) -> Any:
    """Start all branches or iterations again, as each retry does."""
    outcome = _moto_retry(self, env, failure_event)
    if outcome == RetryOutcome.CanRetry:
        _progress(env).parts = {}
        env.resumed = None
    return outcome


def install() -> None:
    """Make programs note how far they came, and begin there when they are redriven."""
    redriven = "an execution that is redriven begins where it ended; moto has no redrive"
    replace(Program, redriven, eval=_run)
    replace(CommonStateField, redriven, _eval_body=_enter)
    replace(IterationWorker, redriven, _eval_job=_iterate)
    replace(ExecutionState, redriven, _handle_retry=_retry)
