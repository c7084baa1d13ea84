"""Small stacks for the tests of the cloud itself, as assemblies like those of `cdk synth`."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedded_aws.cloud import Cloud
from embedded_aws.deployment import deploy

Resource = dict[str, Any]
Resources = Mapping[str, Resource]
ASSETS = "cdk-hnb659fds-assets-111122223333-ap-northeast-1"
REGION, ACCOUNT = "ap-northeast-1", "111122223333"
PERSONALIZE = f"arn:aws:personalize:{REGION}:{ACCOUNT}"
BUCKET = "arn:aws:s3:::shop"


def role(service: str, *statements: Mapping[str, Any]) -> Resource:
    """A role for one service with one inline policy."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    policy = {
        "PolicyName": "inline",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)},
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [policy] if statements else [],
        },
    }


def allow(action: str | list[str], resource: Any, **more: Any) -> dict[str, Any]:
    """A statement that allows an action on a resource."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str, resource: str, **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def arn(logical_id: str) -> dict[str, Any]:
    """The Arn attribute of a resource of the same stack."""
    return {"Fn::GetAtt": [logical_id, "Arn"]}


ECHO = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
MAY_START = allow("states:StartExecution", arn("Machine"))


def function(code: str, role_id: str, **properties: Any) -> Resource:
    """A function whose module `task` holds `code`, which defines `handler`."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"S3Bucket": ASSETS, "S3Key": f"{_hash(code)}.zip"},
            "Handler": "task.handler",
            "Role": arn(role_id),
            "Runtime": "python3.14",
            "Timeout": 30,
            **properties,
        },
        "Metadata": {"code": code},
    }


def state_machine(definition: Mapping[str, Any], role_id: str, **properties: Any) -> Resource:
    """A state machine of the role; its definition is JSON text, as CDK writes it."""
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "DefinitionString": json.dumps(definition),
            "RoleArn": arn(role_id),
            **properties,
        },
    }


def assembly(
    folder: Path, name: str, resources: Resources, outputs: Resource | None = None
) -> Path:
    """Write the template of a stack, its list of assets and the code of its functions."""
    template = {"Resources": resources, "Outputs": outputs or {}}
    files: dict[str, Any] = {}
    for resource in resources.values():
        code = resource.get("Metadata", {}).get("code")
        if code is not None:
            source = folder / f"asset.{_hash(code)}"
            source.mkdir(parents=True, exist_ok=True)
            (source / "task.py").write_text(code)
            files[_hash(code)] = {
                "source": {"path": source.name, "packaging": "zip"},
                "destinations": {"here": {"bucketName": ASSETS, "objectKey": f"{_hash(code)}.zip"}},
            }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.template.json").write_text(json.dumps(template))
    (folder / f"{name}.assets.json").write_text(json.dumps({"files": files}))
    return folder


def deployed(
    cloud: Cloud, folder: Path, resources: Resources, outputs: Resource | None = None
) -> dict[str, str]:
    """Deploy resources as the stack `small`; return its outputs."""
    return deploy(assembly(folder, "small", resources, outputs), "small", cloud)


def physical_id(cloud: Cloud, logical_id: str) -> str:
    """Look up the physical ID of a resource of the stack `small`."""
    described = cloud.client("cloudformation").describe_stack_resource(
        StackName="small", LogicalResourceId=logical_id
    )
    found: str = described["StackResourceDetail"]["PhysicalResourceId"]
    return found


def dead_letters(cloud: Cloud) -> list[tuple[Any, dict[str, str]]]:
    assert cloud.clock.wait_until_idle(30)
    messages = cloud.client("sqs").receive_message(
        QueueUrl=physical_id(cloud, "Queue"),
        MessageAttributeNames=["All"],
        MaxNumberOfMessages=10,
    )
    return [
        (
            json.loads(message["Body"]),
            {k: v["StringValue"] for k, v in message["MessageAttributes"].items()},
        )
        for message in messages.get("Messages", [])
    ]


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:32]
