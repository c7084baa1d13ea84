"""AWS::IAM::ManagedPolicy, which moto creates but does not update."""

import json
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.core.common_models import CloudFormationModel
from moto.iam.models import ManagedPolicy, iam_backends
from moto.utilities.utils import get_partition

Template = dict[str, Any]


class DeployedManagedPolicy(ManagedPolicy, CloudFormationModel):
    """A managed policy; an update gives it a new version and attaches it to other roles."""

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Template,
        account_id: str,
        region_name: str,
    ) -> ManagedPolicy:
        """Put the document in place of the old one; a new name is refused."""
        properties = cloudformation_json["Properties"]
        policy: ManagedPolicy = original_resource
        if properties.get("ManagedPolicyName", new_resource_name) != policy.name:
            raise ValidationError(message=f"a new name for {policy.name} is not supported")
        backend = iam_backends[account_id][get_partition(region_name)]
        document = json.dumps(properties["PolicyDocument"])
        old = policy.default_version_id
        backend.create_policy_version(policy.arn, document, set_as_default=True)
        backend.delete_policy_version(policy.arn, old)
        wanted = properties.get("Roles", [])
        for role in backend.get_roles():
            if policy.arn in role.managed_policies and role.name not in wanted:
                backend.detach_role_policy(policy.arn, role.name)
        for name in wanted:
            backend.attach_role_policy(policy.arn, name)
        return policy
