"""Personalize as a caller sees it: what each operation does, and when."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal import sample_data
from rehearsal.cloud import Cloud
from rehearsal.personalize.resources import SolutionVersion
from tests.rehearsal.personalize_shop import (
    MINUTE,
    USER_PERSONALIZATION,
    Shop,
    csv,
    open_shop,
)


@pytest.fixture
def shop(cloud: Cloud) -> Iterator[Shop]:
    with open_shop(cloud) as made:
        yield made


@pytest.fixture
def solution(shop: Shop) -> str:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    return shop.solution()


def refusal(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def version(shop: Shop, arn: str) -> Any:
    return shop.personalize.describe_solution_version(solutionVersionArn=arn)["solutionVersion"]


def campaign(shop: Shop, arn: str) -> Any:
    return shop.personalize.describe_campaign(campaignArn=arn)["campaign"]


# Imports


def test_an_import_goes_from_pending_over_in_progress_to_active(shop: Shop) -> None:
    dataset = shop.dataset()
    job = shop.begin_import(dataset, "first", shop.put("first.csv", csv()))
    statuses = []
    for _ in range(10):
        described = shop.personalize.describe_dataset_import_job(datasetImportJobArn=job)
        statuses.append(described["datasetImportJob"]["status"])
        shop.wait(MINUTE / 2)
    assert statuses == ["CREATE PENDING"] * 2 + ["CREATE IN_PROGRESS"] * 7 + ["ACTIVE"]


def test_a_taken_job_name_is_refused_even_after_its_job_failed(shop: Shop) -> None:
    dataset = shop.dataset()
    assert shop.imported(dataset, "first", "s3://shop-data/none.csv")["status"] == "CREATE FAILED"
    other = shop.dataset(group="other")
    location = shop.put("first.csv", csv())
    for target in (dataset, other):
        assert refusal(shop.begin_import, dataset=target, name="first", location=location) == (
            "ResourceAlreadyExistsException",
            f"Another resource with Arn {shop.arn('dataset-import-job/first')} already exists.",
        )


def test_the_sixth_import_at_a_time_exceeds_the_quota_of_the_region(shop: Shop) -> None:
    datasets = [shop.dataset(), shop.dataset(group="other")]
    location = shop.put("first.csv", csv())
    for number in range(5):
        shop.begin_import(datasets[number % 2], f"job-{number}", location)
    assert refusal(shop.begin_import, dataset=datasets[0], name="job-5", location=location) == (
        "LimitExceededException",
        "More than 5 resources with PENDING or IN_PROGRESS status.",
    )
    shop.wait(20 * MINUTE)
    assert shop.begin_import(datasets[0], "job-5", location)


def test_imported_data_counts_only_once_the_import_is_active(shop: Shop) -> None:
    dataset = shop.dataset()
    solution = shop.solution()
    shop.begin_import(dataset, "first", shop.put("first.csv", csv()))
    early = shop.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.wait(30 * MINUTE)
    assert version(shop, early)["status"] == "CREATE FAILED"
    assert version(shop, shop.trained(solution))["status"] == "ACTIVE"


def test_a_training_may_be_refused_while_an_import_runs(shop: Shop, solution: str) -> None:
    shop.backend.behaviour.training_during_import = "refused"
    shop.begin_import(shop.arn("dataset/shop/INTERACTIONS"), "next", shop.put("next.csv", csv()))
    code, _ = refusal(shop.personalize.create_solution_version, solutionArn=solution)
    assert code == "ResourceInUseException"


# Trainings


def test_every_call_makes_another_version_with_an_id_of_eight_hex_digits(
    shop: Shop, solution: str
) -> None:
    versions = [shop.trained(solution) for _ in range(2)]
    assert versions[0] != versions[1]
    assert all(re.fullmatch(rf"{solution}/[0-9a-f]{{8}}", arn) for arn in versions)


def test_training_hours_and_metrics_exist_only_after_success(shop: Shop, solution: str) -> None:
    created = shop.personalize.create_solution_version(solutionArn=solution, name="weekly")
    arn = created["solutionVersionArn"]
    assert "trainingHours" not in version(shop, arn)
    code, _ = refusal(shop.personalize.get_solution_metrics, solutionVersionArn=arn)
    assert code == "ResourceInUseException"
    shop.wait(30 * MINUTE)
    described = version(shop, arn)
    assert described["trainingHours"] == pytest.approx(20 / 60 * 1.5, rel=0.01)
    assert (described["name"], described["trainingType"]) == ("weekly", "MANUAL")
    metrics = shop.personalize.get_solution_metrics(solutionVersionArn=arn)["metrics"]
    assert set(metrics) == {
        "coverage",
        "mean_reciprocal_rank_at_25",
        *(f"normalized_discounted_cumulative_gain_at_{k}" for k in (5, 10, 25)),
        *(f"precision_at_{k}" for k in (5, 10, 25)),
    }
    assert 0 < metrics["coverage"] <= 1


def test_too_few_interactions_or_users_fail_the_training_with_its_reason(shop: Shop) -> None:
    dataset = shop.dataset()
    shop.imported(dataset, "few", shop.put("few.csv", csv(rows=999)))
    few = version(shop, shop.trained(shop.solution()))
    assert few["failureReason"] == "Dataset has fewer than 1000 interactions after filtering."
    shop.imported(dataset, "lonely", shop.put("lonely.csv", csv(users=24)))
    lonely = version(shop, shop.trained(shop.arn("solution/solution")))
    assert lonely["failureReason"] == (
        "Dataset has fewer than 25 users with at least 2 interactions each."
    )
    assert {few["status"], lonely["status"]} == {"CREATE FAILED"}


def test_a_pending_training_stops_at_once_and_a_running_one_after_a_while(
    shop: Shop, solution: str
) -> None:
    stop = shop.personalize.stop_solution_version_creation
    first, second = (
        shop.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        for _ in range(2)
    )
    stop(solutionVersionArn=first)
    assert version(shop, first)["status"] == "CREATE STOPPED"
    shop.wait(5 * MINUTE)
    stop(solutionVersionArn=second)
    assert version(shop, second)["status"] == "CREATE STOPPING"
    assert refusal(stop, solutionVersionArn=second)[0] == "ResourceInUseException"
    shop.wait(60 * MINUTE)
    assert version(shop, second)["status"] == "CREATE STOPPED"
    assert version(shop, first)["status"] == "CREATE STOPPED"


@pytest.mark.parametrize("choice", ["refused", "accepted"])
def test_a_taken_version_name_is_refused_or_accepted(
    shop: Shop, solution: str, choice: Any
) -> None:
    shop.backend.behaviour.taken_solution_version_name = choice
    shop.trained(solution, name="weekly")
    if choice == "accepted":
        assert version(shop, shop.trained(solution, name="weekly"))["name"] == "weekly"
    else:
        create = shop.personalize.create_solution_version
        assert refusal(create, solutionArn=solution, name="weekly")[0] == (
            "ResourceAlreadyExistsException"
        )


def test_update_training_needs_its_recipe_and_an_active_full_version(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    hrnn, updatable = shop.solution("old"), shop.solution("new", recipe=USER_PERSONALIZATION)
    create = shop.personalize.create_solution_version
    for solution in (hrnn, updatable):
        code, _ = refusal(create, solutionArn=solution, trainingMode="UPDATE")
        assert code == "InvalidInputException"
    shop.trained(updatable)
    assert version(shop, shop.trained(updatable, trainingMode="UPDATE"))["status"] == "ACTIVE"


def test_a_training_uses_the_data_that_was_there_when_it_began(shop: Shop, solution: str) -> None:
    begun = shop.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.wait(2 * MINUTE)
    dataset = shop.arn("dataset/shop/INTERACTIONS")
    shop.imported(dataset, "later", shop.put("later.csv", csv(first=100)))
    shop.wait(20 * MINUTE)
    trained = shop.backend.find(SolutionVersion, begun).trained
    assert trained
    assert set(trained.items) == {f"i{n}" for n in range(40)}


def test_automatic_training_begins_within_the_hour_and_repeats_weekly(shop: Shop) -> None:
    shop.backend.behaviour.automatic_training = True
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    solution = shop.solution(performAutoTraining=True)
    shop.wait(15 * 24 * 60 * MINUTE)
    listed = shop.personalize.list_solution_versions(solutionArn=solution)["solutionVersions"]
    assert [v["trainingType"] for v in listed] == ["AUTOMATIC"] * 3
    assert all("name" not in v for v in listed)


# Campaigns


def test_a_campaign_serves_the_old_version_until_its_update_is_active(
    shop: Shop, solution: str
) -> None:
    old = shop.trained(solution)
    arn = shop.campaign(old)
    assert "latestCampaignUpdate" not in campaign(shop, arn)
    dataset = shop.arn("dataset/shop/INTERACTIONS")
    shop.imported(dataset, "next", shop.put("next.csv", csv(first=100)))
    new = shop.trained(solution)
    shop.personalize.update_campaign(campaignArn=arn, solutionVersionArn=new)
    shop.wait(2 * MINUTE)
    during = campaign(shop, arn)
    assert (during["status"], during["solutionVersionArn"]) == ("ACTIVE", old)
    assert during["latestCampaignUpdate"]["status"] == "CREATE IN_PROGRESS"
    assert during["latestCampaignUpdate"]["solutionVersionArn"] == new
    assert "i100" not in shop.recommended(arn, "unknown")
    shop.wait(20 * MINUTE)
    after = campaign(shop, arn)
    assert (after["solutionVersionArn"], after["latestCampaignUpdate"]["status"]) == (new, "ACTIVE")
    assert "i100" in shop.recommended(arn, "unknown")


def test_an_update_during_an_update_finds_the_campaign_in_use(shop: Shop, solution: str) -> None:
    arn = shop.campaign(shop.trained(solution))
    new, newer = shop.trained(solution), shop.trained(solution)
    update = shop.personalize.update_campaign
    update(campaignArn=arn, solutionVersionArn=new)
    code, _ = refusal(update, campaignArn=arn, solutionVersionArn=newer)
    assert code == "ResourceInUseException"


def test_what_aws_leaves_open_about_updates_is_a_switch(shop: Shop, solution: str) -> None:
    behaviour, update = shop.backend.behaviour, shop.personalize.update_campaign
    current = shop.trained(solution)
    arn = shop.campaign(current)
    unchanged = {"campaignArn": arn, "solutionVersionArn": current}
    assert refusal(update, **unchanged)[0] == "InvalidInputException"
    behaviour.unchanged_campaign_update = "accepted"
    behaviour.campaign_update_status = "UPDATE"
    update(**unchanged)
    assert campaign(shop, arn)["latestCampaignUpdate"]["status"] == "UPDATE PENDING"
    shop.wait(20 * MINUTE)
    created = shop.personalize.create_solution_version(solutionArn=solution)
    unfinished = {"campaignArn": arn, "solutionVersionArn": created["solutionVersionArn"]}
    assert refusal(update, **unfinished)[0] == "InvalidInputException"
    behaviour.inactive_solution_version = "ResourceInUseException"
    assert refusal(update, **unfinished)[0] == "ResourceInUseException"


def test_a_planned_failure_of_an_update_leaves_the_old_version_serving(
    shop: Shop, solution: str
) -> None:
    old = shop.trained(solution)
    arn = shop.campaign(old)
    shop.backend.behaviour.planned_failures["campaign-update"] = ["Internal error."]
    shop.personalize.update_campaign(campaignArn=arn, solutionVersionArn=shop.trained(solution))
    shop.wait(20 * MINUTE)
    described = campaign(shop, arn)
    assert (described["status"], described["solutionVersionArn"]) == ("ACTIVE", old)
    assert described["latestCampaignUpdate"]["status"] == "CREATE FAILED"
    assert described["latestCampaignUpdate"]["failureReason"] == "Internal error."


def test_a_campaign_that_follows_its_solution_moves_by_itself(shop: Shop, solution: str) -> None:
    shop.trained(solution)
    arn = shop.campaign(
        f"{solution}/$LATEST", campaignConfig={"syncWithLatestSolutionVersion": True}
    )
    new = shop.trained(solution)
    shop.wait(20 * MINUTE)
    assert campaign(shop, arn)["solutionVersionArn"] == new


# Recommendations, on the sample data


def test_an_item_that_is_new_this_week_is_recommended_only_after_the_refresh(
    shop: Shop, tmp_path: Path
) -> None:
    dataset = shop.dataset()
    for week, end in (("last", date(2020, 9, 20)), ("this", date(2020, 9, 27))):
        path = tmp_path / f"{week}.csv"
        sample_data.write_week(path, week_ending=end, new_items=week == "this")
        shop.imported(dataset, week, shop.put(path.name, path.read_bytes()))
        if week == "last":
            solution = shop.solution()
            arn = shop.campaign(shop.trained(solution))
            before = shop.recommended(arn, "U00042")
    shop.personalize.update_campaign(campaignArn=arn, solutionVersionArn=shop.trained(solution))
    shop.wait(20 * MINUTE)
    after = shop.recommended(arn, "U00042")
    assert not set(before) & set(sample_data.new_items())
    assert set(after) & set(sample_data.new_items())
    assert len(after) == 25


# Deletions


def test_a_deleted_resource_is_gone_after_a_while_and_its_name_free_again(
    shop: Shop, solution: str
) -> None:
    personalize = shop.personalize
    arn = shop.campaign(shop.trained(solution))
    assert refusal(personalize.delete_solution, solutionArn=solution)[0] == (
        "ResourceInUseException"
    )
    personalize.delete_campaign(campaignArn=arn)
    assert campaign(shop, arn)["status"] == "DELETE PENDING"
    shop.wait(MINUTE)
    assert refusal(personalize.describe_campaign, campaignArn=arn) == (
        "ResourceNotFoundException",
        f"Resource Arn {arn} does not exist.",
    )
    personalize.delete_solution(solutionArn=solution)
    shop.wait(MINUTE)
    assert shop.solution() == solution


def test_what_is_made_carries_the_simulated_time_with_its_fraction(shop: Shop) -> None:
    shop.wait(0.25)
    now = shop.cloud.clock.time()
    arn = shop.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
    described = shop.personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"]
    assert described["creationDateTime"].timestamp() == now
    assert now % 1 == 0.25
