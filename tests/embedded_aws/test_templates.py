"""CloudFormation refuses what AWS refuses: of templates and of requests.

Words marked "recorded" are those of AWS in the snapshots of LocalStack's tests.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from embedded_aws.services.cloudformation.templates import problem
from tests.embedded_aws.small_stack import role

QUEUE: dict[str, Any] = {"Type": "AWS::SQS::Queue"}
ONE = {"Queue": QUEUE}


def queue(**properties: Any) -> dict[str, Any]:
    return {"Queue": {**QUEUE, "Properties": properties}}


def many(count: int, value: Any) -> dict[str, Any]:
    return {f"N{number}": value for number in range(count)}


UNRESOLVED = "Template format error: Unresolved resource dependencies [Gone] in the Resources block"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    # recorded
    "no resources": ({"Resources": {}}, "At least one Resources member must be defined."),
    "a resource without a type": (
        {"Resources": {"A": {"Properties": {}}}},
        "Template format error: [/Resources/A] Every Resources object must contain a Type member.",
    ),
    "an unknown key of a resource": (
        {"Resources": {"A": {**QUEUE, "Invalid": 1}}},
        "Invalid template resource property 'Invalid'",
    ),
    "a resource that is a text": (
        {"Resources": {"A": "AWS::SQS::Queue"}},
        "Template format error: Any Resources member must be an object.",
    ),
    "an output without a value": (
        {"Resources": ONE, "Outputs": {"O": {"Description": "none"}}},
        "Template format error: Every Outputs member must contain a Value object",
    ),
    "an output of null": (
        {"Resources": ONE, "Outputs": {"O": {"Value": None}}},
        "[/Outputs/O/Value] 'null' values are not allowed in templates",
    ),
    "a dependency on nothing": (
        {"Resources": {"Queue": {**QUEUE, "DependsOn": "Gone"}}},
        f"{UNRESOLVED} of the template",
    ),
    "a mapping of one level": (
        {"Resources": ONE, "Mappings": {"M": {"A": "b"}}},
        "Template format error: Every Mappings member A must be a map",
    ),
    "a mapping of three levels": (
        {"Resources": ONE, "Mappings": {"M": {"A": {"B": {"C": "d"}}}}},
        "Template format error: Every Mappings attribute must be a String or a List.",
    ),
    "a key that a mapping does not have": (
        {
            "Resources": queue(QueueName={"Fn::FindInMap": ["M", "C", "Suffix"]}),
            "Mappings": {"M": {"A": {"Suffix": "b"}}},
        },
        "Template error: Unable to get mapping for M::C::Suffix",
    ),
    # public reports
    "a reference to nothing": (
        {"Resources": queue(QueueName={"Ref": "Gone"})},
        f"{UNRESOLVED} of the template",
    ),
    "a variable that is nothing": (
        {"Resources": queue(QueueName={"Fn::Sub": "x-${Gone}"})},
        f"{UNRESOLVED} of the template",
    ),
    "an output of nothing": (
        {"Resources": ONE, "Outputs": {"O": {"Value": {"Ref": "AWS::Stage"}}}},
        "Unresolved resource dependencies [AWS::Stage] in the Outputs block of the template",
    ),
    "an attribute of nothing": (
        {"Resources": queue(QueueName={"Fn::GetAtt": ["Gone", "Arn"]})},
        "Template error: instance of Fn::GetAtt references undefined resource Gone",
    ),
    "an attribute without its name": (
        {"Resources": queue(QueueName={"Fn::GetAtt": "Queue"})},
        "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource "
        "name and the resource attribute",
    ),
    "a circle": (
        {
            "Resources": {
                "A": {**QUEUE, "Properties": {"QueueName": {"Fn::GetAtt": ["B", "QueueName"]}}},
                "B": {**QUEUE, "DependsOn": "A"},
            }
        },
        "Circular dependency between resources: [",
    ),
    "an unknown function": (
        {"Resources": queue(QueueName={"Fn::Upper": "x"})},
        "Template error: Encountered unsupported function: Fn::Upper Supported functions are: "
        "[Fn::Base64, Fn::GetAtt, ",
    ),
    "an unknown condition in a function": (
        {"Resources": queue(QueueName={"Fn::If": ["Gone", "a", "b"]})},
        "Template error: unresolved condition dependency Gone in Fn::If",
    ),
    "a condition on a resource": (
        {"Resources": ONE, "Conditions": {"C": {"Fn::Equals": [{"Ref": "Queue"}, "x"]}}},
        "Template format error: Unresolved dependencies [Queue]. Cannot reference resources in the "
        "Conditions block of the template",
    ),
    "an unknown mapping": (
        {"Resources": queue(QueueName={"Fn::FindInMap": ["Gone", "a", "b"]})},
        "Template error: Mapping named 'Gone' is not present in the 'Mappings' section of "
        "template.",
    ),
    "an export named by a resource": (
        {
            "Resources": ONE,
            "Outputs": {"O": {"Value": "x", "Export": {"Name": {"Fn::Sub": "a-${Queue}"}}}},
        },
        "Template format error: Output O is malformed.  The Name field of Export must not depend "
        "on any resources, imported values, or Fn::GetAZs.",
    ),
    "an unknown section": (
        {"Resources": ONE, "outputs": {}},
        "Invalid template property or properties [outputs]",
    ),
    "an unknown type": (
        {"Resources": {"A": {"Type": "AWS::SQS::Quue"}, "B": {"Type": "AWS::No::Type"}}},
        "Template format error: Unrecognized resource types: [AWS::No::Type, AWS::SQS::Quue]",
    ),
    "a logical ID with a hyphen": (
        {"Resources": {"my-queue": QUEUE}},
        "Template format error: Resource name my-queue is non alphanumeric.",
    ),
    "a type of parameter that is none": (
        {"Resources": ONE, "Parameters": {"P": {"Type": "Strin", "Default": ""}}},
        "Template format error: Unrecognized parameter type: Strin",
    ),
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    "501 resources": (
        {"Resources": many(501, QUEUE)},
        "Number of resources, 501, is greater than maximum allowed, 500",
    ),
    "201 parameters": (
        {"Resources": ONE, "Parameters": many(201, {"Type": "String", "Default": ""})},
        "Template format error: Parameter count 201 is greater than max allowed 200",
    ),
    "201 outputs": (
        {"Resources": ONE, "Outputs": many(201, {"Value": "x"})},
        "Template format error: Outputs count 201 is greater than max allowed 200",
    ),
    "201 mappings": (
        {"Resources": ONE, "Mappings": many(201, {"a": {"b": "c"}})},
        "Template format error: Mappings count 201 is greater than max allowed 200",
    ),
    "a description of 1,025 bytes": ({"Resources": ONE, "Description": 1_025 * "x"}, "1024"),
}


def create(cloud: Cloud, template: dict[str, Any], **more: Any) -> tuple[str, str]:
    """Create the stack `small`; return the error's code and message, or two empty strings."""
    arguments = {"StackName": "small", "TemplateBody": json.dumps(template), **more}
    try:
        cloud.client("cloudformation").create_stack(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", ""


@pytest.mark.parametrize("case", REFUSED)
def test_a_template_that_cloudformation_refuses_makes_no_stack(case: str, cloud: Cloud) -> None:
    template, words = REFUSED[case]
    code, message = create(cloud, template)
    assert code == "ValidationError"
    assert words in message
    assert cloud.client("cloudformation").describe_stacks()["Stacks"] == []


def test_a_template_that_uses_everything_is_accepted() -> None:
    assert (
        problem(
            {
                "AWSTemplateFormatVersion": "2010-09-09",
                "Parameters": {"P": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "a"}},
                "Mappings": {"M": {"A": {"b": ["c"]}}},
                "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "a"]}, "D": {"Condition": "C"}},
                "Resources": {
                    "A": {**QUEUE, "Condition": "C", "DeletionPolicy": "Retain"},
                    "B": {
                        **QUEUE,
                        "Properties": {
                            "QueueName": {"Fn::Sub": ["${!No}${P}${A.Arn}${X}", {"X": "1"}]},
                            "Tags": {"Fn::If": ["C", [], {"Ref": "AWS::NoValue"}]},
                            "DelaySeconds": {"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "b"]},
                        },
                    },
                },
                "Outputs": {
                    "O": {
                        "Value": {"Fn::GetAtt": "A.Arn"},
                        "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-o"}},
                    }
                },
            }
        )
        is None
    )


PARAMETERS: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "without a value": ({"Type": "String"}, None, "Parameters: [P] must have values"),
    "with one that is not allowed": (
        {"Type": "String", "AllowedValues": ["a", True]},
        "c",
        "Parameter 'P' must be one of AllowedValues",
    ),
    "with one that the pattern refuses": (
        {"Type": "String", "AllowedPattern": "^[a-z]+$"},
        "A1",
        "Parameter 'P' must match pattern ^[a-z]+$",
    ),
    "with one that its own words refuse": (
        {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "is not small."},
        "A1",
        "Parameter 'P' is not small.",
    ),
    "with one that Java's classes refuse": (
        {"Type": "String", "AllowedPattern": r"[\p{Lower}\p{Digit}-]+\p{Alpha}"},
        "a-1",
        r"Parameter 'P' must match pattern [\p{Lower}\p{Digit}-]+\p{Alpha}",
    ),
    "with a pattern that is none": (
        {"Type": "String", "AllowedPattern": "[a", "ConstraintDescription": "is not small."},
        "a",
        "Parameter 'P' has an AllowedPattern that is not valid, or not supported here: [a "
        "(unterminated character set at position 0)",
    ),
    "with one that is no number": ({"Type": "Number"}, "x", "Parameter 'P' must be a number"),
    "with a number that is too large": (
        {"Type": "Number", "MaxValue": 5},
        "6",
        "Parameter 'P' must be a number not greater than 5",
    ),
    "with one that is too short": (
        {"Type": "String", "MinLength": "3"},
        "ab",
        "Parameter 'P' must contain at least 3 characters",
    ),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_a_parameter_is_refused(case: str, cloud: Cloud) -> None:
    parameter, value, words = PARAMETERS[case]
    given = [] if value is None else [{"ParameterKey": "P", "ParameterValue": value}]
    template = {"Parameters": {"P": parameter}, "Resources": ONE}
    assert create(cloud, template, Parameters=given) == ("ValidationError", words)


def test_a_parameter_may_have_a_pattern_with_the_classes_of_java(cloud: Cloud) -> None:
    pattern = r"[\p{L}\p{Punct}]+\p{Blank}\p{XDigit}{2}\p{Z}?\p{ASCII}"
    parameter = {"Type": "String", "AllowedPattern": pattern, "Default": "Größe!\t0F x"}
    assert create(cloud, {"Parameters": {"P": parameter}, "Resources": ONE}) == ("", "")


def test_a_parameter_that_the_template_does_not_have_is_refused(cloud: Cloud) -> None:
    given = [{"ParameterKey": "Other", "ParameterValue": "x"}]
    assert create(cloud, {"Resources": ONE}, Parameters=given) == (
        "ValidationError",
        "Parameters: [Other] do not exist in the template",
    )


def named(name: str | None) -> dict[str, Any]:
    made = role("states.amazonaws.com")
    made["Properties"].update({"RoleName": name} if name else {})
    return made


@pytest.mark.parametrize("call", ["create_stack", "create_change_set"])
@pytest.mark.parametrize(
    ("resource", "given", "missing"),
    [
        (named(None), [], "CAPABILITY_IAM"),
        (named("a"), [], "CAPABILITY_NAMED_IAM"),
        (named("a"), ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
    ],
)
def test_iam_resources_need_a_capability(
    resource: Any, given: list[str], missing: str, call: str, cloud: Cloud
) -> None:
    more = {"ChangeSetName": "one"} if call == "create_change_set" else {}
    formation = cloud.client("cloudformation")
    with pytest.raises(ClientError) as caught:
        getattr(formation, call)(
            StackName="small",
            TemplateBody=json.dumps({"Resources": {"Role": resource}}),
            Capabilities=given,
            **more,
        )
    assert caught.value.response["Error"]["Code"] == "InsufficientCapabilitiesException"
    message = caught.value.response["Error"]["Message"]
    assert message == f"Requires capabilities : [{missing}]"


def test_a_transform_needs_a_capability_without_a_change_set(cloud: Cloud) -> None:
    template = {"Transform": "AWS::LanguageExtensions", "Resources": ONE}
    assert create(cloud, template) == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_AUTO_EXPAND]",
    )
    cloud.client("cloudformation").create_change_set(
        StackName="small",
        ChangeSetName="one",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
    )


def test_the_attribute_of_a_get_att_may_be_a_reference(cloud: Cloud) -> None:
    attribute = {"Fn::GetAtt": ["Queue", {"Ref": "Which"}]}
    template = {
        "Parameters": {"Which": {"Type": "String", "Default": "QueueName"}},
        "Resources": {
            **queue(QueueName="mine"),
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": attribute}},
        },
        "Outputs": {"O": {"Value": attribute}},
    }
    assert create(cloud, template) == ("", "")
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="small")["Stacks"]
    assert (stack["StackStatus"], stack["Outputs"][0]["OutputValue"]) == ("CREATE_COMPLETE", "mine")


@pytest.mark.parametrize("given", ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"])
def test_either_capability_is_enough_without_names(given: str, cloud: Cloud) -> None:
    assert create(cloud, {"Resources": {"Role": named(None)}}, Capabilities=[given]) == ("", "")


@pytest.mark.parametrize("name", ["under_score", "1st", "a" * 129])
def test_a_stack_s_name_is_refused(name: str, cloud: Cloud) -> None:
    code, message = create(cloud, {"Resources": ONE}, StackName=name)
    assert code == "ValidationError"
    assert f"Value '{name}' at 'stackName' failed to satisfy constraint" in message


def test_tags_are_refused(cloud: Cloud) -> None:
    many_tags = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
    assert "less than or equal to 50" in create(cloud, {"Resources": ONE}, Tags=many_tags)[1]
    reserved = [{"Key": "aws:mine", "Value": "v"}]
    assert "aws:" in create(cloud, {"Resources": ONE}, Tags=reserved)[1]
