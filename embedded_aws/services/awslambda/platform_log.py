"""What Lambda itself writes to a function's log for each invocation, around the function's lines.

The lines about the start of an environment are left out, and so is the memory used.
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Invocation:
    """One invocation that has ended; the times are simulated, in epoch seconds."""

    request_id: str
    version: str
    memory_size: int
    began: float
    ended: float
    error_type: str | None

    @property
    def duration_ms(self) -> float:
        """How long it took."""
        return round((self.ended - self.began) * 1000, 2)

    @property
    def status(self) -> str:
        """How it ended, as Lambda names it."""
        statuses = {
            None: "success",
            "Sandbox.Timedout": "timeout",
            "Runtime.ExitError": "error",
            "Runtime.OutOfMemory": "error",
        }
        return statuses.get(self.error_type, "failure")


def json_lines(invocation: Invocation, written: list[str]) -> list[str]:
    """Return the log's lines in the JSON format."""
    start = {"requestId": invocation.request_id, "version": invocation.version}
    report = {
        "requestId": invocation.request_id,
        "metrics": {
            "durationMs": invocation.duration_ms,
            "billedDurationMs": math.ceil(invocation.duration_ms),
            "memorySizeMB": invocation.memory_size,
        },
        "status": invocation.status,
    }
    return [
        _record(invocation.began, "platform.start", start),
        *written,
        _record(invocation.ended, "platform.report", report),
    ]


def text_lines(invocation: Invocation, written: list[str]) -> list[str]:
    """Return the log's lines in the Text format."""
    request = f"RequestId: {invocation.request_id}"
    report = (
        f"REPORT {request}\tDuration: {invocation.duration_ms:.2f} ms\t"
        f"Billed Duration: {math.ceil(invocation.duration_ms)} ms\t"
        f"Memory Size: {invocation.memory_size} MB\t"
    )
    return [
        f"START {request} Version: {invocation.version}",
        *written,
        f"END {request}",
        report,
    ]


def _record(time: float, kind: str, record: dict[str, Any]) -> str:
    moment = datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": moment.replace("+00:00", "Z"), "type": kind, "record": record})
