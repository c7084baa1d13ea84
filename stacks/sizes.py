"""How large what an environment deploys may become: AWS's limits, and the settings against them.

`size_problems` judges an environment by its settings alone, `template_sizes` what was synthesised.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stacks.arns import MOST_EXACT, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stacks.settings import Environment

MOST_PATTERN = 2_048  # characters of a rule's event pattern
MOST_INLINE = 10_240  # characters of a role's inline policies together, without white space
MOST_MANAGED = 6_144  # characters of a managed policy, without white space
MOST_ATTACHED = 10  # managed policies of a role
MOST_QUEUE_POLICY = 8_192  # bytes of a queue's policy
MOST_DEFINITION = 1_048_576  # characters of a state machine's definition
MOST_DATA = 262_144  # bytes that a state takes, passes to a task, or returns
MOST_TEMPLATE = 1_000_000  # bytes
MOST_RESOURCES = 500  # of a template
# The queue of undelivered events names each rule in its policy, by about 140 characters.
MOST_RULES = 50
# What AWS puts in place of a reference is shorter than this; the longest are role ARNs.
LONGEST_REFERENCE = 160
LONGEST_ROLE_ARN = "arn:aws-cn:iam::111122223333:role/" + 64 * "r"


@dataclass(frozen=True)
class Size:
    """A size, and AWS's limit for it; `of` names the limit, `where` the resource."""

    of: str
    where: str
    size: int
    limit: int


def glue_patterns(
    jobs: Sequence[str], states: Sequence[str] = ("SUCCEEDED",)
) -> list[dict[str, Any]]:
    """Return event patterns that together match each end of each Glue job in these states once.

    One is enough for most environments; none is longer than EventBridge takes.
    """
    patterns: list[dict[str, Any]] = []
    names: list[str] = []
    for job in jobs:
        if not names or len(_text(_pattern([*names, job], states))) > MOST_PATTERN:
            names = []
            patterns.append(_pattern(names, states))
        names.append(job)
    return patterns


def size_problems(environment: Environment) -> list[str]:
    """Return, in words, which settings make what is deployed larger than AWS accepts."""
    return [*_too_many_rules(environment), *_buckets(environment)]


def template_sizes(text: str) -> list[Size]:
    """Return every size of a synthesised template that AWS limits.

    References are counted as the longest that AWS may put in their place.
    """
    resources = json.loads(text)["Resources"]
    of: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, resource in resources.items():
        of[resource["Type"]][name] = resource.get("Properties", {})
    return [
        Size("template, bytes", "template", len(text.encode()), MOST_TEMPLATE),
        Size("resources of the template", "template", len(resources), MOST_RESOURCES),
        *_policy_sizes(of),
        *(
            Size("event pattern", name, len(_resolved(rule["EventPattern"])), MOST_PATTERN)
            for name, rule in of["AWS::Events::Rule"].items()
        ),
        *(
            Size("queue policy, bytes", name, _policy_length(policy), MOST_QUEUE_POLICY)
            for name, policy in of["AWS::SQS::QueuePolicy"].items()
        ),
        *(
            Size("definition", name, _definition_length(machine), MOST_DEFINITION)
            for name, machine in of["AWS::StepFunctions::StateMachine"].items()
        ),
    ]


def template_problems(text: str) -> list[str]:
    """Return, in words, what of a synthesised template is larger than AWS accepts."""
    return [
        f"refreshes: {each.of} of {each.where}: {each.size:,}, and AWS accepts {each.limit:,}; "
        "divide the refreshes between two environments"
        for each in template_sizes(text)
        if each.size > each.limit
    ]


def _pattern(names: list[str], states: Sequence[str]) -> dict[str, Any]:
    return {
        "source": ["aws.glue"],
        "detail-type": ["Glue Job State Change"],
        "detail": {"state": list(states), "jobName": names},
    }


def _too_many_rules(environment: Environment) -> Iterator[str]:
    jobs = environment.glue_jobs
    if (rules := len(glue_patterns(jobs))) > MOST_RULES:
        yield (
            f"refreshes: the names of {len(jobs)} Glue jobs fill {rules} EventBridge rules of "
            f"{MOST_PATTERN:,} characters, and the queue of undelivered events can name "
            f"{MOST_RULES}; give the Glue jobs shorter names, or divide the refreshes between two "
            "environments"
        )


def _buckets(environment: Environment) -> Iterator[str]:
    # S3 has no wildcard that stops at the names of one account: buckets are named exactly
    buckets = [
        f"arn:{environment.partition}:s3:::{bucket}/*"
        for bucket in environment.import_role.buckets or []
    ]
    if (length := size(buckets)) > MOST_EXACT:
        yield (
            f"import_role.buckets: the ARNs of {len(buckets)} buckets have {length:,} characters, "
            f"and a role's policies have room for {MOST_EXACT:,} of each list; put the data in "
            "fewer buckets, or give the arn of a role of your own"
        )


def _policy_sizes(of: Mapping[str, Mapping[str, Any]]) -> Iterator[Size]:
    inline: dict[str, int] = defaultdict(int)
    attached: dict[str, int] = defaultdict(int)
    for name, role in of["AWS::IAM::Role"].items():
        inline[name] = sum(_policy_length(policy) for policy in role.get("Policies", []))
        attached[name] = len(role.get("ManagedPolicyArns", []))
    for policy in of["AWS::IAM::Policy"].values():
        for role in policy["Roles"]:
            inline[role["Ref"]] += _policy_length(policy)
    for name, policy in of["AWS::IAM::ManagedPolicy"].items():
        yield Size("managed policy", name, _policy_length(policy), MOST_MANAGED)
        for role in policy.get("Roles", []):
            attached[role["Ref"]] += 1
    for name, length in inline.items():
        yield Size("inline policies", name, length, MOST_INLINE)
    for name, count in attached.items():
        yield Size("managed policies attached", name, count, MOST_ATTACHED)


def _policy_length(policy: Mapping[str, Any]) -> int:
    return len(re.sub(r"\s", "", _resolved(policy["PolicyDocument"])))


def _definition_length(machine: Mapping[str, Any]) -> int:
    text = machine["DefinitionString"]
    grown = (len(machine.get("DefinitionSubstitutions", {})) + 1) * LONGEST_REFERENCE
    return len(text if isinstance(text, str) else _resolved(text)) + grown


def _resolved(value: Any) -> str:
    return _text(_without_references(value))


def _without_references(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_references(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        return separator.join(map(str, map(_without_references, parts)))
    if len(value) == 1 and re.fullmatch("Ref|Fn::.*", next(iter(value))):
        return "x" * LONGEST_REFERENCE
    return {key: _without_references(item) for key, item in value.items()}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
