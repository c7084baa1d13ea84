"""Versions of functions: published by a stack, kept by it, and run as they were."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from embedded_aws.deployment import DeploymentError
from tests.embedded_aws.small_stack import allow, arn, deployed, function, physical_id, role

OLD = "import os\ndef handler(event, context): return ['old', os.environ.get('XX')]"
NEW = OLD.replace("old", "new")
TELL = "def handler(event, context): return context.invoked_function_arn, context.function_version"
NAME = "arn:aws:lambda:ap-northeast-1:111122223333:function"


def version(**more: Any) -> dict[str, Any]:
    properties = {"FunctionName": {"Ref": "Task"}}
    return {"Type": "AWS::Lambda::Version", "Properties": properties, **more}


def deploy_versions(
    cloud: Cloud, folder: Path, code: str, x: str, **versions: dict[str, Any]
) -> dict[str, str]:
    """Deploy a function and its versions; return the versions' ARNs by their logical IDs."""
    environment = {"Variables": {"XX": x}}
    resources = {
        **versions,  # before what they refer to: the order in a template means nothing
        "Role": role("lambda.amazonaws.com"),
        "Task": function(code, "Role", Environment=environment),
    }
    return deployed(cloud, folder, resources, {name: {"Value": {"Ref": name}} for name in versions})


def run(cloud: Cloud, name: str, **more: str) -> Any:
    response = cloud.client("lambda").invoke(FunctionName=name, **more)
    return json.loads(response["Payload"].read())


def versions_of(cloud: Cloud) -> list[str]:
    listed = cloud.client("lambda").list_versions_by_function(
        FunctionName=physical_id(cloud, "Task")
    )
    return [found["Version"] for found in listed["Versions"]]


def test_a_version_runs_the_code_and_settings_of_its_deployment_after_another_one(
    cloud: Cloud, tmp_path: Path
) -> None:
    old = deploy_versions(cloud, tmp_path, OLD, "1", A=version(DeletionPolicy="Retain"))["A"]
    assert run(cloud, old) == ["old", "1"]
    new = deploy_versions(cloud, tmp_path, NEW, "2", B=version(DeletionPolicy="Retain"))["B"]
    assert [run(cloud, each) for each in (old, new)] == [["old", "1"], ["new", "2"]]
    name = physical_id(cloud, "Task")
    assert (old, new) == (f"{NAME}:{name}:1", f"{NAME}:{name}:2")
    assert run(cloud, name) == ["new", "2"]
    assert [run(cloud, f"{name}:{n}")[0] for n in "12"] == ["old", "new"]
    assert [run(cloud, name, Qualifier=q)[0] for q in ("1", "2", "$LATEST")] == [
        "old",
        "new",
        "new",
    ]


def test_the_qualifier_is_no_part_of_the_payload(cloud: Cloud, tmp_path: Path) -> None:
    deploy_versions(cloud, tmp_path, OLD, "1", A=version(DeletionPolicy="Retain"))
    deploy_versions(cloud, tmp_path, NEW, "1")
    assert run(cloud, physical_id(cloud, "Task"), Payload='{"qualifier": "1"}')[0] == "new"


def test_a_function_is_told_the_version_that_runs(cloud: Cloud, tmp_path: Path) -> None:
    made = deploy_versions(cloud, tmp_path, TELL, "1", A=version())["A"]
    assert run(cloud, made) == [made, "1"]
    name = physical_id(cloud, "Task")
    assert run(cloud, name) == [f"{NAME}:{name}", "$LATEST"]
    response = cloud.client("lambda").invoke(FunctionName=made)
    assert response["ExecutedVersion"] == "1"


def test_get_function_shows_a_version_as_it_was(cloud: Cloud, tmp_path: Path) -> None:
    old = deploy_versions(cloud, tmp_path, OLD, "1", A=version(DeletionPolicy="Retain"))["A"]
    deploy_versions(cloud, tmp_path, NEW, "2", B=version())
    api, name = cloud.client("lambda"), physical_id(cloud, "Task")
    shown = api.get_function(FunctionName=name, Qualifier="1")["Configuration"]
    assert (shown["Version"], shown["FunctionArn"]) == ("1", old)
    assert shown["Environment"]["Variables"] == {"XX": "1"}
    latest = api.get_function(FunctionName=name)["Configuration"]
    assert (latest["Version"], latest["FunctionArn"]) == ("$LATEST", f"{NAME}:{name}")
    assert shown["CodeSha256"] != latest["CodeSha256"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        api.get_function(FunctionName=name, Qualifier="3")


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("Retain", ["1", "2"]), ("RetainExceptOnCreate", ["1", "2"]), ("Delete", ["2"])],
)
def test_a_version_that_leaves_the_template_is_deleted_unless_it_is_retained(
    cloud: Cloud, tmp_path: Path, policy: str, kept: list[str]
) -> None:
    deploy_versions(cloud, tmp_path, OLD, "1", A=version(DeletionPolicy=policy))
    deploy_versions(cloud, tmp_path, NEW, "1", B=version(DeletionPolicy=policy))
    assert versions_of(cloud) == ["$LATEST", *kept]


def test_a_version_that_comes_back_to_the_template_is_published_anew(
    cloud: Cloud, tmp_path: Path
) -> None:
    kept = version(DeletionPolicy="Retain")
    deploy_versions(cloud, tmp_path, OLD, "1", A=kept)
    deploy_versions(cloud, tmp_path, NEW, "1", B=kept)
    again = deploy_versions(cloud, tmp_path, OLD, "1", A=kept)["A"]
    assert again.endswith(":3")
    assert run(cloud, again) == ["old", "1"]


def test_a_version_of_a_function_that_has_not_changed_fails_the_deployment(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_versions(cloud, tmp_path, OLD, "1", A=version(DeletionPolicy="Retain"))
    with pytest.raises(DeploymentError, match=r"A version for this Lambda function exists \( 1 \)"):
        deploy_versions(cloud, tmp_path, OLD, "1", B=version(DeletionPolicy="Retain"))


def test_the_same_version_in_the_next_deployment_stays(cloud: Cloud, tmp_path: Path) -> None:
    deploy_versions(cloud, tmp_path, OLD, "1", A=version())
    same = deploy_versions(cloud, tmp_path, OLD, "1", A=version(DeletionPolicy="Retain"))["A"]
    assert same.endswith(":1")
    assert versions_of(cloud) == ["$LATEST", "1"]


def test_publishing_twice_returns_the_same_version_until_something_changes(
    cloud: Cloud, tmp_path: Path
) -> None:
    deploy_versions(cloud, tmp_path, OLD, "1")
    api, name = cloud.client("lambda"), physical_id(cloud, "Task")
    published = [api.publish_version(FunctionName=name)["Version"] for _ in range(2)]
    api.update_function_configuration(FunctionName=name, Timeout=60)
    published.append(api.publish_version(FunctionName=name)["Version"])
    api.delete_function(FunctionName=name, Qualifier="2")
    api.update_function_configuration(FunctionName=name, Timeout=90)
    published.append(api.publish_version(FunctionName=name)["Version"])
    assert published == ["1", "1", "2", "3"]  # a number is never used again
    listed = api.list_functions(FunctionVersion="ALL")["Functions"]
    assert [found["Version"] for found in listed] == ["$LATEST", "1", "3"]


def test_a_function_is_deleted_with_its_retained_versions_when_its_stack_is(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = "import os\ndef handler(event, context): return os.getpid()"
    made = deploy_versions(cloud, tmp_path, code, "1", A=version(DeletionPolicy="Retain"))["A"]
    process = run(cloud, made)
    cloud.client("cloudformation").delete_stack(StackName="small")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        run(cloud, made)
    assert not Path(f"/proc/{process}").exists()


def test_a_role_that_may_invoke_the_function_s_name_may_not_invoke_its_versions(
    cloud: Cloud, tmp_path: Path
) -> None:
    call = """
import boto3
def handler(event, context):
    try:
        boto3.client("lambda").invoke(FunctionName=event)
    except Exception as error:
        return error.response["Error"]["Code"]
"""
    every = {"Fn::Join": ["", [arn("Task"), ":*"]]}
    resources = {
        "Role": role("lambda.amazonaws.com"),
        "Task": function(OLD, "Role"),
        "A": version(),
        "NameRole": role("lambda.amazonaws.com", allow("lambda:InvokeFunction", arn("Task"))),
        "ByName": function(call, "NameRole"),
        "VersionRole": role("lambda.amazonaws.com", allow("lambda:InvokeFunction", every)),
        "ByVersion": function(call, "VersionRole"),
    }
    outputs = deployed(cloud, tmp_path, resources, {"A": {"Value": {"Ref": "A"}}})
    plain = physical_id(cloud, "Task")
    results = {
        (caller, name): run(cloud, physical_id(cloud, caller), Payload=json.dumps(name))
        for caller in ("ByName", "ByVersion")
        for name in (plain, outputs["A"])
    }
    denied = "AccessDeniedException"
    assert results == {
        ("ByName", plain): None,
        ("ByName", outputs["A"]): denied,
        ("ByVersion", plain): denied,
        ("ByVersion", outputs["A"]): None,
    }


def test_a_refused_update_leaves_the_function_and_its_versions(
    cloud: Cloud, tmp_path: Path
) -> None:
    made = deploy_versions(cloud, tmp_path, OLD, "1", A=version())["A"]
    resources = {
        "A": version(),
        "Role": role("lambda.amazonaws.com"),
        "Other": role("states.amazonaws.com"),
        "Task": function(OLD, "Other"),
    }
    with pytest.raises(DeploymentError, match=r"Task \(AWS::Lambda::Function\): The role "):
        deployed(cloud, tmp_path, resources)
    assert run(cloud, made) == ["old", "1"]
