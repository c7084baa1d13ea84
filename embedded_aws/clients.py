"""boto3 clients for the served cloud: one per service, region and identity, without retries."""

import os
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True)
class Credentials:
    """What a client signs its requests with; a role session has a token, the root user has none."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None


ROOT = Credentials("root", "root", None)

_lock = threading.Lock()


def client(service: str, region: str, credentials: Credentials = ROOT) -> Any:
    """Return the client of `service`; without `credentials` it calls as the account's root user.

    The endpoint is that of the running cloud (`AWS_ENDPOINT_URL`), so that requests never leave
    this machine. Retries are off: the caller decides what to retry, on the virtual clock.
    """
    with _lock:  # a boto3 session loads its models on demand, which is not thread-safe
        return _client(service, region, os.environ["AWS_ENDPOINT_URL"], credentials)


@lru_cache(maxsize=256)
def _client(service: str, region: str, endpoint: str, credentials: Credentials) -> Any:
    return _session().client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token,
        config=Config(
            retries={"total_max_attempts": 1},
            max_pool_connections=50,
            user_agent="rehearsal",  # botocore builds its own for each request
        ),
    )


@lru_cache(maxsize=1)
def _session() -> Any:
    return boto3.session.Session()
