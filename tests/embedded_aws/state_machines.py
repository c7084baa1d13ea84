"""State machines on their own clock: write one, run it to its end, see what it did."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend, lambda_simple_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from embedded_aws import clock, moto_changes
from embedded_aws.services import stepfunctions
from embedded_aws.services.events import models as events
from embedded_aws.services.stepfunctions.behaviour import StepFunctionsBehaviour

START = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
ACCOUNT = DEFAULT_ACCOUNT_ID
REGION = "ap-northeast-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/machine"
REAL_SECONDS = 60  # far more than any test needs: only a test that hangs reaches it
_numbers = itertools.count()
Function = Callable[[Any], Any]


class FunctionError(Exception):
    """What a Lambda function returns when it fails: the payload, exactly as given."""

    def __init__(self, payload: str) -> None:
        self.payload = payload


class Functions(LambdaSimpleBackend):
    """Lambda functions that are Python callables; they run inside the request, as services do."""

    by_name: dict[str, Function]

    def invoke(
        self,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: Any,
    ) -> bytes:
        del qualifier, headers
        try:
            return json.dumps(self.by_name[function_name](json.loads(body))).encode()
        except FunctionError as error:
            response_headers["x-amz-function-error"] = "Unhandled"
            return error.payload.encode()


@dataclass(frozen=True)
class Ended:
    """One execution that has ended."""

    described: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def status(self) -> str:
        return str(self.described["status"])

    @property
    def output(self) -> Any:
        assert self.status == "SUCCEEDED", (self.error, self.described.get("cause"))
        return json.loads(self.described["output"])

    @property
    def error(self) -> str | None:
        return self.described.get("error")

    @property
    def cause(self) -> str:
        return str(self.described["cause"])

    @property
    def seconds(self) -> float:
        took = self.described["stopDate"] - self.described["startDate"]
        return float(took.total_seconds())

    def event_types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def entered(self) -> list[str]:
        """The states in the order in which they were entered."""
        details = (event.get("stateEnteredEventDetails") for event in self.events)
        return [entry["name"] for entry in details if entry]


@dataclass(frozen=True)
class Machines:
    """Creates state machines and runs them."""

    clock: clock.Clock
    client: Any
    functions: dict[str, Function]

    @property
    def behaviour(self) -> StepFunctionsBehaviour:
        """The switches of this account and region."""
        backend: Any = stepfunctions_parser_backends[ACCOUNT][REGION]
        behaviour: StepFunctionsBehaviour = backend.behaviour
        return behaviour

    def create(self, states: dict[str, Any], **fields: Any) -> str:
        """Create a JSONata machine that starts at the first of `states`; return its ARN."""
        machine = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        arn: str = self.client.create_state_machine(
            name=f"machine-{next(_numbers)}",
            definition=json.dumps(machine | fields),
            roleArn=ROLE,
        )["stateMachineArn"]
        return arn

    def start(self, arn: str, given: Any = None, name: str | None = None) -> str:
        """Start an execution and return its ARN, without waiting for anything."""
        arguments = {"name": name} if name else {}
        execution: str = self.client.start_execution(
            stateMachineArn=arn, input=json.dumps({} if given is None else given), **arguments
        )["executionArn"]
        return execution

    def settle(self) -> None:
        """Wait until everything that runs or is planned has ended."""
        assert self.clock.wait_until_idle(REAL_SECONDS)

    def look(self, execution: str) -> Ended:
        """Describe an execution with its whole history."""
        pages = self.client.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"]]
        return Ended(self.client.describe_execution(executionArn=execution), events)

    def run(self, states: dict[str, Any], given: Any = None, **fields: Any) -> Ended:
        """Run a machine of `states` to its end."""
        execution = self.start(self.create(states, **fields), given)
        self.settle()
        return self.look(execution)

    def value(self, expression: str, given: Any = None) -> Any:
        """Evaluate an expression in a state's Output, inside a list so that null is seen."""
        output = self.run({"Done": {"Type": "Succeed", "Output": [f"{{% {expression} %}}"]}}, given)
        return output.output[0]


@contextmanager
def running_machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """An empty moto, and a clock at START."""
    config: Any = {"lambda": {"use_docker": False}}
    functions: dict[str, Function] = {}
    backend = type("TestFunctions", (Functions,), {"by_name": functions})
    time = clock.Clock(START.timestamp())
    monkeypatch.setattr(clock, "_current", time)
    monkeypatch.setattr(lambda_simple_backends, "backend", backend)
    lambda_simple_backends.reset()
    with mock_aws(config=config):
        stepfunctions.install()
        events.install()  # each change of a status is an event
        try:
            yield Machines(time, boto3.client("stepfunctions", region_name=REGION), functions)
            assert time.wait_until_idle(REAL_SECONDS)
        finally:
            time.stop()
            moto_changes.undo_all()
    lambda_simple_backends.reset()


def task(resource: str, arguments: Any, **fields: Any) -> dict[str, Any]:
    """A Task state that ends the machine, or continues as `fields` say."""
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Arguments": arguments}
    return state | (fields if "Next" in fields else {"End": True} | fields)


def invoke(function: str, payload: Any = None, **fields: Any) -> dict[str, Any]:
    """A Task state that invokes a Lambda function."""
    arguments = {"FunctionName": function, "Payload": {} if payload is None else payload}
    return task("lambda:invoke", arguments, **fields)


def caught(*errors: str, to: str = "Caught") -> list[dict[str, Any]]:
    """A Catch that passes the whole error output to the state `to`."""
    return [{"ErrorEquals": list(errors), "Output": "{% $states.errorOutput %}", "Next": to}]


def parallel(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    branch = {"StartAt": next(iter(states)), "States": states}
    return {"Type": "Parallel", "Branches": [branch]} | (fields or {"End": True})


def each(items: Any, states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    processor = {
        "ProcessorConfig": {"Mode": "INLINE"},
        "StartAt": next(iter(states)),
        "States": states,
    }
    state = {"Type": "Map", "Items": items, "ItemProcessor": processor}
    return state | (fields if "Next" in fields else {"End": True} | fields)


CAUGHT = {"Caught": {"Type": "Succeed"}}
DONE = {"Done": {"Type": "Succeed"}}
WAIT = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}


def error_of(machines: Machines, state: dict[str, Any], *, by: str = "States.ALL") -> Any:
    """Run one task that fails and return what a Catch of `by` gets."""
    return machines.run({"Call": state | {"Catch": caught(by)}, **CAUGHT}).output


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """Return the code and message of the error with which `call` is refused."""
    with pytest.raises(ClientError) as error_info:
        call()
    error = error_info.value.response["Error"]
    return error["Code"], error["Message"]
