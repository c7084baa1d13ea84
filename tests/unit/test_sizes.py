"""What an environment deploys fits AWS's limits, or is refused with the field and the number."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.arns import MOST_EXACT, narrowed, size
from stacks.settings import Environment
from stacks.sizes import MOST_PATTERN, glue_patterns, size_problems, template_sizes
from tools.sizes import many

SOLUTION = "arn:aws:personalize:ap-northeast-1:111122223333:solution/"
names = st.text("abcdefgh0123456789-_", min_size=1, max_size=63)


def changed(environment: Environment, **fields: Any) -> Environment:
    return Environment.model_validate(environment.model_dump() | fields)


def compact(pattern: dict[str, Any]) -> str:
    return json.dumps(pattern, ensure_ascii=False, separators=(",", ":"))


def test_arns_that_fit_stay_exact() -> None:
    arns = [f"{SOLUTION}campaign-{number:03}" for number in range(150)]
    assert narrowed(arns) == arns


@given(st.lists(names, min_size=1, max_size=60), st.sampled_from([400, 1_000, 3_000]))
def test_arns_that_do_not_fit_become_prefixes_that_fit_and_cover_them(
    given_names: list[str], most: int
) -> None:
    arns = [f"{SOLUTION}{name}{end}" for name in given_names for end in ("", "/*")]
    allowed = narrowed(arns, most)
    assert size(allowed) <= most
    for arn in arns:
        assert any(fnmatchcase(arn, pattern) for pattern in allowed)
    for pattern in allowed:
        assert pattern.startswith(SOLUTION)
        assert any(arn.startswith(pattern.rstrip("*")) for arn in arns)


def test_prefixes_are_as_long_as_fits() -> None:
    arns = [f"{SOLUTION}{shop}-{number:02}" for shop in ("north", "south") for number in range(50)]
    assert narrowed(arns, 200) == [f"{SOLUTION}north-*", f"{SOLUTION}south-*"]
    assert narrowed(arns, 70) == [f"{SOLUTION}*"]


def test_the_name_of_a_bucket_is_never_cut() -> None:
    arns = [f"arn:aws:s3:::shop-{n % 2}/data/{n:03}/*" for n in range(100)]
    assert narrowed(arns, 1) == ["arn:aws:s3:::shop-0/*", "arn:aws:s3:::shop-1/*"]
    buckets = ["arn:aws:s3:::shop-0", "arn:aws:s3:::shop-1"]
    assert narrowed(buckets, 1) == buckets


@given(st.lists(st.text("ab-é", min_size=1, max_size=255), unique=True, max_size=80))
def test_each_glue_job_is_in_one_pattern_and_no_pattern_is_longer_than_eventbridge_takes(
    jobs: list[str],
) -> None:
    patterns = glue_patterns(jobs)
    assert [job for pattern in patterns for job in pattern["detail"]["jobName"]] == jobs
    assert all(
        len(json.dumps(p, ensure_ascii=False, separators=(",", ":"))) <= 2_048 for p in patterns
    )


def test_a_pattern_is_filled_before_the_next_one_begins() -> None:
    jobs = [f"{number:063}" for number in range(100)]
    first, *others = glue_patterns(jobs)
    assert len(compact(first)) <= MOST_PATTERN < len(compact(first)) + 63 + len('"",')
    assert len(others) == 3


def test_more_rules_than_the_queue_can_name_are_refused_with_their_number() -> None:
    environment = many(10)
    (refresh, *_) = environment.model_dump()["refreshes"]
    refreshes = [refresh | {"name": f"r{n}", "glue_job": f"{n:0255}"} for n in range(400)]
    problems = size_problems(changed(environment, refreshes=refreshes))
    assert problems[0].startswith(
        "refreshes: the names of 400 Glue jobs fill 58 EventBridge rules of 2,048 characters"
    )
    assert "shorter names, or divide the refreshes" in problems[0]


def test_buckets_whose_arns_fit_in_no_policy_are_refused() -> None:
    buckets = [f"{number:063}" for number in range(200)]
    (problem,) = size_problems(changed(many(2), import_role={"buckets": buckets}))
    assert problem.startswith("import_role.buckets: the ARNs of 200 buckets have 16,200 characters")
    assert f"{MOST_EXACT:,}" in problem


def policy(kind: str, *roles: str, resource: Any) -> dict[str, Any]:
    document = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}]}
    attached = [{"Ref": role} for role in roles]
    return {"Type": kind, "Properties": {"PolicyDocument": document, "Roles": attached}}


def test_a_roles_policies_are_measured_wherever_they_stand_and_without_white_space() -> None:
    empty = len('{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":""}]}')
    template = {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
            "One": policy("AWS::IAM::Policy", "Role", resource="a b" * 10),
            "Two": policy("AWS::IAM::Policy", "Role", resource={"Fn::Join": ["", ["abc", "de"]]}),
            "Big": policy("AWS::IAM::ManagedPolicy", "Role", resource="x" * 7_000),
        }
    }
    found = {each.of: each for each in template_sizes(json.dumps(template))}
    assert found["inline policies"].size == 2 * empty + 20 + 5
    assert (found["managed policy"].size, found["managed policy"].limit) == (empty + 7_000, 6_144)
    assert (found["managed policies attached"].size, found["resources of the template"].size) == (
        1,
        4,
    )


@pytest.mark.parametrize("campaigns", [1, 40])
def test_an_environment_that_fits_has_no_problem(campaigns: int) -> None:
    assert size_problems(many(campaigns)) == []
