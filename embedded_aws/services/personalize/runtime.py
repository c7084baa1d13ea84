"""What campaigns and recommenders recommend."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from embedded_aws.services.personalize.recipes import recipe_type, use_case
from embedded_aws.services.personalize.resources import (
    Answer,
    Campaign,
    PersonalizeError,
    Recommender,
)
from embedded_aws.services.personalize.store import AnyResource, Store, invalid

if TYPE_CHECKING:
    from embedded_aws.services.personalize.resources import SolutionVersion

MOST_RESULTS = 500


class Runtime(Store):
    """The operations of `personalize-runtime`: a method per operation, named as boto3 names it."""

    recommendations_served = 0

    def get_recommendations(
        self,
        *,
        campaign_arn: str | None = None,
        recommender_arn: str | None = None,
        user_id: str | None = None,
        item_id: str | None = None,
        num_results: int = 25,
        filter_arn: str | None = None,
        context: dict[str, str] | None = None,  # noqa: ARG002 - no recipe here reads it
        **unsupported: object,
    ) -> Answer:
        """Return the best items for a user, or related to an item, best first.

        Items that the user has interacted with are left out if enough others are left: see
        `training.Trained.recommend`.
        """
        if (campaign_arn is None) == (recommender_arn is None):
            raise invalid("Exactly one of campaignArn and recommenderArn must be given.")
        if filter_arn is not None or unsupported:
            raise invalid("Filters, promotions and metadata are not set up for this campaign.")
        if num_results > MOST_RESULTS:
            raise invalid(f"numResults must be at most {MOST_RESULTS}.")
        if recommender_arn is not None:
            recommender = self._serving(Recommender, recommender_arn)
            case = use_case(recommender.recipe_arn)
            needs = case.needs if case else ()
        else:
            campaign = self._serving(Campaign, campaign_arn or "")
            related = _recipe_type(campaign.version) == "RELATED_ITEMS"
            needs = ("itemId",) if related else ("userId",)
        for name, value in (("itemId", item_id), ("userId", user_id)):
            if name in needs and value is None:
                source = "recommender's use case" if recommender_arn else "campaign's recipe"
                raise invalid(f"{name} is required for this {source}.")
        if recommender_arn is not None:
            model = recommender.model
            best = model.recommend(user_id, item_id, num_results) if model else []
        elif (trained := campaign.version.trained) is None:
            best = []
        elif related:
            best = trained.related(item_id or "", num_results)
        else:
            best = trained.recommend(user_id or "", num_results)
        return {
            "itemList": [{"itemId": item, "score": score} for item, score in best],
            "recommendationId": self._recommendation_id(campaign_arn or recommender_arn or ""),
        }

    def get_personalized_ranking(
        self,
        *,
        campaign_arn: str,
        input_list: list[str],
        user_id: str,
        filter_arn: str | None = None,
        context: dict[str, str] | None = None,  # noqa: ARG002 - no recipe here reads it
        **unsupported: object,
    ) -> Answer:
        """Return the given items, best first for a user; items that are not known come last."""
        campaign = self._serving(Campaign, campaign_arn)
        if _recipe_type(campaign.version) != "PERSONALIZED_RANKING":
            raise invalid("The campaign's recipe must be of type PERSONALIZED_RANKING.")
        if filter_arn is not None or unsupported:
            raise invalid("Filters and metadata are not set up for this campaign.")
        if not 0 < len(input_list) <= MOST_RESULTS:
            raise invalid(f"inputList must have 1 to {MOST_RESULTS} items.")
        trained = campaign.version.trained
        best = trained.rank(user_id, input_list) if trained else []
        return {
            "personalizedRanking": [{"itemId": item, "score": score} for item, score in best],
            "recommendationId": self._recommendation_id(campaign_arn),
        }

    def _serving(self, kind: type[AnyResource], arn: str) -> AnyResource:
        found = self.resources.get(arn)
        if not isinstance(found, kind) or found.status != "ACTIVE":
            raise PersonalizeError("ResourceNotFoundException", "Campaign/Recommender not found.")
        return found

    def _recommendation_id(self, arn: str) -> str:
        self.recommendations_served += 1
        digest = hashlib.sha256(f"{arn}#{self.recommendations_served}".encode()).hexdigest()
        return f"RID-{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:28]}"


def _recipe_type(version: SolutionVersion) -> str | None:
    recipe = version.solution.settings.get("recipeArn")
    return recipe_type(recipe) if recipe else None
