"""Requests of this process's own clients, carried out without a connection.

Most requests come from services and tests in the cloud's own process. Over a socket each would
need a connection and a thread, for about half of its time. So the request that botocore has
serialized and signed goes to the same WSGI layers in the caller's thread. Functions, the CDK CLI
and all other clients use the socket.
"""

import contextvars
import io
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from werkzeug.exceptions import InternalServerError

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Date = Callable[[str], str]

_log = logging.getLogger(__name__)
_served: dict[str, tuple[App, Date]] = {}


def serve(origin: str, app: App, date: Date) -> None:
    """Carry out what connected clients send to `origin` (`http://localhost:5000`) until `close`.

    `date` returns the Date of the response to a request with this Authorization header.
    """
    _served[origin] = (app, date)


def close(origin: str) -> None:
    """Carry out nothing more: a client gets no connection to a cloud that has ended."""
    _served.pop(origin, None)


def connect(client: Any) -> None:
    """Let a boto3 client send its requests directly while their origin is served here."""
    client.meta.events.register("before-send", _send)


class _Body(io.BytesIO):
    def stream(self, amount: int = 65536, **_kwargs: object) -> Iterator[bytes]:
        """Yield the rest in parts, as urllib3 does."""
        while part := self.read(amount):
            yield part


def _send(request: AWSPreparedRequest, **_kwargs: object) -> AWSResponse | None:
    url = urlsplit(request.url)
    served = _served.get(f"{url.scheme}://{url.netloc}")
    if not served or "Transfer-Encoding" in request.headers:
        return None
    app, date = served
    environ = _environ(request, url)
    # A new context: a server knows nothing of what its caller has set, such as the signer.
    context = contextvars.Context()
    try:
        status, headers, body = context.run(_carry_out, app, environ)
    except ConnectionError as error:
        raise ConnectionClosedError(
            error=error, request=request, endpoint_url=request.url
        ) from error
    sent: Any = {"Date": date(environ.get("HTTP_AUTHORIZATION", "")), **headers}
    return AWSResponse(request.url, status, sent, _Body(body))


def _environ(request: AWSPreparedRequest, url: SplitResult) -> Environ:
    """Return what werkzeug's server makes of a request."""
    body: Any = request.body or b""  # bytes, text or a file
    if isinstance(body, str):
        body = body.encode()
    elif hasattr(body, "read"):
        body = body.read()
    target = f"{url.path}?{url.query}" if url.query else url.path
    environ: Environ = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _latin(unquote(url.path)),
        "QUERY_STRING": _latin(url.query),
        "REQUEST_URI": _latin(target),
        "RAW_URI": _latin(target),
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(url.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        environ[key] = value.decode("latin1") if isinstance(value, bytes) else str(value)
    return environ


def _latin(text: str) -> str:
    return text.encode().decode("latin1")


def _carry_out(app: App, environ: Environ) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body; as from a server, an app's error is status 500."""
    try:
        return _answer(app, environ)
    except ConnectionError:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, a server would go on
        _log.exception("Error on request")
        return _answer(InternalServerError(), environ)


def _answer(app: App, environ: Environ) -> tuple[int, dict[str, str], bytes]:
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
        begun.append((status, headers))

    parts = app(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        getattr(parts, "close", lambda: None)()
    status, headers = begun[-1]
    return int(status.split(None, 1)[0]), dict(headers), body
