"""The first refresh makes what is missing of Personalize, once, and uses what exists."""

import json
from pathlib import Path
from typing import Any

import pytest
from make_missing import kind_of

from ops.__main__ import main
from ops.doctor import examine
from rehearsal.assembly import find_stack
from rehearsal.scenario_names import ENVIRONMENTS
from rehearsal.scenarios import personalize_has
from rehearsal.shop import MINUTE, Shop
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.policies import Statement, statements
from tests.rehearsal.refreshes import counts, only_row, refreshes

SCHEMA = (ENVIRONMENTS / "schemas" / "interactions.avsc").read_text("utf-8")
GROUP, NAME, SOLUTION = "new-shop", "home-page-new", "for-you-new"
CREATED = ("DatasetGroup", "Schema", "Dataset", "Solution", "Campaign")


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop("new", new=True)


def assert_one_of_each(shop: Shop) -> None:
    kinds = sorted(kind_of(arn) for arn in personalize_has(shop))
    assert kinds == ["campaign", "dataset", "dataset-group", "schema", "solution"]


def make_by_hand(shop: Shop, schema: str = SCHEMA, recipe: str = "user-personalization-v2") -> None:
    """Make group, dataset and solution as a person does, by names of theirs."""
    personalize = shop.cloud.client("personalize")
    group = personalize.create_dataset_group(name=GROUP)["datasetGroupArn"]
    shop.later(MINUTE)
    arn = personalize.create_schema(name="by-hand", schema=schema)["schemaArn"]
    personalize.create_dataset(
        name="by-hand", schemaArn=arn, datasetGroupArn=group, datasetType="Interactions"
    )
    personalize.create_solution(
        name=SOLUTION,
        datasetGroupArn=group,
        recipeArn=f"arn:aws:personalize:::recipe/aws-{recipe}",
        performAutoTraining=False,
    )
    shop.later(MINUTE)


# the last: another execution is faster, and what it creates cannot be read yet
@pytest.mark.parametrize(
    "fault", ["lost", "hung:25", "killed", "refused:ResourceAlreadyExistsException"]
)
def test_a_creation_whose_response_is_lost_is_found_and_not_repeated(
    shop: Shop, fault: str
) -> None:
    for kind in CREATED:
        shop.cloud.faults.add(f"personalize:Create{kind}={fault}")
    shop.succeed()
    result = shop.result()
    assert shop.cloud.faults.unused == []
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert counts(result) == {
        "dataset_import_jobs": 1, "solution_versions": 1, "campaign_updates": 0,
    }  # fmt: skip
    assert_one_of_each(shop)
    assert shop.served() == only_row(result)["solution_version_arn"]


def test_all_is_made_as_the_settings_say_before_anything_is_imported(shop: Shop) -> None:
    shop.succeed()
    (run,) = refreshes(shop.result())
    states = run["states"]
    made = states.index("Make what is missing")
    assert states[made - 1 : made + 3] == [
        "Overtaken?", "Make what is missing", "All there?", "Check data",
    ]  # fmt: skip
    personalize, (campaign,) = shop.cloud.client("personalize"), shop.campaigns
    solution = personalize.describe_solution(solutionArn=campaign["solution_arn"])["solution"]
    assert solution["performAutoTraining"] is False
    assert solution["recipeArn"].endswith(":recipe/aws-user-personalization-v2")
    described = personalize.describe_campaign(campaignArn=campaign["campaign_arn"])["campaign"]
    assert (described["minProvisionedTPS"], described["status"]) == (1, "ACTIVE")
    (row,) = shop.rows()
    assert row["ended_datetime"] >= described["lastUpdatedDateTime"].timestamp()
    used = {(call.caller, call.action) for call in shop.cloud.calls}
    assert all(call.allowed for call in shop.cloud.calls)
    for statement in making(shop):
        for grant in statement.grants:
            assert (statement.caller, grant.action) in used, grant


def test_what_exists_is_used_as_it_is(shop: Shop) -> None:
    make_by_hand(shop)
    before = personalize_has(shop)
    shop.succeed()
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"
    (campaign,) = shop.campaigns
    assert personalize_has(shop) == [*before, campaign["campaign_arn"]]


def test_what_differs_is_refused_with_every_reason_and_nothing_is_made(shop: Shop) -> None:
    other = json.loads(SCHEMA)
    other["fields"][3]["name"] = "DEVICE"
    make_by_hand(shop, json.dumps(other), recipe="popularity-count")
    before = personalize_has(shop)
    shop.succeed()
    row = only_row(shop.result())
    assert (row["refresh_status"], row["failed_stage"]) == ("FAILED", "check")
    assert row["failure_kind"] == "NEEDS_A_PERSON"
    reason = row["failure_reason"]
    assert reason.startswith("NotMade: arn:aws:personalize:")
    assert "exists with another schema" in reason
    assert "DEVICE, EVENT_TYPE differ" in reason
    assert "exists with the recipe aws-popularity-count" in reason
    assert personalize_has(shop) == before
    assert counts(shop.result())["dataset_import_jobs"] == 0


def test_a_full_quota_is_told_at_once_and_the_next_start_goes_on(shop: Shop) -> None:
    shop.behaviour.solutions_per_dataset_group = 0
    shop.succeed()
    row = only_row(shop.result())
    assert row["failure_reason"].startswith("NotMade: ")
    assert f"solution/{SOLUTION} cannot be made" in row["failure_reason"]
    assert "ask for a higher quota" in row["failure_reason"]
    shop.behaviour.solutions_per_dataset_group = 10
    shop.ask(refresh="weekly")
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"
    assert_one_of_each(shop)


def test_a_campaign_that_could_not_be_made_is_made_by_the_next_attempt(shop: Shop) -> None:
    shop.behaviour.planned_failures = {"campaign": ["no capacity"]}
    shop.succeed()
    row = only_row(shop.result())
    assert row["failure_reason"].startswith("UpdateFailed: ")
    assert "CREATE FAILED" in row["failure_reason"]
    assert "no capacity" in row["failure_reason"]
    shop.ask(refresh="weekly")
    reason = only_row(shop.result())["failure_reason"]
    assert reason.startswith("CheckFailed: ")
    assert "delete-campaign" in reason
    assert "then the next attempt makes it" in reason
    (campaign,) = shop.campaigns
    shop.cloud.client("personalize").delete_campaign(campaignArn=campaign["campaign_arn"])
    shop.later(MINUTE)
    shop.ask(refresh="weekly")
    result = shop.result()
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert counts(result)["solution_versions"] == 1


def test_operators_see_what_is_yet_to_be_made_and_can_promote_onto_a_missing_campaign(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENVIRONMENTS", str(ENVIRONMENTS))
    monkeypatch.setattr("ops.doctor.deployed._synthesised", lambda _: "not compared here")
    assert main(["status", "--environment", "new", "--json"]) == 0
    (status,) = json.loads(capsys.readouterr().out)["campaigns"]
    assert (status["status"], status["serves"]) == ("NEVER_REFRESHED", None)
    found = examine("new")
    assert [f["what"] for f in found if f["level"] == "PROBLEM"] == []
    made = [f["what"] for f in found if "the first refresh makes it" in f["what"]]
    assert [words.split(" arn:")[0] for words in made] == [
        "the dataset group", "the dataset", "the solution", "the campaign",
    ]  # fmt: skip
    assert main(["rollback", NAME, "--reason", "x", "--yes", "--environment", "new"]) == 2
    assert "does not exist" in capsys.readouterr().err

    shop.succeed()
    version = only_row(shop.result())["solution_version_arn"]
    (campaign,) = shop.campaigns
    shop.cloud.client("personalize").delete_campaign(campaignArn=campaign["campaign_arn"])
    shop.later(MINUTE)
    words = ("--version", version, "--reason", "deleted by mistake", "--yes")
    with shop.time_passing():
        assert main(["promote", NAME, *words, "--environment", "new"]) == 0
    shop.settle()
    assert shop.served() == version
    assert_one_of_each(shop)


# Permissions.

# Every statement by which something is made, and what it is refused without.
NEEDED = {
    "MakeMissing logs:CreateLogStream logs:PutLogEvents": None,
    "MakeMissing personalize:DescribeDatasetGroup": "DescribeDatasetGroup",
    "MakeMissing personalize:CreateDatasetGroup": "CreateDatasetGroup",
    "MakeMissing personalize:CreateSchema": "CreateSchema",
    "MakeMissing personalize:CreateDataset personalize:DescribeDataset": "DescribeDataset",
    "MakeMissing personalize:DescribeSchema": "DescribeSchema",
    "MakeMissing personalize:CreateSolution personalize:DescribeSolution": "DescribeSolution",
    "UpdateCampaign personalize:CreateCampaign": "CreateCampaign",
}


def making(shop: Shop) -> list[Statement]:
    """The statements that allow to make something, or to see whether it is there."""
    every = statements(shop.cloud, shop.stack)
    campaign = "personalize:CreateCampaign"
    return [s for s in every if s.policy.holder == "MakeMissing" or campaign in s.actions]


@pytest.mark.slow
def test_without_any_one_permission_nothing_is_made_beyond_it(shop: Shop) -> None:
    found = {s.name: s for s in making(shop)}
    assert found.keys() == NEEDED.keys()
    shop.send()
    for name, refused in NEEDED.items():
        if refused:
            reason = reason_without(shop, found[name])
            assert f"not authorized to perform: personalize:{refused}" in reason, name
    shop.ask(refresh="weekly")
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"
    assert_one_of_each(shop)


def reason_without(shop: Shop, statement: Statement) -> str:
    with statement.removed():
        shop.ask(refresh="weekly")
    row = only_row(shop.result())
    assert row["refresh_status"] == "FAILED"
    return str(row["failure_reason"])


def test_an_environment_that_makes_nothing_has_no_task_and_no_permission_for_it(
    assembly: Path, variants: Path
) -> None:
    def text(folder: Path, environment: str) -> Any:
        return json.dumps(find_stack(folder, environment).template)

    for creates in ("CreateDatasetGroup", "CreateSolution", "CreateCampaign"):
        assert f'"personalize:{creates}"' not in text(assembly, "prod")
        assert f'"personalize:{creates}"' in text(variants, "new")
    assert "make_missing.lambda_handler" not in text(assembly, "prod")
    # no deployment makes, replaces or deletes anything of Personalize
    assert "AWS::Personalize::" not in text(variants, "new")
