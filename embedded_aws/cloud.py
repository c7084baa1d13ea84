"""One moto server in this process, with what moto lacks installed."""

import io
import os
import threading
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from email.utils import formatdate
from functools import cache
from types import TracebackType
from typing import Any, Self

from flask import Flask
from moto.awslambda.models import lambda_backends
from moto.core.base_backend import BackendDict, backend_lock
from moto.core.model_instances import reset_model_data
from moto.moto_api._internal import mock_random
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

import embedded_aws.services.awslambda.models
import embedded_aws.services.cloudformation
import embedded_aws.services.cloudwatch.models
import embedded_aws.services.dynamodb.streams
import embedded_aws.services.dynamodb.throughput
import embedded_aws.services.events.models
import embedded_aws.services.glue.models
import embedded_aws.services.iam.guard
import embedded_aws.services.iam.quotas
import embedded_aws.services.personalize.models
import embedded_aws.services.scheduler.models
import embedded_aws.services.stepfunctions
from embedded_aws import clock as clocks
from embedded_aws import direct, moto_changes, moto_speed, wire
from embedded_aws.behaviour import Behaviour
from embedded_aws.clients import client
from embedded_aws.clock import Clock
from embedded_aws.faults import FaultLayer, Faults
from embedded_aws.not_offered import NotOffered
from embedded_aws.services import iam, s3, sns, sqs
from embedded_aws.services.glue.models import ClockedGlueBackend, glue_backend
from embedded_aws.services.iam.guard import Guard
from embedded_aws.services.iam.keys import add_key
from embedded_aws.serving import Serving

# Taken again by the next cloud if it is free: boto3's clients are kept by their endpoint.
_last_port: list[int] = []
_running = threading.Lock()  # moto keeps its state for the whole process: one cloud at a time


class _QuietHandler(MotoRequestHandler):
    # A response is written in two parts: with Nagle's algorithm each call would cost 40 ms more.
    disable_nagle_algorithm = True

    def log_request(self, *_args: object, **_kwargs: object) -> None:
        """Stay silent about requests; errors are still logged."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the Date of a response: DynamoDB's is the clock's.

        Others have the real one: the CDK CLI's SDK signs its requests by what it finds there.
        """
        return _date(self.headers.get("Authorization", ""), timestamp)


def _date(authorization: str, timestamp: float | None = None) -> str:
    if timestamp is None and "/dynamodb/" in authorization:
        timestamp = clocks.current().time()
    return formatdate(timestamp, usegmt=True)


class _Dispatcher(DomainDispatcherApplication):
    """moto's way from a request to its backend, found once for each host."""

    def __init__(self) -> None:
        super().__init__(_backend_app)
        self._known: dict[str | None, Any] = {}

    def infer_service_region_host(self, environ: dict[str, Any], path: str) -> Any:
        """Find the host that a request is meant for; DynamoDB's are known by their target."""
        signed = wire.signature(environ)
        if signed and signed.service == "dynamodb" and "HTTP_X_AMZ_TARGET" not in environ:
            raise wire.UnknownOperationError(f"{path} of DynamoDB, without a target")
        return super().infer_service_region_host(environ, path)

    def get_backend_for_host(self, host: str | None) -> Any:
        """Find the backend; moto walks through its own folders to do so, twice for a request.

        Raises wire.UnknownOperationError for a service that moto does not have.
        """
        if host not in self._known:
            with redirect_stdout(io.StringIO()):  # moto prints that it has no such service
                self._known[host] = super().get_backend_for_host(host)
        if host is not None and self._known[host] is None:
            raise wire.UnknownOperationError(f"moto has no service at {host}")
        return self._known[host]


@cache
def _backend_app(host: Any) -> Flask:
    """Make the app of a backend's host.

    It keeps nothing: it finds the backends, which each cloud begins anew, at each request.
    """
    app: Flask = create_backend_app(host)
    # moto sets Flask's debug mode, which makes a class for each request; of what else it does, only
    # that an app's error reaches the caller matters here
    app.debug, app.config["PROPAGATE_EXCEPTIONS"] = False, True
    return app


class Cloud:
    """The served cloud of one account and region, on one clock. Made by `start`; ends by `stop`.

    `behaviour` has the services' switches, `faults` what fails on purpose. `calls` lists every
    check of a deployed role's or a service's permission, `mailbox` what topics sent out of AWS.
    """

    def __init__(self, *, account: str, region: str, clock: Clock, port: int) -> None:
        self.account = account
        self.region = region
        self.clock = clock
        self.faults = Faults()
        self.behaviour = Behaviour(account, region)
        self.calls = iam.reset()
        self.mailbox = sns.reset()
        self._app = NotOffered(Guard(FaultLayer(_Dispatcher(), self.faults, account), account))
        self._server = _listen(port, self._app)
        self._serving = Serving(self._server)
        self._restored: Mapping[str, str | None] = {}

    @property
    def glue(self) -> ClockedGlueBackend:
        """Glue itself, to end or record job runs as only the service can."""
        return glue_backend(self.account, self.region)

    @property
    def is_running(self) -> bool:
        """Whether it has not been stopped."""
        return self._serving.is_alive()

    @property
    def endpoint(self) -> str:
        """The address for AWS_ENDPOINT_URL; by name, since the CDK CLI misreads 127.0.0.1."""
        return f"http://localhost:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a user exports so that the AWS CLI, boto3 and CDK work against this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": "root",
            "AWS_SECRET_ACCESS_KEY": "root",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client with the root's credentials and retries off."""
        return client(service, self.region)

    def add_key(self, arn: str, policy: Mapping[str, Any]) -> None:
        """Make a KMS key of this ARN, of this account or another, as only KMS itself can."""
        add_key(arn, policy)

    def send_service_event(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> str:
        """Send an event as an AWS service does (`aws.glue`); return its id."""
        return embedded_aws.services.events.models.send_service_event(
            self.account, self.region, source, detail_type, detail
        )

    def stop(self) -> None:
        """End the server, every function's process and the clock; forget everything. Repeatable."""
        if not self.is_running:
            return
        self.clock.stop()  # first: what waits ends silently, what runs still gets its responses
        lambdas: Any = lambda_backends[self.account][self.region]
        lambdas.stop()
        direct.close(self.endpoint)
        self._serving.stop()
        _forget()
        moto_changes.undo_all()
        for name, value in self._restored.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _running.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        variables = {
            **self.environment,
            "MOTO_ACCOUNT_ID": self.account,  # read by moto at each request
            "MOTO_PORT": str(self._server.server_port),
        }
        self._restored = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        direct.serve(self.endpoint, self._app, _date)
        self._serving.start()


def start(*, account: str, region: str, clock: Clock, port: int = 0) -> Cloud:
    """Start an empty cloud on loopback, at `port` or any free one.

    Raises RuntimeError while another cloud runs in this process, and OSError when the port is
    taken. Installs the clock as the process's own; the caller may still change its pace.
    """
    if not _running.acquire(blocking=False):
        raise RuntimeError("a cloud is already running in this process: stop it first")
    try:
        install_services()
        _forget()
        clocks.use(clock)
        cloud = Cloud(account=account, region=region, clock=clock, port=port)
        cloud._serve()
    except BaseException:
        moto_changes.undo_all()
        _running.release()
        raise
    return cloud


def install_services() -> None:
    """Change moto to what the embedded cloud needs; `moto_changes.undo_all` takes it back."""
    embedded_aws.services.stepfunctions.install()
    embedded_aws.services.personalize.models.install()
    embedded_aws.services.awslambda.models.install()
    embedded_aws.services.dynamodb.streams.install()
    embedded_aws.services.dynamodb.throughput.install()
    embedded_aws.services.cloudwatch.models.install()
    embedded_aws.services.events.models.install()
    embedded_aws.services.glue.models.install()
    embedded_aws.services.scheduler.models.install()
    embedded_aws.services.cloudformation.install()
    embedded_aws.services.iam.guard.install()
    embedded_aws.services.iam.quotas.install()
    s3.install()
    sns.install()
    sqs.install()
    moto_speed.install()


def _forget() -> None:
    """Empty moto, as its own reset does but without filling every backend again."""
    with backend_lock:
        in_use: list[Any] = BackendDict._instances  # type: ignore[misc] # generic, moto's too
        for backends in list(in_use):
            if backends.service_name == "s3":  # its objects lie in files
                for account in backends.values():
                    account.reset()
            backends.clear()
        in_use.clear()
    reset_model_data()
    mock_random.seed(0)  # the same rehearsal twice makes the same identifiers


def _listen(port: int, app: NotOffered) -> BaseWSGIServer:
    for chosen in [port] if port else [*_last_port, 0]:
        # werkzeug's way to say that the address is in use
        with suppress(SystemExit):
            server = make_server(
                "127.0.0.1", chosen, app, threaded=True, request_handler=_QuietHandler
            )
            _last_port[:] = [server.server_port]
            return server
    raise OSError(f"port {port} on 127.0.0.1 is taken: choose another, or 0")
