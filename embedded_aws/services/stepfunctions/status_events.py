"""The events that Step Functions sends when a Standard execution's status changes.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import json
import uuid
from datetime import datetime
from typing import Any

from embedded_aws.services.events.models import send_service_event

# "When the combined escaped input and escaped output exceeds 248 KiB, the input is excluded."
LARGEST_PAYLOADS = 248 * 1024
DETAIL_TYPE = "Step Functions Execution Status Change"


def send_status_event(execution: Any) -> None:
    """Send the event that says which status an execution has now."""
    if execution.sm_type == "EXPRESS":  # they report to CloudWatch Logs only
        return
    status = str(execution.exec_status.value)
    nth = f" {len(execution.redrives)}" if execution.redrives else ""
    given, output = execution.execution_input, execution.output
    is_output_sent = output is None or _escaped(output) <= LARGEST_PAYLOADS
    is_input_sent = _escaped(given) + _escaped(output) <= LARGEST_PAYLOADS
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": given if is_input_sent else None,
        "output": output if is_output_sent else None,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": len(execution.redrives),
        "redriveDate": _milliseconds(execution.redrives[-1][1] if execution.redrives else None),
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": _not_redrivable(status),
        "inputDetails": {"included": is_input_sent},
        "outputDetails": None if output is None else {"included": is_output_sent},
        "error": execution.error,
        "cause": execution.cause,
    }
    if status in {"FAILED", "ABORTED", "TIMED_OUT"}:
        detail |= {"redriveStatus": "REDRIVABLE", "redriveStatusReason": None}
    send_service_event(
        execution.account_id,
        execution.region_name,
        "aws.states",
        DETAIL_TYPE,
        detail,
        resources=[execution.exec_arn],
        # not drawn from moto's numbers, which name other things in their order
        event_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{execution.exec_arn} {status}{nth}")),
    )


def _escaped(text: str | None) -> int:
    return 0 if text is None else len(json.dumps(text, ensure_ascii=False).encode())


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _not_redrivable(status: str) -> str:
    return f"Execution is {status} and cannot be redriven"
