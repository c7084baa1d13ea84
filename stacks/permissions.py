"""What a role may do: exact actions on exact ARNs, and a reason for every wildcard."""

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from stacks.arns import ARN_OVERHEAD, narrowed

# CDK moves whole statements from a full policy to the next one: three of these fill a managed
# policy of 6,144 characters, and little space is lost.
LONGEST_STATEMENT = 1_900
TOO_MANY = (
    "the exact ARNs are longer than a role's policies may be, so names share their beginnings "
    "(docs/decisions/0015-exact-arns-while-they-fit.md)"
)


def allow(
    role: iam.IRole,
    actions: list[str],
    resources: list[str],
    *,
    wildcard: str = "",
    conditions: dict[str, dict[str, str | list[str]]] | None = None,
) -> None:
    """Let a role call these actions on these resources, in as many statements as that takes.

    `wildcard` says why a resource holds a `*`; cdk-nag refuses one without a reason. ARNs that are
    too many for a role's policies are allowed by the beginnings of their names. Without any
    resource nothing is allowed.
    """
    exact = list(dict.fromkeys(resources))
    allowed = narrowed(exact)
    for part in _statements(allowed):
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=actions, resources=part, conditions=conditions)
        )
    for resource in allowed:
        reason = wildcard if resource in exact else TOO_MANY
        if reason and "*" in resource:
            # cdk-nag reads a } as the end of Fn::Sub's ${…}, which it writes <…>
            finding = resource.replace("}", ">")
            acknowledge(role, f"AwsSolutions-IAM5[Resource::{finding}]", reason)


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Keep what a rule of cdk-nag finds in a construct, for this reason.

    `Validations.acknowledge` would record it in the same place, but not a finding with a blank or
    a bracket in it, such as the ARN of an S3 folder `a b/`.
    """
    construct.node.add_metadata(cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY, {rule: reason})


def _statements(resources: list[str]) -> Iterator[list[str]]:
    """Yield the resources in their order, in parts that each fit one statement."""
    part: list[str] = []
    for resource in resources:
        if part and sum(map(_length, [*part, resource])) > LONGEST_STATEMENT:
            yield part
            part = []
        part.append(resource)
    if part:
        yield part


def _length(resource: str) -> int:
    return len(resource) + ARN_OVERHEAD
