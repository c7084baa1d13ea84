"""The log of a task or a workflow."""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.encryption import encryption_key
from stacks.settings import Environment


def log_group(scope: Construct, environment: Environment, name: str | None = None) -> logs.LogGroup:
    """Make a log group that keeps its events as long as the environment says."""
    group = logs.LogGroup(
        scope,
        "Log",
        log_group_name=name,
        removal_policy=removal_policy(environment),
        encryption_key=encryption_key(scope, environment),
    )
    # the construct takes an enumeration without numbers; CloudFormation takes the days themselves
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)  # noqa: S101 - what this construct is made of
    resource.retention_in_days = environment.log_retention_days
    return group


def removal_policy(environment: Environment) -> cdk.RemovalPolicy:
    """Return what happens to the logs and the table when the stack is deleted.

    What is kept then is still deleted if the deployment that creates it fails: it is empty, and
    would be in the way of the next one.
    """
    keep = environment.removal_policy == "retain"
    policy = cdk.RemovalPolicy
    return policy.RETAIN_ON_UPDATE_OR_DELETE if keep else policy.DESTROY
