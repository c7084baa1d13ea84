"""boto3 clients for the served cloud: one for each service, region and identity, never a retry."""

import os
import threading
from functools import lru_cache
from typing import Any, Protocol

import boto3
from botocore.config import Config


class Credentials(Protocol):
    """What a client signs its requests with."""

    @property
    def access_key_id(self) -> str: ...
    @property
    def secret_access_key(self) -> str: ...
    @property
    def session_token(self) -> str: ...


# boto3 loads its models lazily into the session, which is not safe for threads.
_lock = threading.Lock()


def client(service: str, region: str, credentials: Credentials | None = None) -> Any:
    """Return the client of `service`; without `credentials` it calls as the account's root.

    The endpoint is the running cloud's (`AWS_ENDPOINT_URL`), so that a client never leaves this
    machine. Retries are off: whoever calls decides what to repeat, on the virtual clock.
    """
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    if credentials is None:
        return _client(service, region, endpoint, "root", "root", None)
    return _client(
        service,
        region,
        endpoint,
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token,
    )


def _client(
    service: str, region: str, endpoint: str, key: str, secret: str, token: str | None
) -> Any:
    with _lock:
        return _make(service, region, endpoint, key, secret, token)


@lru_cache(maxsize=256)
def _make(service: str, region: str, endpoint: str, key: str, secret: str, token: str | None) -> Any:
    return _session().client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(
            retries={"total_max_attempts": 1},
            max_pool_connections=50,
            # The user's own configuration must not reach a rehearsal.
            ignore_configured_endpoint_urls=True,
        ),
    )


@lru_cache(maxsize=1)
def _session() -> boto3.session.Session:
    return boto3.session.Session()
