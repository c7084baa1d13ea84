"""What AWS does in more than one way when it ends a function."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class LambdaBehaviour:
    """How one account and region's Lambda reports functions that it ended; change at any time."""

    # A time-out has an errorType, or none, as in logs of 2024 and 2025. Step Functions then reports
    # the second as Lambda.Unknown.
    timeout: Literal["Sandbox.Timedout", "Lambda.Unknown"] = "Sandbox.Timedout"
    # The errorType of a function that took more than its MemorySize: both are in public reports,
    # the second in those of 2021.
    out_of_memory: Literal["Runtime.OutOfMemory", "Runtime.ExitError"] = "Runtime.OutOfMemory"
