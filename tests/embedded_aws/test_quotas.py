"""What is larger or more than AWS accepts is refused, by the API and by a deployment."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from embedded_aws.deployment import DeploymentError
from tests.embedded_aws.small_stack import (
    ACCOUNT,
    REGION,
    allow,
    deployed,
    physical_id,
    role,
)
from tests.embedded_aws.state_machines import Machines, invoke

TRUST = json.dumps(role("lambda.amazonaws.com")["Properties"]["AssumeRolePolicyDocument"])


def document(length: int, *, indent: int | None = None) -> str:
    """A policy of so many characters, its white space not counted."""

    def text(resource: str, indent: int | None) -> str:
        body = {"Version": "2012-10-17", "Statement": [allow("s3:GetObject", resource)]}
        return json.dumps(body, indent=indent)

    start = "arn:aws:s3:::shop/"
    rest = length - len("".join(text(start, None).split()))
    return text(start + rest * "x", indent)


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """The code and the message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def access(cloud: Cloud) -> Any:
    """IAM, with the role `task`."""
    client = cloud.client("iam")
    client.create_role(RoleName="task", AssumeRolePolicyDocument=TRUST)
    return client


def managed(access: Any, name: str, length: int = 300) -> str:
    arn: str = access.create_policy(PolicyName=name, PolicyDocument=document(length))["Policy"][
        "Arn"
    ]
    return arn


def test_the_inline_policies_of_a_role_share_10240_characters(access: Any) -> None:
    put = access.put_role_policy
    put(RoleName="task", PolicyName="one", PolicyDocument=document(6_000, indent=8))
    put(RoleName="task", PolicyName="two", PolicyDocument=document(4_240))
    assert refused(put, RoleName="task", PolicyName="three", PolicyDocument=document(300)) == (
        "LimitExceeded",
        "Maximum policy size of 10240 bytes exceeded for role task",
    )
    put(RoleName="task", PolicyName="two", PolicyDocument=document(4_239))
    assert access.list_role_policies(RoleName="task")["PolicyNames"] == ["one", "two"]


def test_a_managed_policy_and_its_versions_have_at_most_6144_characters(access: Any) -> None:
    arn = managed(access, "full", 6_144)
    expected = ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    longer = document(6_145)
    assert refused(access.create_policy, PolicyName="longer", PolicyDocument=longer) == expected
    version = access.create_policy_version
    assert refused(version, PolicyArn=arn, PolicyDocument=longer) == expected


def test_a_role_has_at_most_ten_managed_policies(access: Any) -> None:
    arns = [managed(access, f"policy-{number}") for number in range(11)]
    for arn in [*arns[:10], arns[0]]:
        access.attach_role_policy(RoleName="task", PolicyArn=arn)
    assert refused(access.attach_role_policy, RoleName="task", PolicyArn=arns[10]) == (
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerRole: 10",
    )


def test_a_trust_policy_has_at_most_2048_characters(access: Any) -> None:
    trust = json.loads(TRUST)
    trust["Statement"][0]["Condition"] = {"StringEquals": {"aws:SourceAccount": 2_000 * "1"}}
    long = json.dumps(trust)
    expected = ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    create = access.create_role
    assert refused(create, RoleName="other", AssumeRolePolicyDocument=long) == expected
    update = access.update_assume_role_policy
    assert refused(update, RoleName="task", PolicyDocument=long) == expected


def policy(kind: str, length: int, **properties: Any) -> dict[str, Any]:
    body = {"PolicyDocument": json.loads(document(length)), "Roles": [{"Ref": "Role"}]}
    return {"Type": kind, "Properties": body | properties}


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (
            {"Big": policy("AWS::IAM::Policy", 10_241, PolicyName="big")},
            r"Big \(AWS::IAM::Policy\): Maximum policy size of 10240 bytes exceeded for role small",
        ),
        (
            {"Big": policy("AWS::IAM::ManagedPolicy", 6_145)},
            r"Big \(AWS::IAM::ManagedPolicy\): Cannot exceed quota for PolicySize: 6144",
        ),
        (
            {f"P{n}": policy("AWS::IAM::ManagedPolicy", 300) for n in range(11)},
            r"P\d+ \(AWS::IAM::ManagedPolicy\): Cannot exceed quota for PoliciesPerRole: 10",
        ),
        (
            {
                "Rule": {
                    "Type": "AWS::Events::Rule",
                    "Properties": {"EventPattern": {"source": [2_048 * "x"]}},
                }
            },
            r"Rule \(AWS::Events::Rule\): Parameter EventPattern for rule \S+ exceeds limit of",
        ),
        (
            {
                f"P{n}": {
                    "Type": "AWS::SSM::Parameter",
                    "Properties": {"Type": "String", "Value": "v"},
                }
                for n in range(500)
            },
            "Number of resources, 501, is greater than maximum allowed, 500",
        ),
    ],
    ids=["inline", "managed", "attached", "pattern", "resources"],
)
def test_a_deployment_fails_with_the_resource_that_is_too_large(
    cloud: Cloud, tmp_path: Path, extra: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DeploymentError, match=reason):
        deployed(cloud, tmp_path, {"Role": role("lambda.amazonaws.com"), **extra})


def test_the_managed_policies_of_a_role_change_with_a_second_deployment(
    cloud: Cloud, tmp_path: Path
) -> None:
    for length in (300, 400):
        resources = {
            "Role": role("lambda.amazonaws.com"),
            "Overflow": policy("AWS::IAM::ManagedPolicy", length),
        }
        deployed(cloud, tmp_path, resources)
        access = cloud.client("iam")
        name = physical_id(cloud, "Role")
        (attached,) = access.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        arn = attached["PolicyArn"]
        version = access.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = access.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        assert found["Document"] == json.loads(document(length))


def pattern(length: int) -> str:
    start = json.dumps({"source": [""]}, separators=(",", ":"))
    return json.dumps({"source": [(length - len(start)) * "x"]})


def test_an_event_pattern_has_at_most_2048_characters(cloud: Cloud) -> None:
    put = cloud.client("events").put_rule
    put(Name="full", EventPattern=pattern(2_048))
    assert refused(put, Name="longer", EventPattern=pattern(2_049)) == (
        "ValidationException",
        "Parameter EventPattern for rule longer exceeds limit of 2048.",
    )


def test_a_bus_has_at_most_300_rules_and_a_rule_5_targets(cloud: Cloud) -> None:
    events = cloud.client("events")
    for number in range(300):
        events.put_rule(Name=f"rule-{number}", EventPattern=pattern(20))
    events.put_rule(Name="rule-0", EventPattern=pattern(30))
    expected = (
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
    )
    assert refused(events.put_rule, Name="more", EventPattern=pattern(20)) == expected
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"
    targets = [{"Id": f"t{number}", "Arn": queue} for number in range(6)]
    events.put_targets(Rule="rule-0", Targets=targets[:5])
    events.put_targets(Rule="rule-0", Targets=targets[:1])
    assert refused(events.put_targets, Rule="rule-0", Targets=targets[5:]) == expected


def test_a_template_has_at_most_51200_bytes_in_a_request_and_1000000_in_s3(cloud: Cloud) -> None:
    formation, s3 = cloud.client("cloudformation"), cloud.client("s3")
    topic = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x"}}}

    def template(length: int) -> str:
        body = {"Resources": topic, "Metadata": ""}
        return json.dumps(body | {"Metadata": (length - len(json.dumps(body))) * "x"})

    formation.create_stack(StackName="full", TemplateBody=template(51_200))
    code, message = refused(
        formation.create_stack, StackName="longer", TemplateBody=template(51_201)
    )
    assert code == "ValidationError"
    assert message.endswith("Member must have length less than or equal to 51200")
    s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": REGION})
    for length in (1_000_000, 1_000_001):
        s3.put_object(Bucket="templates", Key=f"{length}.json", Body=template(length).encode())
    url = f"{cloud.endpoint}/templates/"
    formation.create_stack(StackName="large", TemplateURL=f"{url}1000000.json")
    assert refused(
        formation.create_stack, StackName="larger", TemplateURL=f"{url}1000001.json"
    ) == ("ValidationError", "Template may not exceed 1000000 bytes in size.")


def test_a_definition_has_at_most_1048576_characters(cloud: Cloud) -> None:
    def definition(length: int) -> dict[str, Any]:
        body = {"Comment": "", "StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
        return body | {"Comment": (length - len(json.dumps(body))) * "x"}

    create = cloud.client("stepfunctions").create_state_machine
    arn = f"arn:aws:iam::{ACCOUNT}:role/any"
    create(name="full", definition=json.dumps(definition(1_048_576)), roleArn=arn)
    long = json.dumps(definition(1_048_577))
    code, message = refused(create, name="longer", definition=long, roleArn=arn)
    assert code == "ValidationException"
    assert message.endswith("Member must have length less than or equal to 1048576")


def test_the_arguments_of_a_task_have_at_most_256_kib(machines: Machines) -> None:
    machines.functions["short"] = len
    keep = {"Output": "{% $states.result.Payload %}"}
    assert machines.run({"Call": invoke("short", 250_000 * "x", **keep)}).output == 250_000
    ended = machines.run({"Call": invoke("short", 262_145 * "x", **keep)})
    assert (ended.status, ended.error) == ("FAILED", "States.DataLimitExceeded")


def test_the_output_of_a_state_has_at_most_256_kib(machines: Machines) -> None:
    ended = machines.run({"Grow": {"Type": "Pass", "Output": "{% [1..60000] %}", "End": True}})
    assert (ended.status, ended.error) == ("FAILED", "States.DataLimitExceeded")
