"""Environment files: every problem at once, each with its place and what to do."""

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.bounds import bound_problems
from stacks.load import SettingsError, load, read

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text())


def problems_with(change: Any) -> list[str]:
    settings = copy.deepcopy(GOOD)
    change(settings)
    with pytest.raises(SettingsError) as caught:
        read(yaml.safe_dump(settings), bound_problems)
    return caught.value.problems


def test_the_environments_of_the_repository_are_valid() -> None:
    assert set(load(ROOT / "environments")) == {"dev", "prod"}


def test_prod_is_the_articles_own_example() -> None:
    prod = load(ROOT / "environments")["prod"]
    assert prod.region == "ap-northeast-1"
    assert prod.time_zone == "Asia/Seoul"
    assert prod.table.name == "PROD_PERSONALIZE_DATA_PROCESS"
    assert prod.glue_jobs == ["Job-Brandi-Commerce-API"]
    assert [(c.name, c.solution) for c in prod.campaigns] == [
        ("brandi-hrnn-campaign-v2", "brandi-hrnn-solution")
    ]


def test_arns_are_derived_from_names() -> None:
    prod = read(yaml.safe_dump(GOOD))
    account = "arn:aws:personalize:ap-northeast-1:111122223333"
    assert prod.campaign_arn(prod.campaigns[0]) == f"{account}:campaign/brandi-hrnn-campaign-v2"
    assert prod.solution_arn(prod.campaigns[0]) == f"{account}:solution/brandi-hrnn-solution"
    assert (
        prod.dataset_arn(prod.datasets[0])
        == f"{account}:dataset/brandi-dataset-group-prod/INTERACTIONS"
    )


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn")],
)
def test_the_partition_follows_from_the_region(region: str, partition: str) -> None:
    environment = read(yaml.safe_dump({**GOOD, "region": region}))
    assert environment.arn("states", "x").startswith(f"arn:{partition}:states:{region}:")


ONE_PROBLEM: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an unknown key": (
        lambda s: s.update(colour="red"),
        "colour: is not a known setting; remove it",
    ),
    "an unknown key in a nested mapping": (
        lambda s: s["refreshes"][0]["campaigns"][0].update(door=1),
        "refreshes[0].campaigns[0].door: is not a known setting",
    ),
    "a missing key": (lambda s: s.pop("table"), "table: is missing; add it"),
    "an account that YAML read as a number": (
        lambda s: s.update(account=111122223333),
        "account: must be text; put it in quotes: '111122223333'",
    ),
    "an unknown time zone": (
        lambda s: s.update(time_zone="Asia/Soul"),
        "time_zone: 'Asia/Soul' is not an IANA time zone",
    ),
    "a campaign's name over 63 characters": (
        lambda s: s["refreshes"][0]["campaigns"][0].update(name="c" * 64),
        "refreshes[0].campaigns[0].name: String should have at most 63 characters",
    ),
    "a name that Personalize does not accept": (
        lambda s: s["refreshes"][0]["campaigns"][0].update(solution="-solution"),
        "refreshes[0].campaigns[0].solution: '-solution' does not have the form",
    ),
    "a location without its trailing slash": (
        lambda s: s["refreshes"][0]["datasets"][0].update(
            location="s3://brandi-personalize-prod/interactions"
        ),
        "refreshes[0].datasets[0].location: 's3://brandi-personalize-prod/interactions' is not an "
        "S3 location; write a folder with its trailing /",
    ),
    "a role of another account": (
        lambda s: s.update(import_role={"arn": "arn:aws:iam::999988887777:role/r"}),
        "import_role.arn: belongs to account 999988887777, this environment is 111122223333",
    ),
    "neither a role nor buckets": (
        lambda s: s.update(import_role={}),
        "import_role: give either arn (an existing role) or buckets",
    ),
    "a bucket that the role may not read": (
        lambda s: s["refreshes"][0]["datasets"][0].update(location="s3://brandi-personalize-x/i/"),
        "refreshes[0].datasets[0].location: the import role may not read bucket "
        "brandi-personalize-x; add it to import_role.buckets",
    ),
    "a log retention that CloudWatch does not have": (
        lambda s: s.update(log_retention_days=8),
        "log_retention_days: CloudWatch Logs keeps logs for 1, 3, 5,",
    ),
    "a text that is not a schedule": (
        lambda s: s.update(reconcile={"schedule": "daily"}),
        "reconcile.schedule: 'daily' is not a schedule; write rate(1 day), or six fields",
    ),
    "a word other than never": (
        lambda s: s.update(reconcile="off"),
        "reconcile: must be 'never' or a mapping, not 'off'",
    ),
    "a history that could exceed AWS's limit": (
        lambda s: s.update(
            stages={"solution_version": {"longest_wait_seconds": 60, "time_limit_hours": 168}}
        ),
        "stages.solution_version: waited for and polled to the limits, a refresh may write",
    ),
}


@pytest.mark.parametrize("case", ONE_PROBLEM)
def test_a_problem_is_reported_with_its_place_and_what_to_do(case: str) -> None:
    change, expected = ONE_PROBLEM[case]
    assert any(problem.startswith(expected) for problem in problems_with(change))


def test_two_campaigns_with_one_name_are_reported_even_across_refreshes() -> None:
    def twice(settings: dict[str, Any]) -> None:
        settings["refreshes"].append({**settings["refreshes"][0], "name": "daily"})

    assert problems_with(twice) == [
        "refreshes[1].campaigns[0].name: 'brandi-hrnn-campaign-v2' is already at "
        "refreshes[0].campaigns[0].name; each campaign may stand once"
    ]


def test_datasets_of_two_groups_in_one_refresh_are_reported() -> None:
    def mix(settings: dict[str, Any]) -> None:
        first = settings["refreshes"][0]["datasets"][0]
        settings["refreshes"][0]["datasets"].append(
            {
                **first,
                "dataset_group": "other",
                "type": "ITEMS",
                "location": "s3://brandi-personalize-prod/other/",
            }
        )

    assert problems_with(mix) == [
        "refreshes[0].datasets: one refresh fills one dataset group, these belong to "
        "brandi-dataset-group-prod, other; make a refresh for each (with the same glue_job)"
    ]


def test_all_problems_are_reported_at_once() -> None:
    def add_every_problem(settings: dict[str, Any]) -> None:
        for change, _ in ONE_PROBLEM.values():
            if change is not ONE_PROBLEM["a missing key"][0]:
                change(settings)

    reported = "\n".join(problems_with(add_every_problem))
    for place in ("colour", "account", "time_zone", "import_role", "log_retention_days"):
        assert f"{place}: " in reported
    assert "refreshes[0].campaigns[0].name: " in reported
    assert "refreshes[0].campaigns[0].solution: " in reported


def test_wrong_settings_end_the_synthesis_with_all_problems_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").write_text("account: [")
    (tmp_path / "prod.yaml").write_text(yaml.safe_dump({**GOOD, "colour": "red", "region": 1}))
    (tmp_path / "Test_1.yaml").write_text(yaml.safe_dump(GOOD))
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={"ENVIRONMENTS": str(tmp_path), "CDK_OUTDIR": str(tmp_path / "out"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == "4 problems in the environment settings:"
    folder = tmp_path.name
    assert lines[1].startswith(f"{folder}/Test_1.yaml: an environment's name is part of its stack")
    assert lines[2].startswith(f"{folder}/dev.yaml: is not valid YAML")
    assert lines[3].startswith(f"{folder}/prod.yaml: region: must be text")
    assert lines[4].startswith(f"{folder}/prod.yaml: colour: is not a known setting")


def test_a_folder_without_environments_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no <name>.yaml here; add one"):
        load(tmp_path)


KEY = "arn:aws:kms:ap-northeast-1:111122223333:key/11111111-2222-3333-4444-555555555555"


def test_tags_boundary_and_keys_are_settings() -> None:
    environment = read(
        yaml.safe_dump(
            {
                **GOOD,
                "tags": {"team": "\uc1fc\ud551", "cost:center": ""},
                "permissions_boundary": "arn:aws:iam::111122223333:policy/platform/boundary",
                "encryption_key": KEY,
                "import_role": {"buckets": ["brandi-personalize-prod"], "bucket_keys": [KEY]},
            }
        )
    )
    assert environment.tags == {"team": "\uc1fc\ud551", "cost:center": ""}
    assert environment.import_role.bucket_keys == [KEY]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"tags": {"aws:team": "x"}}, "'aws:team' begins with aws:"),
        ({"tags": {"team": "<x>"}}, "tags.team: '<x>' does not have the form"),
        ({"encryption_key": KEY.replace("key/", "alias/")}, "encryption_key: "),
        (
            {"encryption_key": KEY.replace("ap-northeast-1", "eu-west-1")},
            "encryption_key: is in region eu-west-1, this environment in ap-northeast-1; "
            "name a key of this region",
        ),
        (
            {"permissions_boundary": "arn:aws:iam::444455556666:policy/boundary"},
            "permissions_boundary: belongs to account 444455556666, this environment is "
            "111122223333; name a policy of this account",
        ),
        (
            {"import_role": {"arn": "arn:aws:iam::111122223333:role/r", "bucket_keys": [KEY]}},
            "import_role.bucket_keys: the stack makes no role that could use them; remove them, "
            "and let the role of import_role.arn decrypt with these keys",
        ),
    ],
)
def test_tags_boundary_and_keys_that_aws_refuses_are_refused(
    change: dict[str, Any], problem: str
) -> None:
    (found,) = problems_with(lambda settings: settings.update(change))
    assert problem in found
