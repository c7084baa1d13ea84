"""What a role may do: exact actions on exact ARNs, and a reason for every wildcard."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def allow(
    role: iam.IRole,
    actions: list[str],
    resources: list[str],
    *,
    wildcard: str = "",
    conditions: dict[str, dict[str, str]] | None = None,
) -> None:
    """Let a role call these actions on these resources.

    `wildcard` says why a resource holds a `*`; cdk-nag refuses one without a reason.
    """
    resources = list(dict.fromkeys(resources))
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
    )
    if wildcard:
        for resource in resources:
            if "*" in resource:
                # cdk-nag reads a } as the end of Fn::Sub's ${…}, which it writes <…>
                finding = resource.replace("}", ">")
                acknowledge(role, f"AwsSolutions-IAM5[Resource::{finding}]", wildcard)


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Keep what a rule of cdk-nag finds in a construct, for this reason.

    `Validations.acknowledge` would record it in the same place, but not a finding with a blank or
    a bracket in it, such as the ARN of an S3 folder `a b/`.
    """
    construct.node.add_metadata(cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY, {rule: reason})
