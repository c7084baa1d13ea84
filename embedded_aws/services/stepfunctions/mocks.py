"""The mocked results and errors of TestState, checked as AWS does, with its words."""

import json
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape
from moto.stepfunctions.exceptions import ValidationException

from embedded_aws.services.stepfunctions import naming
from embedded_aws.services.stepfunctions.definitions import InvalidDefinition

_MOCKABLE: Final = ("Task", "Map", "Parallel")
_OBJECT, _STRING, _NUMBER = (dict, "an object"), (str, "a string"), ((int, float), "a number")
_KINDS: Final[dict[str, tuple[Any, str]]] = {
    "structure": _OBJECT, "map": _OBJECT, "list": (list, "an array"),
    "boolean": (bool, "a boolean"),
    "string": _STRING, "timestamp": _STRING, "blob": _STRING,
    "integer": _NUMBER, "long": _NUMBER, "float": _NUMBER, "double": _NUMBER,
}  # fmt: skip


def checked(fields: dict[str, Any], request: dict[str, Any]) -> dict[str, Any] | None:
    """Return {"result": JSON data} or {"errorOutput": …}, checked as AWS does; its words."""
    mock, kind = request.get("mock"), str(fields.get("Type"))
    if mock is None:
        if kind in ("Map", "Parallel"):
            raise InvalidDefinition(
                "TestState API does not support Map or Parallel states. Supported state types "
                "include: [Task, Wait, Pass, Succeed, Fail, Choice]"
            )
        if kind == "Task" and not _is_request_response(str(fields.get("Resource"))):
            raise InvalidDefinition(
                "TestState supports activities, .sync and .waitForTaskToken only with a mock."
            )
        return None
    if kind not in _MOCKABLE:
        raise ValidationException(f"State type '{kind}' is not supported when a mock is specified")
    if request.get("revealSecrets"):
        raise ValidationException(
            "TestState does not support RevealSecrets when a mock is specified."
        )
    if len([name for name in ("result", "errorOutput") if mock.get(name) is not None]) != 1:
        raise ValidationException(
            "A test mock should have only one of the following fields: [result, errorOutput]."
        )
    if mock.get("errorOutput") is not None:
        return {"errorOutput": mock["errorOutput"]}
    return {"result": _result(fields, kind, mock)}


def _result(fields: dict[str, Any], kind: str, mock: dict[str, str]) -> Any:
    try:
        result = json.loads(mock["result"])
    except ValueError as error:
        raise ValidationException(f"The mocked result is not valid JSON: {error}") from error
    problem = _unlike_the_state(fields, kind, result)
    mode = mock.get("fieldValidationMode", "STRICT")
    if problem is None and kind == "Task" and mode != "NONE":
        invalid = _unlike_the_api(str(fields.get("Resource")), result, strict=mode == "STRICT")
        problem = invalid and f"Mock result schema validation error: {invalid}"
    if problem is not None:
        raise ValidationException(problem)
    return result


def _is_request_response(resource: str) -> bool:
    return ":activity:" not in resource and "." not in resource.rsplit(":", 1)[-1]


def _unlike_the_state(fields: dict[str, Any], kind: str, result: Any) -> str | None:
    if kind == "Map" and "ResultWriter" in fields:
        return None if isinstance(result, dict) else "Mocked result must be a JSON object."
    if kind in ("Map", "Parallel") and not isinstance(result, list):
        return "Mocked result must be an array."
    if kind == "Parallel" and len(result) != len(fields.get("Branches") or ()):
        return "Mocked result must contain the same number of items as number of Parallel branches."
    return None


def _unlike_the_api(resource: str, result: Any, *, strict: bool) -> str | None:
    """Return how a mocked result differs from botocore's model of the call, or None."""
    shape = naming.response_shape(resource)
    return None if shape is None else _unlike(shape, result, "", strict=strict)


def _unlike(shape: Shape, value: Any, name: str, *, strict: bool) -> str | None:
    """AWS accepts fields that the API does not have."""
    kind, called = _KINDS[shape.type_name]
    is_boolean = isinstance(value, bool) and shape.type_name != "boolean"
    if not isinstance(value, kind) or is_boolean:
        return f"Field '{name}' must be {called}" if name else f"Mocked result must be {called}"
    if isinstance(shape, StructureShape):
        members = {naming.pascal(member): inner for member, inner in shape.members.items()}
        required = {naming.pascal(member) for member in shape.required_members}
        if strict and (missing := sorted(required - value.keys())):
            return f"Required field '{missing[0]}' is missing"
        parts = [(members[key], item, key) for key, item in value.items() if key in members]
    elif isinstance(shape, ListShape):
        parts = [(shape.member, item, name) for item in value]
    elif isinstance(shape, MapShape):
        parts = [(shape.value, item, key) for key, item in value.items()]
    else:
        return _out_of_bounds(shape, value, name)
    found = (_unlike(inner, item, key, strict=strict) for inner, item, key in parts)
    return next((problem for problem in found if problem), None)


def _out_of_bounds(shape: Shape, value: Any, name: str) -> str | None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if enum := shape.metadata.get("enum"):
        return None if value in enum else f"Field '{name}' is not an expected value"
    is_text = isinstance(value, str)
    size = len(value) if is_text else value
    if shape.type_name in ("timestamp", "boolean"):
        return None
    if low is not None and size < low:
        what = "smaller than the minimum length" if is_text else "less than the minimum value"
        return f"Field '{name}' is {what}"
    if high is not None and size > high:
        what = "exceeds the maximum length" if is_text else "exceeds the maximum value"
        return f"Field '{name}' {what}"
    return None
