"""Trainings that exist already, after a lost response or by hand: which ones are adopted."""

from typing import Any

import pytest

from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import ONCE, counts, only_row


@pytest.mark.parametrize("taken", ["refused", "accepted"])
@pytest.mark.parametrize("fault", ["lost*2", "hung:25", "killed", "slow:130"])
def test_a_training_whose_response_is_lost_is_adopted_not_repeated(
    open_shop: OpenShop, fault: str, taken: Any
) -> None:
    shop = open_shop()
    shop.behaviour.taken_solution_version_name = taken
    shop.cloud.faults.add(f"personalize:CreateSolutionVersion={fault}")
    shop.cloud.faults.add(f"personalize:CreateDatasetImportJob={fault}")
    shop.succeed()
    result = shop.result()
    assert shop.cloud.faults.unused == []
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert counts(result) == ONCE


def test_a_training_started_by_hand_on_the_same_data_is_adopted_not_repeated(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.cloud.faults.add("personalize:CreateSolutionVersion=throttle*5")
    shop.succeed()
    shop.later(320)  # the import is done, and our own training is throttled
    by_hand = shop.cloud.client("personalize").create_solution_version(
        solutionArn=shop.settings["refreshes"][0]["campaigns"][0]["solution_arn"]
    )["solutionVersionArn"]
    result = shop.result()
    assert only_row(result)["solution_version_arn"] == by_hand
    assert counts(result) == ONCE


def test_a_training_started_by_hand_before_the_import_was_done_is_not_adopted(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.succeed()
    shop.later(60)
    by_hand = shop.cloud.client("personalize").create_solution_version(
        solutionArn=shop.settings["refreshes"][0]["campaigns"][0]["solution_arn"]
    )["solutionVersionArn"]
    result = shop.result()
    assert only_row(result)["solution_version_arn"] != by_hand
    assert only_row(result)["refresh_status"] == "COMPLETE"
