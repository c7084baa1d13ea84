"""Who may read what before the stack is there: buckets, KMS keys, roles and their boundary.

They are made as docs/deploy.md asks an administrator to make them.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from embedded_aws import Cloud
from rehearsal.assembly import SynthesisedStack, bucket_name

PREPARATION_ROLE = "marketplace-before-the-rehearsal"
READ = ["s3:GetObject", "s3:ListBucket"]
PERSONALIZE = {"Service": "personalize.amazonaws.com"}
Statement = Mapping[str, Any]


def make_access(
    cloud: Cloud,
    stack: SynthesisedStack,
    shop: Iterable[Mapping[str, Any]],
    say: Callable[[str], object],
) -> str:
    """Make what the stack's settings name as existing, and a bucket for each of `shop`'s datasets.

    Returns the ARN of a role to import last week's data with, since the stack's own is not there
    yet. `say` is called with what allows more here than it may in the user's account.
    """
    buckets = list(dict.fromkeys(map(bucket_name, shop)))
    _make_keys(cloud, stack)
    for number, bucket in enumerate(buckets):
        keys = stack.bucket_keys
        _make_bucket(cloud, stack, bucket, keys[number % len(keys)] if keys else None)
    for arn in stack.boundaries:
        _make_boundary(cloud, arn, say)
    if stack.existing_import_role:
        _make_import_role(cloud, stack, stack.existing_import_role, buckets)
        say(
            f"The import role {stack.existing_import_role} may read the datasets' buckets here: "
            "see that yours may."
        )
    return _make_import_role(
        cloud, stack, f"arn:{stack.partition}:iam::{stack.account}:role/{PREPARATION_ROLE}", buckets
    )


def _make_keys(cloud: Cloud, stack: SynthesisedStack) -> None:
    account = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{stack.partition}:iam::{stack.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    own = {"StringEquals": {"aws:SourceAccount": stack.account}}
    suffix = "amazonaws.com.cn" if stack.partition == "aws-cn" else "amazonaws.com"
    log_groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:*"
    by_user = {
        "personalize": {
            "Effect": "Allow",
            "Principal": PERSONALIZE,
            "Action": ["kms:Decrypt", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": own,
        },
        "events": {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": own,
        },
        "logs": {
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{stack.region}.{suffix}"},
            "Action": [
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:DescribeKey",
            ],
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
        },
    }
    users = {key: ["personalize"] for key in stack.bucket_keys}
    if key := stack.encryption_key:
        users[key] = [*users.get(key, []), "events", "logs"]
    for key, names in users.items():
        cloud.add_key(key, _policy(account, *(by_user[name] for name in names)))


def _make_bucket(cloud: Cloud, stack: SynthesisedStack, bucket: str, key: str | None) -> None:
    """Make a bucket, with the policy that Personalize needs beside its role."""
    s3 = cloud.client("s3")
    if cloud.region == "us-east-1":  # S3 refuses its own default as a constraint
        s3.create_bucket(Bucket=bucket)
    else:
        s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region}
        )
    statement = {
        "Effect": "Allow",
        "Principal": PERSONALIZE,
        "Action": READ,
        "Resource": _resources(stack, [bucket]),
        "Condition": {"StringEquals": {"aws:SourceAccount": cloud.account}},
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=_text(statement))
    if key:
        encrypted = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        rule = {"ApplyServerSideEncryptionByDefault": encrypted}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def _make_boundary(cloud: Cloud, arn: str, say: Callable[[str], object]) -> None:
    """Make the policy; one of AWS's own is there, and is what it is."""
    if ":iam::aws:" in arn:
        return
    path, _, name = arn.partition(":policy/")[2].rpartition("/")
    cloud.client("iam").create_policy(
        PolicyName=name,
        Path=f"/{path}/" if path else "/",
        PolicyDocument=_text({"Effect": "Allow", "Action": "*", "Resource": "*"}),
    )
    say(f"The permissions boundary {name} allows everything here: see that yours allows enough.")


def _make_import_role(cloud: Cloud, stack: SynthesisedStack, arn: str, buckets: list[str]) -> str:
    """Make a role of this ARN with which Personalize may read these buckets; return the ARN."""
    path, _, name = arn.partition(":role/")[2].rpartition("/")
    trust = {"Effect": "Allow", "Principal": PERSONALIZE, "Action": "sts:AssumeRole"}
    allowed = [{"Effect": "Allow", "Action": READ, "Resource": _resources(stack, buckets)}]
    if stack.bucket_keys:
        decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": stack.bucket_keys}
        allowed.append(decrypt)
    iam = cloud.client("iam")
    iam.create_role(
        RoleName=name,
        Path=f"/{path}/" if path else "/",
        AssumeRolePolicyDocument=_text(trust),
    )
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=_text(*allowed))
    return arn


def _resources(stack: SynthesisedStack, buckets: list[str]) -> list[str]:
    return [f"arn:{stack.partition}:s3:::{b}{end}" for b in buckets for end in ("", "/*")]


def _policy(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _text(*statements: Statement) -> str:
    return json.dumps(_policy(*statements))
