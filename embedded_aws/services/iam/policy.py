"""The evaluation of IAM policies: statements, wildcards and conditions, independent of moto.

Follows AWS's evaluation logic: an explicit Deny overrides every Allow, and what nothing allows is
denied. Anything that is not supported raises `UnsupportedPolicyError`, and is never allowed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

Document = Mapping[str, Any]
Context = Mapping[str, str | list[str]]  # condition keys in lower case


class UnsupportedPolicyError(Exception):
    """A policy uses something that this evaluator does not support."""


@dataclass(frozen=True)
class Principal:
    """The caller: a service (`events.amazonaws.com`), or an ARN of the account."""

    kind: str  # "Service" or "AWS", as in a policy's Principal element
    name: str


def is_allowed(
    documents: Iterable[Document],
    action: str,
    resource: str,
    context: Context,
    principal: Principal | None = None,
) -> bool | None:
    """Evaluate one action on one resource: True, False (explicit Deny), None if nothing applies.

    `principal` is needed for the policies of a resource, which say who they apply to.
    """
    verdict = None
    for document in documents:
        for statement in _list(document["Statement"]):
            if not (
                _is_about_action(statement, action)
                and _is_about_resource(statement, resource)
                and _is_about_principal(statement, principal)
                and _meets_conditions(statement.get("Condition", {}), context)
            ):
                continue
            if statement["Effect"] == "Deny":
                return False
            verdict = True
    return verdict


def without_root(document: Document, account: str) -> Document:
    """Return a resource's policy without the statements for the account's root."""
    root = {account, *(f"arn:{p}:iam::{account}:root" for p in ("aws", "aws-cn"))}
    kept = [
        statement
        for statement in _list(document["Statement"])
        if statement["Principal"] == "*"
        or not root.intersection(_list(statement["Principal"].get("AWS", [])))
    ]
    return {**document, "Statement": kept}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_about_action(statement: Document, action: str) -> bool:
    if "NotAction" in statement:
        return not _is_about_action({"Action": statement["NotAction"]}, action)
    return any(_like(name.lower(), action.lower()) for name in _list(statement["Action"]))


def _is_about_resource(statement: Document, resource: str) -> bool:
    if "NotResource" in statement:
        return not _is_about_resource({"Resource": statement["NotResource"]}, resource)
    if "Resource" not in statement:  # a role's trust policy applies to its role
        return True
    patterns = _list(statement["Resource"])
    if unsupported := [pattern for pattern in patterns if "${" in pattern]:
        raise UnsupportedPolicyError(f"policy variables are not supported: {unsupported[0]}")
    return any(_arn_like(pattern, resource) for pattern in patterns)


def _is_about_principal(statement: Document, principal: Principal | None) -> bool:
    if "NotPrincipal" in statement:
        raise UnsupportedPolicyError("NotPrincipal is not supported")
    if "Principal" not in statement:
        return principal is None
    if principal is None:
        raise UnsupportedPolicyError("a Principal is not allowed in an identity-based policy")
    wanted = statement["Principal"]
    if wanted == "*":
        return True
    names = _list(wanted.get(principal.kind, []))
    if principal.kind == "AWS":  # the account's root stands for all its principals
        account = principal.name.split(":")[4]
        root = {account, _root_of(principal.name)}
        names = [*names, *(principal.name for n in names if n in root)]
    return any(name in {"*", principal.name} for name in names)


def _root_of(arn: str) -> str:
    _, partition, _, _, account, _ = arn.split(":", 5)
    return f"arn:{partition}:iam::{account}:root"


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _like(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None


def _arn_like(pattern: str, value: str) -> bool:
    # A wildcard matches only within its part of the ARN; only the last part may contain colons.
    if pattern == "*":
        return True
    wanted, given = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(given) and all(map(_like, wanted, given))


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, given: compare(float(given), float(wanted))


def _date(compare: Callable[[datetime, datetime], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, given: compare(
        datetime.fromisoformat(given), datetime.fromisoformat(wanted)
    )


# Each compares the wanted value with the given one; `Not…` operators are the negated ones.
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.lower() == given.lower(),
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
    "NumericEquals": _number(lambda given, wanted: given == wanted),
    "NumericLessThan": _number(lambda given, wanted: given < wanted),
    "NumericLessThanEquals": _number(lambda given, wanted: given <= wanted),
    "NumericGreaterThan": _number(lambda given, wanted: given > wanted),
    "NumericGreaterThanEquals": _number(lambda given, wanted: given >= wanted),
    "DateLessThan": _date(lambda given, wanted: given < wanted),
    "DateGreaterThan": _date(lambda given, wanted: given > wanted),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


def _meets_conditions(conditions: Document, context: Context) -> bool:
    return all(
        _meets(operator, _texts(wanted), context.get(key.lower()))
        for operator, tests in conditions.items()
        for key, wanted in tests.items()
    )


def _texts(value: Any) -> list[str]:
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in _list(value)]


def _meets(operator: str, wanted: list[str], given: str | list[str] | None) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return (given is None) == (wanted == ["true"])
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = name in _NEGATED
    compare = _OPERATORS.get(_NEGATED.get(name, name))
    if compare is None or quantifier not in {"", "ForAnyValue", "ForAllValues"}:
        raise UnsupportedPolicyError(f"the condition operator {operator} is not supported")
    if given is None:
        return if_exists or negated or quantifier == "ForAllValues"
    hits = (any(compare(w, g) for w in wanted) is not negated for g in _list(given))
    return all(hits) if quantifier == "ForAllValues" else any(hits)
