"""The clients with which state machines call other services: one each, under the machine's role."""

import sys
import threading
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import (
    StateCredentials,
)
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from embedded_aws.clients import Credentials, client
from embedded_aws.moto_changes import replace

_making = threading.Lock()


def client_for(region: str, service: str, state_credentials: StateCredentials) -> Any:
    """Return the client of `service` for the role in `state_credentials`.

    The service refuses missing arguments and the workflow makes the retries, so the client does
    neither. The clients live as long as the backend of the role's account.
    """
    role_arn = state_credentials.role_arn
    account = role_arn.split(":")[4]
    backend: Any = stepfunctions_parser_backends[account][region]
    key = (service, region, role_arn)
    with _making:
        if key not in backend.clients:
            session = sts_backends[account][get_partition(region)].assume_role(
                region, "states", role_arn, "", 3600, ""
            )
            credentials = Credentials(
                session.access_key_id, session.secret_access_key, session.session_token
            )
            backend.clients[key] = client(service, region, credentials, of_tasks=True)
        return backend.clients[key]


def install() -> None:
    """Replace moto's function, which makes a new client for each task and uses no role."""
    for name, module in list(sys.modules.items()):  # thousands; other modules never have it
        if name.startswith("moto.stepfunctions.") and hasattr(module, "boto_client_for"):
            replace(
                module,
                "a task calls under the machine's role, not as the account",
                boto_client_for=client_for,
            )
