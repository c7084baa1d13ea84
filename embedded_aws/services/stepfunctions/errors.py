"""Error names as AWS reports them, and what Retry and Catch match."""

import logging
from typing import Any, Final

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import (
    ErrorEqualsDecl,
)
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program import program
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.fail import state_fail

from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions.behaviour import behaviour_of

QUERY_EVALUATION_ERROR: Final = StatesErrorNameType.StatesQueryEvaluationError
NO_CHOICE_MATCHED: Final = StatesErrorNameType.StatesNoChoiceMatched
RUNTIME: Final = StatesErrorNameType.StatesRuntime
DATA_LIMIT_EXCEEDED: Final = StatesErrorNameType.StatesStatesDataLimitExceeded


def failure(
    env: Any, error: StatesErrorNameType, cause: str, field: str | None = None
) -> FailureEventException:
    """Return the exception that fails the current state with `error` and AWS's wording of `cause`.

    An evaluation error is also written to the history, with the `field` that failed. Any other
    one is written only if it ends the execution: a Catch may handle it.
    """
    state = env.next_state_name
    if error is not DATA_LIMIT_EXCEEDED:
        entered = env.event_manager.entered(state)
        where = f"the state '{state}' (entered at the event id #{entered})"
        cause = f"An error occurred while executing {where}. {cause}"
    event = {"error": error.to_name(), "cause": cause}
    if error is not QUERY_EVALUATION_ERROR:
        event_type = HistoryEventType.ExecutionFailed
        details: Any = {"executionFailedEventDetails": event}
        env.event_manager.leave_out(event)
    else:
        event_type = HistoryEventType.EvaluationFailed
        details = {
            "evaluationFailedEventDetails": event | {"location": field or "", "state": state}
        }
        env.event_manager.add_event(env.event_history_context, event_type, details)
    return FailureEventException(FailureEvent(env, StatesErrorName(error), event_type, details))


def error_name(error_name: str | None) -> ErrorName:
    """Return the name of an error from an inner scope: its own, or one of AWS's.

    The parameter has the name by which moto passes it.
    """
    try:
        return StatesErrorName.from_name(error_name or "")
    except ValueError:
        return ErrorName(error_name)


def _matches(self: ErrorEqualsDecl, env: Any) -> None:
    # a Fail state without Error, in an iteration, has an error without a name
    reported: ErrorName = env.stack.pop() or ErrorName(None)
    # AWS: "Runtime error types … will always cause the execution to fail".
    listed = {name.error_name for name in self.error_names}
    if reported.error_name == RUNTIME.to_name():
        matched = False
    elif "States.ALL" in listed and reported.error_name == DATA_LIMIT_EXCEEDED.to_name():
        matched = behaviour_of(env).data_limit_in_states_all == "caught"
    elif "States.ALL" in listed:
        matched = True
    else:
        matched = reported.error_name in listed or (
            "States.TaskFailed" in listed and not isinstance(reported, StatesErrorName)
        )
    env.stack.append(matched)


def _evaluation_details(self: FailureEventException) -> Any:
    details: Any = self.failure_event.event_details
    return details["evaluationFailedEventDetails"]


def _execution_details(self: FailureEventException) -> dict[str, str] | None:
    pair = self.extract_error_cause_pair()
    if pair is None:
        return None
    return {name: text for name, text in zip(("error", "cause"), pair, strict=True) if text}


def type_name(value: object) -> str:
    """Return JSON's name of the type of `value`, which is JSON data."""
    names: dict[type, str] = {
        type(None): "null", bool: "boolean", int: "number", float: "number",
        str: "string", list: "array", dict: "object",
    }  # fmt: skip
    return names[type(value)]


def _say_nothing(self: EvalComponent, *_: object, **__: object) -> None:
    """Write nothing to moto's log."""


def install() -> None:
    """Report and match errors as AWS does."""
    replace(
        ErrorEqualsDecl,
        "which errors States.ALL and States.TaskFailed match",
        _eval_body=_matches,
    )
    for module in (branches_decl, iteration_worker, state_fail):
        replace(
            module,
            "an error of AWS's own (States.Timeout, …) keeps its name when it leaves a branch or "
            "an iteration, and a Fail state may pass one on; moto reports States.Runtime instead",
            CustomErrorName=error_name,
        )
    replace(
        FailureEventException,
        "the cause says only once where the error happened, not again at every level",
        get_evaluation_failed_event_details=_evaluation_details,
        get_execution_failed_event_details=_execution_details,
    )
    replace(
        EvalComponent,
        "a failure is in the history; moto also prints the whole component, at every level",
        _log_failure_event_exception=_say_nothing,
        _log_exception=_say_nothing,
    )
    silent = logging.Logger("silent")
    silent.disabled = True
    for module in (program, execute_state):
        replace(module, "what a stopped execution leaves unfinished is not an error", LOG=silent)
