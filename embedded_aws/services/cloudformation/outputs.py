"""A stack's outputs: the attributes they may name, and their exports, unique in a region."""

import copy
from typing import Any

from moto.cloudformation.exceptions import AlreadyExistsException, UnsupportedAttribute
from moto.cloudformation.models import CloudFormationBackend, Stack, cloudformation_backends
from moto.cloudformation.parsing import OutputMap, ResourceMap
from moto.cloudformation.utils import generate_stack_id

from embedded_aws.moto_changes import replace
from embedded_aws.services.cloudformation import schemas, templates


def unknown_attribute(template: templates.Template) -> str | None:
    """Return why the outputs of a template cannot be evaluated, or None."""
    resources = template["Resources"]
    for name, output in (template.get("Outputs") or {}).items():
        for target, attribute in templates.attributes(output):
            kind = resources[target]["Type"]
            if not schemas.has_attribute(kind, attribute):
                return (
                    f"[Error] /Outputs/{name}/Value/Fn::GetAtt: Resource type {kind} does not "
                    f"support attribute {{{attribute}}}"
                )
    return None


def problem(stack: Stack, outputs: OutputMap) -> str | None:
    """Return why a stack cannot have these outputs, once its resources are made, or None."""
    for name in outputs:
        try:
            outputs[name]
        except Exception as error:  # noqa: BLE001 - whatever the service's backend raises
            why = getattr(error, "message", None) or str(error) or type(error).__name__
            return f"[Error] /Outputs/{name}/Value: {why}"
    return _taken_export(stack, outputs)


def _taken_export(stack: Stack, outputs: OutputMap) -> str | None:
    exports = cloudformation_backends[stack.account_id][stack.region_name].exports
    names: set[str] = set()
    for made in outputs.exports:
        owner = exports.get(made.name)
        if made.name in names or (owner and owner.exporting_stack_id != stack.stack_id):
            other = owner.exporting_stack_id.split("/")[1] if owner else stack.name
            return f"Export with name {made.name} is already exported by stack {other}"
        names.add(made.name)
    return None


def export(stack: Stack) -> None:
    """Let other stacks import what a stack exports, and no more what it exported before."""
    exports: dict[str, Any] = cloudformation_backends[stack.account_id][stack.region_name].exports
    for name in [n for n, e in exports.items() if e.exporting_stack_id == stack.stack_id]:
        del exports[name]
    exports.update({each.name: each for each in stack.exports})


_plain_validate = ResourceMap.validate_outputs


def _validate(self: ResourceMap) -> None:
    """Check the outputs; what a type's schema does not know fails later, with a rollback."""
    outputs = self._template.get("Outputs") or {}
    written_out = {n: each for n, each in outputs.items() if any(templates.attributes(each))}
    checked = copy.copy(self)
    checked._template = {**self._template, "Outputs": written_out}
    try:
        _plain_validate(checked)
    except UnsupportedAttribute:
        if unknown_attribute(self._template) is None:
            raise


def _create_stack(
    self: CloudFormationBackend,
    name: str,
    template: str,
    parameters: dict[str, Any],
    **more: Any,
) -> Stack:
    """Create a stack; its exports are made once its resources are there."""
    if name in {stack.name for stack in self.stacks.values()}:
        raise AlreadyExistsException(f"Stack [{name}] already exists")
    stack = Stack(  # type: ignore[abstract] # moto makes it so, too
        stack_id=generate_stack_id(name, self.region_name, self.account_id),
        name=name,
        template=template,
        parameters=parameters,
        account_id=self.account_id,
        region_name=self.region_name,
        cross_stack_resources=self.exports,
        **more,
    )
    self.stacks[stack.stack_id] = stack
    stack._add_stack_event("CREATE_IN_PROGRESS", resource_status_reason="User Initiated")
    stack.create_resources()
    return stack


def install() -> None:
    """Roll back a stack whose outputs cannot be evaluated or exported."""
    replace(
        ResourceMap,
        "an output's unknown attribute is no error of the call: the stack is rolled back",
        validate_outputs=_validate,
    )
    replace(
        CloudFormationBackend,
        "a stack's resources are created before its exports are looked at, with its rollback",
        create_stack=_create_stack,
    )
