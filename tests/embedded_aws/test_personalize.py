"""Imports and trainings, as a caller sees them."""

import re
from typing import Any

import pytest

from embedded_aws.services.personalize.resources import SolutionVersion
from tests.embedded_aws.personalize_shop import (
    HRNN,
    MINUTE,
    USER_PERSONALIZATION,
    Shop,
    csv,
    refusal,
)

# Imports


def test_an_import_goes_from_pending_through_in_progress_to_active(shop: Shop) -> None:
    dataset = shop.dataset()
    job = shop.begin_import(dataset, "first", shop.put("first.csv", csv()))
    statuses = []
    for _ in range(10):
        described = shop.personalize.describe_dataset_import_job(datasetImportJobArn=job)
        statuses.append(described["datasetImportJob"]["status"])
        shop.wait(MINUTE / 2)
    assert statuses == ["CREATE PENDING"] * 2 + ["CREATE IN_PROGRESS"] * 7 + ["ACTIVE"]


def test_a_job_name_that_exists_is_refused_even_if_its_job_failed(shop: Shop) -> None:
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


def test_imported_data_is_used_only_after_the_import_is_active(shop: Shop) -> None:
    dataset = shop.dataset()
    solution = shop.solution()
    shop.begin_import(dataset, "first", shop.put("first.csv", csv()))
    early = shop.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.wait(30 * MINUTE)
    assert shop.version(early)["status"] == "CREATE FAILED"
    assert shop.version(shop.trained(solution))["status"] == "ACTIVE"


def test_a_training_may_be_refused_while_an_import_runs(shop: Shop, solution: str) -> None:
    shop.backend.behaviour.training_during_import = "refused"
    shop.begin_import(shop.arn("dataset/shop/INTERACTIONS"), "next", shop.put("next.csv", csv()))
    code, _ = refusal(shop.personalize.create_solution_version, solutionArn=solution)
    assert code == "ResourceInUseException"


# Trainings


def test_every_call_creates_another_version_with_an_id_of_eight_hex_digits(
    shop: Shop, solution: str
) -> None:
    versions = [shop.trained(solution) for _ in range(2)]
    assert versions[0] != versions[1]
    assert all(re.fullmatch(rf"{solution}/[0-9a-f]{{8}}", arn) for arn in versions)


def test_training_hours_and_metrics_exist_only_after_success(shop: Shop, solution: str) -> None:
    created = shop.personalize.create_solution_version(solutionArn=solution, name="weekly")
    arn = created["solutionVersionArn"]
    assert "trainingHours" not in shop.version(arn)
    code, _ = refusal(shop.personalize.get_solution_metrics, solutionVersionArn=arn)
    assert code == "ResourceInUseException"
    shop.wait(30 * MINUTE)
    described = shop.version(arn)
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
    shop.backend.behaviour.import_minimum_records = 1
    shop.imported(dataset, "few", shop.put("few.csv", csv(rows=999)))
    few = shop.version(shop.trained(shop.solution()))
    assert few["failureReason"] == "Dataset has fewer than 1000 interactions after filtering."
    shop.imported(dataset, "lonely", shop.put("lonely.csv", csv(users=24)))
    lonely = shop.version(shop.trained(shop.arn("solution/solution")))
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
    assert shop.version(first)["status"] == "CREATE STOPPED"
    shop.wait(5 * MINUTE)
    stop(solutionVersionArn=second)
    assert shop.version(second)["status"] == "CREATE STOPPING"
    assert refusal(stop, solutionVersionArn=second)[0] == "ResourceInUseException"
    shop.wait(60 * MINUTE)
    assert shop.version(second)["status"] == "CREATE STOPPED"
    assert shop.version(first)["status"] == "CREATE STOPPED"


@pytest.mark.parametrize("choice", ["refused", "accepted"])
def test_a_version_name_that_exists_is_refused_or_accepted(
    shop: Shop, solution: str, choice: Any
) -> None:
    shop.backend.behaviour.taken_solution_version_name = choice
    shop.trained(solution, name="weekly")
    if choice == "accepted":
        assert shop.version(shop.trained(solution, name="weekly"))["name"] == "weekly"
    else:
        create = shop.personalize.create_solution_version
        assert refusal(create, solutionArn=solution, name="weekly")[0] == (
            "ResourceAlreadyExistsException"
        )


def test_update_training_needs_its_recipe_and_an_active_full_version(shop: Shop) -> None:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    hrnn, updatable = shop.solution("old"), shop.solution("new", recipe=USER_PERSONALIZATION)
    create = shop.personalize.create_solution_version
    assert refusal(create, solutionArn=updatable, trainingMode="UPDATE") == (
        "InvalidInputException",
        "Training mode UPDATE needs an active solution version that was trained with FULL.",
    )
    for solution in (hrnn, updatable):
        shop.trained(solution)
    assert refusal(create, solutionArn=hrnn, trainingMode="UPDATE") == (
        "InvalidInputException",
        f"Training mode UPDATE is not supported for recipe {HRNN}.",
    )
    assert shop.version(shop.trained(updatable, trainingMode="UPDATE"))["status"] == "ACTIVE"


@pytest.mark.parametrize("mode", ["FULL", "UPDATE"])
def test_a_training_uses_what_was_imported_in_bulk_and_incrementally(shop: Shop, mode: str) -> None:
    dataset = shop.dataset()
    shop.imported(dataset, "first", shop.put("first.csv", csv()))
    solution = shop.solution(recipe=USER_PERSONALIZATION)
    shop.trained(solution)
    shop.imported(dataset, "more", shop.put("more.csv", csv(first=100)), "INCREMENTAL")
    version = shop.backend.find(SolutionVersion, shop.trained(solution, trainingMode=mode))
    assert version.trained
    assert set(version.trained.items) == {f"i{first + n}" for n in range(40) for first in (0, 100)}


def test_a_training_uses_the_data_that_existed_when_it_began(shop: Shop, solution: str) -> None:
    begun = shop.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
    shop.wait(2 * MINUTE)
    dataset = shop.arn("dataset/shop/INTERACTIONS")
    shop.imported(dataset, "later", shop.put("later.csv", csv(first=100)))
    shop.wait(20 * MINUTE)
    trained = shop.backend.find(SolutionVersion, begun).trained
    assert trained
    assert set(trained.items) == {f"i{n}" for n in range(40)}
