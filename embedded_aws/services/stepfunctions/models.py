"""Executions and their API, in the module where moto looks for a service's backend."""

import copy
import json
from datetime import datetime, timedelta
from typing import Any

from moto.core.exceptions import AWSError
from moto.moto_api._internal import mock_random
from moto.stepfunctions import models as static_models
from moto.stepfunctions import urls
from moto.stepfunctions.exceptions import InvalidExecutionInput, ValidationException
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.eval.evaluation_details import (
    EvaluationDetails,
    ExecutionDetails,
)
from moto.stepfunctions.parser.asl.eval.program_state import ProgramTimedOut
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend import execution as moto_execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import (
    StepFunctionsParserBackend,
    stepfunctions_parser_backends,
)

from embedded_aws import clock
from embedded_aws.moto_changes import replace, replace_item
from embedded_aws.services.cloudwatch.metrics import record
from embedded_aws.services.stepfunctions import definitions, redrive
from embedded_aws.services.stepfunctions.behaviour import StepFunctionsBehaviour
from embedded_aws.services.stepfunctions.history import EventDetails, History
from embedded_aws.services.stepfunctions.responses import Response
from embedded_aws.services.stepfunctions.status_events import send_status_event
from embedded_aws.services.stepfunctions.timing import iso

MAX_INPUT = 262_144  # bytes of UTF-8
_TOKEN_VALID = timedelta(minutes=15)  # and only the last ten client tokens
_STATUS = {
    HistoryEventType.ExecutionSucceeded: ExecutionStatus.SUCCEEDED,
    HistoryEventType.ExecutionFailed: ExecutionStatus.FAILED,
    HistoryEventType.ExecutionTimedOut: ExecutionStatus.TIMED_OUT,
    HistoryEventType.ExecutionAborted: ExecutionStatus.ABORTED,
}


_METRICS = {
    ExecutionStatus.RUNNING: "ExecutionsStarted",
    ExecutionStatus.SUCCEEDED: "ExecutionsSucceeded",
    ExecutionStatus.FAILED: "ExecutionsFailed",
    ExecutionStatus.TIMED_OUT: "ExecutionsTimedOut",
    ExecutionStatus.ABORTED: "ExecutionsAborted",
}


class StateMachineAlreadyExists(AWSError):
    """A name that is in use by a state machine with another definition."""

    TYPE = "StateMachineAlreadyExists"


class _Worker(ExecutionWorker):
    """Runs an execution as a program of the clock."""

    env: Any

    def start(self) -> None:
        """Count the execution as running from now on, before StartExecution returns."""
        execution = self._evaluation_details.execution_details
        definition = self._evaluation_details.state_machine_details.definition
        self._program = definitions.parse(definition)
        self.env = self._get_evaluation_environment()
        self.env.states.context_object.context_object_data["Execution"]["RedriveCount"] = 0
        self.env.event_manager = History(definition, self._closed)
        self.env.next_state_name = self._program.start_at.start_at_name
        self._record(
            HistoryEventType.ExecutionStarted,
            executionStartedEventDetails={
                "input": to_json_str(execution.inpt),
                "inputDetails": {"truncated": False},
                "roleArn": execution.role_arn,
            },
        )
        clock.current().spawn(self._run, execution.name)

    def redrive(self, count: int, error: str | None) -> None:
        """Run again from the unsuccessful step, which ended with `error`."""
        ended, history = self.env, self.env.event_manager
        self.env = self._get_evaluation_environment()
        self.env.event_manager = history
        redrive.resume(self.env, ended, error)
        self.env.states.context_object.context_object_data["Execution"] |= {
            "RedriveCount": count,
            "RedriveTime": iso(clock.current().now()),
        }
        self.env.next_state_name = self._program.start_at.start_at_name
        history.reopen()
        context = self.env.event_history_context
        context.source_event_id = len(history.events())
        history.add_event(
            context,
            HistoryEventType.ExecutionRedriven,
            {"executionRedrivenEventDetails": {"redriveCount": count}},
        )
        execution = self._evaluation_details.execution_details
        clock.current().spawn(self._run, execution.name)

    def stop(self, stop_date: datetime, error: str | None, cause: str | None) -> None:
        """End as ABORTED, whatever is in progress."""
        given = {"error": error, "cause": cause}
        self._record(
            HistoryEventType.ExecutionAborted,
            executionAbortedEventDetails={k: v for k, v in given.items() if v is not None},
        )
        self.env.set_stop(stop_date=stop_date, cause=cause, error=error)

    def _run(self) -> None:
        if not self.env.is_running():  # stopped before its turn came
            return
        self._program.eval(self.env)
        if isinstance(self.env.program_state(), ProgramTimedOut):
            self._record(HistoryEventType.ExecutionTimedOut, executionTimedOutEventDetails={})

    def _record(self, event_type: HistoryEventType, **details: Any) -> None:
        self.env.event_manager.add_event(
            context=self.env.event_history_context,
            event_type=event_type,
            event_details=details,
            update_source_event_id=False,
        )

    def _closed(self, event_type: HistoryEventType, details: EventDetails) -> None:
        communication: Any = self._execution_communication
        communication.execution.close(event_type, details)
        if event_type is HistoryEventType.ExecutionFailed and self.env.is_running():
            self.env.set_error(details["executionFailedEventDetails"])  # the history is full


class Execution(moto_execution.Execution):
    """One execution; its outcome is what the last event of its history says."""

    redrives: list[tuple[str | None, datetime]] = []  # noqa: RUF012 - replaced, never changed

    def _get_start_execution_worker(self) -> _Worker:
        return _Worker(
            evaluation_details=EvaluationDetails(
                aws_execution_details=self._get_start_aws_execution_details(),
                execution_details=self.get_start_execution_details(),
                state_machine_details=self.get_start_state_machine_details(),
            ),
            exec_comm=self._get_start_execution_worker_comm(),
            cloud_watch_logging_session=None,
            activity_store=self._activity_store,
        )

    def get_start_execution_details(self) -> ExecutionDetails:
        """Return what the context object says about the execution."""
        return ExecutionDetails(
            arn=self.exec_arn,
            name=self.name,
            role_arn=self.role_arn,
            inpt=self.input_data,
            start_time=iso(self.start_date),
        )

    def close(self, event_type: HistoryEventType, details: EventDetails) -> None:
        """Take status, output, error and cause from the event that ended the execution."""
        event: dict[str, str] = next(iter(details.values()), {})
        self.stop_date = clock.current().now()
        self.output = event.get("output")  # type: ignore[assignment] # JSON text, as it is returned
        self.error, self.cause = event.get("error"), event.get("cause")
        self.exec_status = _STATUS[event_type]
        self.report()

    def redrive(self, token: str | None) -> datetime:
        """Continue from the unsuccessful step, unless a request of this token did so; say when."""
        now = clock.current().now()
        known = {t: when for t, when in self.redrives[-10:] if now - when < _TOKEN_VALID}
        if token is not None and token in known:
            return known[token]
        reason = redrive.why_not(self, now)
        if reason is not None:
            raise redrive.ExecutionNotRedrivable(reason)
        self.redrives = [*self.redrives, (token, now)]
        error = self.error
        self.exec_status = ExecutionStatus.RUNNING
        self.stop_date = self.output = self.error = self.cause = None
        worker: Any = self.exec_worker
        worker.redrive(len(self.redrives), error)
        self.report()
        return now

    def report(self) -> None:
        """Tell EventBridge and CloudWatch which status it has now."""
        send_status_event(self)
        place = (self.account_id, self.region_name)
        machine = {"StateMachineArn": str(self.state_machine.arn)}
        record(*place, "AWS/States", _METRICS[ExecutionStatus(self.exec_status)], machine)


class ExecutingBackend(StepFunctionsParserBackend):
    """The API with AWS's checks of names, inputs and definitions."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.behaviour = StepFunctionsBehaviour()
        self.clients: dict[tuple[str | None, ...], Any] = {}  # those of `clients.client_for`

    def create_state_machine(self, name: str, definition: str, *args: Any, **kwargs: Any) -> Any:
        """Create a machine, or return the one that the same request created before."""
        for machine in self.state_machines:
            if machine.name == name and machine.definition != definition:
                raise StateMachineAlreadyExists(f"State Machine Already Exists: '{machine.arn}'")
        return super().create_state_machine(name, definition, *args, **kwargs)

    def start_execution(  # type: ignore[override]  # moto also calls it with fewer arguments
        self,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Execution:
        """Start an execution, or return the running one of the same name and input."""
        machine: Any = self.describe_state_machine(state_machine_arn)
        text = "{}" if execution_input is None else execution_input
        self._validate_input(text)
        if name is None:
            name = str(mock_random.uuid4())
        else:
            self._validate_execution_name(name)
            same: Execution | None = machine._handle_name_input_idempotency(name, text)
            if same is not None:
                return same
        execution = Execution(
            name=name,
            sm_type=machine.sm_type,
            role_arn=machine.roleArn,
            exec_arn=f"arn:{self.partition}:states:{self.region_name}:{self.account_id}"
            f":execution:{machine.name}:{name}",
            account_id=self.account_id,
            region_name=self.region_name,
            state_machine=copy.copy(machine),  # an update does not change running executions
            start_date=clock.current().now(),
            cloud_watch_logging_session=None,
            input_data=text,
            trace_header=trace_header,
            activity_store={},
        )
        execution.start()
        machine.executions.append(execution)
        execution.report()
        return execution

    def stop_execution(  # type: ignore[override]  # moto's lacks parameters of the API
        self, execution_arn: str, error: str | None = None, cause: str | None = None
    ) -> Execution:
        """Abort an execution; one that has ended keeps its outcome."""
        execution: Any = self.describe_execution(execution_arn)
        execution.stop(clock.current().now(), error, cause)
        stopped: Execution = execution
        return stopped

    def redrive_execution(self, execution_arn: str, token: str | None) -> datetime:
        """Continue an unsuccessful execution; return when that was."""
        execution: Any = self.describe_execution(execution_arn)
        redriven: datetime = execution.redrive(token)
        return redriven

    def stop_everything(self) -> None:
        """Abort every running execution, of every machine."""
        for execution in self._get_executions(ExecutionStatus.RUNNING):
            self.stop_execution(execution.exec_arn)

    def executions(self, state_machine_arn: str, status: str | None) -> list[Execution]:
        """Return the executions of a machine, newest first."""
        machine: Any = self.describe_state_machine(state_machine_arn)
        return [e for e in reversed(machine.executions) if status in (None, e.status)]

    def _validate_execution_name(self, name: str) -> None:
        if not name:
            raise ValidationException(
                "1 validation error detected: Value '' at 'name' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1"
            )
        self._validate_name(name)

    @staticmethod
    def _validate_input(text: str) -> None:
        if len(text.encode()) > MAX_INPUT:
            raise ValidationException(
                "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_INPUT}"
            )
        try:
            json.loads(text)
        except ValueError as error:
            raise InvalidExecutionInput(
                f"Invalid State Machine Execution Input: '{error}'"
            ) from error


def install() -> None:
    """Make this the backend that executes, with responses in AWS's form."""
    replace(
        stepfunctions_parser_backends,
        "executions run on the virtual clock and keep their history",
        backend=ExecutingBackend,
    )
    replace_item(
        urls.url_paths,
        "moto.stepfunctions.urls.url_paths",
        "responses have AWS's form",
        **{"{0}/$": Response.dispatch},
    )
    replace(
        static_models,
        "dates of creation and update come from the clock",
        utcnow=lambda: clock.current().now().replace(tzinfo=None),
    )
