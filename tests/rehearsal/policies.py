"""The deployed policies of a stack, statement by statement, and what they grant."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from embedded_aws import Cloud
from rehearsal.assembly import SynthesisedStack

_POLICIES = {"AWS::IAM::Policy", "AWS::SQS::QueuePolicy"}


@dataclass(frozen=True)
class Grant:
    """One action on one pattern of resources."""

    holder: str
    action: str
    resource: str


@dataclass(eq=False)
class Policy:
    """One deployed policy: that of a role, queue, topic or function, by its construct's name."""

    holder: str
    statements: list[dict[str, Any]]
    role: str | None  # the role's deployed name, under which its calls are recorded
    put: Callable[[list[dict[str, Any]]], None]


@dataclass(eq=False)
class Statement:
    """One statement of a deployed policy."""

    policy: Policy
    body: dict[str, Any]

    @property
    def actions(self) -> list[str]:
        return listed(self.body["Action"])

    @property
    def name(self) -> str:
        denied = ["denied"] if self.body["Effect"] == "Deny" else []
        return " ".join([self.policy.holder, *self.actions, *denied])

    @property
    def caller(self) -> str:
        """The caller that it applies to: a role, a service, or everyone."""
        principal = self.body.get("Principal")
        service = principal.get("Service", "*") if isinstance(principal, dict) else "*"
        return self.policy.role or str(service)

    @property
    def grants(self) -> list[Grant]:
        if self.body["Effect"] == "Deny":
            return []
        resources = listed(self.body["Resource"])
        return [Grant(self.policy.holder, a, r) for a in self.actions for r in resources]

    @contextmanager
    def removed(self) -> Iterator[None]:
        """Remove it from the deployed policy, and put it back at the end."""
        policy = self.policy
        policy.put([body for body in policy.statements if body is not self.body])
        try:
            yield
        finally:
            policy.put(policy.statements)


def statements(cloud: Cloud, stack: SynthesisedStack) -> list[Statement]:
    """Return every statement of the synthesised policies as it is deployed.

    Trust policies are not included. The template must not contain anything else that grants access.
    """
    template = stack.template["Resources"]
    formation = cloud.client("cloudformation")
    physical = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in formation.describe_stack_resources(StackName=stack.name)["StackResources"]
    }
    found = []
    for logical, resource in template.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        assert not properties.keys() & {"Policies", "ManagedPolicyArns", "PermissionsBoundary"}
        if kind == "AWS::IAM::ManagedPolicy":
            (role,) = properties["Roles"]
            policy = _managed_policy(cloud, role["Ref"], physical[role["Ref"]], physical[logical])
        elif kind == "AWS::IAM::Policy":
            (role,) = properties["Roles"]
            policy = _role_policy(cloud, role["Ref"], physical[role["Ref"]], properties)
        elif kind == "AWS::SQS::QueuePolicy":
            (queue,) = properties["Queues"]
            policy = _queue_policy(cloud, queue["Ref"], physical[queue["Ref"]])
        elif kind == "AWS::SNS::TopicPolicy":
            (topic,) = properties["Topics"]
            policy = _topic_policy(cloud, topic["Ref"], physical[topic["Ref"]])
        elif kind == "AWS::Lambda::Permission":
            function = properties["FunctionName"]["Fn::GetAtt"][0]
            found += [
                Statement(policy, body)
                for policy in [_function_policy(cloud, function, physical[function])]
                for body in policy.statements
            ]
            continue
        else:
            assert not re.search(r"(?<!Scaling)Policy|Permission", kind), kind
            continue
        synthesised = properties["PolicyDocument"]["Statement"]
        assert [s["Action"] for s in policy.statements] == [s["Action"] for s in synthesised]
        found += [Statement(policy, body) for body in policy.statements]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _role_policy(cloud: Cloud, logical: str, role: str, properties: dict[str, Any]) -> Policy:
    name = properties["PolicyName"]
    access = cloud.client("iam")
    deployed = access.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]

    def put(bodies: list[dict[str, Any]]) -> None:
        if not bodies:  # IAM does not accept a policy without a statement
            access.delete_role_policy(RoleName=role, PolicyName=name)
            return
        document = json.dumps({**deployed, "Statement": bodies})
        access.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)

    return Policy(_short(logical), deployed["Statement"], role, put)


def _managed_policy(cloud: Cloud, logical: str, role: str, arn: str) -> Policy:
    access = cloud.client("iam")
    version = access.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    deployed = access.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    document = deployed["Document"]

    def put(bodies: list[dict[str, Any]]) -> None:
        if not bodies:  # IAM does not accept a policy without a statement
            access.detach_role_policy(RoleName=role, PolicyArn=arn)
            return
        text = json.dumps({**document, "Statement": bodies})
        changed = access.create_policy_version(
            PolicyArn=arn, PolicyDocument=text, SetAsDefault=True
        )["PolicyVersion"]["VersionId"]
        for each in access.list_policy_versions(PolicyArn=arn)["Versions"]:
            if each["VersionId"] != changed:
                access.delete_policy_version(PolicyArn=arn, VersionId=each["VersionId"])
        access.attach_role_policy(RoleName=role, PolicyArn=arn)

    return Policy(_short(logical), document["Statement"], role, put)


def _queue_policy(cloud: Cloud, logical: str, url: str) -> Policy:
    sqs = cloud.client("sqs")
    read = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    deployed = json.loads(read["Policy"])

    def put(bodies: list[dict[str, Any]]) -> None:
        document = json.dumps({**deployed, "Statement": bodies})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})

    return Policy(_short(logical), deployed["Statement"], None, put)


def _topic_policy(cloud: Cloud, logical: str, arn: str) -> Policy:
    sns = cloud.client("sns")
    deployed = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])

    def put(bodies: list[dict[str, Any]]) -> None:
        document = json.dumps({**deployed, "Statement": bodies})
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=document)

    return Policy(_short(logical), deployed["Statement"], None, put)


def _function_policy(cloud: Cloud, logical: str, name: str) -> Policy:
    functions = cloud.client("lambda")
    deployed = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]
    (statement,) = deployed

    def put(bodies: list[dict[str, Any]]) -> None:
        if not bodies:
            functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
            return
        functions.add_permission(
            FunctionName=name,
            StatementId=statement["Sid"],
            Action=statement["Action"],
            Principal=statement["Principal"]["Service"],
            SourceArn=next(iter(statement["Condition"].values()))["AWS:SourceArn"],
        )

    return Policy(_short(logical), deployed, None, put)


def _short(logical: str) -> str:
    """Return CreateImport for CreateImportRoleCC35BB3A."""
    return re.sub(r"StateMachine|Role\w*|Function(?=[0-9A-F]{8}$)|[0-9A-F]{8}$", "", logical)
