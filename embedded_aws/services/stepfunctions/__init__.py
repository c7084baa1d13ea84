"""The embedded cloud's Step Functions: moto's interpreter, on the virtual clock, made to match AWS.

moto 5.2.5 runs state machines but lacks JSONata, the SDK integrations' naming and many of the
service's checks. Each module here closes one of these gaps. The code that starts the cloud calls
`install` once, before the first execution; from then on every state machine is executed.
"""

from moto.core.config import default_user_config

from embedded_aws.moto_changes import replace_item
from embedded_aws.services.stepfunctions import (
    choices,
    clients,
    data,
    definitions,
    errors,
    integrations,
    jsonata,
    models,
    redrive,
    scopes,
    timing,
    variables,
)


def install() -> None:
    """Make moto execute state machines as AWS does.

    Reads the clock (`embedded_aws.clock.current`) only when something runs.
    """
    replace_item(
        default_user_config,
        "moto.core.config.default_user_config",
        "moto runs state machines only if this is set",
        stepfunctions={"execute_state_machine": True},
    )
    for part in (
        timing,
        scopes,
        jsonata,
        variables,
        errors,
        choices,
        clients,
        data,
        redrive,
        integrations,
        definitions,
        models,
    ):
        part.install()
