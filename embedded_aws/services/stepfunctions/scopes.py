"""Branches, iterations and tasks: what they can read, and that they end with their scope."""

from typing import Any, Final

from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.inline_iteration_component import (  # noqa: E501
    InlineIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (  # noqa: E501
    StateTaskService,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment

from embedded_aws import clock
from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions import redrive

# "With the INLINE mode, your workflow can have up to 40 concurrent iterations"
MAX_AT_ONCE: Final = 40

_moto_frame = Environment.as_inner_frame_of.__func__  # type: ignore[attr-defined]  # a classmethod
_moto_set_stop = Environment.set_stop
_moto_iterate = InlineIterationComponent._eval_body
_moto_after_call = StateTaskService._after_eval_execution


def _frame(
    cls: type[Environment], env: Environment, variable_store: Any, *args: Any, **kwargs: Any
) -> Environment:
    """Let the states of an iteration read `$states.context.Map`, as on AWS."""
    frame: Environment = _moto_frame(cls, env, variable_store, *args, **kwargs)
    redrive.share(frame, env, is_inner=variable_store is not env.variable_store)
    known = env.states.context_object.context_object_data
    if "Map" in known:
        frame.states.context_object.context_object_data["Map"] = known["Map"]
    return frame


def _set_stop(self: Environment, *args: Any, **kwargs: Any) -> None:
    """Stop a scope permanently: what is still in progress in it adds no event."""
    if self.is_running():
        self.event_history_context.is_stopped = True  # type: ignore[attr-defined]  # for History
    _moto_set_stop(self, *args, **kwargs)


def _iterate(self: InlineIterationComponent, env: Environment) -> None:
    """Abort the other iterations when one fails, and run at most 40 at once, as AWS does."""
    given: Any = env.stack[-1]
    given.max_concurrency = min(given.max_concurrency or MAX_AT_ONCE, MAX_AT_ONCE)
    try:
        _moto_iterate(self, env)
    except Exception:
        for frame in list(env._frames):
            frame.set_stop(stop_date=clock.current().now(), cause=None, error=None)
        clock.current().sleep(0)  # so that they record it before the state itself fails
        raise


def _after_call(self: StateTaskService, env: Environment, *args: Any, **kwargs: Any) -> None:
    """Drop a response that comes after the task's time limit or the end of its scope."""
    if env.is_running():
        _moto_after_call(self, env, *args, **kwargs)


def install() -> None:
    """Give scopes the limits that they have on AWS."""
    replace(
        Environment,
        "an iteration can read $states.context.Map, and a stopped scope adds no event",
        as_inner_frame_of=classmethod(_frame),
        set_stop=_set_stop,
    )
    replace(
        InlineIterationComponent,
        "one iteration that fails aborts the others, and at most 40 run at once",
        _eval_body=_iterate,
    )
    replace(
        StateTaskService, "no task outlives the scope it is in", _after_eval_execution=_after_call
    )
