"""Updates of a stack, in AWS's order: each resource after those that it refers to, removals last.

moto removes, adds and modifies, in this order: a version would be published before its function
has its new code. It also deletes what DeletionPolicy retains.
"""

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.parsing import ResourceMap

from embedded_aws.moto_changes import replace

RETAINED = {"Retain", "RetainExceptOnCreate"}


def in_order(resources: Mapping[str, Any]) -> list[str]:
    """Return the logical IDs of a template's resources, each after those that it refers to."""
    needed = {
        name: [n for n in _references(resources[name]) if n in resources] for name in resources
    }
    try:
        return list(TopologicalSorter(needed).static_order())
    except CycleError as error:
        cycle = ", ".join(error.args[1][1:])
        raise ValidationError(
            message=f"Circular dependency between resources: [{cycle}]"
        ) from error


def _references(part: Any) -> Iterator[str]:
    """Yield the names in Ref, Fn::GetAtt, Fn::Sub and DependsOn, parameters included."""
    if isinstance(part, list):
        for item in part:
            yield from _references(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in {"Ref", "DependsOn"}:
                yield from [value] if isinstance(value, str) else value
            elif key == "Fn::GetAtt":
                yield value.split(".")[0] if isinstance(value, str) else value[0]
            else:
                if key == "Fn::Sub":
                    text = value if isinstance(value, str) else value[0]
                    yield from re.findall(r"\$\{([\w:]+)", text)
                yield from _references(value)


def _update(
    self: ResourceMap, template: dict[str, Any], parameters: dict[str, Any] | None = None
) -> None:
    changes = self.build_resource_diff(template, parameters)
    before = self._resource_json_map
    self._template = template
    if parameters:
        self.input_parameters = parameters
    self.load_mapping()
    self.load_parameters()
    self.load_conditions()
    self._resource_json_map = template["Resources"]
    for name in in_order(template["Resources"]):
        if name in changes["Add"]:
            self[name]
        elif name in changes["Modify"]:
            self._parsed_resources[name] = _changed(self, name)
    _remove(self, {name: before[name] for name in changes["Remove"]})


def _changed(resources: ResourceMap, name: str) -> Any:
    described = resources._resource_json_map[name]
    try:
        return parsing.parse_and_update_resource(
            name, described, resources, resources._account_id, resources._region_name
        )
    except Exception as error:
        raise failure_of(name, described["Type"], error) from error


def failure_of(logical_id: str, resource_type: str, error: Exception) -> ValidationError:
    """Return the failure of a resource, or of the other one that it needs, with its name."""
    if isinstance(error, ValidationError) and getattr(error, "resource", None):
        return error
    reason = getattr(error, "message", None) or str(error) or type(error).__name__
    failure = ValidationError(message=f"{logical_id} ({resource_type}): {reason}")
    failure.resource = logical_id  # type: ignore[attr-defined]
    return failure


def _remove(resources: ResourceMap, described: Mapping[str, Any]) -> None:
    """Delete what the template has no more, those first that refer to others, or let it go."""
    for name in reversed(in_order(described)):
        made = resources._parsed_resources.pop(name, None)
        if made is not None and described[name].get("DeletionPolicy") not in RETAINED:
            resources._delete_resource(made, described[name])


def install() -> None:
    """Make updates keep AWS's order, and what is retained."""
    replace(
        ResourceMap,
        "an update changes what a resource refers to before it, and deletes last, if at all",
        update=_update,
    )
