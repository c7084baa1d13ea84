"""KMS keys of objects in S3, and of topics: whoever reads, writes or publishes uses the key too."""

import json
from collections.abc import Mapping
from typing import Any

from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.utilities.utils import get_partition

from embedded_aws.services.iam.actions import Context, Params, Permission, Place
from embedded_aws.services.iam.policy import Principal, is_allowed


def needed_keys(call: str, params: Params, place: Place) -> list[Permission]:
    """Return the permissions on a KMS key that a call of S3 or SNS needs, beside its own."""
    if call == "sns:Publish":
        return _keys_of_topic(params.get("TopicArn", ""), place)
    if call == "s3:GetObject":
        action, key = "kms:Decrypt", key_of_object(params["Bucket"], params["Key"], place)
    elif call == "s3:PutObject":
        named = params.get("SSEKMSKeyId") or _default_key(params["Bucket"], place)
        action, key = "kms:GenerateDataKey", _arn(named, place)
    else:
        return []
    via = f"s3.{place.region}.{_suffix(place.partition)}"
    return [Permission(action, key, {"kms:viaservice": via})] if key else []


def _keys_of_topic(topic_arn: str, place: Place) -> list[Permission]:
    topic = sns_backends[place.account][place.region].topics.get(topic_arn)
    key = _arn(str(topic.kms_master_key_id), place) if topic and topic.kms_master_key_id else None
    if key is None or key_policy(key) is None:  # AWS's own key lets every principal in
        return []
    context: Context = {"kms:viaservice": f"sns.{place.region}.{_suffix(place.partition)}"}
    actions = ("kms:GenerateDataKey", "kms:Decrypt")
    return [Permission(action, key, context) for action in actions]


def may_use_key(key: str, service: str, resource_arn: str, source_arn: str) -> bool:
    """Return whether an AWS service may use a key to publish; never AWS's own key of SNS."""
    _, _, _, region, account, _ = resource_arn.split(":", 5)
    arn = _arn(key, Place(region, account))
    policy = key_policy(arn) if arn else None
    context = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_arn.split(":")[4]}
    principal = Principal("Service", service)
    return policy is not None and all(
        is_allowed([json.loads(policy)], action, arn or "", context, principal)
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    )


def key_of_object(bucket: str, key: str, place: Place) -> str | None:
    """Return the ARN of the customer's key that encrypts an object; None without one."""
    buckets = s3_backends[place.account][place.partition].buckets
    stored: Any = buckets[bucket].keys.get(key) if bucket in buckets else None
    return _arn(stored.kms_key_id, place) if stored is not None else None


def key_policy(arn: str) -> str | None:
    """Return a key's policy; None for a key that does not exist."""
    _, _, _, region, account, resource = arn.split(":", 5)
    key = kms_backends[account][region].keys.get(resource.removeprefix("key/"))
    return key.policy if key else None


def add_key(arn: str, policy: Mapping[str, Any]) -> None:
    """Make a symmetric key of this ARN, in whatever account: CreateKey would choose the id."""
    _, _, _, region, account, resource = arn.split(":", 5)
    backend = kms_backends[account][region]
    key = backend.create_key(
        policy=json.dumps(policy),
        key_usage="ENCRYPT_DECRYPT",
        key_spec="SYMMETRIC_DEFAULT",
        description="",
        tags=None,
    )
    del backend.keys[key.id]
    key.id, key.arn = resource.removeprefix("key/"), arn
    backend.keys[key.id] = key


def may_encrypt_logs(key: str, group: str) -> bool:
    """Return whether a key's policy lets CloudWatch Logs use the key for a log group's ARN."""
    policy = key_policy(key)
    region = group.split(":")[3]
    principal = Principal("Service", f"logs.{region}.{_suffix(get_partition(region))}")
    context = {"kms:encryptioncontext:aws:logs:arn": group}
    return policy is not None and all(
        is_allowed([json.loads(policy)], action, key, context, principal)
        for action in ("kms:GenerateDataKey", "kms:Decrypt")
    )


def _suffix(partition: str) -> str:
    return "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"


def _default_key(bucket: str, place: Place) -> str | None:
    found = s3_backends[place.account][place.partition].buckets.get(bucket)
    if not found or not found.encryption:
        return None
    rule = found.encryption["Rule"]["ApplyServerSideEncryptionByDefault"]
    key: str | None = rule.get("KMSMasterKeyID")
    return key


def _arn(key: str | None, place: Place) -> str | None:
    """Return the ARN of a key that is named by its ARN, its id or an alias."""
    if not key or (key.startswith("arn:") and ":key/" in key):
        return key or None
    backend = kms_backends[place.account][place.region]
    name = key.rpartition(":")[2]
    found = backend.get_key_id_from_alias(name) if name.startswith("alias/") else key
    return place.arn("kms", f"key/{found}")
