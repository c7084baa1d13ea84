"""How roles are enforced here: sessions of the deployed roles, and a record of what they may do.

Services act under a role only through `assume_role_as_service`, which checks the role's own trust
policy. What a session then does is checked against the deployed policies: HTTP calls by
`embedded_aws.services.iam.guard`, what a service does in this process by `is_authorized`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import ManagedPolicy, Role, iam_backends
from moto.sts.models import sts_backends

from embedded_aws.clients import Credentials
from embedded_aws.clock import current
from embedded_aws.services.iam.policy import Principal, is_allowed, without_root

# Never checked: the roles of CDK's own bootstrap stack, which have administrator permissions.
BOOTSTRAP_ROLES = "cdk-hnb659fds-"


class TrustRefused(Exception):
    """A role whose trust policy does not allow the service to assume it, or that does not exist."""


@dataclass
class Session:
    """A role that a caller has assumed."""

    role_arn: str
    name: str
    credentials: Credentials
    # The program that uses the session has timed out: nothing waits for its responses.
    is_gone: bool = False
    is_waiting: bool = False
    on_gone: Callable[[], None] = lambda: None
    # Ends the function that uses the session; does nothing if no function does.
    kill: Callable[[], None] = lambda: None
    # The same, for having taken too much memory.
    exhaust: Callable[[], None] = lambda: None

    @property
    def role_name(self) -> str:
        """The role's name, without its path."""
        return self.role_arn.split("/")[-1]

    @property
    def arn(self) -> str:
        """The caller's ARN, as AccessDenied shows it."""
        _, partition, _, _, account, _ = self.role_arn.split(":", 5)
        return f"arn:{partition}:sts::{account}:assumed-role/{self.role_name}/{self.name}"

    def wait(self, seconds: float) -> None:
        """Let simulated time pass for the program, or less if the program times out meanwhile."""
        self.is_waiting = True
        current().sleep(seconds, stopped=lambda: self.is_gone)
        self.is_waiting = False
        if self.is_gone:
            self.on_gone()


@dataclass(frozen=True)
class Call:
    """One authorization decision: an action of a caller on a resource.

    An API call that needs several permissions (CreateDatasetImportJob also passes a role) adds
    several of these, with the same `operation`.
    """

    time: float  # simulated, epoch seconds
    caller: str  # the role's name, or the service that acts by itself (`events.amazonaws.com`)
    operation: str  # `personalize:CreateDatasetImportJob`, as faults name it
    action: str  # `iam:PassRole`
    resource: str
    allowed: bool


@dataclass
class _Record:
    """The decisions and sessions of this process since the cloud started."""

    calls: list[Call] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)


_record = _Record()


def reset() -> list[Call]:
    """Delete every session; return the list to which calls are added from now on."""
    _record.calls = []
    _record.sessions = {}
    return _record.calls


def assume_role_as_service(
    role_arn: str, *, service: str, source_arn: str, region: str
) -> Credentials:
    """Start a session of a role, as an AWS service does before it acts for a resource.

    `service` is the principal (`states.amazonaws.com`), `source_arn` the resource on whose behalf
    it acts: the role's trust policy sees it as aws:SourceArn, and its account as
    aws:SourceAccount. Raises TrustRefused if that policy does not allow it.
    """
    _, partition, _, _, account, _ = role_arn.split(":", 5)
    allowed = trusts(role_arn, service=service, source_arn=source_arn)
    note(service, "sts:AssumeRole", "sts:AssumeRole", role_arn, allowed=allowed)
    if not allowed:
        raise TrustRefused(
            f"{service} cannot assume the role {role_arn} for {source_arn}: "
            "the role does not exist, or its trust policy does not allow it"
        )
    name = f"{service.partition('.')[0]}-{len(_record.sessions) + 1}"
    assumed = sts_backends[account][partition].assume_role(
        region_name=region,
        role_session_name=name,
        role_arn=role_arn,
        policy="",
        duration=3600,
        external_id="",
    )
    credentials = Credentials(
        assumed.access_key_id, assumed.secret_access_key, assumed.session_token
    )
    _record.sessions[credentials.access_key_id] = Session(role_arn, name, credentials)
    return credentials


def trusts(role_arn: str, *, service: str, source_arn: str) -> bool:
    """Return whether the role exists and the service may assume it; do not record the check."""
    try:
        role = _role(role_arn)
    except NotFoundException:
        return False
    context = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_arn.split(":")[4]}
    trust = [_document(role.assume_role_policy_document)]
    principal = Principal("Service", service)
    return is_allowed(trust, "sts:AssumeRole", role_arn, context, principal) is True


def session(access_key_id: str, account: str, partition: str) -> Session | None:
    """Return the session that a key belongs to; None for the root user's and unknown keys."""
    if known := _record.sessions.get(access_key_id):
        return known
    assumed = sts_backends[account][partition].get_assumed_role_from_access_key(access_key_id)
    if assumed is None or assumed.role_arn.split("/")[-1].startswith(BOOTSTRAP_ROLES):
        return None
    credentials = Credentials(
        assumed.access_key_id, assumed.secret_access_key, assumed.session_token
    )
    return _record.sessions.setdefault(
        access_key_id, Session(assumed.role_arn, assumed.session_name, credentials)
    )


def is_authorized(
    role_arn: str,
    action: str,
    resource: str,
    context: Mapping[str, str | list[str]],
    *,
    operation: str | None = None,
    resource_policy: str | None = None,
    resource_decides: bool = False,
) -> bool:
    """Authorize one action of a deployed role, and record it as part of the API call `operation`.

    Within one account, an Allow from either side is enough, the role's policies or the resource's
    own policy; a Deny on either side is final. If the resource decides, as a KMS key does, its
    policy must allow the role itself, or the account's root, which stands for IAM's policies.
    """
    account = role_arn.split(":")[4]
    context = {
        "aws:principalarn": role_arn,
        "aws:principalaccount": account,
        "aws:principaltype": "AssumedRole",
        "aws:resourceaccount": account,
        "aws:securetransport": "true",  # the served cloud uses HTTP, AWS uses TLS
        "aws:currenttime": current().now().isoformat(),
        "aws:viaawsservice": "false",
        **context,
    }
    try:
        role = _role(role_arn)
    except NotFoundException:  # it was deleted while its session was in use: nothing allows it
        note(
            role_arn.rsplit("/", maxsplit=1)[-1],
            operation or action,
            action,
            resource,
            allowed=False,
        )
        return False
    identity = [_document(text) for text in role.policies.values()]
    identity += [_managed(policy) for policy in role.managed_policies.values()]
    verdicts = [is_allowed(identity, action, resource, context)]
    if resource_policy:
        principal = Principal("AWS", role_arn)
        document = _document(resource_policy)
        verdict = is_allowed([document], action, resource, context, principal)
        if resource_decides and verdict:
            own = without_root(document, account)
            verdicts.append(is_allowed([own], action, resource, context, principal))
        else:
            verdicts.append(False if resource_decides else verdict)
    elif resource_decides:
        verdicts.append(False)
    if role.permissions_boundary_arn:
        boundary = iam_backends[account][role.partition].get_policy(role.permissions_boundary_arn)
        # Nothing is allowed that the boundary does not allow.
        limit = is_allowed([_managed(boundary)], action, resource, context)
        verdicts.append(None if limit else False)
    allowed = True in verdicts and False not in verdicts
    note(role.name, operation or action, action, resource, allowed=allowed)
    return allowed


def is_authorized_as_service(
    service: str, action: str, resource: str, *, source_arn: str, resource_policy: str | None
) -> bool:
    """Authorize a service that acts as itself, as EventBridge does for a dead-letter queue.

    Only the resource's own policy can allow the action; without one it is denied.
    """
    account = source_arn.split(":")[4]
    context = {
        "aws:sourcearn": source_arn,
        "aws:sourceaccount": account,
        "aws:securetransport": "true",
        "aws:principalisawsservice": "true",
        "aws:principalservicename": service,
    }
    documents = [_document(resource_policy)] if resource_policy else []
    allowed = is_allowed(documents, action, resource, context, Principal("Service", service))
    note(service, action, action, resource, allowed=bool(allowed))
    return bool(allowed)


def note(caller: str, operation: str, action: str, resource: str, *, allowed: bool) -> None:
    """Add a decision to the cloud's `calls`."""
    _record.calls.append(Call(current().time(), caller, operation, action, resource, allowed))


def _role(role_arn: str) -> Role:
    _, partition, _, _, account, _ = role_arn.split(":", 5)
    return iam_backends[account][partition].get_role_by_arn(role_arn)


def _managed(policy: ManagedPolicy) -> Mapping[str, Any]:
    default = policy.default_version_id
    return _document(next(v.document for v in policy.versions if v.version_id == default))


def _document(policy: Any) -> Mapping[str, Any]:
    return policy if isinstance(policy, Mapping) else _parse(policy)


@lru_cache(maxsize=1024)
def _parse(text: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(text)
    return document
