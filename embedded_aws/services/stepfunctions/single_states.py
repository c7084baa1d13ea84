"""TestState: one state by itself, with a mocked result or error, variables and context.

https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from moto.stepfunctions.exceptions import InvalidExecutionInput, ValidationException
from moto.stepfunctions.parser.api import HistoryEventType, StateMachineType
from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import ProgramRunning
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.utilities.utils import get_partition

from embedded_aws import clock
from embedded_aws.services.stepfunctions import checks, definitions, mocks
from embedded_aws.services.stepfunctions.errors import error_name
from embedded_aws.services.stepfunctions.history import History
from embedded_aws.services.stepfunctions.timing import iso

_LONGEST: Final = 300  # seconds: "can run for up to five minutes"
_NAME: Final = "StateName"  # what the context of a state without a machine says


class _RetriableError(Exception):
    """A retrier applies to the error; TestState does not wait for the retry."""


@dataclass
class _Seen:
    """What happened while the state ran."""

    data: dict[str, Any] = field(default_factory=dict)  # inspectionData, as text where AWS has it
    error: dict[str, str] = field(default_factory=dict)
    status: str = "SUCCEEDED"


def run_state(place: tuple[str, str], request: dict[str, Any]) -> dict[str, Any]:
    """Carry out TestState in (account, region); `request` and the result have the API's members."""
    name, fields, text = _machine(request)
    mock, variables, context = mocks.checked(fields, request), _read(request, "variables"), None
    if request.get("context") is not None:
        context = _read(request, "context")
        if mock is None:
            raise ValidationException("A context can only be specified if a mock is specified.")
    if mock is None and request.get("roleArn") is None and fields["Type"] == "Task":
        raise ValidationException("The roleArn is required unless a mock is specified.")
    given = _read(request, "input")
    env = _environment(place, text, name, given, request.get("roleArn") or "")
    env.variable_store._inner_scope.update(variables)
    known: Any = env.states.context_object.context_object_data
    for part_name, part in (context or {}).items():  # what is not given keeps its default
        known[part_name] = {**known.get(part_name, {}), **part} if isinstance(part, dict) else part
    program, _ = AmazonStateLanguageParser.parse(text)  # its own, since the state is changed
    state: Any = program._get_state(name)  # type: ignore[attr-defined]  # it is a Program
    seen = _Seen({"input": to_json_str(given)})
    _observe(state, fields, mock, request.get("stateConfiguration") or {}, seen)
    _run(state, env, seen)
    return _answer(env, seen, request)


def _machine(request: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    """Return the state's name, its fields, and a machine of nothing else as JSON text."""
    definition, wanted = str(request.get("definition") or ""), request.get("stateName")
    if wanted is not None:
        _refuse(checks.problems(definition))
        found = [s for s in checks.states(json.loads(definition)) if s.name == wanted]
        if not found:
            raise ValidationException(f"The definition has no state named '{wanted}'.")
        name, fields, is_jsonata = wanted, found[0].fields, found[0].is_jsonata
    else:
        try:
            fields = json.loads(definition)
        except ValueError as error:
            _refuse([checks.Diagnostic("INVALID_JSON_DESCRIPTION", str(error), None)])
        if not isinstance(fields, dict):
            _refuse([checks.Diagnostic(checks.SCHEMA, "The state is not an object", None)])
        name, is_jsonata = _NAME, fields.get("QueryLanguage") == "JSONata"
    state = checks.State(name, f"/States/{name}", fields, is_jsonata)
    entries = [entry for field in ("Choices", "Catch") for _, entry in state.entries(field)]
    named = [fields.get("Default"), *(entry.get("Next") for entry in [fields, *entries])]
    targets = {target for target in named if isinstance(target, str)}
    machine = {
        "QueryLanguage": "JSONata" if is_jsonata else "JSONPath",
        "StartAt": name,
        "States": {name: fields} | {target: {"Type": "Succeed"} for target in targets - {name}},
    }
    text = json.dumps(machine)
    problems = checks.problems(text)
    if name in targets:  # it comes back to itself, which is not the end of a workflow here
        problems = [problem for problem in problems if problem.code != "MISSING_END_STATE"]
    _refuse(problems)
    return name, fields, text


def _refuse(problems: list[checks.Diagnostic]) -> None:
    if problems:
        listed = ", ".join(str(problem) for problem in problems)
        raise definitions.InvalidDefinition(f"Invalid State Machine Definition: '{listed}'")


def _read(request: dict[str, Any], member: str) -> Any:
    try:
        return json.loads(request.get(member) or "{}")
    except ValueError as error:
        if member == "input":
            raise InvalidExecutionInput(
                f"Invalid State Machine Execution Input: '{error}'"
            ) from error
        raise ValidationException(f"The {member} is not valid JSON: {error}") from error


# The run.


def _environment(
    place: tuple[str, str], text: str, name: str, given: Any, role_arn: str
) -> Environment:
    account, region = place
    arn = f"arn:{get_partition(region)}:states:{region}:{account}"
    now = iso(clock.current().now())
    context: Any = {
        "Execution": {
            "Id": f"{arn}:express:{_NAME}:{_NAME}:{_NAME}",
            "Input": given,
            "Name": _NAME,
            "RoleArn": role_arn,
            "StartTime": now,
        },
        "StateMachine": {"Id": f"{arn}:stateMachine:{_NAME}", "Name": _NAME},
    }
    env = Environment(
        aws_execution_details=AWSExecutionDetails(account, region, role_arn),
        execution_type=StateMachineType.EXPRESS,
        context=context,
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    env.event_manager = History(text, lambda _type, _details: None)
    env.next_state_name = name
    return env


def _observe(
    state: Any, fields: dict[str, Any], mock: Any, configuration: dict[str, Any], seen: _Seen
) -> None:
    """Make this one state use the mock, note what it does, and not wait for retries."""
    call, catch = (getattr(state, name, None) for name in ("_eval_execution", "_handle_catch"))

    def execute(frame: Any) -> None:
        if mock is None:
            call(frame)  # type: ignore[misc]  # every state that executes has it
        elif "errorOutput" in mock:
            _evaluate_arguments(state, frame, seen)
            raise _failure(frame, mock["errorOutput"])
        else:
            _evaluate_arguments(state, frame, seen)
            frame.stack.append(mock["result"])
        seen.data["result"] = to_json_str(frame.stack[-1])

    def handle_retry(env: Any, failure_event: FailureEvent) -> Any:
        number = _matching(state.retry.retriers, env, failure_event)
        if number is None:
            return RetryOutcome.NoRetrier
        given = fields["Retry"][number]
        done = configuration.get("retrierRetryCount", 0)
        if done >= given.get("MaxAttempts", 3):
            return RetryOutcome.CannotRetry  # whatever a later retrier names
        seen.data["errorDetails"] = {
            "retryIndex": number,
            "retryBackoffIntervalSeconds": _interval(given, done),
        }
        seen.status, seen.error = "RETRIABLE", _error_of(failure_event)
        raise _RetriableError

    def handle_catch(env: Any, failure_event: FailureEvent) -> None:
        catch(env, failure_event)  # type: ignore[misc]  # as above
        if env.stack[-1] is CatchOutcome.Caught:
            seen.status, seen.error = "CAUGHT_ERROR", _error_of(failure_event)
            index = _matching(state.catch.catchers, env, failure_event)
            seen.data["errorDetails"] = {"catchIndex": index}

    if call is not None:
        state._eval_execution, state._handle_retry = execute, handle_retry
        state._handle_catch = handle_catch


def _evaluate_arguments(state: Any, frame: Any, seen: _Seen) -> None:
    if isinstance(state, StateTask):
        arguments = state._eval_parameters(frame)
        if not state._is_language_query_jsonpath():
            seen.data["afterArguments"] = to_json_str(arguments)


def _failure(frame: Any, mocked: dict[str, str]) -> FailureEventException:
    error, cause = mocked.get("error", ""), mocked.get("cause", "")
    details: Any = {"taskFailedEventDetails": {"error": error, "cause": cause}}
    event = FailureEvent(frame, error_name(error), HistoryEventType.TaskFailed, details)
    return FailureEventException(event)


def _error_of(event: FailureEvent) -> dict[str, str]:
    named: Any = event.event_details or {}
    details: dict[str, str] = next(iter(named.values()), {})
    return {name: details[name] for name in ("error", "cause") if name in details}


def _interval(retrier: dict[str, Any], done: int) -> int:
    """Return how long the retry would wait, without jitter."""
    seconds = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2) ** done
    return int(min(seconds, retrier.get("MaxDelaySeconds", seconds)))


def _matching(entries: list[Any], env: Any, event: FailureEvent) -> int | None:
    """Return which of a state's retriers or catchers is the first that names an error."""
    for number, entry in enumerate(entries):
        env.stack.append(event.error_name)
        entry.error_equals.eval(env)
        if env.stack.pop():
            return number
    return None


def _run(state: Any, env: Environment, seen: _Seen) -> None:
    """Run the state as a program of the clock, for five simulated minutes at most."""
    ended = clock.Signal(clock.current())

    def run() -> None:
        try:
            state.eval(env)
        except _RetriableError:
            pass
        except FailureEventException as error:
            seen.status, seen.error = "FAILED", _error_of(error.failure_event)
        except Exception as error:  # noqa: BLE001 - as moto's program does
            seen.status = "FAILED"
            seen.error = {"error": "States.Runtime", "cause": str(error)}
        finally:
            ended.set()

    with clock.current().running():
        clock.current().spawn(run, "TestState")
        if not ended.wait(_LONGEST):
            env.set_timed_out()
            seen.status, seen.error = "FAILED", {"error": "States.Timeout"}


def _answer(env: Environment, seen: _Seen, request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"status": seen.status, **seen.error}
    if seen.status in ("SUCCEEDED", "CAUGHT_ERROR"):
        answer["output"] = to_json_str(env.states.get_input(), separators=(",", ":"))
        if isinstance(env._program_state, ProgramRunning):
            answer["nextState"] = env.next_state_name
    if request.get("inspectionLevel", "INFO") != "INFO":
        variables = to_json_str(env.variable_store._inner_scope)
        answer["inspectionData"] = seen.data | {"variables": variables}
    return answer
