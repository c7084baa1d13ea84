"""An alarm of an environment: a metric, its bound, and what a person does about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.settings import Environment

HOUR = 3600
FIVE_MINUTES = 300
OURS = "PersonalizeRefresh"  # the namespace of the metrics that the tasks print
RUNBOOK = "docs/operations.md"
OPS = "python -m ops"  # the operator's command line


@dataclass(frozen=True)
class Metric:
    """One metric of CloudWatch, and by which statistic it is looked at."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: Literal["Sum", "Maximum"] = "Sum"


@dataclass(frozen=True, kw_only=True)
class Bound:
    """When a metric is bad: in each of so many periods (seconds), or when it is missing."""

    threshold: float = 1
    comparison: Literal[
        "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold"
    ] = "GreaterThanOrEqualToThreshold"
    period: int = FIVE_MINUTES
    periods: int = 1
    missing: Literal["notBreaching", "breaching", "missing"] = "notBreaching"


def alarm(
    scope: Construct,
    name: str,
    metric: Metric,
    bound: Bound,
    *,
    words: str,
    section: str,
    tell: Sequence[sns.ITopic] = (),
    tell_when_good: bool = False,
) -> cloudwatch.CfnAlarm:
    """Make the alarm <stack>-<name>.

    `words` say what it means and what to do, `section` is the anchor in the runbook that says more.
    """
    topics = [topic.topic_arn for topic in tell]
    return cloudwatch.CfnAlarm(
        scope,
        name,
        alarm_name=alarm_name(scope, name),
        alarm_description=f"{words} More: {RUNBOOK}#{section}",
        namespace=metric.namespace,
        metric_name=metric.name,
        dimensions=[
            cloudwatch.CfnAlarm.DimensionProperty(name=key, value=value)
            for key, value in metric.dimensions.items()
        ],
        statistic=metric.statistic,
        period=bound.period,
        evaluation_periods=bound.periods,
        threshold=bound.threshold,
        comparison_operator=bound.comparison,
        treat_missing_data=bound.missing,
        alarm_actions=topics or None,
        ok_actions=topics if topics and tell_when_good else None,
    )


def alarm_name(scope: Construct, name: str) -> str:
    """Return the name under which people see the alarm."""
    return f"{cdk.Stack.of(scope).stack_name}-{name}"


def let_alarms_publish(topic: sns.Topic, environment: Environment) -> None:
    """Let the alarms of the topic's stack send to it."""
    stack = cdk.Stack.of(topic).stack_name
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["sns:Publish"],
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            resources=[topic.topic_arn],
            conditions={
                "ArnLike": {"aws:SourceArn": environment.arn("cloudwatch", f"alarm:{stack}-*")},
                "StringEquals": {"aws:SourceAccount": environment.account},
            },
        )
    )
