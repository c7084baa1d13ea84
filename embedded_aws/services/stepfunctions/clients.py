"""The clients with which state machines call other services: one each, under the machine's role."""

import sys
import threading
from typing import Any

import boto3
from botocore.config import Config
from moto import settings
from moto.core.models import botocore_stubber
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import (
    StateCredentials,
)
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from embedded_aws import direct
from embedded_aws.moto_changes import replace

_REAL_SECONDS = 600  # for a response; the simulated time limit is the state's own TimeoutSeconds
_making = threading.Lock()  # boto3's session is not thread-safe; its clients are


def client_for(region: str, service: str, state_credentials: StateCredentials) -> Any:
    """Return the client of `service` for the role in `state_credentials`.

    The service refuses missing arguments and the workflow makes the retries, so the client does
    neither. The clients live as long as the backend of the role's account.
    """
    role_arn = state_credentials.role_arn
    account = role_arn.split(":")[4]
    backend: Any = stepfunctions_parser_backends[account][region]
    clients = backend.clients
    endpoint = (
        None if botocore_stubber.enabled else f"http://localhost:{settings.moto_server_port()}"
    )
    key = (service, region, role_arn, endpoint)
    with _making:
        if key not in clients:
            partition = get_partition(region)
            session = sts_backends[account][partition].assume_role(
                region, "states", role_arn, "", 3600, ""
            )
            make: Any = boto3.client  # whose types need a literal service name
            clients[key] = make(
                service,
                region_name=region,
                endpoint_url=endpoint,
                aws_access_key_id=session.access_key_id,
                aws_secret_access_key=session.secret_access_key,
                aws_session_token=session.session_token,
                config=Config(
                    parameter_validation=False,
                    user_agent="stepfunctions",  # botocore builds its own for each request
                    retries={"total_max_attempts": 1},
                    connect_timeout=_REAL_SECONDS,
                    read_timeout=_REAL_SECONDS,
                    max_pool_connections=50,
                ),
            )
            direct.connect(clients[key])
        return clients[key]


def install() -> None:
    """Replace moto's function, which makes a new client for each task and uses no role."""
    original = boto_client.boto_client_for
    for module in list(sys.modules.values()):
        if getattr(module, "boto_client_for", None) is original:
            replace(
                module,
                "a task calls under the machine's role, not as the account",
                boto_client_for=client_for,
            )
