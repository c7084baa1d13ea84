"""What Lambda refuses in the configuration and the code of a function, in its own words.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, and public reports.
"""

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
)

from embedded_aws.validation import complaint, in_lower_case, service_model

MOST_ENVIRONMENT = 4_096  # bytes, as JSON
MOST_MEMORY = 10_240  # MB; more only for Lambda Managed Instances
MOST_NAME = 64  # characters of a name; the model's 140 are an ARN's
MOST_REQUEST = 70_167_211  # bytes with the code in them
MOST_TIMEOUT = 900  # seconds; more only for Lambda Managed Instances
MOST_UNZIPPED = 262_144_000  # bytes
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
_RESERVED = {
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_HANDLER", "_X_AMZN_TRACE_ID",
}  # fmt: skip
# The runtimes whose functions could not be created any more at the end of 2024. AWS has put off
# the dates of all that were deprecated since, and may do so again.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtimes-deprecated
_WITHDRAWN = {
    "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "go1.x", "java8", "nodejs",
    "nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10",
    "nodejs8.10", "provided", "python2.7", "python3.6", "python3.7", "ruby2.5", "ruby2.7",
}  # fmt: skip
_CONFIGURATION = ("Description", "Environment", "Handler", "MemorySize", "Timeout")


class ValidationError(LambdaClientError):
    """What the service's model refuses."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class EntityTooLargeError(LambdaClientError):
    """A request with too much code in it."""

    code = 413

    def __init__(self, operation: str) -> None:
        super().__init__(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {MOST_REQUEST} bytes for the {operation} operation",
        )


def check_configuration(given: Mapping[str, Any]) -> None:
    """Raise the error of CreateFunction or UpdateFunctionConfiguration for settings it refuses."""
    shape: Any = service_model("lambda").operation_model("CreateFunction").input_shape
    for name in _CONFIGURATION:
        value = given.get(name)
        if value is not None and (
            problem := complaint(shape.members[name], value, at=name[:1].lower() + name[1:])
        ):
            raise ValidationError(in_lower_case(problem))
    _check_at_most(given)
    _check_environment(given.get("Environment", {}).get("Variables", {}))
    if runtime := given.get("Runtime"):
        _check_runtime(str(runtime), shape.members["Runtime"].metadata["enum"])


def check_creation(given: Mapping[str, Any]) -> None:
    """Raise the error of CreateFunction for a name, or for settings that are missing."""
    name = given["FunctionName"].rsplit(":", 1)[-1]
    if len(name) > MOST_NAME:
        raise ValidationError(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
            f"constraint: Member must have length less than or equal to {MOST_NAME}"
        )
    shape: Any = service_model("lambda").operation_model("CreateFunction").input_shape
    if problem := complaint(shape.members["FunctionName"], given["FunctionName"], "functionName"):
        raise ValidationError(problem)
    is_zip = given.get("PackageType", "Zip") == "Zip"
    if is_zip and not (given.get("Runtime") and given.get("Handler")):
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    check_configuration(given)


def check_upload(code: Mapping[str, Any], operation: str) -> None:
    """Refuse code in a request, in base 64, that is too long for it."""
    sent = code.get("ZipFile") or ""
    length = len(sent) if isinstance(sent, str) else len(base64.b64encode(sent))
    if length >= MOST_REQUEST:
        raise EntityTooLargeError(operation)


def check_archive(code: bytes) -> None:
    """Refuse what is no zip file, or one with too much in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from None
    if size >= MOST_UNZIPPED:
        raise InvalidParameterValueException(
            f"Unzipped size must be smaller than {MOST_UNZIPPED} bytes"
        )


def _check_at_most(given: Mapping[str, Any]) -> None:
    timeout, memory = given.get("Timeout") or 0, given.get("MemorySize") or 0
    if timeout > MOST_TIMEOUT:
        raise ValidationError(
            f"1 validation error detected: Value '{timeout}' at 'timeout' failed to satisfy "
            f"constraint: Member must have value less than or equal to {MOST_TIMEOUT}"
        )
    if memory > MOST_MEMORY:
        raise InvalidParameterValueException(
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or "
            f"equal to {MOST_MEMORY}"
        )


def _check_environment(variables: Mapping[str, str]) -> None:
    begin = "Lambda was unable to configure your environment variables because the environment "
    if reserved := sorted(_RESERVED & set(variables)):
        raise InvalidParameterValueException(
            f"{begin}variables you have provided contains reserved keys that are currently not "
            "supported for modification. Reserved keys used in this request: "
            f"{', '.join(reserved)}"
        )
    measured = json.dumps(variables, ensure_ascii=False, separators=(",", ":"))
    if len(measured.encode()) > MOST_ENVIRONMENT:
        raise InvalidParameterValueException(
            f"{begin}variables you have provided exceeded the 4KB limit. String measured: "
            f"{measured}"
        )


def _check_runtime(runtime: str, known: list[str]) -> None:
    if runtime not in known:
        raise InvalidParameterValueException(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(name for name in known if name not in _WITHDRAWN)}] or be a "
            "valid ARN"
        )
    if runtime in _WITHDRAWN:
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
