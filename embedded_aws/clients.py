"""boto3 clients for the served cloud: one per service, region and identity, without retries."""

import inspect
import os
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
import botocore.session
from botocore.auth import AUTH_TYPE_MAPS, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as Provider
from botocore.credentials import ReadOnlyCredentials
from moto.core.models import botocore_stubber

from embedded_aws import direct


@dataclass(frozen=True)
class Credentials:
    """What a client signs its requests with; a role session has a token, the root user has none."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None


ROOT = Credentials("root", "root", None)

_lock = threading.Lock()
_signer: ContextVar[Credentials] = ContextVar("_signer", default=ROOT)


def client(
    service: str, region: str, credentials: Credentials = ROOT, *, of_tasks: bool = False
) -> Any:
    """Return the client of `service`; without `credentials` it calls as the account's root user.

    The endpoint is that of the running cloud (`AWS_ENDPOINT_URL`), so that requests never leave
    this machine. Retries are off: the caller decides what to retry, on the virtual clock. One
    `of_tasks` of state machines leaves it to the service to refuse missing arguments. Inside
    moto's `mock_aws` there is no endpoint: moto itself takes the requests.
    """
    with _lock:  # a boto3 session loads its models on demand, which is not thread-safe
        endpoint = None if botocore_stubber.enabled else os.environ["AWS_ENDPOINT_URL"]
        of_root = _client(service, region, endpoint, of_tasks)
    return of_root if credentials == ROOT else _SignedBy(credentials, of_root)


class _SignedBy:
    """A client whose operations are signed with a role session's credentials.

    A service begins a session for each delivery, and a client of its own for each would cost more
    than all that the delivery does.
    """

    def __init__(self, credentials: Credentials, of_root: Any) -> None:
        self._credentials = credentials
        self._client = of_root

    def __getattr__(self, name: str) -> Any:
        of_root = getattr(self._client, name)
        if not inspect.ismethod(of_root):  # such as `exceptions`
            return of_root

        def call(**parameters: Any) -> Any:
            signer = _signer.set(self._credentials)
            try:
                return of_root(**parameters)
            finally:
                _signer.reset(signer)

        return call


class _OfTheCaller(Provider):
    """What botocore takes for fixed credentials: those that sign the call in progress."""

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        signer = _signer.get()
        return ReadOnlyCredentials(
            signer.access_key_id, signer.secret_access_key, signer.session_token
        )


class _NamesTheCaller(SigV4Auth):
    """Signs in form only: nothing here checks a signature, and to compute one takes a while.

    Not for S3, whose signatures have the hash of the body, which S3 does check.
    """

    def add_auth(self, request: AWSRequest) -> None:
        """Name the key, the region and the service, as every signature does."""
        request.context["timestamp"] = "20200928T010000Z"  # any: nobody reads it
        if self.credentials.token:
            request.headers["X-Amz-Security-Token"] = self.credentials.token
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.scope(request)}, SignedHeaders=host, Signature=-"
        )


AUTH_TYPE_MAPS["names-the-caller"] = _NamesTheCaller


def _choose_signer(signature_version: str, **_: Any) -> str | None:
    return "names-the-caller" if signature_version == "v4" else None  # None: as it is


@lru_cache(maxsize=256)
def _client(service: str, region: str, endpoint: str | None, of_tasks: bool) -> Any:
    made: Any = _session().client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        config=Config(
            retries={"total_max_attempts": 1},
            max_pool_connections=50,
            # botocore builds its own for each request
            user_agent="stepfunctions" if of_tasks else "rehearsal",
            parameter_validation=not of_tasks,
            inject_host_prefix=False,  # TestState is at sync-…, which is no address here
        ),
    )
    direct.connect(made)
    made.meta.events.register("choose-signer", _choose_signer)
    return made


@lru_cache(maxsize=1)
def _session() -> Any:
    session: Any = botocore.session.Session()
    session._credentials = _OfTheCaller("-", "-")
    return boto3.session.Session(botocore_session=session)
