"""Requests against botocore's service model."""

from typing import Any

import pytest

from embedded_aws.validation import complaint, service_model

ARN = "arn:aws:personalize:eu-west-1:111122223333:solution/s"


def validate(operation: str, **request: Any) -> str | None:
    return complaint(service_model("personalize").operation_model(operation).input_shape, request)


@pytest.mark.parametrize(
    "request_",
    [
        {"solutionArn": ARN},
        {"solutionArn": ARN, "name": "a" * 63, "trainingMode": "UPDATE"},
        {"solutionArn": ARN, "name": None},
        {"solutionArn": ARN, "tags": [{"tagKey": "Größe 2", "tagValue": ""}]},
    ],
)
def test_a_valid_request_has_no_validation_error(request_: Any) -> None:
    assert validate("CreateSolutionVersion", **request_) is None


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({}, "Value null at 'solutionArn' failed to satisfy constraint: Member must not be null"),
        ({"solutionArn": ARN, "color": 1}, "Unknown member 'color'"),
        (
            {"solutionArn": 5},
            "Value '5' at 'solutionArn' failed to satisfy constraint: Member must be a string",
        ),
        (
            {"solutionArn": ARN, "trainingMode": "HALF"},
            (
                "Value 'HALF' at 'trainingMode' failed to satisfy constraint: "
                "Member must satisfy enum value set: [FULL, UPDATE, AUTOTRAIN]"
            ),
        ),
        (
            {"solutionArn": ARN, "name": "a" * 64},
            (
                f"Value '{'a' * 64}' at 'name' failed to satisfy constraint: "
                "Member must have length less than or equal to 63"
            ),
        ),
        (
            {"solutionArn": ARN, "tags": [{"tagKey": "k", "tagValue": "a*b"}]},
            (
                "Value 'a*b' at 'tags.1.member.tagValue' failed to satisfy constraint: Member must "
                r"satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"
            ),
        ),
        (
            {"solutionArn": ARN, "tags": [{"tagKey": "k"}]},
            (
                "Value null at 'tags.1.member.tagValue' failed to satisfy constraint: "
                "Member must not be null"
            ),
        ),
    ],
)
def test_a_problem_is_reported_in_the_words_of_aws(request_: Any, text: str) -> None:
    assert validate("CreateSolutionVersion", **request_) == f"1 validation error detected: {text}"


def test_several_problems_are_counted_and_reported_together() -> None:
    message = validate("CreateSolutionVersion", name="a b", trainingMode="x")
    assert message
    assert message.startswith("3 validation errors detected: ")
    assert message.count("; ") == 2


def test_numbers_are_checked_by_value_and_booleans_are_not_numbers() -> None:
    arn = ARN.replace("solution/s", "campaign/c")
    message = validate("UpdateCampaign", campaignArn=arn, minProvisionedTPS=0)
    assert message
    assert message.endswith(
        "'minProvisionedTPS' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )
    message = validate("UpdateCampaign", campaignArn=arn, minProvisionedTPS=True)
    assert message
    assert "Value 'true' at 'minProvisionedTPS'" in message


def test_simple_members_of_a_collection_are_reported_in_one_error() -> None:
    long = "x" * 1001
    message = validate(
        "UpdateCampaign",
        campaignArn=ARN.replace("solution/s", "campaign/c"),
        campaignConfig={"itemExplorationConfig": {"a": long, "b": long}},
    )
    assert message == (
        f"1 validation error detected: Value '{{a={long}, b={long}}}' at "
        "'campaignConfig.itemExplorationConfig' failed to satisfy constraint: Map value must "
        "satisfy constraint: [Member must have length less than or equal to 1000]"
    )


def test_every_pattern_of_personalize_can_be_checked() -> None:
    """A Java pattern that Python cannot compile would otherwise fail only in use."""
    model = service_model("personalize")
    patterned = [
        model.shape_for(name)
        for name in model.shape_names
        if "pattern" in model.shape_for(name).metadata
    ]
    assert len(patterned) > 10
    for shape in patterned:
        complaint(shape, "x")
