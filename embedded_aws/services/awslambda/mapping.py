"""An event source mapping as the API and templates have it."""

from typing import Any

from moto.awslambda.models import EventSourceMapping
from moto.awslambda.utils import get_backend
from moto.core.common_models import CloudFormationModel

from embedded_aws.clock import current
from embedded_aws.services.awslambda.event_sources import Poller

# What Lambda says of a stream's mapping, and what a property that a template drops becomes again.
_DEFAULTS: dict[str, Any] = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}
_NUMBERS = {name for name, value in _DEFAULTS.items() if type(value) is int}
_REPLACING = ("EventSourceArn", "StartingPosition")


class DeployedMapping(EventSourceMapping, CloudFormationModel):
    """A mapping that tells how its last batch went; another source replaces it."""

    poller: Poller | None = None

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        self.last_modified = current().time()

    def get_configuration(self) -> dict[str, Any]:
        """Describe it, as GetEventSourceMapping does."""
        result = {"LastProcessingResult": self.poller.result} if self.poller else {}
        return {**_DEFAULTS, **super().get_configuration(), **result}

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,  # noqa: ARG003 - moto's signature
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> EventSourceMapping:
        """Create it as CreateEventSourceMapping does."""
        spec = _spec(cloudformation_json["Properties"])
        return get_backend(account_id, region_name).create_event_source_mapping(spec)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> EventSourceMapping:
        """Update it in place, or replace it if its source or its beginning is another one."""
        spec = _spec(cloudformation_json["Properties"])
        now = original_resource.get_configuration()
        if any(spec.get(name, now.get(name)) != now.get(name) for name in _REPLACING):
            made = cls.create_from_cloudformation_json(
                new_resource_name, cloudformation_json, account_id, region_name
            )
            original_resource.delete(account_id, region_name)
            return made
        update = {"Enabled": True, "FilterCriteria": None, **_DEFAULTS, **spec}
        backend = get_backend(account_id, region_name)
        updated = backend.update_event_source_mapping(original_resource.uuid, update)
        return updated or original_resource


def _spec(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the API's parameters; templates sometimes contain numbers as text."""
    return {name: int(value) if name in _NUMBERS else value for name, value in properties.items()}
