"""The Lambda API for functions that really run, in the module where moto looks for a backend."""

import base64
import json
import re
from typing import Any, cast

from moto.awslambda import models as lambda_models
from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    InvalidRoleFormat,
    LambdaClientError,
)
from moto.awslambda.models import (
    EventSourceMapping,
    LambdaBackend,
    LambdaFunction,
    lambda_backends,
)
from moto.awslambda.responses import LambdaResponse

from embedded_aws import programs
from embedded_aws.moto_changes import replace
from embedded_aws.services import iam
from embedded_aws.services.awslambda.asynchronous import AsynchronousInvocation
from embedded_aws.services.awslambda.behaviour import LambdaBehaviour
from embedded_aws.services.awslambda.event_sources import Poller, check_access, current_shard
from embedded_aws.services.awslambda.function import DeployedFunction
from embedded_aws.services.awslambda.limits import (
    check_archive,
    check_configuration,
    check_creation,
    check_upload,
)
from embedded_aws.services.awslambda.mapping import DeployedMapping
from embedded_aws.services.awslambda.runtime import InvocationResult
from embedded_aws.services.awslambda.version import DeployedVersion
from embedded_aws.services.dynamodb.stream_reader import StreamReader

# Importing this module registers the model of AWS::Lambda::Version.
MODELS = (DeployedVersion,)

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


class MappingExistsError(LambdaClientError):
    """A second mapping of a source to a function."""

    code = 409

    def __init__(self, known: EventSourceMapping) -> None:
        super().__init__(
            "ResourceConflictException",
            f'An event source mapping with DynamoDB arn (" {known.event_source_arn} ") and '
            f'function (" {known.function_arn} ") already exists. Please update or delete the '
            f"existing mapping with UUID {known.uuid}",
        )


class LocalLambdaBackend(LambdaBackend):
    """The Lambda API for functions that run in child processes."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.behaviour = LambdaBehaviour()
        # By function name; a number is never used again, not even after the function was deleted.
        self._last_version: dict[str, int] = {}

    def create_function(self, spec: dict[str, Any]) -> LambdaFunction:
        """Create a function; Lambda must be able to assume its role."""
        check_creation(spec)
        check_upload(spec["Code"], "CreateFunction")
        make: type[Any] = DeployedFunction  # moto leaves methods abstract that it never calls
        function: DeployedFunction = make(self.account_id, spec, self.region_name, "$LATEST")
        self._check_role(function.role, function.function_arn)
        check_archive(function.code_bytes)
        self._check_dead_letter(function)
        self._lambdas.put_function(function)
        return function

    def update_function_configuration(
        self, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Change a function's settings, which are checked as at its creation."""
        check_configuration(body)
        if "Role" in body:
            arn = self.get_function(function_name, qualifier).function_arn
            self._check_role(body["Role"], arn)
        return super().update_function_configuration(function_name, qualifier, body)

    def update_function_code(
        self, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Replace a function's code, which is checked as at its creation."""
        check_upload(body, "UpdateFunctionCode")
        if body.get("ZipFile"):
            check_archive(base64.b64decode(body["ZipFile"]))
        return super().update_function_code(function_name, qualifier, body)

    @staticmethod
    def _check_role(role: str, function_arn: str) -> None:
        if not re.match(InvalidRoleFormat.pattern, role):
            raise InvalidRoleFormat(role)
        if not iam.trusts(role, service="lambda.amazonaws.com", source_arn=function_arn):
            raise InvalidParameterValueException(
                "The role defined for the function cannot be assumed by Lambda."
            )

    @staticmethod
    def _check_dead_letter(function: DeployedFunction) -> None:
        """Refuse a dead-letter queue or topic that the function's role may not send to."""
        target = function.dead_letter.get("TargetArn", "")
        kind = target.split(":")[2] if target else ""
        action = {"sqs": "SendMessage", "sns": "Publish"}.get(kind)
        if target and action is None:
            raise InvalidParameterValueException(
                f"The dead letter target {target} is no queue and no topic."
            )
        if action and not iam.is_authorized(function.role, f"{kind}:{action}", target, {}):
            raise InvalidParameterValueException(
                "The provided execution role does not have permissions to call "
                f"{action} on {kind.upper()}"
            )

    def publish_version(self, function_name: str, description: str = "") -> LambdaFunction:
        """Return a new version, or the newest one if nothing has changed since."""
        function: Any = self._lambdas.get_function_by_name_or_arn_forbid_qualifier(function_name)
        versions = self._lambdas._functions[function.function_name]["versions"]
        if versions and versions[-1].published_from == function.settings():
            newest: DeployedFunction = versions[-1]
            return newest
        number = self._last_version.get(function.function_name, 0) + 1
        self._last_version[function.function_name] = number
        made: DeployedFunction = function.published(number, description)
        versions.append(made)
        self._lambdas._arns[made.function_arn] = made
        return made

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        """Delete a version, or a function with its versions, and end the environments."""
        function = self.get_function(function_name, qualifier)
        is_version = str(function.version) != "$LATEST"
        deleted = [function] if is_version else self._with_versions(function.function_name)
        super().delete_function(function_name, qualifier)
        for each in deleted:
            if isinstance(each, DeployedFunction):
                each.retire()

    def invoke(
        self,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: Any,
    ) -> bytes:
        """Run a function; Event does not wait for it; DryRun does nothing."""
        function: Any = self.get_function(function_name, qualifier)
        event = body.encode() if isinstance(body, str) else bytes(body or b"")
        kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if len(event) > LARGEST_REQUEST:
            raise RequestTooLargeError
        if kind == "DryRun":
            return b""
        if kind == "Event":
            self.accept(function_name, qualifier, event or b"{}")
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

    def accept(self, function_name: str, qualifier: str | None, event: bytes) -> None:
        """Invoke a function asynchronously, as services do."""
        AsynchronousInvocation(
            function=lambda: self.get_function(function_name, qualifier), event=event
        ).start()

    def put_function_event_invoke_config(
        self, function_name: str, config: dict[str, Any]
    ) -> dict[str, Any]:
        """Replace the settings for asynchronous invocations."""
        self.get_function(function_name).event_invoke_config = []
        return super().put_function_event_invoke_config(function_name, config)

    def create_event_source_mapping(self, spec: dict[str, Any]) -> Any:
        """Map a DynamoDB stream to a function whose role may read it; no other source."""
        source = str(spec.get("EventSourceArn", ""))
        if source.split(":")[2:3] != ["dynamodb"]:
            raise InvalidParameterValueException(f"Unsupported event source: {source}")
        if spec.get("StartingPosition") not in {"TRIM_HORIZON", "LATEST"}:
            raise InvalidParameterValueException(
                "StartingPosition must be TRIM_HORIZON or LATEST for DynamoDB streams."
            )
        function: Any = self.get_function(spec["FunctionName"])
        check_access(function.role, source)
        self._check_is_first(function.function_arn, source)
        mapping: Any = super().create_event_source_mapping(spec)
        shard: Any = current_shard(source)
        start = shard.starting_sequence_number
        if mapping.starting_position == "LATEST":
            start += len(shard.items)
        poller = Poller(
            mapping, lambda: self.get_function(mapping.function_arn), StreamReader(source, start)
        )
        mapping.poller = poller
        poller.wake()
        return mapping

    def update_event_source_mapping(self, uuid: str, spec: dict[str, Any]) -> Any:
        """Change a mapping; it goes on where it was."""
        mapping: Any = super().update_event_source_mapping(uuid, spec)
        if mapping:
            mapping.poller.wake()
        return mapping

    def delete_event_source_mapping(self, uuid: str) -> Any:
        """Delete a mapping; it reads no more."""
        mapping: Any = super().delete_event_source_mapping(uuid)
        if mapping:
            mapping.enabled = False
            shard = current_shard(mapping.event_source_arn)
            mappings = shard.table.lambda_event_source_mappings if shard else {}
            mappings.pop(mapping.function_arn, None)
        return mapping

    def _check_is_first(self, function_arn: str, source: str) -> None:
        for known in self._event_source_mappings.values():
            if (known.function_arn, known.event_source_arn) == (function_arn, source):
                raise MappingExistsError(known)

    def reset(self) -> None:
        """Delete every function, and end their environments."""
        self.stop()
        super().reset()

    def stop(self) -> None:
        """End every environment of every function."""
        for function in list(self.list_functions()):
            for each in self._with_versions(function.function_name):
                if isinstance(each, DeployedFunction):
                    each.stop()

    def _with_versions(self, name: str) -> list[LambdaFunction]:
        group = self._lambdas._functions[name]
        return [group["latest"], *group["versions"]]


_plain_invoke = LambdaResponse.invoke


def _invoke(self: LambdaResponse) -> Any:
    self.querystring["qualifier"] = self.querystring.get("Qualifier", [None])
    return _plain_invoke(self)


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
    replace(
        lambda_models,
        "a mapping tells how its last batch went, and another source replaces it",
        EventSourceMapping=DeployedMapping,
    )
    replace(
        LambdaResponse,
        "Invoke runs the version of its Qualifier, not that of a `qualifier` in the payload",
        invoke=_invoke,
    )
