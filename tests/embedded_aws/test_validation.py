"""Requests against botocore's service model."""

from typing import Any

import pytest

from embedded_aws.validation import complaint, service_model

ARN = "arn:aws:personalize:eu-west-1:111122223333:solution/s"


def judge(operation: str, **request: Any) -> str | None:
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
def test_a_sound_request_has_no_complaint(request_: Any) -> None:
    assert judge("CreateSolutionVersion", **request_) is None


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
def test_a_problem_is_told_in_the_words_of_aws(request_: Any, text: str) -> None:
    assert judge("CreateSolutionVersion", **request_) == f"1 validation error detected: {text}"


def test_several_problems_are_counted_and_told_together() -> None:
    told = judge("CreateSolutionVersion", name="a b", trainingMode="x")
    assert told
    assert told.startswith("3 validation errors detected: ")
    assert told.count("; ") == 2


def test_numbers_are_judged_by_value_and_truth_values_are_no_numbers() -> None:
    arn = ARN.replace("solution/s", "campaign/c")
    told = judge("UpdateCampaign", campaignArn=arn, minProvisionedTPS=0)
    assert told
    assert told.endswith(
        "'minProvisionedTPS' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )
    told = judge("UpdateCampaign", campaignArn=arn, minProvisionedTPS=True)
    assert told
    assert "Value 'true' at 'minProvisionedTPS'" in told


def test_simple_members_of_a_collection_are_told_once_for_all() -> None:
    long = "x" * 1001
    told = judge(
        "UpdateCampaign",
        campaignArn=ARN.replace("solution/s", "campaign/c"),
        campaignConfig={"itemExplorationConfig": {"a": long, "b": long}},
    )
    assert told == (
        f"1 validation error detected: Value '{{a={long}, b={long}}}' at "
        "'campaignConfig.itemExplorationConfig' failed to satisfy constraint: Map value must "
        "satisfy constraint: [Member must have length less than or equal to 1000]"
    )


def test_every_pattern_of_personalize_can_be_judged() -> None:
    """A Java pattern that Python cannot compile would fail only when somebody uses it."""
    model = service_model("personalize")
    patterned = [
        model.shape_for(name)
        for name in model.shape_names
        if "pattern" in model.shape_for(name).metadata
    ]
    assert len(patterned) > 10
    for shape in patterned:
        complaint(shape, "x")
