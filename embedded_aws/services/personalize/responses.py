"""Personalize's HTTP interface: JSON requests and responses, checked against botocore's model."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from moto.core.responses import BaseResponse

from embedded_aws.services.personalize.models import PersonalizeBackend, personalize_backend
from embedded_aws.services.personalize.resources import PersonalizeError
from embedded_aws.validation import complaint, service_model

if TYPE_CHECKING:
    from botocore.model import OperationModel, Shape

# Of the services that have a path for each operation, which they all POST.
PATHS = {
    service_model(service).operation_model(name).http["requestUri"]: (service, name)
    for service in ("personalize-runtime", "personalize-events")
    for name in service_model(service).operation_names
}
_STATUS = {
    (service, code): service_model(service).shape_for(code).metadata["error"]["httpStatusCode"]
    for service in ("personalize-runtime", "personalize-events")
    for code in service_model(service).shape_names
    if code.endswith("Exception")
}
_CONTENT_TYPES = {
    "personalize": "application/x-amz-json-1.1",
    "personalize-runtime": "application/json",
    "personalize-events": "application/json",
}


class PersonalizeResponse(BaseResponse):
    """Handles one request, for `personalize`, `personalize-runtime` and `personalize-events`."""

    def __init__(self) -> None:
        super().__init__(service_name="personalize")

    def call_action(self) -> tuple[int, dict[str, str], str]:
        """Return status, headers and body; errors as `{"__type": …, "message": …}`."""
        backend = personalize_backend(self.current_account, self.region)
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        service, name = PATHS.get(self.path.rstrip("/"), ("personalize", target))
        headers = {
            **self.response_headers,
            "Content-Type": _CONTENT_TYPES[service],
            "x-amzn-RequestId": str(uuid.uuid4()),
        }
        try:
            answer = self._answer(backend, service, name)
        except PersonalizeError as error:
            headers["x-amzn-ErrorType"] = error.code
            status = _STATUS.get((service, error.code), 400)
            return status, headers, json.dumps({"__type": error.code, "message": error.message})
        return 200, headers, json.dumps(answer) if answer else ""

    def _answer(self, backend: PersonalizeBackend, service: str, name: str) -> dict[str, Any]:
        operation = _operation(service, name)
        request = _decoded(self.body)
        if problems := complaint(operation.input_shape, request):
            raise PersonalizeError("ValidationException", problems)
        if code := backend.behaviour.take_error(name):
            raise PersonalizeError(code, f"{name} is refused on demand.")
        given = {xform_name(k): v for k, v in request.items() if v is not None}
        with backend.lock:
            answer: dict[str, Any] = getattr(backend, xform_name(name))(**given)
        return fitted(operation.output_shape, answer) if operation.output_shape else {}


def fitted(shape: Shape, answer: Any) -> Any:
    """Return only what the shape has: a summary in a list has fewer members than Describe."""
    if shape.type_name == "structure":
        members = shape.members  # type: ignore[attr-defined] # a StructureShape
        return {name: fitted(members[name], v) for name, v in answer.items() if name in members}
    if shape.type_name == "list":
        return [fitted(shape.member, item) for item in answer]  # type: ignore[attr-defined]
    return answer


def _operation(service: str, name: str) -> OperationModel:
    model = service_model(service)
    if name not in model.operation_names or not hasattr(PersonalizeBackend, xform_name(name)):
        raise PersonalizeError(
            "UnknownOperationException",
            f"The operation {name or '(none)'} is unknown to this embedded Amazon Personalize.",
        )
    return model.operation_model(name)


def _decoded(body: str) -> dict[str, Any]:
    try:
        request = json.loads(body or "{}")
    except ValueError as error:
        raise PersonalizeError("SerializationException", f"{error}") from error
    if not isinstance(request, dict):
        raise PersonalizeError("SerializationException", "Start of structure expected.")
    return request
