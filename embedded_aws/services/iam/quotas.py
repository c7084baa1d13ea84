"""What IAM refuses when a role or a policy is made or changed: quotas, documents, names."""

import json
import re
from typing import Any

from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend, ManagedPolicy, PolicyVersion, Role

from embedded_aws.moto_changes import replace
from embedded_aws.services.iam import documents

INLINE_POLICIES = 10_240  # characters of all inline policies of a role together
MANAGED_POLICY = 6_144  # characters
TRUST_POLICY = 2_048  # characters
POLICIES_PER_ROLE = 10  # managed policies; AWS raises it to 20 on request


def _length(document: Any) -> int:
    """Return the characters of a policy as IAM counts them: without white space."""
    return len(re.sub(r"\s", "", _text(document)))


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)


def _exceeded(quota: str, most: int) -> LimitExceededException:
    return LimitExceededException(f"Cannot exceed quota for {quota}: {most}")


_plain_put = Role.put_policy


def _put_policy(self: Role, policy_name: str, policy_json: Any) -> None:
    """Put an inline policy, if all inline policies of the role then fit the quota."""
    documents.check_identity_policy(_text(policy_json), managed=False)
    policies = {**self.policies, policy_name: policy_json}
    if sum(map(_length, policies.values())) > INLINE_POLICIES:
        raise LimitExceededException(
            f"Maximum policy size of {INLINE_POLICIES} bytes exceeded for role {self.name}"
        )
    _plain_put(self, policy_name, policy_json)


def _put_role_policy(self: IAMBackend, role_name: str, policy_name: str, policy_json: str) -> None:
    self.get_role(role_name).put_policy(policy_name, policy_json)


_plain_create = IAMBackend.create_policy


def _create_policy(
    self: IAMBackend, description: str, path: str, policy_document: str, *args: Any, **kwargs: Any
) -> ManagedPolicy:
    """Create a managed policy that fits the quota."""
    _check_managed(policy_document)
    return _plain_create(self, description, path, policy_document, *args, **kwargs)


_plain_version = IAMBackend.create_policy_version


def _create_policy_version(
    self: IAMBackend, policy_arn: str, policy_document: str, set_as_default: bool
) -> PolicyVersion:
    """Create a version of a managed policy that fits the quota."""
    _check_managed(policy_document)
    return _plain_version(self, policy_arn, policy_document, set_as_default)


def _check_managed(document: str) -> None:
    documents.check_identity_policy(document, managed=True)
    if _length(document) > MANAGED_POLICY:
        raise _exceeded("PolicySize", MANAGED_POLICY)


_plain_attach = IAMBackend.attach_role_policy


def _attach_role_policy(self: IAMBackend, policy_arn: str, role_name: str) -> None:
    """Attach a managed policy, unless the role has as many as the quota allows."""
    attached = {policy.arn for policy in self.get_role(role_name).managed_policies.values()}
    if len(attached | {policy_arn}) > POLICIES_PER_ROLE:
        raise _exceeded("PoliciesPerRole", POLICIES_PER_ROLE)
    _plain_attach(self, policy_arn, role_name)


_plain_role = IAMBackend.create_role


def _create_role(
    self: IAMBackend, role_name: str, assume_role_policy_document: str, *args: Any, **kwargs: Any
) -> Role:
    """Create a role whose names, numbers and trust policy IAM accepts."""
    _check_role(role_name, *args, **kwargs)
    _check_trust(assume_role_policy_document, self)
    return _plain_role(self, role_name, assume_role_policy_document, *args, **kwargs)


def _update_assume_role_policy(self: IAMBackend, role_name: str, policy_document: str) -> None:
    """Replace the trust policy by one that IAM accepts."""
    role = self.get_role(role_name)
    _check_trust(policy_document, self)
    role.assume_role_policy_document = policy_document


def _check_role(
    role_name: str,
    path: str | None = None,
    permissions_boundary: str | None = None,  # noqa: ARG001 - moto checks it
    description: str | None = None,
    tags: Any = None,  # noqa: ARG001 - moto checks them
    max_session_duration: Any = None,
    **_more: Any,
) -> None:
    documents.check_role(
        roleName=role_name,
        path=path,
        description=description,
        maxSessionDuration=int(max_session_duration or 3_600),
    )


def _update_role(
    self: IAMBackend, role_name: str, role_description: str, max_session_duration: str
) -> Role:
    """Change the description and the longest session; what is not given stays."""
    role = self.get_role(role_name)
    _check_role(role_name, None, None, role_description, None, max_session_duration)
    role.description = role.description if role_description is None else role_description
    role.max_session_duration = max_session_duration
    return role


def _check_trust(document: str, backend: IAMBackend) -> None:
    documents.check_trust_policy(document, backend)
    if _length(document) > TRUST_POLICY:
        raise _exceeded("ACLSizePerRole", TRUST_POLICY)


def install() -> None:
    """Refuse what IAM refuses, from the API and from CloudFormation."""
    why = "IAM limits the size and the number of a role's policies, and refuses malformed ones"
    replace(Role, why, put_policy=_put_policy)
    replace(
        IAMBackend,
        why,
        put_role_policy=_put_role_policy,
        create_policy=_create_policy,
        create_policy_version=_create_policy_version,
        attach_role_policy=_attach_role_policy,
        create_role=_create_role,
        update_assume_role_policy=_update_assume_role_policy,
    )
    replace(
        IAMBackend,
        "a role's description and longest session have limits, and stay as they are if not given",
        update_role=_update_role,
    )
