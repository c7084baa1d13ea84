"""The virtual clock inside moto's interpreter: every wait, deadline, timestamp and thread."""

import json
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import (
    JitterStrategy,
    JitterStrategyDecl,
)
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import (
    MaxAttemptsOutcome,
)
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.program import program
from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import (
    inline_iteration_component,
    job,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import (
    branch_worker,
    branches_decl,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.seconds import (
    SecondsJSONata,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.eval import environment
from moto.stepfunctions.parser.asl.eval.callback import callback

from embedded_aws import clock
from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions.errors import QUERY_EVALUATION_ERROR, failure, type_name


def iso(moment: datetime) -> str:
    """Return `moment` as Step Functions writes it: `2026-11-22T15:30:00.123Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


class Thread:
    """A thread of the interpreter that counts as a program of the clock from `start` on."""

    native_id = 0

    def __init__(
        self,
        target: Callable[..., object],
        args: tuple[Any, ...] = (),
        name: str | None = None,
        daemon: bool = True,  # noqa: ARG002 - threading.Thread's signature
    ) -> None:
        self._target, self._args, self._name = target, args, name
        self._ended = clock.Signal(clock.current())

    def start(self) -> None:
        """Start the thread; it counts from now on."""
        clock.current().spawn(self._run, self._name)

    def _run(self) -> None:
        try:
            self._target(*self._args)
        finally:
            del self._target, self._args  # moto keeps every thread that it created
            self._ended.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end, at most `timeout` simulated seconds."""
        self._ended.wait(timeout)

    def is_alive(self) -> bool:
        """Return whether the thread has not ended."""
        return not self._ended.is_set()


class _StateChanged:
    """What an Environment sets when its program ends, by itself or from outside."""

    def set(self) -> None:
        clock.current().notify()

    def clear(self) -> None:
        """Do nothing: nothing waits for this."""


_threading = SimpleNamespace(
    Event=lambda: clock.Signal(clock.current()),
    Thread=Thread,
    Lock=threading.Lock,
    RLock=threading.RLock,
)


def _sleep(env: Any, seconds: float) -> None:
    clock.current().sleep(seconds, lambda: not env.is_running())


def _wait(self: WaitFunction, env: Any, wait_seconds: float) -> None:  # noqa: ARG001
    _sleep(env, wait_seconds)


def _seconds(self: SecondsJSONata, env: Any) -> int:
    """AWS accepts whole seconds that are not negative; moto truncates the value."""
    self.string_jsonata.eval(env=env)
    value = env.stack.pop()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and value >= 0:
        return value
    expression = self.string_jsonata.expression
    problem = (
        f"returned an unexpected result type. Expected 'number', but was '{type_name(value)}'."
        if isinstance(value, bool) or not isinstance(value, int | float)
        else f"must be a whole number that is not negative, but was {json.dumps(value)}."
    )
    raise failure(
        env,
        QUERY_EVALUATION_ERROR,
        f"The JSONata expression '{expression}' specified for the field 'Seconds' {problem}",
        "Seconds",
    )


def _seconds_until(self: Timestamp, env: Any) -> float:
    """moto compares the UTC timestamp with this computer's local time."""
    self.string.eval(env=env)
    text = env.stack.pop()
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise failure(
            env,
            QUERY_EVALUATION_ERROR,
            "The Timestamp parameter is not an ISO-8601 date-time with an offset: "
            f"{json.dumps(text)}",
            "Timestamp",
        )
    return moment.timestamp() - clock.current().time()


def _retry(self: RetrierDecl, env: Any) -> None:
    """Do what moto does, but sleep on the clock, and end with the execution."""
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(RetrierOutcome.Failed)
        return
    for part in (
        self.interval_seconds,
        self.backoff_rate,
        self.max_delay_seconds,
        self.jitter_strategy,
    ):
        part.eval(env=env)
    _sleep(env, env.stack.pop())
    env.stack.append(RetrierOutcome.Executed)


def _jitter(self: JitterStrategyDecl, env: Any) -> None:
    """Draw from the whole interval as AWS does, but the same on every run of the same execution."""
    if self.jitter_strategy is JitterStrategy.NONE:
        return
    context = env.states.context_object.context_object_data
    seed = [context["Execution"]["Id"], context["State"], context.get("Map")]
    draw = random.Random(json.dumps(seed))  # noqa: S311 - no secret
    env.stack.append(draw.uniform(0, env.stack.pop()))


def _state_data(EnteredTime: str, Name: str) -> dict[str, Any]:  # noqa: ARG001, N803
    return {"EnteredTime": iso(clock.current().now()), "Name": Name, "RetryCount": 0}


def install() -> None:
    """Make moto's interpreter use the clock."""
    counted = "the clock counts a thread from its start, but not the thread that waits for it"
    for module in (
        branch_worker,
        branches_decl,
        execute_state,
        inline_iteration_component,
        job,
        program,
        state_task_service_callback,
    ):
        replace(module, counted, threading=_threading)
    replace(execute_state, counted, Thread=Thread)
    replace(callback, counted, Event=_threading.Event)
    states = SimpleNamespace(Event=_StateChanged, RLock=threading.RLock)
    replace(environment, counted, threading=states)
    simulated = "waiting takes simulated time, in whole seconds"
    replace(WaitFunction, simulated, _wait_interval=_wait)
    replace(SecondsJSONata, simulated, _get_wait_seconds=_seconds)
    replace(Timestamp, simulated, _get_wait_seconds=_seconds_until)
    replace(RetrierDecl, simulated, _eval_body=_retry)
    replace(JitterStrategyDecl, "full jitter draws from zero to the whole wait", _eval_body=_jitter)
    polling = SimpleNamespace(sleep=lambda seconds: clock.current().sleep(seconds))
    replace(state_task_service_callback, simulated, time=polling)
    replace(state, "EnteredTime has milliseconds and a Z", StateData=_state_data)
