"""The Lambda API for functions that really run, in the module where moto looks for a backend."""

import json
from typing import Any, cast

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends

from embedded_aws import programs
from embedded_aws.clock import current
from embedded_aws.moto_changes import replace
from embedded_aws.services import iam
from embedded_aws.services.awslambda.behaviour import LambdaBehaviour
from embedded_aws.services.awslambda.function import DeployedFunction
from embedded_aws.services.awslambda.runtime import InvocationResult

LARGEST_REQUEST = 6 * 1024 * 1024
LARGEST_RESPONSE = LARGEST_REQUEST + 100


class RequestTooLargeError(LambdaClientError):
    """An event over Lambda's limit for synchronous invocations."""

    code = 413

    def __init__(self) -> None:
        super().__init__(
            "RequestTooLargeException",
            f"Request must be smaller than {LARGEST_REQUEST} bytes "
            "for the InvokeFunction operation",
        )


class LocalLambdaBackend(LambdaBackend):
    """The Lambda API for functions that run in child processes."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.behaviour = LambdaBehaviour()

    def create_function(self, spec: dict[str, Any]) -> LambdaFunction:
        """Create a function; Lambda must be able to assume its role."""
        make: type[Any] = DeployedFunction  # moto leaves methods abstract that it never calls
        function: DeployedFunction = make(self.account_id, spec, self.region_name, "$LATEST")
        self._lambdas.put_function(function)
        if not iam.trusts(
            function.role, service="lambda.amazonaws.com", source_arn=function.function_arn
        ):
            self._lambdas.del_function(function.function_name)
            raise InvalidParameterValueException(
                "The role defined for the function cannot be assumed by Lambda."
            )
        return function

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        """Delete a function and end its environments."""
        function = self.get_function(function_name, qualifier)
        super().delete_function(function_name, qualifier)
        if isinstance(function, DeployedFunction):
            function.retire()

    def invoke(
        self,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: Any,
    ) -> bytes:
        """Run a function; Event does not wait, and is not retried; DryRun does nothing."""
        function: Any = self.get_function(function_name, qualifier)
        event = body.encode() if isinstance(body, str) else bytes(body or b"")
        kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if len(event) > LARGEST_REQUEST:
            raise RequestTooLargeError
        if kind == "DryRun":
            return b""
        if kind == "Event":
            current().spawn(lambda: function.run(event or b"{}"), function.function_name)
            return b""
        result: InvocationResult = programs.run(lambda: function.run(event or b"{}"))
        if len(result.payload) > LARGEST_RESPONSE:
            message = (
                "Response payload size exceeded maximum allowed payload size "
                f"({LARGEST_RESPONSE} bytes)."
            )
            too_large = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
            result = InvocationResult(json.dumps(too_large).encode(), too_large["errorType"])
        if result.error_type:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-executed-version"] = str(function.version)
        response_headers["Content-Length"] = str(len(result.payload))
        return result.payload

    def reset(self) -> None:
        """Delete every function, and end their environments."""
        self.stop()
        super().reset()

    def stop(self) -> None:
        """End every environment of every function."""
        for function in list(self.list_functions()):
            if isinstance(function, DeployedFunction):
                function.stop()


def lambda_backend(account: str, region: str) -> LocalLambdaBackend:
    """Return the backend of an account and region, created at its first use."""
    return cast("LocalLambdaBackend", lambda_backends[account][region])


def install() -> None:
    """Make moto serve Lambda from here; call this before the first use of its backend."""
    replace(
        lambda_backends,
        "functions run from their zip, under their role, on the clock",
        backend=LocalLambdaBackend,
    )
