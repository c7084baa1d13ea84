"""The recipes that AWS provides, as far as this emulator trains them: custom ones and domains'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

USER_PERSONALIZATION = "USER_PERSONALIZATION"
PERSONALIZED_ACTIONS = "PERSONALIZED_ACTIONS"
USER_SEGMENTATION = "USER_SEGMENTATION"  # for batch segment jobs alone
SEMANTIC_SIMILARITY = "aws-semantic-similarity"
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
    "aws-next-best-action": (PERSONALIZED_ACTIONS, "Predicts actions that a user will take."),
    "aws-sims": ("RELATED_ITEMS", "Finds items that go together with an item (legacy)."),
    "aws-similar-items": ("RELATED_ITEMS", "Finds items similar to an item."),
    SEMANTIC_SIMILARITY: ("RELATED_ITEMS", "Finds items whose texts mean the same."),
    "aws-item-affinity": (USER_SEGMENTATION, "Finds the users of an item."),
    "aws-item-attribute-affinity": (USER_SEGMENTATION, "Finds the users of an item's attribute."),
    "aws-personalized-ranking": ("PERSONALIZED_RANKING", "Ranks a list of items for a user."),
    "aws-personalized-ranking-v2": (
        "PERSONALIZED_RANKING",
        "Ranks a list of items for a user, with a transformer.",
    ),
}


# The datasets that a recipe needs; without interactions, others say so when they are trained.
_NEEDS = {
    "aws-next-best-action": ("INTERACTIONS", "ACTIONS"),
    SEMANTIC_SIMILARITY: ("ITEMS",),
    "aws-item-attribute-affinity": ("INTERACTIONS", "ITEMS"),
}


@dataclass(frozen=True)
class UseCase:
    """What a recommender of a domain dataset group recommends, and what it needs for that."""

    domain: str
    recommends: Literal["popular", "related", "personal"]
    description: str
    event_type: str | None = None  # what it is trained on: 1,000 events of it, or of any
    filters: str | None = None  # items with which the user had such an event are left out
    needs: tuple[str, ...] = ("userId",)  # in GetRecommendations
    needs_items: bool = False  # an Items dataset


_BOTH = ("userId", "itemId")
_SHOP, _VIDEO = "ECOMMERCE", "VIDEO_ON_DEMAND"
USE_CASES = {
    "aws-ecomm-popular-items-by-views": UseCase(_SHOP, "popular", "Most viewed.", "View"),
    "aws-ecomm-popular-items-by-purchases": UseCase(_SHOP, "popular", "Best sellers.", "Purchase"),
    "aws-ecomm-frequently-bought-together": UseCase(
        _SHOP, "related", "Frequently bought together.", "Purchase", needs=("itemId",)
    ),
    "aws-ecomm-customers-who-viewed-x-also-viewed": UseCase(
        _SHOP, "related", "Customers who viewed X also viewed.", "View", "Purchase", _BOTH
    ),
    "aws-ecomm-recommended-for-you": UseCase(
        _SHOP, "personal", "Recommended for you.", filters="Purchase"
    ),
    "aws-vod-because-you-watched-x": UseCase(
        _VIDEO, "related", "Because you watched X.", "Watch", "Watch", _BOTH
    ),
    "aws-vod-more-like-x": UseCase(
        _VIDEO, "related", "More like X.", filters="Watch", needs=_BOTH, needs_items=True
    ),
    "aws-vod-most-popular": UseCase(_VIDEO, "popular", "Most popular.", "Watch"),
    "aws-vod-trending-now": UseCase(_VIDEO, "popular", "Trending now.", needs=()),
    "aws-vod-top-picks": UseCase(_VIDEO, "personal", "Top picks for you.", filters="Watch"),
}
# These take in new items every two hours, once they are deployed, without a training.
SELF_UPDATING = ("aws-user-personalization", "aws-user-personalization-v2")
# "No longer available": legacy-user-personalization-recipes.html of the guide.
LEGACY = ("aws-hrnn", "aws-hrnn-metadata", "aws-hrnn-coldstart")
# `trainingMode=UPDATE` exists only for these two.
UPDATABLE = ("aws-user-personalization", "aws-hrnn-coldstart")


def recipe_name(arn: str) -> str | None:
    """Return the name in a recipe's ARN, or None if the recipe does not exist."""
    name = arn.rpartition(":recipe/")[2]
    return name if name in _RECIPES else None


def recipe_type(arn: str) -> str:
    """Return USER_PERSONALIZATION, RELATED_ITEMS, … for a known recipe's ARN."""
    return _RECIPES[arn.rpartition("/")[2]][0]


def needed_datasets(arn: str) -> tuple[str, ...]:
    """Return the types of the datasets that a solution of this recipe cannot do without."""
    return _NEEDS.get(arn.rpartition("/")[2], ())


def use_case(arn: str) -> UseCase | None:
    """Return the use case of a recipe's ARN, or None if it is not a domain's."""
    return USE_CASES.get(arn.rpartition(":recipe/")[2])


def all_recipes(partition: str, domain: str | None = None) -> list[dict[str, Any]]:
    """Return the recipes of a domain, or else of custom solutions, as DescribeRecipe shows them."""
    kinds = {"popular": USER_PERSONALIZATION, "personal": USER_PERSONALIZATION}
    recipes = {
        name: (kinds.get(case.recommends, "RELATED_ITEMS"), case.description)
        for name, case in USE_CASES.items()
        if case.domain == domain
    }
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
            **({"domain": domain} if domain else {}),
        }
        for name, (kind, description) in sorted((recipes if domain else _RECIPES).items())
    ]
