"""Change sets and updates as the CDK CLI makes them, which moto's backend does not handle."""

from typing import Any

from moto.cloudformation.exceptions import (
    AlreadyExistsException,
    CloudFormationError,
    ValidationError,
)
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.parsing import ResourceMap
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.ssm.models import ssm_backends

from embedded_aws.moto_changes import replace
from embedded_aws.services.cloudformation import early_validation, imports

# A stack in one of these states can only be deleted.
UNCHANGEABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}


class ChangeSetNotFoundError(CloudFormationError):
    """The error of DescribeChangeSet for a change set that does not exist (any more)."""

    code = "ChangeSetNotFound"


class InvalidChangeSetStatusError(CloudFormationError):
    """The error of ExecuteChangeSet for a change set that cannot be executed (again)."""

    code = "InvalidChangeSetStatus"


def _find(backend: CloudFormationBackend, name_or_arn: str, stack: str | None) -> ChangeSet | None:
    """Return a change set by its ARN, or by its name, which belongs to its stack.

    Raises ValidationError for a name without a stack, or of a stack that does not exist.
    """
    if name_or_arn.startswith("arn:"):
        return backend.change_sets.get(name_or_arn)
    if not stack:
        raise ValidationError(
            message="StackName must be specified if ChangeSetName is not specified as an ARN."
        )
    known = [s.stack_id for s in backend.stacks.values() if stack in {s.name, s.stack_id}]
    if not known:
        raise ValidationError(message=f"Stack [{stack}] does not exist")
    for change_set in backend.change_sets.values():
        if change_set.change_set_name == name_or_arn and change_set.stack_id in known:
            return change_set
    return None


def _found(backend: CloudFormationBackend, name_or_arn: str, stack: str | None) -> ChangeSet:
    found = _find(backend, name_or_arn, stack)
    if found is None:
        raise ChangeSetNotFoundError(f"ChangeSet [{name_or_arn}] does not exist")
    return found


def _describe(self: CloudFormationResponse) -> ActionResult:
    name, stack = self._get_param("ChangeSetName"), self._get_param("StackName")
    return ActionResult(_found(self.cloudformation_backend, name, stack))


def _delete(self: CloudFormationResponse) -> ActionResult:
    """Delete a change set; succeed if its stack has none of that name."""
    backend = self.cloudformation_backend
    if found := _find(backend, self._get_param("ChangeSetName"), self._get_param("StackName")):
        del backend.change_sets[found.change_set_id]
    return EmptyResult()


def _list(self: CloudFormationResponse) -> ActionResult:
    stack = self._get_param("StackName")
    every = self.cloudformation_backend.change_sets.values()
    return ActionResult({"Summaries": [c for c in every if stack in {c.stack_name, c.stack_id}]})


_plain_create = CloudFormationBackend.create_change_set


def _create(
    self: CloudFormationBackend,
    stack_name: str,
    change_set_name: str,
    *,
    change_set_type: str,
    **more: Any,
) -> tuple[str, str]:
    """Create a change set; of a stack that is only reviewed so far, there may be several."""
    if change_set_type == "IMPORT":
        raise ValidationError(
            message="ChangeSetType IMPORT is not supported here: use ImportExistingResources"
        )
    stack = next((s for s in self.stacks.values() if stack_name in {s.name, s.stack_id}), None)
    if stack is None:
        return _plain_create(
            self, stack_name, change_set_name, change_set_type=change_set_type, **more
        )
    in_review = stack.status == "REVIEW_IN_PROGRESS"
    if change_set_type == "CREATE" and not in_review:
        raise ValidationError(
            message=f"Stack [{stack_name}] already exists and cannot be created again with the "
            f"changeSet [{change_set_name}]."
        )
    if stack.status in UNCHANGEABLE:
        raise ValidationError(
            message=f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
        )
    if _find(self, change_set_name, stack.stack_id):
        raise AlreadyExistsException(f"ChangeSet [{change_set_name}] already exists")
    stack.template = stack.template or "{}"
    arn, stack_id = _plain_create(
        self, stack.name, change_set_name, change_set_type="UPDATE", **more
    )
    self.change_sets[arn].change_set_type = change_set_type
    return arn, stack_id


_plain_create_call = CloudFormationResponse.create_change_set


def _create_with_imports(self: CloudFormationResponse) -> ActionResult:
    result: ActionResult = _plain_create_call(self)
    backend = self.cloudformation_backend
    made = next(reversed(backend.change_sets.values()))
    importing = self._get_bool_param("ImportExistingResources", False)
    if importing:
        imports.plan(made, backend)
    early_validation.validate(made, backend.account_id, backend.region_name, imports=importing)
    return result


def _execute(
    self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None
) -> None:
    """Create or update the stack; its other change sets are deleted then."""
    change_set = _found(self, change_set_name, stack_name)
    if change_set.execution_status != "AVAILABLE":
        raise InvalidChangeSetStatusError(
            f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current execution "
            f"status of [{change_set.execution_status}]"
        )
    stack = self.stacks[change_set.stack_id]
    if change_set.change_set_type == "CREATE":
        stack._add_stack_event("CREATE_IN_PROGRESS", "User Initiated")
        stack.template, stack.parameters = change_set.template, change_set.parameters
        stack._parse_template()
        stack.resource_map = stack._create_resource_map()
        stack.output_map = stack._create_output_map()
        imports.take_over(change_set, stack)
        stack.create_resources()
    else:
        imports.take_over(change_set, stack)
        stack.update(change_set.template, change_set.role_arn, change_set.parameters)
    change_set.execution_status = "EXECUTE_COMPLETE"
    for arn in [a for a, c in self.change_sets.items() if c.stack_id == stack.stack_id]:
        if arn != change_set.change_set_id:
            del self.change_sets[arn]


def _parse(self: ChangeSet) -> None:
    self.template_dict = Stack.parse_template(self.template)


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
        CloudFormationResponse,
        "a change set's name belongs to its stack, and deleting a missing one succeeds",
        delete_change_set=_delete,
        describe_change_set=_describe,
        list_change_sets=_list,
    )
    replace(
        CloudFormationResponse,
        "ImportExistingResources takes over named resources that exist",
        create_change_set=_create_with_imports,
    )
    replace(
        CloudFormationBackend,
        "a stack in review has several change sets; one that exists is not created again",
        create_change_set=_create,
    )
    replace(
        CloudFormationBackend,
        "executing a change set is creating or updating its stack, with its rollback",
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
    replace(
        ChangeSet,
        "performance: CDK's templates are JSON, which moto parses as YAML, a hundred times slower",
        _parse_template=_parse,
    )
