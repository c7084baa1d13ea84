"""Creating, updating and deleting the resources of a stack, and rolling back what fails.

As in AWS, a resource that fails is no error of the call: the stack is rolled back, its status and
its events say so.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Event, Stack
from moto.cloudformation.parsing import OutputMap, ResourceMap
from moto.utilities.utils import get_partition

from embedded_aws.moto_changes import replace
from embedded_aws.services.cloudformation import outputs
from embedded_aws.services.cloudformation.order import in_order
from embedded_aws.services.cloudformation.reasons import reason

RETAINED = {"Retain", "RetainExceptOnCreate"}
URL_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}
PASSES = 5  # of updates: a resource may need another one that is updated after it

Resources = Mapping[str, Any]  # a template's, by logical ID


class ResourceFailure(ValidationError):
    """A resource that could not be created or updated."""

    def __init__(self, logical_id: str, resource_type: str, reason: str) -> None:
        super().__init__(message=f"{logical_id} ({resource_type}): {reason}")
        self.logical_id = logical_id
        self.resource_type = resource_type
        self.reason = reason


def note(
    stack: Stack, status: str, logical_id: str, resource_type: str, reason: str | None = None
) -> None:
    """Add an event about one resource to the stack's."""
    stack.events.append(
        Event(stack.stack_id, stack.name, logical_id, "", resource_type, status, reason, None)
    )


def _change_status(stack: Stack, status: str, reason: str | None = None) -> None:
    stack.status = status
    stack._add_stack_event(status, resource_status_reason=reason)


def _create(stack: Stack) -> None:
    """Create every resource, or delete what was created and leave the stack ROLLBACK_COMPLETE.

    Resources that the stack has already, since they were imported, are not created.
    """
    resources = stack.resource_map
    imported = set(resources._parsed_resources)
    stack.status = "CREATE_IN_PROGRESS"
    try:
        why = outputs.unknown_attribute(stack.template_dict)
        if why is None:
            resources.create(stack.template_dict)
            why = outputs.problem(stack, stack.output_map)
        why = f"{why}. Rollback requested by user." if why else None
    except ResourceFailure as failure:
        note(stack, "CREATE_FAILED", failure.logical_id, failure.resource_type, failure.reason)
        why = f"The following resource(s) failed to create: [{failure.logical_id}]."
    if why is None:
        stack.description = stack.template_dict.get("Description")
        outputs.export(stack)
        stack.mark_creation_complete()
    else:
        made = [name for name in _existing(resources) if name not in imported]
        _roll_back_creation(stack, why, made)


def _roll_back_creation(stack: Stack, why: str, made: list[str]) -> None:
    resources = stack.resource_map
    _change_status(stack, "ROLLBACK_IN_PROGRESS", why)
    left = delete_resources(stack, _unless_kept(resources, made, {"Retain"}))
    # moto would create again what its map of resources lists
    resources._resource_json_map = {
        name: resources._resource_json_map[name] for name in _existing(resources)
    }
    stack.output_map = OutputMap(resources, {}, stack.stack_id)
    _change_status(stack, "ROLLBACK_FAILED" if left else "ROLLBACK_COMPLETE")


def _existing(resources: ResourceMap) -> list[str]:
    """Return the logical IDs of what there is, in the order of creation."""
    listed = resources._resource_json_map
    return [n for n, made in resources._parsed_resources.items() if n in listed and made]


def _unless_kept(resources: ResourceMap, names: Iterable[str], kept: set[str]) -> list[str]:
    policy = {n: resources._resource_json_map[n].get("DeletionPolicy") for n in names}
    return [name for name in policy if policy[name] not in kept]


def delete_resources(stack: Stack, names: Iterable[str]) -> dict[str, str]:
    """Delete resources, the newest first; return the reasons of those that cannot be deleted."""
    resources = stack.resource_map
    left, before = list(reversed(list(names))), None
    reasons: dict[str, str] = {}
    while left and len(left) != before:  # one may need that another one is deleted first
        before = len(left)
        for name in list(left):
            try:
                resources._delete_resource(
                    resources._parsed_resources[name], resources._resource_json_map[name]
                )
            except Exception as error:  # noqa: BLE001 - whatever the service's backend raises
                reasons[name] = getattr(error, "message", None) or str(error)
            else:
                left.remove(name)
                del resources._parsed_resources[name]
    for name in left:
        kind = resources._resource_json_map[name]["Type"]
        note(stack, "DELETE_FAILED", name, kind, reasons[name])
    return {name: reasons[name] for name in left}


def _delete_stack(self: CloudFormationBackend, name_or_stack_id: str) -> None:
    """Delete a stack, its change sets, and its resources but the retained ones."""
    for stack in list(self.stacks.values()):
        if name_or_stack_id not in {stack.name, stack.stack_id}:
            continue
        exports = [export.name for export in stack.exports]
        _change_status(stack, "DELETE_IN_PROGRESS", "User Initiated")
        resources = stack.resource_map
        left = delete_resources(stack, _unless_kept(resources, _existing(resources), RETAINED))
        if left:
            failed = ", ".join(left)
            reason = f"The following resource(s) failed to delete: [{failed}]."
            _change_status(stack, "DELETE_FAILED", reason)
            continue
        _change_status(stack, "DELETE_COMPLETE")
        self.deleted_stacks[stack.stack_id] = self.stacks.pop(stack.stack_id)
        for name in exports:
            self.exports.pop(name, None)
        for arn in [a for a, c in self.change_sets.items() if c.stack_id == stack.stack_id]:
            del self.change_sets[arn]


def _update(
    self: Stack,
    template: str,
    role_arn: str | None = None,
    parameters: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """Bring the resources to a template, or back to the one before if that fails.

    What the template has no more is deleted last, unless its DeletionPolicy retains it.
    """
    resources = self.resource_map
    before, given = self.template_dict, dict(resources.input_parameters)
    new = self.parse_template(template)
    diff = resources.build_resource_diff(new, parameters)
    _change_status(self, "UPDATE_IN_PROGRESS", "User Initiated")
    why = outputs.unknown_attribute(new)
    try:
        if why is None:
            _change(resources, new, parameters or given, diff)
            why = outputs.problem(self, OutputMap(resources, new, self.stack_id))
    except ResourceFailure as failure:
        status = "CREATE_FAILED" if failure.logical_id in diff["Add"] else "UPDATE_FAILED"
        note(self, status, failure.logical_id, failure.resource_type, failure.reason)
        why = f"The following resource(s) failed to update: [{failure.logical_id}]."
    if why is not None:
        _roll_back_update(self, before, given, diff, why)
        return
    _clean_up(self, diff["Remove"])
    self.template, self.template_dict = template, new
    self.parameters = parameters or self.parameters
    self.role_arn = role_arn
    self.tags = self.tags if tags is None else tags
    self.output_map = self._create_output_map()
    outputs.export(self)
    _change_status(self, "UPDATE_COMPLETE")


def _change(
    resources: ResourceMap,
    template: Any,
    parameters: dict[str, Any],
    diff: Mapping[str, list[str]],
) -> None:
    _switch(resources, template, parameters)
    for name in in_order(template["Resources"]):
        if name in diff["Add"]:
            resources[name]
        elif name in diff["Modify"]:
            _modify(resources, [name])


def _roll_back_update(
    stack: Stack,
    before: Any,
    parameters: dict[str, Any],
    diff: Mapping[str, list[str]],
    why: str,
) -> None:
    resources = stack.resource_map
    _change_status(stack, "UPDATE_ROLLBACK_IN_PROGRESS", why)
    made = [name for name in _existing(resources) if name in diff["Add"]]
    left = delete_resources(stack, _unless_kept(resources, made, {"Retain"}))
    _switch(resources, before, parameters)
    try:
        _modify(resources, [name for name in diff["Modify"] if name in _existing(resources)])
    except ResourceFailure as failure:
        left = {**left, failure.logical_id: failure.reason}
        note(stack, "UPDATE_FAILED", failure.logical_id, failure.resource_type, failure.reason)
    _clean_up(stack, [])
    _change_status(stack, "UPDATE_ROLLBACK_FAILED" if left else "UPDATE_ROLLBACK_COMPLETE")


def _switch(resources: ResourceMap, template: Any, parameters: dict[str, Any]) -> None:
    """Let resources be as a template has them; those it has no more stay until `_clean_up`."""
    resources._template = template
    resources.input_parameters = parameters
    resources._resource_json_map = {**resources._resource_json_map, **template["Resources"]}
    resources.load_mapping()
    resources.load_parameters()
    resources.load_conditions()


def _clean_up(stack: Stack, removed: Iterable[str]) -> None:
    """Delete or let go what the stack's template has no more."""
    resources = stack.resource_map
    existing = [name for name in _existing(resources) if name in set(removed)]
    delete_resources(stack, _unless_kept(resources, existing, RETAINED))
    resources._resource_json_map = resources._template["Resources"]
    for name in existing:
        resources._parsed_resources.pop(name, None)


def _modify(resources: ResourceMap, names: Iterable[str]) -> None:
    left = list(names)
    for passes_left in reversed(range(PASSES)):
        for name in list(left):
            described = resources._resource_json_map[name]
            try:
                resources._parsed_resources[name] = parsing.parse_and_update_resource(
                    name,
                    described,
                    resources,
                    account_id=resources._account_id,
                    region_name=resources._region_name,
                )
            except Exception as error:
                if not passes_left:
                    raise failure_of(name, described["Type"], error) from error
            else:
                left.remove(name)


def failure_of(logical_id: str, resource_type: str, error: Exception) -> ResourceFailure:
    """Return the failure of a resource, or of the other one that it needs."""
    if isinstance(error, ResourceFailure):
        return error
    return ResourceFailure(logical_id, resource_type, reason(resource_type, error))


_plain_init: Callable[..., None] = ResourceMap.__init__


def _resource_map(self: ResourceMap, *args: Any, **kwargs: Any) -> None:
    _plain_init(self, *args, **kwargs)
    partition = get_partition(self._region_name)
    self._parsed_resources["AWS::Partition"] = partition
    self._parsed_resources["AWS::URLSuffix"] = URL_SUFFIXES.get(partition, "amazonaws.com")


def install() -> None:
    """Make stacks roll back, and keep and delete what their DeletionPolicy says."""
    replace(
        Stack,
        "a resource that fails rolls the stack back, and its status and events say so",
        create_resources=_create,
        update=_update,
    )
    replace(
        CloudFormationBackend,
        "a retained resource outlives its stack, a change set does not, DELETE_FAILED is a status",
        delete_stack=_delete_stack,
    )
    replace(
        ResourceMap,
        "AWS::Partition and AWS::URLSuffix are those of the region",
        __init__=_resource_map,
    )
