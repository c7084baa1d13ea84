"""What CreateChangeSet validates since November 2025: properties, and names that are taken.

The change set is FAILED then; DescribeEvents tells what is wrong with each resource.
"""

import uuid
from collections.abc import Iterator
from typing import Any

from moto.cloudformation.models import ChangeSet
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudformation.urls import url_paths
from moto.core.responses import ActionResult

from embedded_aws.moto_changes import replace_item
from embedded_aws.services.cloudformation import existing, schemas
from embedded_aws.services.cloudformation.behaviour import behaviour_of

_PROPERTIES = "AWS::EarlyValidation::PropertyValidation"
_EXISTENCE = "AWS::EarlyValidation::ResourceExistenceCheck"
_NAMES = {_PROPERTIES: "PROPERTY_VALIDATION", _EXISTENCE: "NAME_CONFLICT_VALIDATION"}


def validate(change_set: ChangeSet, account: str, region: str, *, imports: bool) -> None:
    """Fail a change set whose template names wrong properties, or resources that exist."""
    if change_set.status == "FAILED":
        return
    events = list(_events(change_set, account, region, imports=imports))
    if not events:
        return
    failed = dict.fromkeys(event["ValidationName"] for event in events)
    validations = [each for each, name in _NAMES.items() if name in failed]
    change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
    change_set.status_reason = (
        f"The following hook(s)/validation failed: [{', '.join(validations)}]. To troubleshoot "
        "Early Validation errors, use the DescribeEvents API for detailed failure information."
    )
    change_set.events = events  # type: ignore[attr-defined] # moto has none


def _events(
    change_set: ChangeSet, account: str, region: str, *, imports: bool
) -> Iterator[dict[str, Any]]:
    have = change_set.stack.resource_map._parsed_resources
    nested = behaviour_of(account, region).wrong_keys_inside_properties == "refused"
    for logical_id, resource in change_set.template_dict["Resources"].items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        reasons = [
            (_PROPERTIES, each) for each in schemas.problems(kind, properties, nested=nested)
        ]
        if not imports and logical_id not in have:
            taken = existing.taken(resource, account, region, existing.named(resource))
            reasons += [(_EXISTENCE, taken)] if taken else []
        for validation, reason in reasons:
            place = f"{change_set.change_set_id}/{logical_id}/{reason}"
            yield {
                "EventId": str(uuid.uuid5(uuid.NAMESPACE_URL, place)),
                "EventType": "VALIDATION_ERROR",
                "StackId": change_set.stack_id,
                "OperationId": change_set.change_set_id,
                "OperationType": "CREATE_CHANGESET",
                "LogicalResourceId": logical_id,
                "ResourceType": kind,
                "ValidationName": _NAMES[validation],
                "ValidationFailureMode": "FAIL",
                "ValidationStatus": "FAILED",
                "ValidationStatusReason": reason,
                "ValidationPath": f"/Resources/{logical_id}/Properties",
            }


class Response(CloudFormationResponse):
    """CloudFormation's operations, with one that moto lacks."""

    def describe_events(self) -> ActionResult:
        """Handle DescribeEvents; there are no events but those of failed validations."""
        stack, name = self._get_param("StackName"), self._get_param("ChangeSetName")
        events = [
            event
            for change_set in self.cloudformation_backend.change_sets.values()
            if stack in {None, change_set.stack_name, change_set.stack_id}
            and name in {None, change_set.change_set_name, change_set.change_set_id}
            for event in getattr(change_set, "events", [])
        ]
        return ActionResult({"OperationEvents": events})


def install() -> None:
    """Serve DescribeEvents."""
    replace_item(
        url_paths,
        "moto.cloudformation.urls.url_paths",
        "DescribeEvents tells why the validations of a change set failed",
        **{"{0}/$": Response.dispatch},
    )
