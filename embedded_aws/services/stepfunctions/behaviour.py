"""What AWS's documents leave open about Step Functions."""

from dataclasses import dataclass
from typing import Any, Literal

from moto.stepfunctions.parser.models import stepfunctions_parser_backends


@dataclass
class StepFunctionsBehaviour:
    """One region's Step Functions; change a field at any time."""

    # For how long after its start DescribeExecution does not find an execution: the API is
    # eventually consistent, and AWS gives no number.
    describe_lag_seconds: float = 0.0
    # Whether States.ALL matches States.DataLimitExceeded. The guide says that it does not; in
    # recordings of AWS of 2024 it catches a task's result that is too large.
    data_limit_in_states_all: Literal["caught", "not caught"] = "caught"


def behaviour_of(env: Any) -> StepFunctionsBehaviour:
    """Return the switches of the account and region in which `env` runs."""
    place = env.aws_execution_details
    backend: Any = stepfunctions_parser_backends[place.account][place.region]
    behaviour: StepFunctionsBehaviour = backend.behaviour
    return behaviour
