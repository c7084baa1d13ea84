"""Resources that exist outside a stack: found by the names that a template gives them."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudwatch.models import cloudwatch_backends
from moto.dynamodb.models import dynamodb_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends
from moto.stepfunctions.responses import get_backend
from moto.utilities.utils import get_partition

Find = Callable[[str, str, str], Any]


def _role(account: str, region: str, name: str) -> Any:
    roles = iam_backends[account][get_partition(region)].roles
    return next((role for role in roles.values() if role.name == name), None)


def _managed_policy(account: str, region: str, name: str) -> Any:
    policies = iam_backends[account][get_partition(region)].managed_policies
    return policies.get(f"arn:{get_partition(region)}:iam::{account}:policy/{name}")


def _state_machine(account: str, region: str, name: str) -> Any:
    machines = get_backend(account, region).state_machines
    return next((machine for machine in machines if machine.name == name), None)


def _function(account: str, region: str, name: str) -> Any:
    functions = lambda_backends[account][region].list_functions()
    return next((each for each in functions if each.function_name == name), None)


def _topic(account: str, region: str, name: str) -> Any:
    topics = sns_backends[account][region].topics
    return topics.get(f"arn:{get_partition(region)}:sns:{region}:{account}:{name}")


# How to find a resource by its name: (account, region, name) -> moto's model of it, or None.
FIND: Mapping[str, Find] = {
    "AWS::CloudWatch::Alarm": lambda account, region, name: cloudwatch_backends[account][
        region
    ].alarms.get(name),
    "AWS::DynamoDB::Table": lambda account, region, name: dynamodb_backends[account][
        region
    ].tables.get(name),
    "AWS::Events::EventBus": lambda account, region, name: events_backends[account][
        region
    ].event_buses.get(name),
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Function": _function,
    "AWS::Logs::LogGroup": lambda account, region, name: logs_backends[account][region].groups.get(
        name
    ),
    "AWS::S3::Bucket": lambda account, region, name: s3_backends[account][
        get_partition(region)
    ].buckets.get(name),
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": lambda account, region, name: sqs_backends[account][region].queues.get(name),
    "AWS::SSM::Parameter": lambda account, region, name: ssm_backends[account][
        region
    ].get_parameter(name),
    "AWS::StepFunctions::StateMachine": _state_machine,
}


def taken(resource: Mapping[str, Any], account: str, region: str, name: Any) -> str | None:
    """Return that a resource exists already, in CloudFormation's words, or None."""
    find = FIND.get(resource["Type"])
    if not (find and isinstance(name, str)) or find(account, region, name) is None:
        return None
    return f"Resource of type '{resource['Type']}' with identifier '{name}' already exists."


def named(resource: Mapping[str, Any]) -> Any:
    """Return the name that a template gives to a resource; it may be a function, or None."""
    given = parsing.resource_name_property_from_type(resource["Type"])
    return resource.get("Properties", {}).get(given)


def refuse(resource: Mapping[str, Any], resources: parsing.ResourceMap, name: Any) -> None:
    """Raise ValidationError, in CloudFormation's words, if the name of a resource is taken.

    As the contract of resource types demands of every handler that creates.
    """
    if reason := taken(resource, resources._account_id, resources._region_name, name):
        token = uuid.uuid5(uuid.NAMESPACE_URL, f"{resources.stack_id}/{name}")
        raise ValidationError(
            message=f'Resource handler returned message: "{reason}" (RequestToken: {token}, '
            "HandlerErrorCode: AlreadyExists)"
        )
