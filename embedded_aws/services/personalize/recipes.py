"""The recipes that AWS provides for custom solutions, as far as this emulator trains them."""

from __future__ import annotations

from typing import Any

USER_PERSONALIZATION = "USER_PERSONALIZATION"
# When AWS published its recipes; Describe and List return it.
_PUBLISHED = 1_560_124_800.0  # 2019-06-10

# name: (type, description). The types are those of DescribeRecipe.
_RECIPES = {
    "aws-user-personalization": (USER_PERSONALIZATION, "Predicts items a user will interact with."),
    "aws-user-personalization-v2": (
        USER_PERSONALIZATION,
        "Predicts items a user will interact with, with a transformer.",
    ),
    "aws-hrnn": (USER_PERSONALIZATION, "Predicts items a user will interact with (legacy)."),
    "aws-hrnn-metadata": (USER_PERSONALIZATION, "HRNN with item and user metadata (legacy)."),
    "aws-hrnn-coldstart": (USER_PERSONALIZATION, "HRNN with new items (legacy)."),
    "aws-popularity-count": (USER_PERSONALIZATION, "Counts the most popular items."),
    "aws-trending-now": ("TRENDING_NOW", "Finds items whose popularity grows fastest."),
    "aws-sims": ("RELATED_ITEMS", "Finds items that go together with an item (legacy)."),
    "aws-similar-items": ("RELATED_ITEMS", "Finds items similar to an item."),
    "aws-personalized-ranking": ("PERSONALIZED_RANKING", "Ranks a list of items for a user."),
    "aws-personalized-ranking-v2": (
        "PERSONALIZED_RANKING",
        "Ranks a list of items for a user, with a transformer.",
    ),
}
# `trainingMode=UPDATE` exists only for these two.
UPDATABLE = ("aws-user-personalization", "aws-hrnn-coldstart")


def recipe_name(arn: str) -> str | None:
    """Return the name in a recipe's ARN, or None if the recipe does not exist."""
    name = arn.rpartition(":recipe/")[2]
    return name if name in _RECIPES else None


def recipe_type(arn: str) -> str:
    """Return USER_PERSONALIZATION, RELATED_ITEMS, … for a known recipe's ARN."""
    return _RECIPES[arn.rpartition("/")[2]][0]


def all_recipes(partition: str) -> list[dict[str, Any]]:
    """Return every recipe as DescribeRecipe shows it, by name."""
    return [
        {
            "name": name,
            "recipeArn": f"arn:{partition}:personalize:::recipe/{name}",
            "algorithmArn": f"arn:{partition}:personalize:::algorithm/{name}",
            "featureTransformationArn": (
                f"arn:{partition}:personalize:::feature-transformation/"
                f"{name.removeprefix('aws-').upper()}"
            ),
            "status": "ACTIVE",
            "description": description,
            "recipeType": kind,
            "creationDateTime": _PUBLISHED,
            "lastUpdatedDateTime": _PUBLISHED,
        }
        for name, (kind, description) in sorted(_RECIPES.items())
    ]
