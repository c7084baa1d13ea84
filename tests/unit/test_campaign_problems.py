"""Why a refresh could not end with its campaign on what it trains."""

from typing import Any

import pytest
from campaign_problems import NOT_TO_USERS, problems_of_solution

GROUP = "arn:aws:personalize:ap-northeast-1:111122223333:dataset-group/shop"
SOLUTION = "arn:aws:personalize:ap-northeast-1:111122223333:solution/home"
RUN: Any = {
    "campaign_name": "home-page",
    "solution_name": "home",
    "solution_version": {"solution_arn": SOLUTION, "training_mode": "FULL"},
    "datasets": [{"dataset_arn": GROUP.replace("-group/", "/", 1) + "/INTERACTIONS"}],
}
WITH_CANARY: Any = {**RUN, "canary": {}}


def solution(recipe: str) -> Any:
    return {
        "status": "ACTIVE",
        "datasetGroupArn": GROUP,
        "recipeArn": f"arn:aws:personalize:::recipe/{recipe}",
    }


@pytest.mark.parametrize("recipe", sorted(NOT_TO_USERS))
def test_a_canary_of_a_recipe_that_recommends_nothing_to_users_is_refused(recipe: str) -> None:
    [problem] = problems_of_solution(WITH_CANARY, solution(recipe))
    assert problem.startswith(f"Solution {SOLUTION} has the recipe {recipe}, which recommends no")
    assert "the canary of home-page" in problem
    assert "Set canary: never in the settings" in problem
    assert problems_of_solution(RUN, solution(recipe)) == []


def test_a_canary_of_any_other_recipe_is_accepted() -> None:
    recipe = "aws-user-personalization-v2"
    assert problems_of_solution(WITH_CANARY, solution(recipe)) == []
