"""Faults on demand: make calls of the deployed roles fail in the ways that AWS fails.

The syntax of a fault is `SERVICE:OPERATION[@N]=KIND[:ARGUMENT][*TIMES]`, as in
`personalize:CreateSolutionVersion=lost*2`, or `dynamodb:UpdateItem@3=lost` for the third call only.
"""

import re
import socket
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any

from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.wrappers import Response

from embedded_aws import wire
from embedded_aws.services.iam import Session
from embedded_aws.services.iam.actions import Permission, Place, needed
from embedded_aws.services.iam.guard import CALL, SESSION, App, StartResponse, denial
from embedded_aws.services.personalize.models import personalize_backend
from embedded_aws.validation import service_model

KINDS = {
    "throttle": "the service's throttling error, with status 400 or what it uses instead",
    "error": "the service's internal error, with status 500; error:503 is ServiceUnavailable",
    "denied": "AccessDenied, as if the role's policy did not allow the call",
    "slow": "carried out at once, but the response comes SECONDS simulated seconds later (slow:30)",
    "lost": "carried out, but the connection closes without a response",
    "hung": "like lost, but only SECONDS simulated seconds later, as if the caller's own timeout "
    "had ended the call (hung:30)",
    "killed": "carried out, but the calling function is killed before it can read the response; "
    "like lost for a call that no function made",
    "exhausted": "like killed, for having taken more memory than it may",
    "refused": "an error of the service's own, not carried out (refused:LimitExceededException)",
    "aborted": "carried out, but every running execution is stopped before the response",
}
_SECONDS = {"slow", "hung"}  # the kinds that take seconds
_ERROR_NAME = re.compile(r"[A-Z]\w+")
_ERROR_NAME = re.compile(r"[A-Z]\w+")
_FORM = re.compile(
    r"(?P<service>[\w*?-]+):(?P<operation>[\w*?]+)(?:@(?P<nth>\w+))?=(?P<kind>\w+)"
    r"(?::(?P<argument>[^*]+))?(?:\*(?P<times>\w+))?"
)
# Other names that people use for a service, in place of its signing name.
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
    """One fault, and how often it applies: to `times` matching calls, then never again.

    With `nth`, these are the nth matching call and those that follow it, even if other faults apply
    to them. Only calls that a deployed role makes, and is allowed to make, after the fault was
    added count; with `roles`, only those of the roles that have these names.
    """

    service: str
    operation: str
    kind: str
    argument: str | None = None
    times: float = 1  # math.inf: always
    nth: int | None = None
    roles: Collection[str] | None = None
    struck: int = field(default=0, compare=False)
    matched: int = field(default=0, compare=False)

    @classmethod
    def parse(cls, spec: str) -> "Fault":
        """Parse a fault's text; the ValueError says what is wrong and what is allowed."""
        found = _FORM.fullmatch(spec.strip())
        if not found:
            raise ValueError(
                f"fault {spec!r}: expected SERVICE:OPERATION[@N]=KIND[:ARGUMENT][*TIMES], "
                f"such as personalize:CreateSolutionVersion=lost*2"
            )
        service, operation, nth, kind, argument, times = found.groups()
        if kind not in KINDS:
            raise ValueError(f"fault {spec!r}: kind {kind!r} is not one of {', '.join(KINDS)}")
        if not _is_argument(kind, argument):
            raise ValueError(f"fault {spec!r}: {kind} takes " + _expected_argument(kind))
        if times not in {None, "always"} and not _is_count(times):
            raise ValueError(f"fault {spec!r}: TIMES must be a whole number from 1, or always")
        if nth is not None and not _is_count(nth):
            raise ValueError(f"fault {spec!r}: N must be a whole number from 1")
        service = _ALIASES.get(service.lower(), service.lower())
        count = float("inf") if times == "always" else int(times or 1)
        return cls(service, operation, kind, argument, count, int(nth) if nth else None)

    def __str__(self) -> str:
        nth = f"@{self.nth}" if self.nth else ""
        argument = f":{self.argument}" if self.argument else ""
        times = "always" if self.times == float("inf") else str(self.times)
        return f"{self.service}:{self.operation}{nth}={self.kind}{argument}*{times}"

    def meets(self, service: str, operation: str, role: str) -> bool:
        """Count a call if it matches, and return whether it is due; case does not matter."""
        if self.roles is not None and role not in self.roles:
            return False
        if not (
            fnmatchcase(service.lower(), self.service.lower())
            and fnmatchcase(operation.lower(), self.operation.lower())
        ):
            return False
        self.matched += 1
        if self.nth is None:
            return self.struck < self.times
        return self.nth <= self.matched < self.nth + self.times


def _is_count(text: str) -> bool:
    return text.isdecimal() and int(text) > 0


def _expected_argument(kind: str) -> str:
    if kind in _SECONDS:
        return f"seconds, as in {kind}:30"
    if kind == "refused":
        return "the name of an error, as in refused:LimitExceededException"
    if kind == "refused":
        return "the name of an error, as in refused:LimitExceededException"
    return "500 or 503, as in error:503" if kind == "error" else "no argument"


def _is_argument(kind: str, argument: str | None) -> bool:
    if kind in _SECONDS:
        return argument is not None and re.fullmatch(r"\d+(\.\d+)?", argument) is not None
    if kind == "refused":
        return argument is not None and _ERROR_NAME.fullmatch(argument) is not None
    if kind == "refused":
        return argument is not None and _ERROR_NAME.fullmatch(argument) is not None
    if kind == "error":
        return argument in {None, "500", "503"}
    return argument is None


class Faults:
    """The active faults; the first one that is due for a call applies to it.

    `made` lists the calls so far that faults could apply to: the role's name and the operation.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.made: list[tuple[str, str]] = []
        self._faults = list(faults)
        self._lock = threading.Lock()

    def add(self, fault: Fault | str) -> Fault:
        """Add a fault; text is parsed."""
        fault = Fault.parse(fault) if isinstance(fault, str) else fault
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._faults.clear()

    @property
    def unused(self) -> list[Fault]:
        """The faults that have not applied to any call, such as a spec that matches none."""
        return [fault for fault in self._faults if not fault.struck]

    def take(self, service: str, operation: str, role: str = "") -> Fault | None:
        """Return the fault that applies to this call of a role, and count it."""
        with self._lock:
            due = [fault for fault in self._faults if fault.meets(service, operation, role)]
            if not due:
                return None
            due[0].struck += 1
            return due[0]


class FaultLayer:
    """The WSGI layer behind the guard: faults apply only to calls of deployed roles."""

    def __init__(self, app: App, faults: Faults, account: str) -> None:
        self._app = app
        self._faults = faults
        self._account = account

    def __call__(self, environ: wire.Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Carry out one request (WSGI), or fail as the fault requires."""
        call: wire.ApiCall | None = environ.get(CALL)
        if not call:
            return self._app(environ, start_response)
        session: Session = environ[SESSION]
        self._faults.made.append((session.role_name, call.name))
        fault = self._faults.take(call.signature.service, call.operation.name, session.role_name)
        if not fault:
            return self._app(environ, start_response)
        if refusal := self._refusal(fault, call, session):
            return refusal(environ, start_response)
        answer = list(self._app(environ, start_response))
        if fault.kind in _SECONDS:
            session.wait(float(fault.argument or 0))
        if fault.kind == "killed":
            session.kill()
        if fault.kind == "exhausted":
            session.exhaust()
        if fault.kind == "aborted":
            backend: Any = stepfunctions_parser_backends[self._account][call.signature.region]
            backend.stop_everything()
        if fault.kind in {"slow", "aborted", "refused"}:
            return answer
        _hang_up(environ)
        raise ConnectionResetError(f"{fault.kind} on demand")

    def _refusal(self, fault: Fault, call: wire.ApiCall, session: Session) -> Response | None:
        """Return the response to a call that is not carried out; None if the service responds."""
        if fault.kind == "throttle":
            code, status = _THROTTLED.get(call.signature.service, ("ThrottlingException", 400))
            return call.error(code, "Rate exceeded", status)
        if fault.kind == "error":
            return _internal_error(call, fault)
        if fault.kind == "denied":
            place = Place(call.signature.region, self._account)
            refused = needed(call.name, call.params, place) or [Permission(call.name, "*")]
            return denial(call, session, refused[0])
        if fault.kind == "refused":
            name, operation = str(fault.argument), call.operation.name
            if call.service != "personalize":
                text = f"{operation} is refused on demand."
                return call.error(name, text, _status(call, name))
            # Personalize raises it itself, so that its own way to report errors is tested, too.
            behaviour = personalize_backend(self._account, call.signature.region).behaviour
            behaviour.planned_errors.setdefault(operation, []).append(name)
        return None


def _status(call: wire.ApiCall, error: str) -> int:
    """Return the HTTP status of an error of the service's model, 400 if it does not say."""
    shapes = {shape.name: shape for shape in service_model(call.service).error_shapes}
    metadata = shapes[error].metadata if error in shapes else {}
    return int(metadata.get("error", {}).get("httpStatusCode", HTTPStatus.BAD_REQUEST))


def _internal_error(call: wire.ApiCall, fault: Fault) -> Response:
    if fault.argument == "503":
        return call.error("ServiceUnavailable", "Service is unavailable", 503)
    code = _INTERNAL.get(call.signature.service, "InternalFailure")
    return call.error(code, "An internal error occurred", 500)


def _hang_up(environ: wire.Environ) -> None:
    connection: socket.socket | None = environ.get("werkzeug.socket")  # none of a direct request
    if connection:
        with suppress(OSError):  # a killed caller may be gone already
            connection.shutdown(socket.SHUT_RDWR)
