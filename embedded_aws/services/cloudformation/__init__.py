"""CloudFormation for our stack and CDK's bootstrap stack: moto's, with its gaps closed.

moto skips what it does not know and reports success. Here, an unknown resource type or a resource
that cannot be created fails the deployment with its name and the reason.
"""

import hashlib
import json
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Stack
from moto.cloudformation.parsing import ResourceMap
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.common_models import CloudFormationModel

from embedded_aws.moto_changes import replace
from embedded_aws.services.cloudformation import (
    api_resources,
    change_sets,
    early_validation,
    existing,
    managed_policies,
    outputs,
    properties,
    requests,
    resources,
    schemas,
    stacks,
    templates,
)
from embedded_aws.services.cloudformation.behaviour import behaviour_of
from embedded_aws.services.cloudformation.order import in_order

# Importing these modules registers their models.
MODELS = (api_resources, managed_policies, resources)

# The maximum lengths of generated names; longer stack and logical IDs are cut.
_LONGEST = {
    "AWS::Events::Rule": 64,
    "AWS::IAM::Role": 64,
    "AWS::Lambda::Function": 64,
    "AWS::S3::Bucket": 63,
    "AWS::Scheduler::Schedule": 64,
}
_LONGEST_OTHER = 80
# AWS's limits for a template: bytes in the request, bytes in S3
MOST_BODY = 51_200
MOST_TEMPLATE = 1_000_000
_plain_class_from_type = parsing.resource_class_from_type
_plain_create = parsing.parse_and_create_resource
_plain_parse = Stack.parse_template
_plain_clean = parsing.clean_json


def _class_from_type(resource_type: str) -> type[CloudFormationModel]:
    model = _plain_class_from_type(resource_type) if _is_modelled(resource_type) else None
    if model is None:
        raise ValidationError(
            message=f"Template format error: Unrecognized resource types: [{resource_type}]"
        )
    return model


def _is_modelled(resource_type: str) -> bool:
    return resource_type in parsing.get_model_map() or resource_type.startswith("Custom::")


def _create(
    logical_id: str, resource_json: dict[str, Any], resources: ResourceMap, **kwargs: Any
) -> Any:
    depends_on = resource_json.get("DependsOn", [])
    for needed in [depends_on] if isinstance(depends_on, str) else depends_on:
        resources[needed]
    try:
        return _plain_create(logical_id, resource_json, resources, **kwargs)
    except Exception as error:
        raise stacks.failure_of(logical_id, resource_json["Type"], error) from error


def _clean(part: Any, resources: ResourceMap) -> Any:
    """Evaluate a part of a template; the attribute of an Fn::GetAtt first, which may be a Ref."""
    if isinstance(part, dict) and isinstance(called := part.get("Fn::GetAtt"), list):
        name, *attribute = called
        part = {"Fn::GetAtt": [name, *(_plain_clean(each, resources) for each in attribute)]}
    return _plain_clean(part, resources)


def _with_name(
    logical_id: str, resource_json: dict[str, Any], resources: ResourceMap
) -> tuple[type[CloudFormationModel], dict[str, Any], str]:
    """Read a resource with its references resolved, and check what its model would not."""
    _check_attributes(resource_json, resources)
    model, resource, resource_type = parsing.parse_resource(resource_json, resources)
    given = parsing.resource_name_property_from_type(resource_type)
    name = resource["Properties"].get(given) if given else None
    switches = behaviour_of(resources._account_id, resources._region_name)
    nested = switches.wrong_keys_inside_properties == "refused"
    if failure := schemas.failure(logical_id, resource_type, resource["Properties"], nested=nested):
        raise ValidationError(message=failure)
    properties.check(resource["Type"], resource.get("Properties", {}))
    if logical_id not in resources._parsed_resources:
        existing.refuse(resource, resources, name)
    return model, resource, name or _generated_name(resource_type, logical_id, resources)


def _check_attributes(resource: dict[str, Any], resources: ResourceMap) -> None:
    for target, attribute in templates.attributes(resource.get("Properties", {})):
        kind = resources._resource_json_map[target]["Type"]
        if not schemas.has_attribute(kind, attribute):
            raise ValidationError(
                message=f"Requested attribute {attribute} does not exist in schema for {kind}"
            )


def _generated_name(resource_type: str, logical_id: str, resources: ResourceMap) -> str:
    """Return the name of a resource that has none: its stack keeps it, a later stack differs."""
    suffix = hashlib.sha256(f"{resources.stack_id}/{logical_id}".encode()).hexdigest()[:12]
    longest = _LONGEST.get(resource_type, _LONGEST_OTHER)
    stem = f"{resources['AWS::StackName']}-{logical_id}"[: longest - len(suffix) - 1]
    name = f"{stem}-{suffix}"
    return name.lower() if resource_type == "AWS::S3::Bucket" else name


def _parsed(template: str) -> dict[str, Any]:
    """Parse a template; CDK's are JSON, which moto parses as YAML, a hundred times slower.

    Raises ValidationError if CloudFormation refuses it, or if nobody models a resource's type.
    """
    if len(template.encode()) > MOST_TEMPLATE:
        raise ValidationError(message=f"Template may not exceed {MOST_TEMPLATE} bytes in size.")
    try:
        parsed: dict[str, Any] = json.loads(template)
    except ValueError:
        parsed = _plain_parse(template)
    if parsed and (digest := hashlib.sha256(template.encode()).digest()) not in _accepted:
        _check(parsed)
        _accepted.add(digest)
    return parsed


_accepted: set[bytes] = set()  # hashes of templates; each is parsed several times a deployment


def _check(template: dict[str, Any]) -> None:
    if problem := templates.problem(template):
        raise ValidationError(message=problem)
    kinds = {resource["Type"] for resource in template["Resources"].values()}
    if unknown := sorted(kind for kind in kinds if not _is_modelled(kind)):
        raise ValidationError(
            message=f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]"
        )
    in_order(template["Resources"])


_plain_param = CloudFormationResponse._get_param


def _param(self: CloudFormationResponse, param_name: str, if_none: Any = None) -> Any:
    value = _plain_param(self, param_name, if_none)
    if param_name == "TemplateBody" and value and len(value.encode()) > MOST_BODY:
        raise ValidationError(
            message="1 validation error detected: Value at 'templateBody' failed to satisfy "
            f"constraint: Member must have length less than or equal to {MOST_BODY}"
        )
    return value


def install() -> None:
    """Register the models above, and fail deployments that moto would accept."""
    stacks.install()
    outputs.install()
    change_sets.install()
    early_validation.install()
    requests.install()
    resources.install()
    replace(
        parsing,
        "an unknown type or a resource that cannot be created fails the deployment",
        resource_class_from_type=_class_from_type,
        parse_and_create_resource=_create,
    )
    replace(
        parsing,
        "names, numbers and policies that AWS refuses fail the deployment; a generated name is the "
        "same in every update, and within its service's length limit",
        parse_resource_and_generate_name=_with_name,
    )
    replace(
        parsing,
        "the attribute of an Fn::GetAtt may be a Ref",
        clean_json=_clean,
    )
    replace(
        Stack,
        "a template is checked as CloudFormation does; CDK's templates are JSON, which moto parses "
        "as YAML, a hundred times slower",
        parse_template=staticmethod(_parsed),
    )
    replace(
        CloudFormationResponse,
        "a template in the request has at most 51,200 bytes",
        _get_param=_param,
    )
