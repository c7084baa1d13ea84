"""Personalize reads a bucket that is encrypted with a KMS key only if role and key allow it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from tests.embedded_aws.personalize_shop import BUCKET, READER, ROLE, Shop, csv, open_shop
from tests.embedded_aws.small_stack import ACCOUNT, allow

INSUFFICIENT = "Insufficient privileges for accessing data in Amazon S3."
DELEGATED = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
TO_PERSONALIZE = allow("kms:Decrypt", "*", Principal=READER)
TO_ROLE = allow("kms:Decrypt", "*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"})


@pytest.fixture
def shop(cloud: Cloud) -> Iterator[Shop]:
    with open_shop(cloud) as opened:
        yield opened


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def encrypt(shop: Shop, *key_statements: Any) -> str:
    """Encrypt the bucket with a new key that has these statements; return the key's ARN."""
    key = shop.client("kms").create_key(Policy=policy(*key_statements))["KeyMetadata"]["Arn"]
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    shop.client("s3").put_bucket_encryption(
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )
    arn: str = key
    return arn


def let_role_decrypt(shop: Shop, resource: str) -> None:
    shop.client("iam").put_role_policy(
        RoleName=ROLE, PolicyName="decrypt", PolicyDocument=policy(allow("kms:Decrypt", resource))
    )


def outcome(shop: Shop) -> tuple[str, str | None]:
    job = shop.imported(shop.dataset(), "job", shop.put("data.csv", csv()))
    return job["status"], job.get("failureReason")


def test_an_import_succeeds_if_role_and_key_policy_allow_it(shop: Shop) -> None:
    let_role_decrypt(shop, encrypt(shop, DELEGATED, TO_PERSONALIZE))
    assert outcome(shop) == ("ACTIVE", None)


def test_the_key_policy_alone_may_allow_the_role(shop: Shop) -> None:
    encrypt(shop, TO_PERSONALIZE, TO_ROLE)
    assert outcome(shop) == ("ACTIVE", None)


def test_an_import_is_refused_if_the_role_may_not_decrypt(shop: Shop) -> None:
    encrypt(shop, DELEGATED, TO_PERSONALIZE)
    let_role_decrypt(shop, f"arn:aws:kms:ap-northeast-1:{ACCOUNT}:key/another")
    assert outcome(shop) == ("CREATE FAILED", INSUFFICIENT)


def test_the_roles_permission_is_nothing_without_the_key_policys(shop: Shop) -> None:
    let_role_decrypt(shop, encrypt(shop, TO_PERSONALIZE))
    assert outcome(shop) == ("CREATE FAILED", INSUFFICIENT)


def test_an_import_is_refused_if_the_key_policy_does_not_allow_personalize(shop: Shop) -> None:
    let_role_decrypt(shop, encrypt(shop, DELEGATED))
    assert outcome(shop) == ("CREATE FAILED", INSUFFICIENT)
