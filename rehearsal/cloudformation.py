"""What moto's CloudFormation lacks for our stack and for CDK's bootstrap stack.

moto keeps one model per resource type, built from the direct subclasses of CloudFormationModel; the
one defined last wins, so importing this module registers its models. A type that nobody models, and
a resource that cannot be made, fail the deployment instead of being skipped.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, ClassVar

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException, ValidationError
from moto.core.common_models import CloudFormationModel
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.iam.models import Role, iam_backends
from moto.logs.models import LogGroup, logs_backends
from moto.s3.models import s3_backends
from moto.sqs.models import Queue, sqs_backends
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.responses import get_backend
from moto.stepfunctions.utils import cfn_to_api_tags

from rehearsal.clients import client

Template = dict[str, Any]


def _camel(value: Any) -> Any:
    """Spell keys as the API does: CloudFormation's `Level` is its `level`."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


class DeployedStateMachine(StateMachine, CloudFormationModel):
    """A state machine in the backend that executes, with its substitutions made."""

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[override] # moto leaves the kwargs open
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> Any:
        """Create it as CreateStateMachine does."""
        properties = cloudformation_json["Properties"]
        return get_backend(account_id, region_name).create_state_machine(
            name=properties.get("StateMachineName", resource_name),
            roleArn=properties["RoleArn"],
            tags=cfn_to_api_tags(properties.get("Tags", [])),
            sm_type=properties.get("StateMachineType", "STANDARD"),
            **cls._settings(properties, account_id),
        )

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> Any:
        """Update it in place; another name means another machine."""
        properties = cloudformation_json["Properties"]
        if properties.get("StateMachineName", new_resource_name) != original_resource.name:
            made = cls.create_from_cloudformation_json(
                new_resource_name, cloudformation_json, account_id, region_name
            )
            get_backend(account_id, region_name).delete_state_machine(original_resource.arn)
            return made
        settings = cls._settings(properties, account_id)
        return get_backend(account_id, region_name).update_state_machine(
            original_resource.arn,
            definition=settings["definition"],
            role_arn=properties["RoleArn"],
            logging_configuration=settings["loggingConfiguration"],
            tracing_configuration=settings["tracingConfiguration"],
        )

    @staticmethod
    def _settings(properties: Template, account_id: str) -> Template:
        if location := properties.get("DefinitionS3Location"):
            stored = s3_backends[account_id]["aws"].get_object(location["Bucket"], location["Key"])
            text = stored.value.decode()
        else:
            text = properties.get("DefinitionString") or json.dumps(properties["Definition"])
        for name, value in properties.get("DefinitionSubstitutions", {}).items():
            text = text.replace(f"${{{name}}}", str(value))
        return {
            "definition": text,
            "loggingConfiguration": _camel(properties.get("LoggingConfiguration")),
            "tracingConfiguration": _camel(properties.get("TracingConfiguration")),
            "encryptionConfiguration": _camel(properties.get("EncryptionConfiguration")),
        }


class DeployedRole(Role, CloudFormationModel):
    """A role with its managed policies, which an update may change as well."""

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[override] # moto leaves the kwargs open
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> Role:
        """Create it and attach its managed policies."""
        role: Role = super().create_from_cloudformation_json(
            resource_name, cloudformation_json, account_id, region_name
        )
        cls._attach(role, cloudformation_json["Properties"])
        return role

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> Role:
        """Replace its trust, inline and managed policies; a role cannot be renamed here."""
        properties = cloudformation_json["Properties"]
        role: Role = original_resource
        if properties.get("RoleName", role.name) != role.name:
            raise ValidationError(message=f"a new name for the role {role.name} is not supported")
        document = properties["AssumeRolePolicyDocument"]
        role.assume_role_policy_document = json.dumps(document)
        role.description = properties.get("Description", "")
        inline = {p["PolicyName"]: p["PolicyDocument"] for p in properties.get("Policies", [])}
        for name, policy in inline.items():
            role.put_policy(name, policy)
        for policy in list(role.managed_policies.values()):
            policy.detach_from(role)
        cls._attach(role, properties)
        return role

    @staticmethod
    def _attach(role: Role, properties: Template) -> None:
        for arn in properties.get("ManagedPolicyArns", []):
            iam_backends[role.account_id]["aws"].attach_role_policy(arn, role.name)


class DeployedLogGroup(LogGroup, CloudFormationModel):
    """A log group whose Arn attribute ends with `:*`, as in AWS, and whose retention can change."""

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the Arn, the only attribute."""
        return f"{super().get_cfn_attribute(attribute_name)}:*"

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[override] # moto leaves the kwargs open
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> LogGroup:
        """Create it; moto's own class has the wrong Arn."""
        group: LogGroup = super().create_from_cloudformation_json(
            resource_name, cloudformation_json, account_id, region_name
        )
        group.__class__ = cls
        return group

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,  # noqa: ARG003 - moto's signature
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> LogGroup:
        """Change its retention."""
        retention = cloudformation_json["Properties"].get("RetentionInDays")
        group: LogGroup = logs_backends[account_id][region_name].groups[original_resource.name]
        group.set_retention_policy(retention)
        return group


class DeployedTable(Table, CloudFormationModel):
    """A table with point-in-time recovery, whose capacity and protection an update may change."""

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[override] # moto leaves the kwargs open
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> Table:
        """Create it, with what moto leaves out."""
        table: Table = super().create_from_cloudformation_json(
            resource_name, cloudformation_json, account_id, region_name
        )
        cls._protect(table, cloudformation_json["Properties"], account_id, region_name)
        return table

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> Table:
        """Change it in place; another name or key is refused, for it would lose the rows."""
        properties = cloudformation_json["Properties"]
        table: Table = original_resource
        keys = [(k["AttributeName"], k["KeyType"]) for k in properties["KeySchema"]]
        if keys != [(k["AttributeName"], k["KeyType"]) for k in table.schema] or (
            "TableName" in properties and new_resource_name != table.name
        ):
            raise ValidationError(message=f"replacing the table {table.name} is not supported")
        dynamodb_backends[account_id][region_name].update_table(
            name=table.name,
            attr_definitions=properties["AttributeDefinitions"],
            global_index=[],
            throughput=properties.get("ProvisionedThroughput", {}),
            billing_mode=properties.get("BillingMode", "PROVISIONED"),
            stream_spec=properties.get("StreamSpecification"),
            deletion_protection_enabled=properties.get("DeletionProtectionEnabled", False),
            warm_throughput=None,
        )
        cls._protect(table, properties, account_id, region_name)
        return table

    @staticmethod
    def _protect(table: Table, properties: Template, account_id: str, region: str) -> None:
        if recovery := properties.get("PointInTimeRecoverySpecification"):
            dynamodb_backends[account_id][region].update_continuous_backups(table.name, recovery)


class DeployedQueue(Queue, CloudFormationModel):
    """A queue of which an update may change every attribute."""

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,  # noqa: ARG003 - moto's signature
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> Queue:
        """Set its attributes to those of the template."""
        attributes = {
            name: value
            for name, value in cloudformation_json["Properties"].items()
            if name not in {"QueueName", "Tags"}
        }
        return sqs_backends[account_id][region_name].set_queue_attributes(
            original_resource.name, attributes
        )


# How a resource without a model of moto's is put in place: (its properties, a client factory,
# the resource's generated name) -> (physical id, delete).
Made = tuple[str, Callable[[], object]]
Make = Callable[[Template, Callable[[str], Any], str], Made]


def _queue_policy(properties: Template, api: Callable[[str], Any], name: str) -> Made:
    def put(policy: str) -> None:
        for url in properties["Queues"]:
            api("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    put(json.dumps(properties["PolicyDocument"]))
    return name, lambda: put("")


def _bucket_policy(properties: Template, api: Callable[[str], Any], _name: str) -> Made:
    bucket = properties["Bucket"]
    api("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(properties["PolicyDocument"]))
    return bucket, lambda: api("s3").delete_bucket_policy(Bucket=bucket)


def _scalable_target(properties: Template, api: Callable[[str], Any], _name: str) -> Made:
    names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    target = {name: properties[name] for name in names}
    optional = {k: properties[k] for k in ("RoleARN", "SuspendedState") if k in properties}
    scaling = api("application-autoscaling")
    scaling.register_scalable_target(
        **target,
        **optional,
        MinCapacity=int(properties["MinCapacity"]),
        MaxCapacity=int(properties["MaxCapacity"]),
    )
    physical = "|".join(properties[n] for n in ("ResourceId", "ScalableDimension", "ServiceNamespace"))
    return physical, lambda: scaling.deregister_scalable_target(**target)


def _scaling_policy(properties: Template, api: Callable[[str], Any], _name: str) -> Made:
    if "ScalingTargetId" in properties:
        resource, dimension, namespace = properties["ScalingTargetId"].split("|")
    else:
        names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
        resource, dimension, namespace = (properties[name] for name in names)
    policy = {
        "PolicyName": properties["PolicyName"],
        "ServiceNamespace": namespace,
        "ResourceId": resource,
        "ScalableDimension": dimension,
    }
    kind = "TargetTrackingScalingPolicyConfiguration"
    scaling = api("application-autoscaling")
    arn = scaling.put_scaling_policy(
        **policy, PolicyType=properties["PolicyType"], **{kind: properties[kind]}
    )["PolicyARN"]
    return arn, lambda: scaling.delete_scaling_policy(**policy)


def _metadata(_properties: Template, _api: Callable[[str], Any], name: str) -> Made:
    return name, lambda: None


class ApiResource(CloudFormationModel):
    """A resource made through the served cloud's own API, so that what the API checks is checked."""

    make: ClassVar[Make]

    def __init__(self, physical_resource_id: str, remove: Callable[[], object]) -> None:
        self.physical_resource_id = physical_resource_id
        self._remove = remove

    @staticmethod
    def cloudformation_type() -> str:
        """Return nothing: this base stands for no type."""
        return ""

    @staticmethod
    def cloudformation_name_type() -> str:
        """Return nothing: these resources are not named by a property."""
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:  # noqa: ARG003 - moto's signature
        """Tell that there are no attributes to get."""
        return False

    def get_cfn_attribute(self, attribute_name: str) -> str:  # noqa: ARG002 - moto's signature
        """Refuse: no attribute is known."""
        raise UnformattedGetAttTemplateException

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[override] # moto leaves the kwargs open
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,  # noqa: ARG003 - moto's signature
        region_name: str,
        **_kwargs: Any,
    ) -> "ApiResource":
        """Put it in place."""
        return cls(
            *cls.make(
                cloudformation_json["Properties"],
                lambda service: client(service, region_name),
                resource_name,
            )
        )

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,  # noqa: ARG003 - moto's signature
        new_resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> "ApiResource":
        """Put it in place again: these calls replace what was there."""
        return cls.create_from_cloudformation_json(
            new_resource_name, cloudformation_json, account_id, region_name
        )

    def delete(self, _account_id: str, _region_name: str) -> None:
        """Take it away."""
        self._remove()


def _register(resource_type: str, make: Make) -> type[ApiResource]:
    name = resource_type.replace("::", "")
    members = {
        "__module__": __name__,
        "make": staticmethod(make),
        "cloudformation_type": staticmethod(lambda: resource_type),
    }
    return type(name, (ApiResource, CloudFormationModel), members)


_REGISTERED = [
    _register("AWS::ApplicationAutoScaling::ScalableTarget", _scalable_target),
    _register("AWS::ApplicationAutoScaling::ScalingPolicy", _scaling_policy),
    _register("AWS::CDK::Metadata", _metadata),
    _register("AWS::S3::BucketPolicy", _bucket_policy),
    _register("AWS::SQS::QueuePolicy", _queue_policy),
]

# The longest names that CloudFormation generates; longer stack and logical ids are cut.
_LONGEST = {"AWS::IAM::Role": 64, "AWS::Lambda::Function": 64, "AWS::S3::Bucket": 63}
_LONGEST_OTHER = 80
_plain_class_from_type = parsing.resource_class_from_type
_plain_create = parsing.parse_and_create_resource


def _class_from_type(resource_type: str) -> type[CloudFormationModel]:
    model = _plain_class_from_type(resource_type) if _is_modelled(resource_type) else None
    if model is None:
        raise ValidationError(
            message=f"Template format error: Unrecognized resource types: [{resource_type}]"
        )
    return model


def _is_modelled(resource_type: str) -> bool:
    return resource_type in parsing.get_model_map() or resource_type.startswith("Custom::")


def _create(logical_id: str, resource_json: Template, *args: Any, **kwargs: Any) -> Any:
    try:
        return _plain_create(logical_id, resource_json, *args, **kwargs)
    except Exception as error:
        if getattr(error, "resource", None):  # a resource that this one needs has failed
            raise
        reason = getattr(error, "message", None) or str(error) or type(error).__name__
        failure = ValidationError(message=f"{logical_id} ({resource_json['Type']}): {reason}")
        failure.resource = logical_id  # type: ignore[attr-defined]
        raise failure from error


def _generated_name(resource_type: str, stack_name: str, logical_id: str) -> str:
    """Name a resource that its template does not name: always the same, so updates keep it."""
    suffix = hashlib.sha256(f"{stack_name}/{logical_id}".encode()).hexdigest()[:12]
    longest = _LONGEST.get(resource_type, _LONGEST_OTHER)
    stem = f"{stack_name}-{logical_id}"[: longest - len(suffix) - 1]
    name = f"{stem}-{suffix}"
    return name.lower() if resource_type == "AWS::S3::Bucket" else name


def install() -> None:
    """Register the models above, and fail deployments that moto would let pass; repeatable."""
    parsing.resource_class_from_type = _class_from_type
    parsing.parse_and_create_resource = _create
    parsing.generate_resource_name = _generated_name
