"""Resources that exist already: taken over by a stack, instead of being created.

A change set with ImportExistingResources does so for a resource whose name is written out in the
template, if its DeletionPolicy keeps it and no other stack has it. The resource stays as it is.
"""

from collections.abc import Mapping
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Stack

from embedded_aws.services.cloudformation.existing import FIND
from embedded_aws.services.cloudformation.stacks import RETAINED

# Which types are imported here; AWS imports more.
IMPORTED = {
    "AWS::DynamoDB::Table",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
}


def plan(change_set: ChangeSet, backend: CloudFormationBackend) -> None:
    """Find what a change set imports; it is FAILED if one of these must not be imported."""
    found = _existing(change_set, backend)
    resources = change_set.template_dict["Resources"]
    if deleted := [n for n in found if resources[n].get("DeletionPolicy") not in RETAINED]:
        affected = ", ".join(f"{name} ({{{_named(resources[name])}}})" for name in deleted)
        _fail(
            change_set,
            "CloudFormation is attempting to import some resources because they already exist in "
            "your account. The resources must have the DeletionPolicy attribute set to 'Retain' or "
            "'RetainExceptOnCreate' in the template for successful import. The affected resources "
            f"are {affected}",
        )
    for name, resource in found.items():
        if owner := _owner(resource, backend):
            _fail(change_set, f"{name} ({{{_named(resources[name])}}}) belongs to {owner} already")
    for change in change_set.changes:
        if change.logical_resource_id in found:
            change.action = "Import"
    change_set.imports = found  # type: ignore[attr-defined] # moto has none


def take_over(change_set: ChangeSet, stack: Stack) -> None:
    """Give a stack what its change set imports, as if it had created it."""
    for name, resource in getattr(change_set, "imports", {}).items():
        resource.cf_resource_type = change_set.template_dict["Resources"][name]["Type"]
        resource.logical_resource_id = name
        stack.resource_map._parsed_resources[name] = resource


def _existing(change_set: ChangeSet, backend: CloudFormationBackend) -> dict[str, Any]:
    """Return the existing resources that a change set would create, by their logical IDs."""
    have = change_set.stack.resource_map._parsed_resources
    found = {}
    for logical_id, resource in change_set.template_dict["Resources"].items():
        find = FIND[resource["Type"]] if resource["Type"] in IMPORTED else None
        name = resource.get("Properties", {}).get(_property(resource))
        if find and isinstance(name, str) and logical_id not in have:
            found[logical_id] = find(backend.account_id, backend.region_name, name)
    return {logical_id: resource for logical_id, resource in found.items() if resource is not None}


def _property(resource: Mapping[str, Any]) -> str | None:
    """Return the property that names a resource."""
    return parsing.resource_name_property_from_type(resource["Type"])


def _named(resource: Mapping[str, Any]) -> str:
    name = _property(resource)
    return f"{name}={resource['Properties'][name]}"


def _owner(resource: Any, backend: CloudFormationBackend) -> str | None:
    for stack in backend.stacks.values():
        if any(had is resource for had in stack.resource_map._parsed_resources.values()):
            return stack.stack_id
    return None


def _fail(change_set: ChangeSet, reason: str) -> None:
    change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
    change_set.status_reason = reason
