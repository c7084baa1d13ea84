"""IAM refuses what AWS refuses of policies, of a role's names and numbers, and of what exists."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from embedded_aws.deployment import DeploymentError
from tests.embedded_aws.small_stack import ACCOUNT, allow, deployed, role
from tests.embedded_aws.test_quotas import refused

TRUST: dict[str, Any] = role("lambda.amazonaws.com")["Properties"]["AssumeRolePolicyDocument"]
READ = allow("s3:GetObject", "arn:aws:s3:::shop/*")


def without(statement: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in statement.items() if key not in keys}


def policy(*statements: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **more}


SYNTAX = "Syntax errors in policy."
IDENTITY: dict[str, tuple[Any, str]] = {
    "no statement": ({"Version": "2012-10-17"}, SYNTAX),
    "no effect": (policy(without(READ, "Effect")), SYNTAX),
    "an unknown effect": (policy({**READ, "Effect": "Permit"}), SYNTAX),
    "an unknown element": (policy({**READ, "Acton": "x"}), SYNTAX),
    "no action": (policy(without(READ, "Action")), "Policy statement must contain actions."),
    "no resource": (policy(without(READ, "Resource")), "Policy statement must contain resources."),
    "a principal": (
        policy({**READ, "Principal": {"AWS": "*"}}),
        "Policy document should not specify a principal.",
    ),
    "a trust policy": (TRUST, "Policy document should not specify a principal."),
    "an action without its service": (
        policy({**READ, "Action": "GetObject"}),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
    "an action with two colons": (
        policy({**READ, "Action": "s3:Get:Object"}),
        "Actions/Condition can contain only one colon.",
    ),
    "a resource that is no ARN": (
        policy({**READ, "Resource": "shop"}),
        'Resource shop must be in ARN format or "*".',
    ),
    "an ARN that is too short": (
        policy({**READ, "Resource": "arn:aws"}),
        "Resource vendor must be fully qualified and cannot contain regexes.",
    ),
    "a bucket with a region": (
        policy({**READ, "Resource": "arn:aws:s3:ap-northeast-1:111122223333:shop"}),
        "Resource arn:aws:s3:ap-northeast-1:111122223333:shop can not contain region information.",
    ),
    "two statements of one name": (
        policy({**READ, "Sid": "A"}, {**READ, "Sid": "A"}),
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    "an unknown operator": (policy({**READ, "Condition": {"StringIs": {"a": "b"}}}), SYNTAX),
}


@pytest.fixture
def access(cloud: Cloud) -> Any:
    client = cloud.client("iam")
    client.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(TRUST))
    return client


@pytest.mark.parametrize("case", IDENTITY)
def test_an_identity_policy_is_refused(case: str, access: Any) -> None:
    document, words = IDENTITY[case]
    expected = ("MalformedPolicyDocument", words)
    text = json.dumps(document)
    assert refused(access.create_policy, PolicyName="p", PolicyDocument=text) == expected
    put = access.put_role_policy
    assert refused(put, RoleName="task", PolicyName="p", PolicyDocument=text) == expected


def test_only_a_managed_policy_needs_a_version(access: Any) -> None:
    old = json.dumps({"Statement": [READ]})
    assert refused(access.create_policy, PolicyName="p", PolicyDocument=old) == (
        "MalformedPolicyDocument",
        "Policy document must be version 2012-10-17 or greater.",
    )
    access.put_role_policy(RoleName="task", PolicyName="p", PolicyDocument=old)
    assert access.list_role_policies(RoleName="task")["PolicyNames"] == ["p"]


(STATEMENT,) = TRUST["Statement"]
INVALID = "Invalid principal in policy: "
OURS = f"arn:aws:iam::{ACCOUNT}:role/gone"
TRUSTS: dict[str, tuple[Any, str]] = {
    # recorded
    "a resource": (policy({**STATEMENT, "Resource": "*"}), "Has prohibited field Resource"),
    "another action": (
        policy({**STATEMENT, "Action": "s3:GetObject"}),
        "AssumeRole policy may only specify STS AssumeRole actions.",
    ),
    # reported
    "a role that does not exist": (
        policy({**STATEMENT, "Principal": {"AWS": OURS}}),
        f'{INVALID}"AWS":"{OURS}"',
    ),
    "everyone in a word": (
        policy({**STATEMENT, "Principal": "*"}),
        'AssumeRolepolicy contained an invalid principal: "STAR":"*".',
    ),
    # measured for Versity's gateway
    "no principal": (policy(without(STATEMENT, "Principal")), "Missing required field Principal"),
    "a service without a domain": (
        policy({**STATEMENT, "Principal": {"Service": "lambda"}}),
        f'{INVALID}"SERVICE":"lambda"',
    ),
    "an unknown kind of principal": (
        policy({**STATEMENT, "Principal": {"User": "ada"}}),
        f'{INVALID}"User"',
    ),
    "no effect": (policy(without(STATEMENT, "Effect")), "Missing required field Effect"),
    "an unknown effect": (policy({**STATEMENT, "Effect": "Permit"}), "Invalid effect: Permit"),
    "no action": (policy(without(STATEMENT, "Action")), "Missing required field Action"),
    "no statement": (policy(), "Could not parse the policy: Statement is empty!"),
    "another version": (
        policy(STATEMENT, Version="2020-01-01"),
        "The policy must contain a valid version string",
    ),
    "everyone but one": (
        policy({**without(STATEMENT, "Principal"), "NotPrincipal": {"AWS": ACCOUNT}}),
        "Allow with NotPrincipal is not allowed.",
    ),
}


@pytest.mark.parametrize("case", TRUSTS)
def test_a_trust_policy_is_refused(case: str, access: Any) -> None:
    document, words = TRUSTS[case]
    expected = ("MalformedPolicyDocument", words)
    text = json.dumps(document)
    create = access.create_role
    assert refused(create, RoleName="r", AssumeRolePolicyDocument=text) == expected
    update = access.update_assume_role_policy
    assert refused(update, RoleName="task", PolicyDocument=text) == expected


def test_a_trust_policy_that_is_no_json_is_refused(access: Any) -> None:
    assert refused(access.create_role, RoleName="r", AssumeRolePolicyDocument="{,}") == (
        "MalformedPolicyDocument",
        "This policy contains invalid Json",
    )


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "*"},
        {"AWS": [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "arn:aws:iam::999988887777:role/any"]},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:role/task"},
        {"Service": ["lambda.amazonaws.com", "states.ap-northeast-1.amazonaws.com"]},
        {"Federated": "cognito-identity.amazonaws.com"},
    ],
)
def test_a_principal_that_may_exist_is_accepted(principal: dict[str, Any], access: Any) -> None:
    trust = policy({**STATEMENT, "Principal": principal, "Action": ["sts:AssumeRole"]})
    access.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"RoleName": "a b"}, "'roleName' failed to satisfy constraint: Member must satisfy"),
        ({"RoleName": "r" * 65}, "Member must have length less than or equal to 64"),
        ({"Description": "x" * 1_001}, "Member must have length less than or equal to 1000"),
        ({"Description": "…"}, "'description' failed to satisfy constraint: Member must satisfy"),
        ({"MaxSessionDuration": 43_201}, "Member must have value less than or equal to 43200"),
        ({"Path": "shop"}, "'path' failed to satisfy constraint"),
    ],
)
def test_a_role_s_names_and_numbers_are_refused(
    members: dict[str, Any], words: str, access: Any
) -> None:
    arguments = {"RoleName": "r", "AssumeRolePolicyDocument": json.dumps(TRUST), **members}
    code, message = refused(access.create_role, **arguments)
    assert code == "ValidationError"
    assert words in message


def test_the_longest_session_of_a_role_changes_within_its_limits(access: Any) -> None:
    access.update_role(RoleName="task", MaxSessionDuration=7_200)
    assert access.get_role(RoleName="task")["Role"]["MaxSessionDuration"] == 7_200
    code, _ = refused(access.update_role, RoleName="task", MaxSessionDuration=50_000)
    assert code == "ValidationError"


def test_names_that_exist_are_refused(access: Any) -> None:
    create = access.create_role
    assert refused(create, RoleName="task", AssumeRolePolicyDocument=json.dumps(TRUST)) == (
        "EntityAlreadyExists",
        "Role with name task already exists.",
    )
    arguments = {"PolicyName": "p", "PolicyDocument": json.dumps(policy(READ))}
    access.create_policy(**arguments)
    assert refused(access.create_policy, **arguments) == (
        "EntityAlreadyExists",
        "A policy called p already exists. Duplicate names are not allowed.",
    )


def test_a_managed_policy_that_does_not_exist_cannot_be_attached(access: Any) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    assert refused(access.attach_role_policy, RoleName="task", PolicyArn=arn) == (
        "NoSuchEntity",
        f"Policy {arn} does not exist or is not attachable.",
    )


def changed(**properties: Any) -> dict[str, Any]:
    made = role("lambda.amazonaws.com")
    return {"Role": {**made, "Properties": {**made["Properties"], **properties}}}


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        (
            {"AssumeRolePolicyDocument": policy({**STATEMENT, "Principal": {"AWS": OURS}})},
            f'{INVALID}"AWS":"{OURS}"',
        ),
        (
            {"Policies": [{"PolicyName": "p", "PolicyDocument": TRUST}]},
            "Policy document should not specify a principal.",
        ),
        ({"MaxSessionDuration": 60}, "Member must have value greater than or equal to 3600"),
        (
            {"ManagedPolicyArns": [f"arn:aws:iam::{ACCOUNT}:policy/gone"]},
            "does not exist or is not attachable.",
        ),
    ],
)
def test_a_deployment_and_its_update_are_refused_as_the_api_refuses(
    properties: dict[str, Any], words: str, cloud: Cloud, tmp_path: Path
) -> None:
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path / "1", changed(**properties))
    assert words in str(caught.value)
    assert cloud.client("iam").list_roles()["Roles"] == []
    deployed(cloud, tmp_path / "2", changed())
    with pytest.raises(DeploymentError) as caught:
        deployed(cloud, tmp_path / "3", changed(**properties))
    assert words in str(caught.value)


def test_a_role_may_be_trusted_that_the_same_stack_makes(cloud: Cloud, tmp_path: Path) -> None:
    first = {"Fn::GetAtt": ["First", "Arn"]}
    trust = policy({**STATEMENT, "Principal": {"AWS": first}})
    second = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}
    deployed(cloud, tmp_path, {"First": role("lambda.amazonaws.com"), "Second": second})
    with pytest.raises(ClientError):
        cloud.client("iam").get_role(RoleName="gone")
