"""moto's models of our stack's resources, with the properties and updates that moto leaves out.

moto keeps one model per resource type, built from the direct subclasses of CloudFormationModel; the
one defined last wins, so importing this module registers its models.
"""

import json
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.core.common_models import CloudFormationModel
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.iam.models import Role, iam_backends
from moto.logs import models as log_models
from moto.logs.models import LogGroup, logs_backends
from moto.s3.models import s3_backends
from moto.sns.models import Topic
from moto.sqs.models import Queue, sqs_backends
from moto.stepfunctions import models as static_models
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.responses import get_backend
from moto.stepfunctions.utils import cfn_to_api_tags
from moto.utilities.utils import get_partition

from embedded_aws.moto_changes import replace
from embedded_aws.services import iam
from embedded_aws.services.cloudformation.reasons import RefusedByServiceError
from embedded_aws.services.iam.aws_policies import policy_exists
from embedded_aws.services.iam.keys import may_encrypt_logs

Template = dict[str, Any]


def _camel(value: Any) -> Any:
    """Spell keys as the API does: CloudFormation's `Level` is `level` there."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(item) for key, item in value.items()}
    return [_camel(item) for item in value] if isinstance(value, list) else value


class DeployedStateMachine(StateMachine, CloudFormationModel):
    """A state machine in the backend that executes it, with its substitutions applied."""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Return whether GetAtt knows the attribute."""
        return attr in {"Arn", "Name"}

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the Arn, which moto does not know as an attribute, or the Name."""
        return self.arn if attribute_name == "Arn" else super().get_cfn_attribute(attribute_name)

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> Any:
        """Create it as CreateStateMachine does."""
        properties = cloudformation_json["Properties"]
        name = properties.get("StateMachineName", resource_name)
        cls._check_role(
            properties["RoleArn"],
            f"arn:{get_partition(region_name)}:states:{region_name}:{account_id}:stateMachine:{name}",
        )
        machine: Any = get_backend(account_id, region_name).create_state_machine(
            name=name,
            roleArn=properties["RoleArn"],
            tags=cfn_to_api_tags(properties.get("Tags", [])),
            sm_type=properties.get("StateMachineType", "STANDARD"),
            **cls._settings(properties, account_id, region_name),
        )
        return machine

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> Any:
        """Update it in place; a new name replaces it."""
        properties = cloudformation_json["Properties"]
        if properties.get("StateMachineName", new_resource_name) != original_resource.name:
            made = cls.create_from_cloudformation_json(
                new_resource_name, cloudformation_json, account_id, region_name
            )
            get_backend(account_id, region_name).delete_state_machine(original_resource.arn)
            return made
        cls._check_role(properties["RoleArn"], original_resource.arn)
        settings = cls._settings(properties, account_id, region_name)
        return get_backend(account_id, region_name).update_state_machine(
            original_resource.arn,
            definition=settings["definition"],
            role_arn=properties["RoleArn"],
            logging_configuration=settings["loggingConfiguration"],
            tracing_configuration=settings["tracingConfiguration"],
        )

    @classmethod
    def delete_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Template,  # noqa: ARG003 - moto's signature
        account_id: str,
        region_name: str,
    ) -> None:
        """Delete it; `resource_name` is its ARN."""
        get_backend(account_id, region_name).delete_state_machine(resource_name)

    @staticmethod
    def _check_role(role_arn: str, machine_arn: str) -> None:
        service = "states.amazonaws.com"
        if not iam.trusts(role_arn, service=service, source_arn=machine_arn):
            raise RefusedByServiceError(
                "AccessDeniedException",
                f"Neither the global service principal {service}, nor the regional one is "
                f"authorized to assume the provided role {role_arn}.",
            )

    @staticmethod
    def _settings(properties: Template, account_id: str, region_name: str) -> Template:
        if location := properties.get("DefinitionS3Location"):
            stored = s3_backends[account_id][get_partition(region_name)].get_object(
                location["Bucket"], location["Key"]
            )
            if stored is None:
                raise ValidationError(
                    message=f"no object {location['Key']} in {location['Bucket']}"
                )
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
    """A role with its managed policies, which an update can also change."""

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> Role:
        """Create it and attach its managed policies; nothing is left of one that fails."""
        cls._check_boundary(cloudformation_json["Properties"], account_id, region_name)
        roles = iam_backends[account_id][get_partition(region_name)].roles
        before = set(roles)
        try:
            role: Role = super().create_from_cloudformation_json(
                resource_name, cloudformation_json, account_id, region_name
            )
            cls._attach(role, cloudformation_json["Properties"])
        except Exception:
            for made in set(roles) - before:
                del roles[made]
            raise
        return role

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,  # noqa: ARG003 - moto's signature
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> Role:
        """Replace its trust, boundary and policies; a role cannot be renamed here."""
        properties = cloudformation_json["Properties"]
        cls._check_boundary(properties, account_id, region_name)
        role: Role = original_resource
        if properties.get("RoleName", role.name) != role.name:
            raise ValidationError(message=f"a new name for the role {role.name} is not supported")
        backend = iam_backends[account_id][get_partition(region_name)]
        document = json.dumps(properties["AssumeRolePolicyDocument"])
        backend.update_assume_role_policy(role.name, document)
        longest = properties.get("MaxSessionDuration", 3_600)
        backend.update_role(role.name, properties.get("Description", ""), longest)
        role.permissions_boundary_arn = properties.get("PermissionsBoundary")
        inline = {p["PolicyName"]: p["PolicyDocument"] for p in properties.get("Policies", [])}
        for name, policy in inline.items():
            role.put_policy(name, policy)
        for policy in list(role.managed_policies.values()):
            policy.detach_from(role)
        cls._attach(role, properties)
        return role

    @staticmethod
    def _check_boundary(properties: Template, account_id: str, region_name: str) -> None:
        boundary = properties.get("PermissionsBoundary")
        backend = iam_backends[account_id][get_partition(region_name)]
        if boundary and not policy_exists(boundary, backend):
            reason = "does not exist or is not attachable."
            raise ValidationError(message=f"Scope ARN: {boundary} {reason}")

    @staticmethod
    def _attach(role: Role, properties: Template) -> None:
        backend = iam_backends[role.account_id][role.partition]
        for arn in properties.get("ManagedPolicyArns", []):
            policy_exists(arn, backend)
            backend.attach_role_policy(arn, role.name)


class DeployedLogGroup(LogGroup, CloudFormationModel):
    """A log group whose Arn attribute ends with `:*`, as in AWS, and whose retention can change."""

    def __init__(self, account_id: str, region: str, name: str, **kwargs: Any) -> None:
        key = kwargs.get("kmsKeyId") or kwargs.get("KmsKeyId")  # as the API, or a template, has it
        super().__init__(account_id, region, name, **{**kwargs, "kmsKeyId": key})
        if key and not may_encrypt_logs(key, self.arn):
            reason = f"does not exist or is not allowed to be used with Arn '{self.arn}'"
            raise JsonRESTError("AccessDeniedException", f"The specified KMS key {reason}")

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the Arn, the only attribute."""
        return f"{super().get_cfn_attribute(attribute_name)}:*"

    @classmethod
    def create_from_cloudformation_json(cls, *args: Any, **kwargs: Any) -> LogGroup:
        """Create it as moto does."""
        group: LogGroup = super().create_from_cloudformation_json(*args, **kwargs)
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
    """A table with point-in-time recovery, whose capacity and protection an update can change."""

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> Table:
        """Create it, including what moto leaves out."""
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
        """Update it in place; a new name or key is refused, because it would lose the items."""
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
            stream_spec=cls._stream_change(table, properties.get("StreamSpecification")),
            deletion_protection_enabled=properties.get("DeletionProtectionEnabled", False),
            warm_throughput=None,
        )
        cls._protect(table, properties, account_id, region_name)
        return table

    @staticmethod
    def _stream_change(table: Table, wanted: Template | None) -> Any:
        """Return what UpdateTable gets to have the stream that the template wants."""
        now = table.stream_specification if table.stream_shard else None
        if wanted and now:
            if wanted["StreamViewType"] != now.get("StreamViewType"):
                raise ValidationError(message="another StreamViewType is not supported")
            return None
        return wanted or ({"StreamEnabled": False} if now else None)

    @staticmethod
    def _protect(table: Table, properties: Template, account_id: str, region: str) -> None:
        if recovery := properties.get("PointInTimeRecoverySpecification"):
            dynamodb_backends[account_id][region].update_continuous_backups(table.name, recovery)


_plain_attribute = Table.get_cfn_attribute


def _table_attribute(self: Table, attribute_name: str) -> Any:
    if attribute_name == "StreamArn" and not self.latest_stream_label:
        raise ValidationError(
            message=f"Attribute 'StreamArn' of the table {self.name} does not exist: it has no "
            "stream"
        )
    return _plain_attribute(self, attribute_name)


class DeployedTopic(Topic, CloudFormationModel):
    """A topic whose ARN is an attribute; an update keeps it, with its subscriptions."""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Return whether GetAtt knows the attribute."""
        return attr in {"TopicName", "TopicArn"}

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the name or the ARN."""
        return (
            self.arn if attribute_name == "TopicArn" else super().get_cfn_attribute(attribute_name)
        )

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> Topic:
        """Change its display name and key; a new name replaces it."""
        properties = cloudformation_json["Properties"]
        if properties.get("TopicName", original_resource.name) != original_resource.name:
            made: Topic = super().update_from_cloudformation_json(
                original_resource, new_resource_name, cloudformation_json, account_id, region_name
            )
            return made
        original_resource.display_name = properties.get("DisplayName", "")
        original_resource.kms_master_key_id = properties.get("KmsMasterKeyId", "")
        kept: Topic = original_resource
        return kept


class DeployedQueue(Queue, CloudFormationModel):
    """A queue; an update can change every attribute."""

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


def install() -> None:
    """Make moto create these instead of its own."""
    replace(
        static_models,
        "a state machine's Arn is an attribute for GetAtt",
        StateMachine=DeployedStateMachine,
    )
    replace(
        log_models,
        "a log group's Arn ends with :*, and its KMS key must allow CloudWatch Logs",
        LogGroup=DeployedLogGroup,
    )
    replace(
        Table,
        "a table without a stream has no StreamArn, and the message says so",
        get_cfn_attribute=_table_attribute,
    )
