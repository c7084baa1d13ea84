"""An AWS API request as it comes over HTTP: which operation it requests, and how to refuse it."""

import io
import json
import re
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from xml.sax.saxutils import escape

from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

Environ = dict[str, Any]

_SCOPE = re.compile(r"Credential=([^/]+)/[^/]+/([^/]+)/([^/]+)/")

# Signing names that are not boto3's name of exactly one service.
SERVICES = {
    "states": ("stepfunctions",),
    "monitoring": ("cloudwatch",),
    "personalize": ("personalize", "personalize-runtime", "personalize-events"),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
}


class UnknownOperationError(Exception):
    """A request for an operation that the service it is signed for does not have."""


@dataclass(frozen=True)
class Signature:
    """Who signed a request, and for what: the credential scope of its Authorization header."""

    access_key_id: str
    region: str
    service: str  # the signing name: "states", "personalize", "s3"


def signature(environ: Environ) -> Signature | None:
    """Return who signed the request; None for an unsigned one."""
    found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return Signature(*found.groups()) if found else None


@dataclass
class ApiCall:
    """One request, parsed by botocore's model of its service."""

    signature: Signature
    service: str  # boto3's name
    operation: OperationModel
    request: Request
    labels: dict[str, Any]  # the values in the path

    @property
    def name(self) -> str:
        """The operation with its service: `personalize:CreateSolutionVersion`."""
        return f"{self.signature.service}:{self.operation.name}"

    @cached_property
    def params(self) -> dict[str, Any]:
        """The call's parameters, named as in boto3."""
        parser = PROTOCOL_PARSERS[self._protocol](self.operation)
        values = parser.parse(
            {
                "method": self.request.method,
                "values": self.request.values,
                "headers": self.request.headers,
                "body": self.request.data,
                "url_path": self.request.path,
                "url_params": self.labels,
            }
        )
        return dict(values)

    @cached_property
    def _protocol(self) -> str:
        return determine_request_protocol(
            get_service_model(self.service), self.request.content_type
        )

    def error(self, code: str, message: str, status: int) -> Response:
        """Return an error response, in the format of the service's protocol."""
        return error_response(self._protocol, code, message, status)


def error_response(protocol: str, code: str, message: str, status: int) -> Response:
    """Return an error in the format of a protocol, as botocore names it (`rest-json`)."""
    headers = {"x-amzn-requestid": str(uuid.uuid4()), "x-amzn-errortype": code}
    if protocol in {"query", "ec2", "rest-xml"}:
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        if protocol == "query":
            body = f"<ErrorResponse>{body}</ErrorResponse>"
        elif protocol == "ec2":
            body = f"<Response><Errors>{body}</Errors></Response>"
        return Response(body, status, headers, content_type="text/xml")
    # Services and SDKs differ in which of the spellings they read.
    body = json.dumps({"__type": code, "message": message, "Message": message})
    whose = "Receiver" if status in range(500, 600) else "Sender"
    headers["x-amzn-query-error"] = f"{code};{whose}"
    return Response(body, status, headers, content_type="application/x-amz-json-1.1")


def match(service: str, environ: Environ) -> tuple[OperationModel, dict[str, Any]]:
    """Return the operation of a service, by boto3's name, that a request asks for by its path.

    Also returns the values in the path. Raises UnknownOperationError if there is none.
    """
    return _route(service, Request({**environ, "wsgi.input": io.BytesIO()}))


def _route(service: str, request: Request) -> tuple[OperationModel, dict[str, Any]]:
    try:
        operation, labels = get_service_router(service).match(request)
    except (HTTPException, NotImplementedError) as error:
        # not of this service: moto's router raises the second for another protocol's request,
        # as personalize's (JSON) does for one of personalize-runtime (REST)
        raise UnknownOperationError(f"{request.path} is not a path of {service}") from error
    return operation, dict(labels)


def read(environ: Environ, signed: Signature) -> ApiCall:
    """Parse a signed request; its body stays readable for later layers."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    for service in SERVICES.get(signed.service, (signed.service,)):
        environ["wsgi.input"] = io.BytesIO(body)
        request = Request(environ)
        try:
            operation, labels = _route(service, request)
        except UnknownOperationError:
            continue
        call = ApiCall(signed, service, operation, request, labels)
        request.get_data()  # cached, so that a later parser does not read the stream
        environ["wsgi.input"] = io.BytesIO(body)
        return call
    raise UnknownOperationError(
        f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} "
        f"{environ.get('HTTP_X_AMZ_TARGET', '')} is not an operation of {signed.service}"
    )
