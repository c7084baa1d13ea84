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
from moto.core.common_models import CloudFormationModel

from embedded_aws.moto_changes import replace
from embedded_aws.services.cloudformation import api_resources, change_sets, resources, updates

# Importing these modules registers their models.
MODELS = (api_resources, resources)

# The maximum lengths of generated names; longer stack and logical IDs are cut.
_LONGEST = {
    "AWS::IAM::Role": 64,
    "AWS::Lambda::Function": 64,
    "AWS::S3::Bucket": 63,
    "AWS::Scheduler::Schedule": 64,
}
_LONGEST_OTHER = 80
_plain_class_from_type = parsing.resource_class_from_type
_plain_create = parsing.parse_and_create_resource
_plain_parse = Stack.parse_template


def _class_from_type(resource_type: str) -> type[CloudFormationModel]:
    model = _plain_class_from_type(resource_type) if _is_modelled(resource_type) else None
    if model is None:
        raise ValidationError(
            message=f"Template format error: Unrecognized resource types: [{resource_type}]"
        )
    return model


def _is_modelled(resource_type: str) -> bool:
    return resource_type in parsing.get_model_map() or resource_type.startswith("Custom::")


def _create(logical_id: str, resource_json: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return _plain_create(logical_id, resource_json, *args, **kwargs)
    except Exception as error:
        raise updates.failure_of(logical_id, resource_json["Type"], error) from error


def _generated_name(resource_type: str, stack_name: str, logical_id: str) -> str:
    """Return the name of a resource that has none: always the same, so updates keep it."""
    suffix = hashlib.sha256(f"{stack_name}/{logical_id}".encode()).hexdigest()[:12]
    longest = _LONGEST.get(resource_type, _LONGEST_OTHER)
    stem = f"{stack_name}-{logical_id}"[: longest - len(suffix) - 1]
    name = f"{stem}-{suffix}"
    return name.lower() if resource_type == "AWS::S3::Bucket" else name


def _parsed(template: str) -> dict[str, Any]:
    """Parse a template; CDK's are JSON, which moto parses as YAML, a hundred times slower."""
    try:
        parsed: dict[str, Any] = json.loads(template)
    except ValueError:
        parsed = _plain_parse(template)
    return parsed


def install() -> None:
    """Register the models above, and fail deployments that moto would accept."""
    change_sets.install()
    resources.install()
    updates.install()
    replace(
        parsing,
        "an unknown type or a resource that cannot be created fails the deployment",
        resource_class_from_type=_class_from_type,
        parse_and_create_resource=_create,
    )
    replace(
        parsing,
        "a generated name is the same in every update, and within its service's length limit",
        generate_resource_name=_generated_name,
    )
    replace(
        Stack,
        "performance: CDK's templates are JSON, which moto parses as YAML, a hundred times slower",
        parse_template=staticmethod(_parsed),
    )
