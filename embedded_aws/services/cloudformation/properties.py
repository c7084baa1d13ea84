"""Checks properties that moto takes over unread: names, numbers and policies that AWS refuses.

They are those that the type's own API checks, so botocore's model of it says what is valid; what it
leaves to the service is written out here, with its source.
"""

import json
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from embedded_aws.services.dynamodb.tables import table_problem
from embedded_aws.validation import complaint, service_model

# type -> service, operation, and the members that are named otherwise in the API
_MODELLED: dict[str, tuple[str, str, dict[str, str]]] = {
    "AWS::Events::EventBus": ("events", "CreateEventBus", {}),
    "AWS::Events::Rule": ("events", "PutRule", {}),
    "AWS::IAM::ManagedPolicy": ("iam", "CreatePolicy", {"ManagedPolicyName": "PolicyName"}),
    "AWS::IAM::Policy": ("iam", "PutRolePolicy", {}),
    "AWS::IAM::Role": ("iam", "CreateRole", {}),
    "AWS::Logs::LogGroup": ("logs", "CreateLogGroup", {"LogGroupName": "logGroupName"}),
}
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RETENTION_DAYS = {
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
}  # fmt: skip


def check(resource_type: str, properties: dict[str, Any]) -> None:
    """Raise ValidationError, in AWS's words, for properties that the type's service refuses."""
    _check_modelled(resource_type, properties)
    if resource_type == "AWS::DynamoDB::Table":
        if problem := table_problem(properties):
            raise ValidationError(message=problem)
    elif resource_type == "AWS::Logs::LogGroup":
        days = properties.get("RetentionInDays")
        if days is not None and int(days) not in _RETENTION_DAYS:
            raise ValidationError(message=f"Invalid retention value. Valid values are: {_days()}")
    elif resource_type.startswith("AWS::IAM::"):
        for policy in [properties, *properties.get("Policies", [])]:
            if "PolicyDocument" in policy:
                IAMPolicyDocumentValidator(json.dumps(policy["PolicyDocument"])).validate()


def _check_modelled(resource_type: str, properties: dict[str, Any]) -> None:
    if resource_type not in _MODELLED:
        return
    service, operation, named = _MODELLED[resource_type]
    members: Any = service_model(service).operation_model(operation).input_shape
    for name, value in properties.items():
        member = named.get(name, name)
        # documents are mappings in a template and text in the API
        if isinstance(value, str) and member in members.members:
            problem = complaint(members.members[member], value, at=member[0].lower() + member[1:])
            if problem:
                raise ValidationError(message=problem)


def _days() -> str:
    return f"[{', '.join(map(str, sorted(_RETENTION_DAYS)))}]"
