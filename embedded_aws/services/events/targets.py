"""What EventBridge refuses in the targets of a rule, in its own words.

Where this file quotes no document, the words are those that others have from AWS:
https://github.com/localstack/localstack/blob/main/tests/aws/services/events/
https://github.com/badmintoncryer/cdk-preflight/tree/main/rules/events
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from moto.events.exceptions import ValidationException

from embedded_aws.services.events.inputs import PLACE, RESERVED, path
from embedded_aws.validation import complaint, in_lower_case, is_json, service_model

# EventBridge reaches the others by their resource policies.
_NEEDS_ROLE = {
    "batch", "codebuild", "codepipeline", "ecs", "events", "firehose", "glue", "inspector",
    "kinesis", "redshift", "sagemaker", "ssm", "ssm-incidents", "states",
}  # fmt: skip
_INPUTS = ("Input", "InputPath", "InputTransformer")
_NUMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
_WHOLE_EVENT = "aws.events.event.json"


def with_numbers(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return a target whose RetryPolicy has numbers, where a template has them as text."""
    policy = target.get("RetryPolicy")
    if not isinstance(policy, dict):
        return dict(target)
    numbers = {
        name: int(value) if name in _NUMBERS and re.fullmatch(r"\d+", str(value)) else value
        for name, value in policy.items()
    }
    return {**target, "RetryPolicy": numbers}


def check_targets(rule: str, targets: Sequence[Mapping[str, Any]], region: str) -> None:
    """Raise ValidationException for the first thing that PutTargets refuses."""
    request = {"Rule": rule, "Targets": list(targets)}
    shape = service_model("events").operation_model("PutTargets").input_shape
    if problem := complaint(shape, request):
        raise ValidationException(in_lower_case(problem))
    ids = [target["Id"] for target in targets]
    for target in targets:
        if ids.count(target["Id"]) > 1:
            raise ValidationException(
                "Parameter targets is not valid. Reason: More than one target with Id "
                f"'{target['Id']}' is provided."
            )
        _check_role(rule, target)
        _check_queue(target, region)
        _check_input(target)


def _check_role(rule: str, target: Mapping[str, Any]) -> None:
    arn = target["Arn"]
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn":  # noqa: PLR2004 - the parts of an ARN
        raise ValidationException(
            f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        )
    if parts[2] in _NEEDS_ROLE and "RoleArn" not in target:
        words = f"RoleArn is required for target {arn}."
        if parts[2] == "kinesis":
            words = f"Rule {rule} does not have RoleArn assigned to invoke target {arn}."
        raise ValidationException(words)


def _check_queue(target: Mapping[str, Any], region: str) -> None:
    arn = target.get("DeadLetterConfig", {}).get("Arn")
    if arn is None:
        return
    service, place = [*arn.split(":"), "", "", "", ""][2:4]
    if service != "sqs":
        raise ValidationException(f"{service} is not supported as a dead letter resource.")
    if arn.endswith(".fifo"):
        raise ValidationException("SQS FIFO is not supported by Dead Letter Queues.")
    if place != region:
        raise ValidationException(f"The dead-letter queue {arn} is not in the Region {region}.")


def _check_input(target: Mapping[str, Any]) -> None:
    name = target["Id"]
    if sum(key in target for key in _INPUTS) > 1:
        raise ValidationException(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}."
        )
    if "Input" in target and not is_json(target["Input"]):
        raise ValidationException(f"JSON syntax error in input for target {name}.")
    transformer = target.get("InputTransformer", {})
    paths = transformer.get("InputPathsMap", {})
    for text in [*paths.values(), *([target["InputPath"]] if "InputPath" in target else [])]:
        try:
            path(text)
        except ValueError:
            raise ValidationException(f"InputPath for target {name} is invalid.") from None
    if transformer:
        _check_template(name, transformer["InputTemplate"], paths)


def _check_template(target: str, template: str, paths: Mapping[str, str]) -> None:
    subject = f"InputTemplate for target {target}"
    is_object = template.lstrip().startswith("{")
    for place in PLACE.findall(template):
        if place not in paths and place not in RESERVED:
            raise ValidationException(f"{subject} contains invalid placeholder {place}.")
        if place == _WHOLE_EVENT and not is_object:
            raise ValidationException(
                f"{subject} contains placeholder {place} valid only for JSON template."
            )
    # Whatever is no object may be several lines, each in quotes: only its places are checked.
    if is_object and not is_json(PLACE.sub("0", template)):
        raise ValidationException(f"Invalid {subject}: it is no JSON object.")
