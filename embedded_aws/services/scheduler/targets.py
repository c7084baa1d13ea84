"""What Scheduler refuses in the target of a schedule.

The words are those that others have from AWS:
https://github.com/badmintoncryer/cdk-preflight/tree/main/rules/scheduler
"""

import re
from collections.abc import Mapping
from typing import Any

from embedded_aws.validation import is_json

# The service that each block of settings is for.
_SERVICES = {
    "EcsParameters": "ecs",
    "EventBridgeParameters": "events",
    "KinesisParameters": "kinesis",
    "SageMakerPipelineParameters": "sagemaker",
    "SqsParameters": "sqs",
}


def target_problem(target: Mapping[str, Any], region: str) -> str | None:
    """Return why CreateSchedule refuses a target; None for one that it takes."""
    arn = target["Arn"]
    if not re.fullmatch(r"arn:aws[a-z-]*:[^:]+:.*", arn):
        return "Provided Arn is not in correct format."
    service, place = [*arn.split(":"), ""][2:4]
    if place not in ("", region):
        return f"The target ARN provided does not match the current region {region}."
    for block, wanted in _SERVICES.items():
        if block in target and service != wanted:
            return f"Parameters {block} not supported for the target."
    if service == "sqs" and (problem := _queue_problem(arn, target.get("SqsParameters"))):
        return problem
    # A universal target has no region; what its input must be, its operation says.
    if place and "Input" in target and not is_json(target["Input"]):
        return "JSON syntax error in input for the target."
    return None


def _queue_problem(arn: str, settings: Mapping[str, Any] | None) -> str | None:
    if arn.endswith(".fifo"):
        return None if settings else "Parameters SqsParameters must be specified."
    if settings and "MessageGroupId" in settings:
        return "Parameters MessageGroupId not valid for the target."
    return None
