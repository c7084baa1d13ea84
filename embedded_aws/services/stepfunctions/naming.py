"""Converts names and values between a state and a service: PascalCase, ISO dates, JSON."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.utils import EVENT_ALIASES
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_dynamodb,
    state_task_service_lambda,
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from embedded_aws.services.stepfunctions.timing import iso

# The parameters of the optimised integrations, by service and action.
_SUPPORTED: dict[str, dict[str, set[str]]] = {
    "dynamodb": state_task_service_dynamodb._SUPPORTED_API_PARAM_BINDINGS,
    "lambda": state_task_service_lambda._SUPPORTED_API_PARAM_BINDINGS,
    "states": state_task_service_sfn._SUPPORTED_API_PARAM_BINDINGS,
}


@lru_cache(maxsize=1)
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@lru_cache(maxsize=256)
def operation(service: str, action: str) -> OperationModel:
    """Return botocore's model of `action`, in any spelling, or raise KeyError."""
    model = _session().get_service_model(service)
    names = {name.lower(): name for name in model.operation_names}
    return model.operation_model(names[action.lower().replace("_", "")])


@lru_cache(maxsize=16)
def modelled_errors(service: str) -> frozenset[str]:
    """Return the names of the errors that botocore's model of a service knows."""
    return frozenset(shape.name for shape in _session().get_service_model(service).error_shapes)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def pascal(name: str) -> str:
    """Spell a member as Step Functions does: `datasetArn` is DatasetArn, `DBName` is DbName."""
    acronym = re.match(r"[A-Z]+(?=[A-Z][a-z])", name)
    if acronym:
        return acronym[0].capitalize() + name[acronym.end() :]
    return name[:1].upper() + name[1:]


def to_request(shape: Shape | None, value: Any) -> Any:
    """Convert a state's arguments to botocore's names; ValueError names a field AWS refuses."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {_plain(member): member for member in shape.members}
        request = {}
        for name, item in value.items():
            member = members.get(_plain(name))
            if member is None or not name[:1].isupper():
                raise ValueError(f'The field "{name}" is not supported by Step Functions')
            request[member] = to_request(shape.members[member], item)
        return request
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_request(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: to_request(shape.value, item) for name, item in value.items()}
    if shape is not None and shape.type_name == "string" and not isinstance(value, str):
        return to_json_str(value, separators=(",", ":"))
    if shape is not None and shape.type_name == "blob" and not isinstance(value, bytes):
        text = value if isinstance(value, str) else to_json_str(value, separators=(",", ":"))
        return text.encode()
    return value


def from_response(shape: Shape | None, value: Any) -> Any:
    """Convert botocore's response to what a state sees."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            pascal(name): from_response(shape.members.get(name), item)
            for name, item in value.items()
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [from_response(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: from_response(shape.value, item) for name, item in value.items()}
    if isinstance(value, datetime):
        return iso(value)
    body = value.read() if hasattr(value, "read") else value
    return body.decode() if isinstance(body, bytes) else body


def unrecognised(resource: str) -> str | None:
    """Return AWS's error message for an SDK integration that does not exist, or None."""
    parts = resource.split(":")
    if parts[2:3] != ["states"] or parts[5:6] != ["aws-sdk"]:
        return None
    action, _, pattern = ":".join(parts[7:]).partition(".")
    try:
        operation(boto_name(parts[6]), action)
        if pattern in ("", "waitForTaskToken"):  # "You can't use the .sync pattern"
            return None
    except (IndexError, KeyError, UnknownServiceError):
        pass
    return (
        f"The resource provided {resource} is not recognized. The value is not a valid resource "
        "ARN, or the resource is not available in this region."
    )


def response_shape(resource: str) -> Shape | None:
    """Return the model of what the API that a Task's resource names returns, if one is known."""
    parts = resource.split(":")
    if len(parts) < 7 or parts[2] != "states" or "." in parts[-1]:  # noqa: PLR2004
        return None
    service, action = parts[6:8] if parts[5] == "aws-sdk" else parts[5:7]
    if (service, action) == ("lambda", "invoke") and parts[5] != "aws-sdk":
        return None  # its Payload is any JSON, not the text that the model has
    try:
        return operation(boto_name(service), action).output_shape
    except (KeyError, UnknownServiceError):
        return None


def unsupported(resource: str, arguments: Any) -> Iterator[str]:
    """Yield AWS's error messages for the field names in the literal `arguments` of a Task."""
    parts = resource.split(":")
    if len(parts) < 7 or parts[2] != "states" or not isinstance(arguments, dict):  # noqa: PLR2004
        return
    arguments = _without_paths(arguments)
    action = parts[6].partition(".")[0]
    if parts[5] == "aws-sdk":
        action = parts[7].partition(".")[0]
        try:
            to_request(operation(boto_name(parts[6]), action).input_shape, arguments)
        except ValueError as problem:
            yield str(problem)
        return
    supported = _SUPPORTED.get(parts[5], {}).get(action.lower())
    for name in arguments:
        if supported and name not in supported:
            yield f'The field "{name}" is not supported by Step Functions'


def _without_paths(value: Any) -> Any:
    """Name the fields as the service does: in JSONPath, `Payload.$` is a Payload to be found."""
    if isinstance(value, dict):
        return {name.removesuffix(".$"): _without_paths(item) for name, item in value.items()}
    return [_without_paths(item) for item in value] if isinstance(value, list) else value


# What neither botocore's names nor its list of service IDs that differ from them have.
_BOTO_NAMES = {
    "directoryservicedata": "ds-data",
    "lexmodelsv2": "lexv2-models",
    "lexruntimev2": "lexv2-runtime",
    "states": "stepfunctions",
}


@lru_cache(maxsize=1)
def _boto_names() -> dict[str, str]:
    """Return botocore's names by the service IDs, without reading all models, which takes long."""
    available = _session().get_available_services()
    by_id = {alias: name for name, alias in EVENT_ALIASES.items() if name in available}
    by_name = {name: name for name in available}
    return {each.replace("-", ""): name for each, name in (by_id | by_name).items()} | _BOTO_NAMES


def boto_name(service: str) -> str:
    """Return botocore's name of a service in a resource ARN: `sfn` is stepfunctions."""
    return _boto_names().get(service, service)


def error_prefix(service_name: str) -> str:
    """Name a service as the SDK for Java does, on which AWS's error names are based."""
    name = service_id(boto_name(service_name))
    words = [word.capitalize() if word.isupper() else word for word in name.split()]
    return "".join(words).replace("DynamoDB", "DynamoDb")


@lru_cache(maxsize=64)
def service_id(service: str) -> str:
    """Return the service ID that botocore knows, such as "Personalize" or "SFN"."""
    return str(_session().get_service_model(service).service_id)
