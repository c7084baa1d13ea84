"""Checks properties that moto takes over unread: names, numbers and policies that AWS refuses.

They are those that the type's own API checks, so botocore's model of it says what is valid; what it
leaves to the service is written out here, with its source.
"""

import json
from collections.abc import Callable
from typing import Any

from embedded_aws.services.cloudformation.reasons import RefusedByServiceError
from embedded_aws.services.dynamodb.tables import table_problem
from embedded_aws.services.iam.documents import check_identity_policy
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
# what a service calls a request that its own model refuses
_INVALID = {
    "events": "ValidationException",
    "iam": "ValidationError",
    "logs": "InvalidParameterException",
}
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
_QUEUE_RANGES = {
    "DelaySeconds": (0, 900),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
# https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
_PROTOCOLS = {
    "http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose",
}  # fmt: skip


def check(resource_type: str, properties: dict[str, Any]) -> None:
    """Raise RefusedByServiceError, or the service's own, for what the type's service refuses."""
    _check_modelled(resource_type, properties)
    if further := _FURTHER.get(resource_type):
        further(properties)
    elif resource_type.startswith("AWS::IAM::"):
        managed = resource_type == "AWS::IAM::ManagedPolicy"
        for policy in [properties, *properties.get("Policies", [])]:
            if "PolicyDocument" in policy:
                check_identity_policy(json.dumps(policy["PolicyDocument"]), managed=managed)


def _check_table(properties: dict[str, Any]) -> None:
    if problem := table_problem(properties):
        raise RefusedByServiceError("ValidationException", problem)


def _check_log_group(properties: dict[str, Any]) -> None:
    days = properties.get("RetentionInDays")
    if days is not None and int(days) not in _RETENTION_DAYS:
        listed = ", ".join(map(str, sorted(_RETENTION_DAYS)))
        raise RefusedByServiceError(
            "InvalidParameterException",
            f"Invalid retention value. Valid values are: [{listed}]",
        )


def _check_queue(properties: dict[str, Any]) -> None:
    for name, (least, most) in _QUEUE_RANGES.items():
        if name in properties and not least <= int(properties[name]) <= most:
            raise RefusedByServiceError(
                "InvalidAttributeValue", f"Invalid value for the parameter {name}."
            )


def _check_subscription(properties: dict[str, Any]) -> None:
    if (protocol := properties["Protocol"]) not in _PROTOCOLS:
        raise RefusedByServiceError(
            "InvalidParameter",
            f"Invalid parameter: Amazon SNS does not support this protocol string: {protocol}",
        )


_FURTHER: dict[str, Callable[[dict[str, Any]], None]] = {
    "AWS::DynamoDB::Table": _check_table,
    "AWS::Logs::LogGroup": _check_log_group,
    "AWS::SNS::Subscription": _check_subscription,
    "AWS::SQS::Queue": _check_queue,
}


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
                raise RefusedByServiceError(_INVALID[service], problem)
