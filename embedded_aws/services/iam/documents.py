"""What IAM refuses of policies and of a role's names and numbers, in its own words.

moto's checks of identity policies were made against AWS, but miss principals and ask inline
policies for a Version. Trust policies it hardly checks. The words for these are recorded
(LocalStack, tests/aws/services/iam), or reported by users of Terraform and the CDK, or measured
for Versity's gateway (iamapi/policy/trust.go).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.iam.exceptions import MalformedPolicyDocument, ValidationError
from moto.iam.models import IAMBackend
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from embedded_aws.validation import complaint, service_model

Document = Mapping[str, Any]

_VERSIONS = {"2008-10-17", "2012-10-17"}
# sts:TagSession and the like accompany AssumeRole
_TRUST_ACTIONS = {
    f"sts:{name}".lower()
    for name in (
        "AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "SetContext",
        "SetSourceIdentity", "TagSession",
    )
}  # fmt: skip
_KINDS = {"AWS", "Service", "Federated", "CanonicalUser"}
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)")
_ACCOUNT = re.compile(r"\d{12}")
_UNIQUE_ID = re.compile(r"A(IDA|ROA|SIA)[A-Z0-9]{12,}")
_PRINCIPAL_ARN = re.compile(r"arn:(aws[a-z-]*):(iam|sts)::(\d{12}):(.+)")


class _Inline(IAMPolicyDocumentValidator):
    """An inline policy needs no Version: without one it is of 2008-10-17, says the guide."""

    def _validate_version(self) -> None: ...


def check_identity_policy(document: str, *, managed: bool) -> None:
    """Raise MalformedPolicyDocument for an identity policy that IAM refuses."""
    validator = (IAMPolicyDocumentValidator if managed else _Inline)(document)
    if any("Principal" in each or "NotPrincipal" in each for each in _statements(document)):
        try:
            validator._validate_syntax()
        except (AssertionError, AttributeError, KeyError, TypeError):
            raise MalformedPolicyDocument("Syntax errors in policy.") from None
        raise MalformedPolicyDocument("Policy document should not specify a principal.")
    validator.validate()


def check_trust_policy(document: str, backend: IAMBackend) -> None:
    """Raise MalformedPolicyDocument for a trust policy that IAM refuses.

    Principals of other accounts are not looked up: what they have is not known here.
    """
    if reason := next(_trust_problems(document, backend), None):
        raise MalformedPolicyDocument(reason)


def check_role(**members: Any) -> None:
    """Raise ValidationError for members of CreateRole (`roleName`) that IAM's model refuses."""
    shapes: Any = service_model("iam").operation_model("CreateRole").input_shape
    for name, value in members.items():
        if value is not None and (
            problem := complaint(shapes.members[name[0].upper() + name[1:]], value, at=name)
        ):
            raise ValidationError(problem)


def _statements(document: str) -> list[Document]:
    """Return a policy's statements, or none of a text that is no policy."""
    try:
        statements = json.loads(document)["Statement"]
    except (ValueError, KeyError, TypeError):
        return []
    return [each for each in _list(statements) if isinstance(each, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _trust_problems(document: str, backend: IAMBackend) -> Iterator[str]:
    try:
        policy = json.loads(document)
    except ValueError:
        yield "This policy contains invalid Json"
        return
    if not isinstance(policy, dict):
        yield "This policy contains invalid Json"
        return
    if policy.get("Version", "2012-10-17") not in _VERSIONS:
        yield "The policy must contain a valid version string"
    statements = _statements(document)
    if not statements:
        yield "Could not parse the policy: Statement is empty!"
    for statement in statements:
        yield from _statement_problems(statement, backend)
    identifiers = [each["Sid"] for each in statements if each.get("Sid")]
    if len(set(identifiers)) < len(identifiers):
        yield "The Statement Ids in the policy are not unique"


def _statement_problems(statement: Document, backend: IAMBackend) -> Iterator[str]:
    effect = statement.get("Effect")
    if not effect:
        yield "Missing required field Effect"
    elif effect not in {"Allow", "Deny"}:
        yield f"Invalid effect: {effect}"
    if "NotPrincipal" in statement:
        yield (
            "Allow with NotPrincipal is not allowed."
            if effect == "Allow"
            else "AssumeRole policy must not contain NotPrincipal field."
        )
    yield from _principal_problems(statement.get("Principal"), backend)
    actions = _list(statement.get("Action", statement.get("NotAction", [])))
    if not actions:
        yield "Missing required field Action"
    if any(str(action).lower() not in _TRUST_ACTIONS for action in actions):
        yield "AssumeRole policy may only specify STS AssumeRole actions."
    if "Resource" in statement:
        yield "Has prohibited field Resource"
    if "NotResource" in statement:
        yield "AssumeRole policy must not contain resources."


def _principal_problems(principal: Any, backend: IAMBackend) -> Iterator[str]:
    if principal is None:
        yield "Missing required field Principal"
    elif principal == "*":
        yield 'AssumeRolepolicy contained an invalid principal: "STAR":"*".'
    elif not isinstance(principal, dict):
        yield "Principal must be a JSON object."
    elif not any(_list(names) for names in principal.values()):
        yield "Missing required field Principal cannot be empty!"
    else:
        for kind, names in principal.items():
            if kind not in _KINDS:
                yield f'Invalid principal in policy: "{kind}"'
            for name in _list(names):
                if not _exists(kind, str(name), backend):
                    shown = kind.upper() if kind == "Service" else kind
                    yield f'Invalid principal in policy: "{shown}":"{name}"'


def _exists(kind: str, name: str, backend: IAMBackend) -> bool:
    """Return whether a principal may exist; of services only the form is known here."""
    if kind == "Service":
        return _SERVICE.fullmatch(name) is not None
    if kind != "AWS" or name == "*" or _ACCOUNT.fullmatch(name) or _UNIQUE_ID.fullmatch(name):
        return True
    match = _PRINCIPAL_ARN.fullmatch(name)
    if match is None:
        return False
    _, service, account, path = match.groups()
    kind_of, _, rest = path.partition("/")
    if service == "sts" or path == "root" or account != backend.account_id:
        return "*" not in path
    known: dict[str, Any] = {"role": backend.roles, "user": backend.users}
    return bool(rest) and any(each.arn == name for each in known.get(kind_of, {}).values())
