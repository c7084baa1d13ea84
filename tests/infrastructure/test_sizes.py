"""Many campaigns: every policy, rule and definition of the template is within AWS's limits."""

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

import app
from stacks.arns import MOST_EXACT, size
from stacks.settings import Environment
from stacks.sizes import template_problems, template_sizes
from tools.sizes import many

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
COUNTS = (60, 130)  # just under and far over what exact ARNs have room for


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """The templates of environments with many campaigns; cdk-nag has found nothing in them."""
    folder = tmp_path_factory.mktemp("many")
    assert app.synthesise({f"with-{count}": many(count) for count in COUNTS}, folder) == []
    return {
        count: app.template_file(folder, f"with-{count}").read_text("utf-8") for count in COUNTS
    }


def statements(template: str, role: str) -> list[dict[str, Any]]:
    """Every statement of the role's policies, those of its overflow policies included."""
    return [
        statement
        for resource in json.loads(template)["Resources"].values()
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        and resource["Properties"]["Roles"][0]["Ref"].startswith(role)
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    ]


def allowed(template: str, role: str, action: str) -> list[str]:
    """The resources on which the role may call the action."""

    def listed(value: Any) -> list[Any]:
        return value if isinstance(value, list) else [value]

    return [
        resource
        for statement in statements(template, role)
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]


def needed(environment: Environment, action: str) -> list[str]:
    """The ARNs on which a refresh calls the action."""
    return {
        "personalize:UpdateCampaign": [
            environment.campaign_arn(campaign) for campaign in environment.campaigns
        ],
        "personalize:CreateDatasetImportJob": [
            environment.dataset_arn(dataset) for dataset in environment.datasets
        ],
        "personalize:CreateSolutionVersion": [
            f"{environment.solution_arn(campaign)}/1a2b3c4d" for campaign in environment.campaigns
        ],
        "glue:GetJobRuns": [environment.arn("glue", f"job/{job}") for job in environment.glue_jobs],
        "s3:GetObject": [
            f"arn:aws:s3:::{dataset.location.removeprefix('s3://')}part-0.csv"
            for dataset in environment.datasets
        ],
    }[action]


@pytest.mark.parametrize("count", COUNTS)
def test_no_policy_rule_or_definition_is_larger_than_aws_accepts(
    templates: dict[int, str], count: int
) -> None:
    found = template_sizes(templates[count])
    assert [each for each in found if each.size > each.limit] == []
    assert [each.size for each in found if each.of == "managed policy"]
    assert sum(each.of == "event pattern" for each in found) > 1


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    ("role", "action"),
    [
        ("UpdateCampaign", "personalize:UpdateCampaign"),
        ("CreateImport", "personalize:CreateDatasetImportJob"),
        ("CreateSolutionVersion", "personalize:CreateSolutionVersion"),
        ("PlanRefresh", "glue:GetJobRuns"),
        ("ImportRole", "s3:GetObject"),
    ],
)
def test_every_campaign_dataset_and_job_is_covered_and_nothing_of_another_account_or_type(
    templates: dict[int, str], count: int, role: str, action: str
) -> None:
    patterns = allowed(templates[count], role, action)
    wanted = needed(many(count), action)
    assert [arn for arn in wanted if not any(fnmatchcase(arn, p) for p in patterns)] == []
    types = {arn[: arn.index("/") + 1] for arn in wanted}
    for pattern in patterns:
        # of import jobs, the names are known only when a run begins
        assert pattern.startswith((*types, app_arn("dataset-import-job/")))


def app_arn(resource: str) -> str:
    return many(1).arn("personalize", resource)


def test_campaigns_stay_exact_while_their_arns_fit(templates: dict[int, str]) -> None:
    exact = needed(many(60), "personalize:UpdateCampaign")
    assert allowed(templates[60], "UpdateCampaign", "personalize:UpdateCampaign") == exact


def test_beyond_that_they_share_the_beginnings_of_their_names(templates: dict[int, str]) -> None:
    shared = allowed(templates[130], "UpdateCampaign", "personalize:UpdateCampaign")
    exact = needed(many(130), "personalize:UpdateCampaign")
    (length,) = {len(pattern) for pattern in shared}
    assert shared == [f"{arn[: length - 1]}*" for arn in exact]
    assert length * 130 < MOST_EXACT < (length + 4) * 130


def test_each_glue_job_starts_the_dispatch_by_one_rule_whose_events_the_queue_accepts(
    templates: dict[int, str],
) -> None:
    resources = json.loads(templates[130])["Resources"]
    rules = {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Events::Rule" and name.startswith("Triggers")
    }
    jobs = [job for rule in rules.values() for job in rule["EventPattern"]["detail"]["jobName"]]
    assert jobs == many(130).glue_jobs
    assert len({json.dumps(rule["Targets"][0]["Arn"]) for rule in rules.values()}) == 1
    (policy,) = (
        resource
        for name, resource in resources.items()
        if resource["Type"] == "AWS::SQS::QueuePolicy" and name.startswith("Triggers")
    )
    (sending,) = (
        statement
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "sqs:SendMessage"
    )
    named = sending["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert [arn["Fn::GetAtt"][0] for arn in named] == list(rules)


def test_a_role_has_room_for_four_lists_of_the_longest_that_stay_exact(tmp_path: Path) -> None:
    import aws_cdk as cdk  # noqa: PLC0415 - starts Node.js, whose path `app` has set
    from aws_cdk import aws_iam as iam  # noqa: PLC0415

    from stacks.permissions import allow  # noqa: PLC0415

    stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Full")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    arns = [f"arn:aws:s3:::bucket/{number:0127}" for number in range(100)]
    assert MOST_EXACT - 152 < size(arns) <= MOST_EXACT
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectTagging"):
        allow(role, [action], arns)
    cdk.App.of(stack).synth()  # type: ignore[union-attr] # there is one
    text = (tmp_path / "Full.template.json").read_text("utf-8")
    assert template_problems(text) == []
    assert sorted(allowed(text, "Role", "s3:GetObjectTagging")) == arns


def test_a_template_that_aws_would_refuse_is_refused_with_resource_and_numbers() -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "x" * 6_144}]}
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    (problem,) = template_problems(json.dumps({"Resources": {"Policy": policy}}))
    assert problem.startswith("refreshes: managed policy of Policy: 6,2")
    assert problem.endswith("AWS accepts 6,144; divide the refreshes between two environments")


def test_settings_that_are_too_large_end_the_synthesis_without_a_traceback(tmp_path: Path) -> None:
    large = many(1_000, glue_job="weekly").model_dump(exclude_defaults=True)
    (tmp_path / "large.yaml").write_text(yaml.safe_dump(large), "utf-8")
    done = subprocess.run(
        [sys.executable, ROOT / "app.py"],
        env={**os.environ, "ENVIRONMENTS": str(tmp_path), "CDK_OUTDIR": str(tmp_path / "out")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "large.yaml: refreshes: to start 1000 campaigns may write " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_prints_the_largest_of_each_size_beside_the_limit() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.sizes", "2"],
        cwd=ROOT,
        env={**os.environ, "CDK_VALIDATION": "false"},
        capture_output=True,
        text=True,
        check=True,
    )
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["campaigns", "2", "AWS"]
    rows = {name: numbers for name, *numbers in (re.split(r"\s{2,}", line) for line in lines)}
    assert set(rows) >= {
        "template, bytes",
        "inline policies",
        "event pattern",
        "definition",
        '"Plan refresh": result, bytes',
    }
    assert rows["event pattern"][1] == "2,048"
    assert rows['"Plan refresh": result, bytes'][1] == "262,144"
