"""Change sets and updates as the CDK CLI makes them, which moto's backend does not handle."""

from typing import Any

from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.parsing import ResourceMap
from moto.ssm.models import ssm_backends

from embedded_aws.moto_changes import replace


class ChangeSetNotFoundError(CloudFormationError):
    """The error of DescribeChangeSet for a change set that does not exist (any more)."""

    code = "ChangeSetNotFound"


def _find(backend: CloudFormationBackend, name_or_arn: str) -> ChangeSet | None:
    # The newest with this name: moto's backend does not get the stack, which is the API's scope.
    found = [
        change_set
        for arn, change_set in backend.change_sets.items()
        if name_or_arn in {arn, change_set.change_set_name}
    ]
    return found[-1] if found else None


def _delete(self: CloudFormationBackend, change_set_name: str) -> None:
    """Delete a change set; succeed if it does not exist."""
    if found := _find(self, change_set_name):
        del self.change_sets[found.change_set_id]


def _describe(self: CloudFormationBackend, change_set_name: str) -> ChangeSet:
    found = _find(self, change_set_name)
    if found is None:
        raise ChangeSetNotFoundError(f"ChangeSet [{change_set_name}] does not exist")
    return found


_plain_execute = CloudFormationBackend.execute_change_set


def _execute(
    self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None
) -> None:
    change_set = _describe(self, change_set_name)
    _plain_execute(self, change_set.change_set_id, stack_name)
    stack: Any = self.stacks[change_set.stack_id]
    stack.template_dict = change_set.template_dict
    stack.output_map = stack._create_output_map()


_plain_parameters = CloudFormationBackend._resolve_update_parameters


def _update_parameters(
    self: CloudFormationBackend, instance: Stack, incoming_params: list[dict[str, Any]]
) -> Any:
    # UsePreviousValue also means a default that no request has named.
    for name, parameter in instance.template_dict.get("Parameters", {}).items():
        instance.parameters.setdefault(name, parameter.get("Default"))
    return _plain_parameters(self, instance, incoming_params)


_plain_ssm_parameter = ResourceMap.parse_ssm_parameter


def _ssm_parameter(self: ResourceMap, value: str, value_type: str) -> str:
    # A change set passes on the previous *value* of an SSM parameter instead of its name.
    if not value.startswith("/"):
        return value
    if ssm_backends[self._account_id][self._region_name].get_parameter(value) is None:
        raise ValidationError(
            message=f"Unable to fetch parameters [{value}] from parameter store for this account."
        )
    return _plain_ssm_parameter(self, value, value_type)


def install() -> None:
    """Make change sets work as the CDK CLI creates, describes, executes and deletes them."""
    replace(
        CloudFormationBackend,
        "a change set is found by its name or ARN, and deleting a missing one succeeds",
        delete_change_set=_delete,
        describe_change_set=_describe,
    )
    replace(
        CloudFormationBackend,
        "a stack has the template and the outputs of the change set that was executed",
        execute_change_set=_execute,
    )
    replace(
        CloudFormationBackend,
        "UsePreviousValue also means a default that no request has named",
        _resolve_update_parameters=_update_parameters,
    )
    replace(
        ResourceMap,
        "a change set passes on the value of an SSM parameter instead of its name",
        parse_ssm_parameter=_ssm_parameter,
    )
