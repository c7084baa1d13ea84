"""Campaigns: what they serve, and when."""

from datetime import date
from pathlib import Path

from embedded_aws.services.personalize.resources import Campaign
from rehearsal import sample_data
from tests.embedded_aws.personalize_shop import (
    MINUTE,
    Shop,
    csv,
    refusal,
)


def test_a_campaign_serves_the_old_version_until_its_update_is_active(
    shop: Shop, solution: str
) -> None:
    old = shop.trained(solution)
    arn = shop.campaign(old)
    assert "latestCampaignUpdate" not in shop.described(arn)
    dataset = shop.arn("dataset/shop/INTERACTIONS")
    shop.imported(dataset, "next", shop.put("next.csv", csv(first=100)))
    new = shop.trained(solution)
    shop.personalize.update_campaign(campaignArn=arn, solutionVersionArn=new)
    shop.wait(2 * MINUTE)
    during = shop.described(arn)
    assert (during["status"], during["solutionVersionArn"]) == ("ACTIVE", old)
    assert during["latestCampaignUpdate"]["status"] == "CREATE IN_PROGRESS"
    assert during["latestCampaignUpdate"]["solutionVersionArn"] == new
    assert "i100" not in shop.recommended(arn, "unknown")
    shop.wait(20 * MINUTE)
    after = shop.described(arn)
    assert (after["solutionVersionArn"], after["latestCampaignUpdate"]["status"]) == (new, "ACTIVE")
    assert "i100" in shop.recommended(arn, "unknown")


def test_an_update_during_an_update_finds_the_campaign_in_use(shop: Shop, solution: str) -> None:
    arn = shop.campaign(shop.trained(solution))
    new, newer = shop.trained(solution), shop.trained(solution)
    update = shop.personalize.update_campaign
    update(campaignArn=arn, solutionVersionArn=new)
    code, _ = refusal(update, campaignArn=arn, solutionVersionArn=newer)
    assert code == "ResourceInUseException"


def test_what_aws_does_not_document_about_updates_is_configurable(
    shop: Shop, solution: str
) -> None:
    behaviour, update = shop.backend.behaviour, shop.personalize.update_campaign
    current = shop.trained(solution)
    arn = shop.campaign(current)
    unchanged = {"campaignArn": arn, "solutionVersionArn": current}
    assert refusal(update, **unchanged)[0] == "InvalidInputException"
    behaviour.unchanged_campaign_update = "accepted"
    behaviour.campaign_update_status = "UPDATE"
    update(**unchanged)
    assert shop.described(arn)["latestCampaignUpdate"]["status"] == "UPDATE PENDING"
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
    described = shop.described(arn)
    assert (described["status"], described["solutionVersionArn"]) == ("ACTIVE", old)
    assert described["latestCampaignUpdate"]["status"] == "CREATE FAILED"
    assert described["latestCampaignUpdate"]["failureReason"] == "Internal error."


def test_a_campaign_that_follows_its_solution_is_updated_automatically(
    shop: Shop, solution: str
) -> None:
    shop.trained(solution)
    arn = shop.campaign(
        f"{solution}/$LATEST", campaignConfig={"syncWithLatestSolutionVersion": True}
    )
    new = shop.trained(solution)
    shop.wait(20 * MINUTE)
    assert shop.backend.find(Campaign, arn).version.arn == new
    described = shop.described(arn)
    assert described["solutionVersionArn"] == f"{solution}/$LATEST"
    assert described["campaignConfig"] == {"syncWithLatestSolutionVersion": True}


def test_a_campaign_is_taken_off_the_latest_version_by_an_update(shop: Shop, solution: str) -> None:
    version = shop.trained(solution)
    arn = shop.campaign(
        f"{solution}/$LATEST", campaignConfig={"syncWithLatestSolutionVersion": True}
    )
    shop.personalize.update_campaign(
        campaignArn=arn,
        solutionVersionArn=version,
        campaignConfig={"syncWithLatestSolutionVersion": False},
    )
    assert shop.described(arn)["solutionVersionArn"] == f"{solution}/$LATEST"
    shop.wait(20 * MINUTE)
    assert shop.described(arn)["solutionVersionArn"] == version
    shop.trained(solution)
    shop.wait(20 * MINUTE)
    assert shop.described(arn)["solutionVersionArn"] == version


def test_a_campaign_that_follows_its_solution_needs_its_latest_version(
    shop: Shop, solution: str
) -> None:
    sync = {"syncWithLatestSolutionVersion": True}
    version = shop.trained(solution)
    refused = refusal(
        shop.personalize.create_campaign,
        name="sync",
        solutionVersionArn=version,
        campaignConfig=sync,
    )
    assert refused[0] == "InvalidInputException"


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
