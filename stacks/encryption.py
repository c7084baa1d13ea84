"""The environment's own KMS key for what the stack stores, if the settings name one."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.permissions import allow
from stacks.settings import Environment


def encryption_key(scope: Construct, environment: Environment) -> kms.IKey | None:
    """Return the key that encrypts the table, the queue and the logs; None for AWS's own keys."""
    if environment.encryption_key is None:
        return None
    return kms.Key.from_key_arn(scope, "EncryptionKey", environment.encryption_key)


def allow_encryption(role: iam.IRole, environment: Environment, *, service: str) -> None:
    """Let a role read and write what the key encrypts, through one service only (`dynamodb`)."""
    if environment.encryption_key is None:
        return
    via = f"{service}.{environment.region}.{environment.url_suffix}"
    allow(
        role,
        [
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        [environment.encryption_key],
        conditions={"StringEquals": {"kms:ViaService": via}},
    )
