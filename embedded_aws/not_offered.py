"""The WSGI layer that refuses what is not offered here in the words of an API, never as a web page.

moto leaves it to its web framework: an operation that it does not have is a page with status 404 or
500, which SDKs of XML services cannot even read.
"""

import io
import logging
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import botocore.session
from moto.core.utils import get_service_model
from werkzeug.wrappers import Response

from embedded_aws import wire

StartResponse = Callable[..., Any]
App = Callable[[wire.Environ, StartResponse], Iterable[bytes]]

_FORM = "application/x-www-form-urlencoded"
_MOST_FORM = 1024 * 1024  # bytes of a form in which the operation is looked for
_LEAST_ERROR = 400
_log = logging.getLogger(__name__)


class NotOffered:
    """Replaces the web pages and the exceptions of an app by errors in the service's protocol."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(
        self, environ: wire.Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Carry out one request (WSGI); a connection that is to break still does."""
        body = _form_body(environ)
        begun: list[tuple[Any, ...]] = []
        try:
            parts = self._app(environ, lambda *status: begun.append(status))
        except ConnectionError:
            raise
        except (wire.UnknownOperationError, NotImplementedError):  # the second is moto's own
            return _refusal(environ, _form(body))(environ, start_response)
        except Exception as error:  # noqa: BLE001 - whatever it is, a server goes on
            _log.exception("Error on request")
            why = f"failed inside this embedded AWS: {type(error).__name__}: {error}"
            return _failure(environ, _form(body), why)(environ, start_response)
        status, headers, *_ = begun[-1]
        if not _is_page(environ, status, headers):
            start_response(*begun[-1])
            return parts
        page = b"".join(parts)
        getattr(parts, "close", lambda: None)()
        if page and not page.lstrip().lower().startswith((b"<!doctype html", b"<html")):
            start_response(*begun[-1])
            return [page]
        return _refusal(environ, _form(body))(environ, start_response)


def _is_page(environ: wire.Environ, status: str, headers: list[tuple[str, str]]) -> bool:
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    return (
        environ["REQUEST_METHOD"] != "HEAD"  # a response without a body
        and int(status.split(None, 1)[0]) >= _LEAST_ERROR
        and kind.startswith("text/html")
    )


def _refusal(environ: wire.Environ, form: dict[str, list[str]]) -> Response:
    """Return what a client gets for an operation that AWS has or has not, and that is not here."""
    signed = wire.signature(environ)
    place = _place(environ, form)
    if signed is None:
        return _error(environ, "UnknownOperationException", f"{place} is not an operation.", 404)
    operation = _operation(environ, form, signed)
    if operation:
        message = (
            f"The operation {operation} of {signed.service} is not offered by this embedded AWS."
        )
        return _error(environ, "NotImplemented", message, 501)
    message = f"{place} is not an operation of {signed.service} in this embedded AWS."
    return _error(environ, "UnknownOperationException", message, 404)


def _failure(environ: wire.Environ, form: dict[str, list[str]], why: str) -> Response:
    signed = wire.signature(environ)
    operation = (_operation(environ, form, signed) if signed else None) or _place(environ, form)
    service = f" of {signed.service}" if signed else ""
    return _error(environ, "InternalFailure", f"The operation {operation}{service} {why}", 500)


def _place(environ: wire.Environ, form: dict[str, list[str]]) -> str:
    """Return what a request asks for, if it is no operation that is known."""
    named = environ.get("HTTP_X_AMZ_TARGET") or form.get("Action", [""])[0]
    return named or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def _operation(
    environ: wire.Environ, form: dict[str, list[str]], signed: wire.Signature
) -> str | None:
    """Return the operation that a request names, or that botocore's models have for its path."""
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    if named := target or form.get("Action", [""])[0]:
        return str(named)
    for service in _services(signed.service):
        try:
            operation, _ = wire.match(service, environ)
        except wire.UnknownOperationError:
            continue
        return operation.name
    return None


@cache
def _services(signing_name: str) -> tuple[str, ...]:
    """Return boto3's names of the services that may be signed for by this name.

    All models would take seconds to read, so only services with similar names are looked at.
    """
    if known := wire.SERVICES.get(signing_name):
        return known
    short = signing_name.replace("-", "")
    names = botocore.session.get_session().get_available_services()
    return tuple(name for name in names if name.replace("-", "").startswith(short))


def _error(environ: wire.Environ, code: str, message: str, status: int) -> Response:
    """Return an error in the protocol of the service that a request is signed for."""
    return wire.error_response(_protocol(environ), code, message, status)


def _protocol(environ: wire.Environ) -> str:
    """Return json, query, ec2 or rest-xml."""
    signed = wire.signature(environ)
    if signed is None or "HTTP_X_AMZ_TARGET" in environ:
        return "json"
    if environ.get("CONTENT_TYPE", "").startswith(_FORM):
        return "ec2" if signed.service == "ec2" else "query"
    services = _services(signed.service)
    if signed.service in services:
        services = (signed.service,)
    protocols = {get_service_model(service).resolved_protocol for service in services}
    return "rest-xml" if protocols == {"rest-xml"} else "json"


def _form_body(environ: wire.Environ) -> bytes:
    """Return the body of a request if it is a form; it stays readable."""
    if not environ.get("CONTENT_TYPE", "").startswith(_FORM):
        return b""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length < _MOST_FORM:
        return b""
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _form(body: bytes) -> dict[str, list[str]]:
    """Return the fields of a form, in which services with XML are told the operation."""
    return parse_qs(body.decode(errors="replace"))
