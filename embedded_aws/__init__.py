"""Run a synthesised CDK app in one local process, without an AWS account.

These names are all that other packages import; README.md has an example. Each module is loaded at
the first use of its name, because moto and boto3 take seconds to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedded_aws.behaviour import Behaviour
    from embedded_aws.clock import Clock
    from embedded_aws.cloud import Cloud, start
    from embedded_aws.deployment import DeploymentError, deploy, withdraw_bootstrap
    from embedded_aws.faults import Fault
    from embedded_aws.services.glue.models import GlueBehaviour, JobRunState, job_state_change
    from embedded_aws.services.iam import Call
    from embedded_aws.services.personalize.avro import (
        MOST_METADATA,
        REQUIRED_COLUMNS,
        RESERVED_COLUMNS,
        metadata_fields,
        record_type,
    )
    from embedded_aws.services.personalize.behaviour import PersonalizeBehaviour
    from embedded_aws.services.personalize.csv_dialect import scan_data, split
    from embedded_aws.services.scheduler.models import SchedulerBehaviour

__all__ = [
    "MOST_METADATA",
    "REQUIRED_COLUMNS",
    "RESERVED_COLUMNS",
    "Behaviour",
    "Call",
    "Clock",
    "Cloud",
    "DeploymentError",
    "Fault",
    "GlueBehaviour",
    "JobRunState",
    "PersonalizeBehaviour",
    "SchedulerBehaviour",
    "deploy",
    "job_state_change",
    "metadata_fields",
    "record_type",
    "scan_data",
    "split",
    "start",
    "withdraw_bootstrap",
]

_MODULES = {
    "MOST_METADATA": "services.personalize.avro",
    "REQUIRED_COLUMNS": "services.personalize.avro",
    "RESERVED_COLUMNS": "services.personalize.avro",
    "Behaviour": "behaviour",
    "Call": "services.iam",
    "Clock": "clock",
    "Cloud": "cloud",
    "DeploymentError": "deployment",
    "Fault": "faults",
    "GlueBehaviour": "services.glue.models",
    "JobRunState": "services.glue.models",
    "PersonalizeBehaviour": "services.personalize.behaviour",
    "SchedulerBehaviour": "services.scheduler.models",
    "deploy": "deployment",
    "job_state_change": "services.glue.models",
    "metadata_fields": "services.personalize.avro",
    "record_type": "services.personalize.avro",
    "scan_data": "services.personalize.csv_dialect",
    "split": "services.personalize.csv_dialect",
    "start": "cloud",
    "withdraw_bootstrap": "deployment",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
