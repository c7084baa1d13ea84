"""The responses of the Step Functions API, with the fields that AWS returns."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.exceptions import ExecutionDoesNotExist
from moto.stepfunctions.responses import StepFunctionResponse

from embedded_aws.clock import current
from embedded_aws.services.stepfunctions import checks, redrive, single_states

_PAGE = 1000
_DIAGNOSTICS = 100


class Response(StepFunctionResponse):
    """moto's responses, where it has them; executions are described here."""

    def describe_execution(self) -> ActionResult:
        """Handle DescribeExecution."""
        arn: str = self._get_param("executionArn")
        backend: Any = self.stepfunction_backend
        execution: Any = backend.describe_execution(arn)
        visible = execution.start_date + timedelta(seconds=backend.behaviour.describe_lag_seconds)
        if current().now() < visible:
            raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{arn}'")
        answer = _summary(execution) | {
            "input": execution.execution_input,
            "inputDetails": {"included": True},
            "redriveStatus": "REDRIVABLE",
            "redriveStatusReason": redrive.why_not(execution, current().now()),
            "output": execution.output,
            "error": execution.error,
            "cause": execution.cause,
            "traceHeader": execution.trace_header,
        }
        if execution.output is not None:
            answer["outputDetails"] = {"included": True}
        if answer["redriveStatusReason"] is not None:
            answer["redriveStatus"] = "NOT_REDRIVABLE"
        return ActionResult(_present(answer))

    def describe_state_machine_for_execution(self) -> ActionResult:
        """Handle DescribeStateMachineForExecution: what the execution runs, not the latest."""
        execution: Any = self.stepfunction_backend.describe_execution(
            self._get_param("executionArn")
        )
        machine = execution.state_machine
        return ActionResult(
            {
                "stateMachineArn": machine.arn,
                "name": machine.name,
                "definition": machine.definition,
                "roleArn": machine.roleArn,
                "updateDate": machine.update_date,
                "loggingConfiguration": machine.loggingConfiguration,
                "tracingConfiguration": machine.tracingConfiguration,
                "encryptionConfiguration": machine.encryptionConfiguration,
            }
        )

    def validate_state_machine_definition(self) -> ActionResult:
        """Handle ValidateStateMachineDefinition; it finds errors only, no warnings."""
        found = checks.problems(self._get_param("definition"))
        page = found[: self._get_int_param("maxResults") or _DIAGNOSTICS]
        diagnostics = [{"severity": "ERROR"} | asdict(problem) for problem in page]
        return ActionResult(
            {
                "result": "FAIL" if found else "OK",
                "diagnostics": [_present(diagnostic) for diagnostic in diagnostics],
                "truncated": len(found) > len(page),
            }
        )

    def test_state(self) -> ActionResult:
        """Handle TestState."""
        backend: Any = self.stepfunction_backend
        place = (backend.account_id, backend.region_name)
        return ActionResult(single_states.run_state(place, json.loads(self.body)))

    def list_executions(self) -> ActionResult:
        """Handle ListExecutions."""
        backend: Any = self.stepfunction_backend
        executions = backend.executions(
            self._get_param("stateMachineArn"), self._get_param("statusFilter")
        )
        wanted = self._get_param("redriveFilter")
        summaries = [
            _summary(execution)
            for execution in executions
            if wanted in (None, "REDRIVEN" if execution.redrives else "NOT_REDRIVEN")
        ]
        return ActionResult(self._page("executions", summaries, 100))

    def get_execution_history(self) -> str:  # type: ignore[override]  # moto sends text as it is
        """Handle GetExecutionHistory; serialized here, as moto takes half a second for a page."""
        execution: Any = self.stepfunction_backend.describe_execution(
            self._get_param("executionArn")
        )
        events = execution.exec_worker.env.event_manager.events()
        if self._get_param("reverseOrder"):
            events.reverse()
        answer = self._page("events", events, _PAGE)
        for event in answer["events"]:
            event["timestamp"] = datetime.fromisoformat(event["timestamp"]).timestamp()
        return json.dumps(answer)

    def stop_execution(self) -> ActionResult:
        """Handle StopExecution."""
        backend: Any = self.stepfunction_backend
        execution = backend.stop_execution(
            self._get_param("executionArn"), self._get_param("error"), self._get_param("cause")
        )
        return ActionResult({"stopDate": execution.stop_date})

    def redrive_execution(self) -> ActionResult:
        """Handle RedriveExecution."""
        backend: Any = self.stepfunction_backend
        when = backend.redrive_execution(
            self._get_param("executionArn"), self._get_param("clientToken")
        )
        return ActionResult({"redriveDate": when})

    def send_task_failure(self) -> EmptyResult:
        """Handle SendTaskFailure."""
        backend: Any = self.stepfunction_backend
        backend.send_task_failure(
            self._get_param("taskToken"), self._get_param("error"), self._get_param("cause")
        )
        return EmptyResult()

    def _page(self, name: str, items: list[Any], default: int) -> dict[str, Any]:
        start = int(self._get_param("nextToken") or 0)
        end = start + (self._get_int_param("maxResults") or default)
        answer: dict[str, Any] = {name: items[start:end]}
        if end < len(items):
            answer["nextToken"] = str(end)
        return answer


def _summary(execution: Any) -> dict[str, Any]:
    answer = {
        "executionArn": execution.execution_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_date,
        "stopDate": execution.stop_date,
        "redriveCount": len(execution.redrives),
        "redriveDate": execution.redrives[-1][1] if execution.redrives else None,
    }
    return _present(answer)


def _present(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if value is not None}
