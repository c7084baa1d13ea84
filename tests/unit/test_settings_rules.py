"""What AWS would refuse, and what cannot mean what it says, in environment files."""

import copy
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml

from stacks import rules
from stacks.bounds import bound_problems
from stacks.load import SettingsError, load, read
from stacks.settings import Environment

DATASET = {
    "dataset_group": "shop",
    "type": "INTERACTIONS",
    "location": "s3://shop-data/interactions/",
}
REFRESH: dict[str, Any] = {
    "name": "weekly",
    "glue_job": "export",
    "datasets": [DATASET],
    "campaigns": [{"name": "home", "solution": "for-you"}],
}
GOOD: dict[str, Any] = {
    "account": "111122223333",
    "region": "ap-northeast-1",
    "table": {"name": "ROWS"},
    "import_role": {"buckets": ["shop-data"]},
    "refreshes": [REFRESH],
}
LOCATION = "refreshes[0].datasets[0].location"


def settings(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(GOOD), **changes}


def with_dataset(**changes: Any) -> dict[str, Any]:
    return settings(refreshes=[{**REFRESH, "datasets": [{**DATASET, **changes}]}])


def with_second(**changes: Any) -> dict[str, Any]:
    """A second refresh that differs from the first in its name, its campaign and these."""
    campaigns = [{"name": "mail", "solution": "for-you"}]
    return settings(
        refreshes=[REFRESH, {**REFRESH, "name": "second", "campaigns": campaigns, **changes}]
    )


def accepted(raw: dict[str, Any]) -> Environment:
    return read(yaml.safe_dump(raw), bound_problems)


def problems(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        accepted(raw)
    return caught.value.problems


def test_the_settings_that_these_tests_change_are_valid() -> None:
    assert accepted(GOOD).campaigns[0].name == "home"


def test_the_regions_are_those_of_awss_endpoints() -> None:
    session = botocore.session.get_session()
    known = [session.get_available_regions("personalize", p) for p in ("aws", "aws-cn")]
    assert sorted(rules.REGIONS) == sorted(known[0] + known[1])


REGION = "is not in a region"
ZONE = "is not an IANA time zone"
BUCKET = "cannot be a bucket"
EVALUATED = "which the deployment or Step Functions would evaluate"
LINE = "line end or control character"
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a region with a typo": (settings(region="ap-northest-1"), "region", REGION),
    "a region without Personalize": (settings(region="eu-north-1"), "region", REGION),
    "GovCloud": (settings(region="us-gov-west-1"), "region", REGION),
    "the other Chinese region": (settings(region="cn-northwest-1"), "region", REGION),
    "a zone": (settings(region="us-east-1a"), "region", REGION),
    "the machine's time zone": (settings(time_zone="localtime"), "time_zone", ZONE),
    "a variant of a time zone": (settings(time_zone="posix/Asia/Seoul"), "time_zone", ZONE),
    "a time zone with leap seconds": (settings(time_zone="right/UTC"), "time_zone", ZONE),
    "no time zone at all": (settings(time_zone="Factory"), "time_zone", ZONE),
    "a time zone in lower case": (settings(time_zone="asia/seoul"), "time_zone", ZONE),
    "a path": (settings(time_zone="../../etc/localtime"), "time_zone", ZONE),
    "an account with a line end": (settings(account="111122223333\n"), "account", "twelve digits"),
    "a bucket with two dots": (
        with_dataset(location="s3://shop..data/a/"),
        LOCATION,
        BUCKET,
    ),
    "an IP address": (with_dataset(location="s3://192.168.1.1/a/"), LOCATION, BUCKET),
    "a bucket of two letters": (with_dataset(location="s3://ab/a/"), LOCATION, BUCKET),
    "a bucket that ends with -": (with_dataset(location="s3://shop-/a/"), LOCATION, BUCKET),
    "an access point's alias": (
        settings(import_role={"buckets": ["shop-data", "point-s3alias"]}),
        "import_role.buckets[1]",
        BUCKET,
    ),
    "a reserved beginning": (
        settings(import_role={"buckets": ["shop-data", "xn--shop"]}),
        "import_role.buckets[1]",
        BUCKET,
    ),
    "a bucket twice": (
        settings(import_role={"buckets": ["shop-data", "shop-data"]}),
        "import_role.buckets",
        "shop-data stands 2 times; keep one",
    ),
    "a location that Step Functions would evaluate": (
        with_dataset(location="s3://shop-data/{% $states.input %}/"),
        LOCATION,
        EVALUATED,
    ),
    "a location with our own placeholder": (
        with_dataset(location="s3://shop-data/${table_name}/"),
        LOCATION,
        EVALUATED,
    ),
    "a location of two lines": (with_dataset(location="s3://shop-data/a\rb/"), LOCATION, LINE),
    "a Glue job with our own placeholder": (
        settings(refreshes=[{**REFRESH, "glue_job": "${settings}"}]),
        "refreshes[0].glue_job",
        EVALUATED,
    ),
    "a Glue job that CloudFormation would look up": (
        settings(refreshes=[{**REFRESH, "glue_job": "{{resolve:ssm:job}}"}]),
        "refreshes[0].glue_job",
        EVALUATED,
    ),
    "a Glue job with a line end": (
        settings(refreshes=[{**REFRESH, "glue_job": "export\n"}]),
        "refreshes[0].glue_job",
        LINE,
    ),
    "a Glue job that a policy would read as many": (
        settings(refreshes=[{**REFRESH, "glue_job": "export*"}]),
        "refreshes[0].glue_job",
        "a policy would read as any character",
    ),
    "a user instead of a role": (
        settings(import_role={"arn": "arn:aws:iam::111122223333:user/u"}),
        "import_role.arn",
        "is not a role's ARN",
    ),
    "a role's name with a blank": (
        settings(import_role={"arn": "arn:aws:iam::111122223333:role/a b"}),
        "import_role.arn",
        "'a b' cannot be a role's name",
    ),
    "a role's name of 65 characters": (
        settings(import_role={"arn": f"arn:aws:iam::111122223333:role/path/{'r' * 65}"}),
        "import_role.arn",
        "cannot be a role's name",
    ),
    "a role of another partition": (
        settings(import_role={"arn": "arn:aws-cn:iam::111122223333:role/r"}),
        "import_role.arn",
        "is of partition aws-cn, and ap-northeast-1 is in aws",
    ),
    "a least over its greatest capacity": (
        settings(table={"name": "ROWS", "capacity": {"write": 20, "max_write": 10}}),
        "table.capacity",
        "write is 20, over max_write, which is 10; raise max_write or lower write",
    ),
    "a least over the default of the greatest": (
        settings(table={"name": "ROWS", "capacity": {"write": 11}}),
        "table.capacity",
        "write is 11, over max_write, which is 10",
    ),
    "a shortest over the longest wait": (
        settings(
            stages={"campaign_update": {"shortest_wait_seconds": 90, "longest_wait_seconds": 60}}
        ),
        "stages.campaign_update",
        "shortest_wait_seconds is 90, over longest_wait_seconds, which is 60",
    ),
    "more capacity than a table has": (
        settings(table={"name": "ROWS", "capacity": {"read": 40_001}}),
        "table.capacity.read",
        "less than or equal to 40000",
    ),
    "a dataset with two locations": (
        with_second(datasets=[{**DATASET, "location": "s3://shop-data/other/"}]),
        "refreshes[1].datasets[0].location",
        "refreshes share a dataset's import jobs: give both the same location",
    ),
    "a dataset with two modes": (
        with_second(
            datasets=[{**DATASET, "import_mode": "INCREMENTAL", "full_every": {"days": 28}}]
        ),
        "refreshes[1].datasets[0].import_mode",
        "INCREMENTAL for dataset shop/INTERACTIONS, which has FULL",
    ),
    "an import that is never full": (
        with_dataset(import_mode="INCREMENTAL"),
        "refreshes[0].datasets[0].full_every",
        "is missing; an INCREMENTAL import only adds to the last FULL one",
    ),
    "a cadence that says nothing": (
        with_dataset(import_mode="INCREMENTAL", full_every={"days": None}),
        "refreshes[0].datasets[0].full_every",
        "says neither days nor runs; write {days: 28}, or {runs: 4}",
    ),
    "a cadence of imports that are always full": (
        with_dataset(full_every={"days": 28}),
        "refreshes[0].datasets[0].full_every",
        "goes with import_mode: INCREMENTAL; every import is FULL, remove it",
    ),
    "a second location of imports that are always full": (
        with_dataset(full_location="s3://shop-data/all/"),
        "refreshes[0].datasets[0].full_location",
        "goes with import_mode: INCREMENTAL; remove it",
    ),
    "a location with another word in braces": (
        with_dataset(location="s3://shop-data/dt={date}/"),
        "refreshes[0].datasets[0].location",
        "only {base_date}, the run's date as 20200928, is replaced; name the folder",
    ),
    "a gate that is neither never nor a mapping": (
        settings(
            refreshes=[
                {**REFRESH, "campaigns": [{"name": "mail", "solution": "for-you", "gate": "on"}]}
            ]
        ),
        "refreshes[0].campaigns[0].gate",
        "must be 'never' or a mapping",
    ),
    "a solution with two training modes": (
        with_second(
            campaigns=[
                {"name": "m", "solution": "for-you", "training_mode": "UPDATE"}
                | {"full_every": {"runs": 4}}
            ]
        ),
        "refreshes[1].campaigns[0].training_mode",
        "campaigns share a solution's trainings: give both the same training_mode",
    ),
    "two datasets in one folder": (
        settings(refreshes=[{**REFRESH, "datasets": [DATASET, {**DATASET, "type": "ITEMS"}]}]),
        "refreshes[0].datasets[1].location",
        "give each type a folder of its own",
    ),
    "a file in another dataset's folder": (
        settings(
            refreshes=[
                {
                    **REFRESH,
                    "datasets": [
                        {**DATASET, "type": "ITEMS", "location": f"{DATASET['location']}items.csv"},
                        DATASET,
                    ],
                }
            ]
        ),
        "refreshes[0].datasets[1].location",
        "give each type a folder of its own",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_aws_refuses_or_cannot_be_meant_is_the_one_problem(case: str) -> None:
    raw, field, words = REFUSED[case]
    reported = [p for p in problems(raw) if "import role may not read" not in p]
    (problem,) = [p for p in reported if "no dataset lies in" not in p]
    assert problem.startswith(f"{field}: ")
    assert words in problem
    assert "\n" not in problem


ACCEPTED: dict[str, dict[str, Any]] = {
    "China": settings(region="cn-north-1"),
    "a role of China": settings(
        region="cn-north-1", import_role={"arn": "arn:aws-cn:iam::111122223333:role/path/r"}
    ),
    "a zone of one word": settings(time_zone="UTC"),
    "a zone of three": settings(time_zone="America/Argentina/Buenos_Aires"),
    "a blank": with_dataset(location="s3://shop-data/a b/"),
    "a partition": with_dataset(location="s3://shop-data/dt=2020-09-28/part+(1)[x]/"),
    "Korean": with_dataset(location="s3://shop-data/상호작용/"),
    "a Glue job with blanks": settings(refreshes=[{**REFRESH, "glue_job": "Export (daily) 일일"}]),
    "a fixed capacity": settings(table={"name": "ROWS", "capacity": {"write": 9, "max_write": 9}}),
    "files side by side": settings(
        refreshes=[
            {
                **REFRESH,
                "datasets": [
                    {**DATASET, "location": "s3://shop-data/interactions.csv"},
                    {**DATASET, "type": "ITEMS", "location": "s3://shop-data/items.csv"},
                ],
            }
        ]
    ),
    "a folder in a folder": settings(
        refreshes=[
            {
                **REFRESH,
                "datasets": [
                    DATASET,
                    {**DATASET, "type": "ITEMS", "location": f"{DATASET['location']}items/"},
                ],
            }
        ]
    ),
    "one delivery for two dataset groups": with_second(
        datasets=[{**DATASET, "dataset_group": "other"}]
    ),
    "one dataset and solution for two refreshes": with_second(),
    "60 campaigns": settings(
        refreshes=[
            {
                **REFRESH,
                "campaigns": [{"name": f"c{n:04}", "solution": f"s{n:04}"} for n in range(60)],
            }
        ]
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_is_unusual_but_right_is_accepted(case: str) -> None:
    assert accepted(ACCEPTED[case]).account == "111122223333"


def two_files(folder: Path, **prod: Any) -> list[str]:
    """Return what is wrong with dev.yaml and a prod.yaml of which only these settings differ."""
    own = {
        "table": {"name": "PROD"},
        "refreshes": [{**REFRESH, "campaigns": [{"name": "other", "solution": "other"}]}],
    }
    (folder / "dev.yaml").write_text(yaml.safe_dump(GOOD))
    (folder / "prod.yaml").write_text(yaml.safe_dump(settings(**{**own, **prod})))
    try:
        load(folder, bound_problems)
    except SettingsError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    ("shared", "field", "kind"),
    [
        ({"table": {"name": "ROWS"}}, "table.name", "table 'ROWS'"),
        (
            {"refreshes": [{**REFRESH, "campaigns": [{"name": "home", "solution": "other"}]}]},
            "refreshes[0].campaigns[0].name",
            "campaign 'home'",
        ),
        (
            {"refreshes": [{**REFRESH, "campaigns": [{"name": "mail", "solution": "for-you"}]}]},
            "refreshes[0].campaigns[0].solution",
            "solution 'for-you'",
        ),
    ],
)
def test_environments_of_one_account_and_region_share_nothing_that_they_change(
    tmp_path: Path, shared: dict[str, Any], field: str, kind: str
) -> None:
    (problem,) = two_files(tmp_path, **shared)
    assert problem.startswith(
        f"{tmp_path.name}/prod.yaml: {field}: {kind} is in {tmp_path.name}/dev.yaml too, in the "
        "same account and region; "
    )
    assert two_files(tmp_path, **shared, region="eu-west-1") == []
    assert two_files(tmp_path, **shared, account="444455556666") == []


def test_what_two_files_share_is_reported_beside_the_problems_of_each(tmp_path: Path) -> None:
    first, second = two_files(tmp_path, table={"name": "ROWS"}, hue=1)
    assert first == (
        f"{tmp_path.name}/prod.yaml: hue: is not a known setting; remove it, or check its spelling"
    )
    assert second.startswith(f"{tmp_path.name}/prod.yaml: table.name: table 'ROWS' is in ")
