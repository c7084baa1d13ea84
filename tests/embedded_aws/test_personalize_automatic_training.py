"""Automatic training: when it begins, and how campaigns follow."""

from typing import Any

import pytest

from embedded_aws.services.personalize.resources import Campaign
from tests.embedded_aws.personalize_shop import MINUTE, Shop, csv, refusal

HOUR = 60 * MINUTE
DAY = 24 * HOUR
RATE = "rate({} days)"


@pytest.fixture
def trained(shop: Shop) -> Shop:
    """A shop with data, in which solutions train by themselves."""
    shop.backend.behaviour.automatic_training = True
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    shop.personalize.create_event_tracker(
        name="clicks", datasetGroupArn=shop.arn("dataset-group/shop")
    )
    shop.wait(MINUTE)
    return shop


def automatic(shop: Shop, days: int | None = None) -> str:
    config: Any = {"autoTrainingConfig": {"schedulingExpression": RATE.format(days)}}
    settings = {"solutionConfig": config} if days else {}
    return shop.solution(performAutoTraining=True, **settings)


def versions(shop: Shop) -> list[str]:
    """How each version of the solution was trained, oldest first."""
    arn = shop.arn("solution/solution")
    listed = shop.personalize.list_solution_versions(solutionArn=arn)["solutionVersions"]
    assert all("name" not in version for version in listed)
    return [version["trainingType"] for version in listed]


def click(shop: Shop, item: str = "i1") -> None:
    arn = shop.arn("event-tracker/clicks")
    found = shop.personalize.describe_event_tracker(eventTrackerArn=arn)["eventTracker"]
    seen = {"eventType": "view", "sentAt": shop.cloud.clock.time(), "itemId": item}
    shop.client("personalize-events").put_events(
        trackingId=found["trackingId"], sessionId="s", userId="u1", eventList=[seen]
    )


def test_it_begins_within_the_hour_and_repeats_weekly_if_interactions_came(trained: Shop) -> None:
    automatic(trained)
    trained.wait(HOUR)
    assert versions(trained) == ["AUTOMATIC"]
    trained.wait(8 * DAY)
    assert versions(trained) == ["AUTOMATIC"]  # nothing new
    click(trained)
    trained.wait(5 * DAY)
    assert versions(trained) == ["AUTOMATIC"]
    trained.wait(2 * DAY)
    assert versions(trained) == ["AUTOMATIC"] * 2
    dataset = trained.arn("dataset/shop/INTERACTIONS")
    trained.imported(dataset, "second", trained.put("second.csv", csv(first=100)))
    trained.wait(7 * DAY)
    assert versions(trained) == ["AUTOMATIC"] * 3


def test_a_solution_without_data_waits_for_the_next_time(shop: Shop) -> None:
    shop.backend.behaviour.automatic_training = True
    dataset = shop.dataset()
    automatic(shop, days=1)
    shop.wait(2 * HOUR)
    assert versions(shop) == []
    shop.imported(dataset, "first", shop.put("first.csv", csv()))
    shop.wait(DAY)
    assert versions(shop) == ["AUTOMATIC"]


def test_a_version_made_within_the_hour_replaces_the_first_training(trained: Shop) -> None:
    solution = automatic(trained, days=5)
    trained.wait(10 * MINUTE)
    trained.trained(solution)
    click(trained)
    trained.wait(4 * DAY)
    assert versions(trained) == ["MANUAL"]
    trained.wait(DAY)
    assert versions(trained) == ["MANUAL", "AUTOMATIC"]


def test_turning_it_on_trains_within_the_hour_and_turning_it_off_ends_it(trained: Shop) -> None:
    solution = trained.solution()
    trained.trained(solution)
    trained.wait(2 * HOUR)
    click(trained)
    update = trained.personalize.update_solution
    update(solutionArn=solution, performAutoTraining=True)
    delete = refusal(trained.personalize.delete_solution, solutionArn=solution)
    assert delete[0] == "ResourceInUseException"
    trained.wait(2 * HOUR)
    assert versions(trained) == ["MANUAL", "AUTOMATIC"]
    update(solutionArn=solution, performAutoTraining=False)
    click(trained)
    trained.wait(15 * DAY)
    assert versions(trained) == ["MANUAL", "AUTOMATIC"]


def test_another_frequency_begins_the_schedule_anew(trained: Shop) -> None:
    solution = automatic(trained)
    trained.wait(DAY)
    click(trained)
    config = {"autoTrainingConfig": {"schedulingExpression": "rate(1 day)"}}
    trained.personalize.update_solution(solutionArn=solution, solutionUpdateConfig=config)
    trained.wait(2 * HOUR)
    assert versions(trained) == ["AUTOMATIC"] * 2
    click(trained)
    trained.wait(DAY)
    assert versions(trained) == ["AUTOMATIC"] * 3
    click(trained)
    trained.wait(5 * DAY)  # the first schedule would train now
    assert versions(trained) == ["AUTOMATIC"] * 4


@pytest.mark.parametrize("days", [0, 31])
def test_the_frequency_is_of_1_to_30_days(trained: Shop, days: int) -> None:
    solution = trained.solution()
    config = {"autoTrainingConfig": {"schedulingExpression": RATE.format(days)}}
    update = trained.personalize.update_solution
    for refused in (
        refusal(update, solutionArn=solution, solutionUpdateConfig=config),
        refusal(
            trained.personalize.create_solution,
            name="other",
            datasetGroupArn=trained.arn("dataset-group/shop"),
            recipeArn="arn:aws:personalize:::recipe/aws-hrnn",
            solutionConfig=config,
        ),
    ):
        assert refused == (
            "InvalidInputException",
            "schedulingExpression must be of 1 to 30 days.",
        )


def test_a_campaign_that_is_being_changed_follows_its_solution_later(trained: Shop) -> None:
    solution = trained.solution()
    first = trained.trained(solution)
    arn = trained.campaign(
        f"{solution}/$LATEST", campaignConfig={"syncWithLatestSolutionVersion": True}
    )
    trained.backend.behaviour.campaign_update_seconds = 3 * HOUR
    trained.personalize.update_campaign(campaignArn=arn, minProvisionedTPS=2)
    second = trained.trained(solution)
    assert trained.backend.find(Campaign, arn).version.arn == first
    trained.wait(7 * HOUR)
    assert trained.backend.find(Campaign, arn).version.arn == second
    assert trained.described(arn)["solutionVersionArn"] == f"{solution}/$LATEST"
