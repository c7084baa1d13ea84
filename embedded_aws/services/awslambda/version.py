"""AWS::Lambda::Version: a function as it was when the stack published it."""

from typing import Any

from moto.awslambda.models import lambda_backends
from moto.cloudformation.exceptions import ValidationError
from moto.core.common_models import CloudFormationModel

_SUPPORTED = {"CodeSha256", "Description", "FunctionName"}


class DeployedVersion(CloudFormationModel):
    """A published version; whatever changes in the template replaces it."""

    def __init__(self, arn: str, properties: dict[str, Any]) -> None:
        self.arn = arn
        self.properties = properties

    @property
    def physical_resource_id(self) -> str:
        """Return what Ref returns: the ARN with the version."""
        return self.arn

    @staticmethod
    def cloudformation_type() -> str:
        """Return the resource type."""
        return "AWS::Lambda::Version"

    @staticmethod
    def cloudformation_name_type() -> str:
        """Return an empty string: no property names a version."""
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Return whether GetAtt knows the attribute."""
        return attr in {"FunctionArn", "Version"}

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the ARN with the version, or the version."""
        return self.arn if attribute_name == "FunctionArn" else self.arn.rsplit(":", 1)[-1]

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,  # noqa: ARG003 - moto's signature
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **_kwargs: Any,
    ) -> "DeployedVersion":
        """Publish it; ValidationError if the function has not changed since its newest version."""
        properties = cloudformation_json["Properties"]
        if unsupported := properties.keys() - _SUPPORTED:
            raise ValidationError(message=f"not supported: {', '.join(sorted(unsupported))}")
        backend: Any = lambda_backends[account_id][region_name]
        name = properties["FunctionName"]
        code = backend.get_function(name).code_sha_256
        if properties.get("CodeSha256", code) != code:
            raise ValidationError(
                message=f"CodeSHA256 ({properties['CodeSha256']}) is different from current "
                f"CodeSHA256 in $LATEST ({code}). Please try again with the CodeSHA256 in $LATEST."
            )
        before = {function.version for function in backend.list_versions_by_function(name)}
        made = backend.publish_version(name, properties.get("Description", ""))
        if made.version in before:
            raise ValidationError(
                message=f"A version for this Lambda function exists ( {made.version} ). "
                "Modify the function to create a new version."
            )
        return cls(made.function_arn, properties)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> "DeployedVersion":
        """Replace it if a property changed, and delete the old one unless it is retained."""
        old: DeployedVersion = original_resource
        if old.properties == cloudformation_json["Properties"]:
            return old
        made = cls.create_from_cloudformation_json(
            new_resource_name, cloudformation_json, account_id, region_name
        )
        if cloudformation_json.get("UpdateReplacePolicy") != "Retain":
            old.delete(account_id, region_name)
        return made

    def delete(self, account_id: str, region_name: str) -> None:
        """Delete the version; its function, and so the version, may be deleted already."""
        backend: Any = lambda_backends[account_id][region_name]
        name = self.arn.split(":")[6]
        versions = backend.list_versions_by_function(name)
        if self.arn in {function.function_arn for function in versions}:
            backend.delete_function(self.arn)
