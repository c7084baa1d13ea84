"""Faults on demand: calls of the deployed roles that fail in the ways that AWS fails.

A fault is written `SERVICE:OPERATION=KIND[:ARGUMENT][*TIMES]`, as in
`personalize:CreateSolutionVersion=lost*2`.
"""

import re
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from werkzeug.wrappers import Response

from rehearsal import wire
from rehearsal.iam import Session
from rehearsal.iam.actions import Permission, Place, needed
from rehearsal.iam.guard import CALL, SESSION, App, StartResponse, denial

KINDS = {
    "throttle": "the service's throttling error, with status 400 or what it uses instead",
    "error": "the service's internal error, with status 500; error:503 is ServiceUnavailable",
    "denied": "AccessDenied, as if the role's policy did not allow the call",
    "slow": "carried out at once, answered only SECONDS simulated seconds later (slow:30)",
    "lost": "carried out, but the connection closes without an answer",
}
_FORM = re.compile(
    r"(?P<service>[\w*?-]+):(?P<operation>[\w*?]+)=(?P<kind>\w+)"
    r"(?::(?P<argument>[^*]+))?(?:\*(?P<times>\w+))?"
)
# Other names under which people know a service than the one its requests are signed for.
_ALIASES = {"stepfunctions": "states", "sfn": "states", "cloudwatch": "monitoring"}
_THROTTLED = {
    "lambda": ("TooManyRequestsException", 429),
    "s3": ("SlowDown", 503),
    "sqs": ("RequestThrottled", 400),
    "sns": ("Throttled", 429),
}
_INTERNAL = {
    "dynamodb": "InternalServerError",
    "events": "InternalException",
    "lambda": "ServiceException",
    "s3": "InternalError",
    "sqs": "InternalError",
}


@dataclass
class Fault:
    """One fault, and how often it strikes: `times` calls that match, then never again."""

    service: str
    operation: str
    kind: str
    argument: str | None = None
    times: float = 1  # math.inf: always
    struck: int = field(default=0, compare=False)

    @classmethod
    def parse(cls, spec: str) -> "Fault":
        """Read a fault as people write it; ValueError says what is wrong and what is allowed."""
        found = _FORM.fullmatch(spec.strip())
        if not found:
            raise ValueError(
                f"fault {spec!r}: expected SERVICE:OPERATION=KIND[:ARGUMENT][*TIMES], "
                f"such as personalize:CreateSolutionVersion=lost*2"
            )
        service, operation, kind, argument, times = found.groups()
        if kind not in KINDS:
            raise ValueError(f"fault {spec!r}: kind {kind!r} is none of {', '.join(KINDS)}")
        if not _is_argument(kind, argument):
            raise ValueError(
                f"fault {spec!r}: {kind} takes "
                + {"slow": "seconds, as in slow:30", "error": "500 or 503, as in error:503"}.get(
                    kind, "no argument"
                )
            )
        if times not in {None, "always"} and not (times.isdecimal() and int(times) > 0):
            raise ValueError(f"fault {spec!r}: TIMES is a whole number from 1, or always")
        service = _ALIASES.get(service.lower(), service.lower())
        count = float("inf") if times == "always" else int(times or 1)
        return cls(service, operation, kind, argument, count)

    def __str__(self) -> str:
        argument = f":{self.argument}" if self.argument else ""
        times = "always" if self.times == float("inf") else str(self.times)
        return f"{self.service}:{self.operation}={self.kind}{argument}*{times}"

    def strikes(self, service: str, operation: str) -> bool:
        """Tell whether the next call of `operation` meets this fault; case does not matter."""
        return (
            self.struck < self.times
            and fnmatchcase(service.lower(), self.service.lower())
            and fnmatchcase(operation.lower(), self.operation.lower())
        )


def _is_argument(kind: str, argument: str | None) -> bool:
    if kind == "slow":
        return argument is not None and re.fullmatch(r"\d+(\.\d+)?", argument) is not None
    if kind == "error":
        return argument in {None, "500", "503"}
    return argument is None


class Faults:
    """The faults in force; the first that matches a call strikes it."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = list(faults)
        self._lock = threading.Lock()

    def add(self, fault: Fault | str) -> Fault:
        """Put one more fault in force, parsed if it is text."""
        fault = Fault.parse(fault) if isinstance(fault, str) else fault
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Lift every fault."""
        with self._lock:
            self._faults.clear()

    @property
    def unused(self) -> list[Fault]:
        """The faults that have not struck once: a user's spec that matches no call."""
        return [fault for fault in self._faults if not fault.struck]

    def take(self, service: str, operation: str) -> Fault | None:
        """Find the fault that strikes this call, and count it."""
        with self._lock:
            for fault in self._faults:
                if fault.strikes(service, operation):
                    fault.struck += 1
                    return fault
        return None


class FaultLayer:
    """The WSGI layer behind the guard: only calls of deployed roles meet faults."""

    def __init__(self, app: App, faults: Faults, account: str) -> None:
        self._app = app
        self._faults = faults
        self._account = account

    def __call__(self, environ: wire.Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Carry out one request (WSGI), or fail as the fault demands."""
        call: wire.ApiCall | None = environ.get(CALL)
        fault = call and self._faults.take(call.signature.service, call.operation.name)
        if not call or not fault:
            return self._app(environ, start_response)
        session: Session = environ[SESSION]
        if fault.kind == "throttle":
            code, status = _THROTTLED.get(call.signature.service, ("ThrottlingException", 400))
            return call.error(code, "Rate exceeded", status)(environ, start_response)
        if fault.kind == "error":
            return _internal_error(call, fault)(environ, start_response)
        if fault.kind == "denied":
            place = Place(call.signature.region, self._account)
            refused = needed(call.name, call.params, place) or [Permission(call.name, "*")]
            return denial(call, session, refused[0])(environ, start_response)
        answer = list(self._app(environ, start_response))
        if fault.kind == "slow":
            session.wait(float(fault.argument or 0))
            return answer
        _hang_up(environ)
        raise ConnectionResetError("lost on demand")


def _internal_error(call: wire.ApiCall, fault: Fault) -> Response:
    if fault.argument == "503":
        return call.error("ServiceUnavailable", "Service is unavailable", 503)
    code = _INTERNAL.get(call.signature.service, "InternalFailure")
    return call.error(code, "An internal error occurred", 500)


def _hang_up(environ: wire.Environ) -> None:
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
