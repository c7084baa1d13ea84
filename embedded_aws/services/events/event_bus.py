"""An event bus as a template has it: with what moto leaves out, and an update in place."""

import json
from typing import Any

from moto.core.common_models import CloudFormationModel
from moto.events.models import EventBus, events_backends


class DeployedEventBus(EventBus, CloudFormationModel):
    """A bus; Ref is its name, and only another name replaces it."""

    @property
    def physical_resource_id(self) -> str:
        """The name."""
        return self.name

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> EventBus:
        """Create it as CreateEventBus does."""
        properties = cloudformation_json["Properties"]
        bus = events_backends[account_id][region_name].create_event_bus(
            name=properties.get("Name", resource_name),
            event_source_name=properties.get("EventSourceName"),
            tags=properties.get("Tags"),
            description=properties.get("Description"),
            kms_key_identifier=properties.get("KmsKeyIdentifier"),
            dead_letter_config=properties.get("DeadLetterConfig"),
        )
        _set_policy(bus, properties)
        return bus

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> EventBus:
        """Update it with its rules; another name replaces it."""
        properties = cloudformation_json["Properties"]
        bus: EventBus = original_resource
        if properties.get("Name", bus.name) != bus.name:
            made = cls.create_from_cloudformation_json(
                new_resource_name, cloudformation_json, account_id, region_name
            )
            bus.delete(account_id, region_name)
            return made
        bus.description = properties.get("Description")
        bus.kms_key_identifier = properties.get("KmsKeyIdentifier")
        bus.dead_letter_config = properties.get("DeadLetterConfig")
        _set_policy(bus, properties)
        return bus


def _set_policy(bus: EventBus, properties: dict[str, Any]) -> None:
    bus.remove_statements()
    if policy := properties.get("Policy"):
        bus.add_policy(json.loads(policy) if isinstance(policy, str) else policy)
