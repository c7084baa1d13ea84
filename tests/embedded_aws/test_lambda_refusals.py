"""Lambda: the functions that it refuses, through the API and a deployment, in its own words."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import Cloud
from embedded_aws.deployment import DeploymentError
from embedded_aws.services.awslambda import limits
from tests.embedded_aws.small_stack import ACCOUNT, deployed, function, role
from tests.embedded_aws.test_quotas import refused

CODE = "def handler(event, context): return 1"
LONGER = "Member must have length less than or equal to"
LARGER = "Member must have value less than or equal to"
VARIABLES = (
    "Lambda was unable to configure your environment variables because the environment variables "
    "you have provided "
)


def archive(text: str = CODE) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("task.py", text)
    return made.getvalue()


def variables(**given: str) -> dict[str, Any]:
    return {"Environment": {"Variables": given}}


# settings -> the code, and the end or the whole of the message
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a name of 65 characters": ({"FunctionName": 65 * "f"}, "ValidationException", f"{LONGER} 64"),
    "a name with a dot": (
        {"FunctionName": "a.b"},
        "ValidationException",
        "1 validation error detected: Value 'a.b' at 'functionName' failed to satisfy constraint",
    ),
    "a description of 257": ({"Description": 257 * "d"}, "ValidationException", f"{LONGER} 256"),
    "a timeout over 900": (
        {"Timeout": 901},
        "ValidationException",
        "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: "
        f"{LARGER} 900",
    ),
    "memory over 10240": (
        {"MemorySize": 10_241},
        "InvalidParameterValueException",
        f"'MemorySize' value failed to satisfy constraint: {LARGER} 10240",
    ),
    "an unknown runtime": (
        {"Runtime": "python4.0"},
        "InvalidParameterValueException",
        "Value python4.0 at 'runtime' failed to satisfy constraint: Member must satisfy enum value",
    ),
    "a withdrawn runtime": (
        {"Runtime": "python3.7"},
        "InvalidParameterValueException",
        "The runtime parameter of python3.7 is no longer supported for creating or updating AWS "
        "Lambda functions.",
    ),
    "a handler with a blank": (
        {"Handler": "task handler"},
        "ValidationException",
        r"Member must satisfy regular expression pattern: [^\s]+",
    ),
    "no handler": (
        {"Handler": ""},
        "InvalidParameterValueException",
        "Runtime and Handler are mandatory parameters for functions created with deployment "
        "packages.",
    ),
    "a variable of Lambda's": (
        variables(AWS_REGION="x", MINE="y", _HANDLER="z"),
        "ValidationException",
        "at 'environment.variables' failed to satisfy constraint: Map keys must satisfy",
    ),
    "two variables of Lambda's": (
        variables(AWS_SESSION_TOKEN="x", AWS_REGION="y", MINE="z"),
        "InvalidParameterValueException",
        f"{VARIABLES}contains reserved keys that are currently not supported for modification. "
        "Reserved keys used in this request: AWS_REGION, AWS_SESSION_TOKEN",
    ),
    "variables of 4,097 bytes": (
        variables(MINE=4086 * "x"),
        "InvalidParameterValueException",
        f'{VARIABLES}exceeded the 4KB limit. String measured: {{"MINE":"xxx',
    ),
    "a role that Lambda cannot assume": (
        {"Role": f"arn:aws:iam::{ACCOUNT}:role/none"},
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
}


@pytest.fixture
def functions(cloud: Cloud) -> Any:
    trust = role("lambda.amazonaws.com")["Properties"]["AssumeRolePolicyDocument"]
    cloud.client("iam").create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(trust))
    return cloud.client("lambda")


def settings(**given: Any) -> dict[str, Any]:
    return {
        "FunctionName": "task",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/task",
        "Code": {"ZipFile": archive()},
        "Runtime": "python3.13",
        "Handler": "task.handler",
        **given,
    }


@pytest.mark.parametrize("case", REFUSED)
def test_a_function_is_refused(functions: Any, case: str) -> None:
    given, code, message = REFUSED[case]
    found = refused(functions.create_function, **settings(**given))
    assert found[0] == code
    assert message in found[1]
    assert functions.list_functions()["Functions"] == []


@pytest.mark.parametrize(
    "case",
    [
        "a timeout over 900",
        "memory over 10240",
        "a withdrawn runtime",
        "variables of 4,097 bytes",
        "a role that Lambda cannot assume",
    ],
)
def test_an_update_is_checked_as_a_creation(functions: Any, case: str) -> None:
    functions.create_function(**settings())
    given, code, message = REFUSED[case]
    update = functions.update_function_configuration
    found = refused(update, FunctionName="task", **given)
    assert (found[0], message in found[1]) == (code, True)
    assert functions.get_function_configuration(FunctionName="task")["Timeout"] == 3


def test_the_largest_settings_are_taken(functions: Any) -> None:
    largest = settings(
        FunctionName=64 * "f", Timeout=900, MemorySize=10_240, **variables(MINE=4085 * "x")
    )
    assert functions.create_function(**largest)["State"] == "Active"


def test_code_must_be_a_zip_file_that_is_not_too_large(
    functions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    invalid = "InvalidParameterValueException"
    create, update = functions.create_function, functions.update_function_code
    no_zip = (
        invalid,
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )
    assert refused(create, **settings(Code={"ZipFile": b"text"})) == no_zip
    create(**settings())
    assert refused(update, FunctionName="task", ZipFile=b"text") == no_zip
    monkeypatch.setattr(limits, "MOST_UNZIPPED", 1000)
    assert refused(update, FunctionName="task", ZipFile=archive(1000 * " ")) == (
        invalid,
        "Unzipped size must be smaller than 1000 bytes",
    )
    monkeypatch.setattr(limits, "MOST_REQUEST", 100)
    assert refused(create, **settings(FunctionName="other")) == (
        "RequestEntityTooLargeException",
        "Request must be smaller than 100 bytes for the CreateFunction operation",
    )


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        (variables(AWS_REGION="x"), "Reserved keys used in this request: AWS_REGION"),
        (variables(MINE=5000 * "x"), "exceeded the 4KB limit"),
        ({"Runtime": "python4.0"}, "Value python4.0 at 'runtime' failed"),
        ({"Timeout": 0}, "Value '0' at 'timeout' failed to satisfy constraint"),
        ({"MemorySize": 64}, "Value '64' at 'memorySize' failed to satisfy constraint"),
        ({"Timeout": "901"}, f"{LARGER} 900"),
    ],
)
def test_a_function_that_lambda_refuses_fails_the_deployment(
    cloud: Cloud, tmp_path: Path, properties: dict[str, Any], words: str
) -> None:
    resources = {
        "Role": role("lambda.amazonaws.com"),
        "Task": function(CODE, "Role", **properties),
    }
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path, resources)
    assert "Task (AWS::Lambda::Function)" in str(caught.value)
    assert words in str(caught.value)
