"""What campaigns and recommenders recommend."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from embedded_aws import clock
from embedded_aws.services.personalize.action_model import known_actions
from embedded_aws.services.personalize.exploration import arrivals, explore, last_time, last_update
from embedded_aws.services.personalize.filters import Filters
from embedded_aws.services.personalize.recipes import (
    PERSONALIZED_ACTIONS,
    SELF_UPDATING,
    recipe_name,
    recipe_type,
    use_case,
)
from embedded_aws.services.personalize.resources import (
    Answer,
    Campaign,
    PersonalizeError,
    Recommender,
)
from embedded_aws.services.personalize.semantic_model import learn_texts
from embedded_aws.services.personalize.store import AnyResource, invalid

if TYPE_CHECKING:
    from collections.abc import Collection

    from embedded_aws.services.personalize.resources import DatasetGroup, SolutionVersion
    from embedded_aws.services.personalize.semantic_model import SemanticModel

Ranking = list[tuple[str, float]]  # items and their scores, best first
MOST_RESULTS, MOST_ACTIONS = 500, 100
_EVERYTHING = 1_000_000_000  # items, of which a filter leaves some


class Runtime(Filters):
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
        filter_values: dict[str, str] | None = None,
        context: dict[str, str] | None = None,  # noqa: ARG002 - no recipe here reads it
        **unsupported: object,
    ) -> Answer:
        """Return the best items for a user, or related to an item, best first.

        Items that the user has interacted with are left out if enough others are left: see
        `training.Trained.recommend`.
        """
        if (campaign_arn is None) == (recommender_arn is None):
            raise invalid("Exactly one of campaignArn and recommenderArn must be given.")
        if unsupported:
            raise invalid("Promotions and metadata are not set up for this campaign.")
        if num_results > MOST_RESULTS:
            raise invalid(f"numResults must be at most {MOST_RESULTS}.")
        if recommender_arn is not None:
            source: Campaign | Recommender = self._serving(Recommender, recommender_arn)
        else:
            source = self._serving(Campaign, campaign_arn or "")
        keeps, asked = None, num_results
        if filter_arn is not None:
            related = item_id if _recommends_related(source) else None
            keeps = self.kept(filter_arn, _group(source), filter_values, user=user_id, item=related)
            asked = _EVERYTHING
        if isinstance(source, Recommender):
            best = self._from_recommender(source, user_id, item_id, asked)
        else:
            best = self._from_campaign(source, user_id, item_id, asked, num_results)
        best = [pair for pair in best if keeps is None or keeps(pair[0])][:num_results]
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
        filter_values: dict[str, str] | None = None,
        context: dict[str, str] | None = None,  # noqa: ARG002 - no recipe here reads it
        **unsupported: object,
    ) -> Answer:
        """Return the given items, best first for a user; items that are not known come last."""
        campaign = self._serving(Campaign, campaign_arn)
        if _recipe_type(campaign.version) != "PERSONALIZED_RANKING":
            raise invalid("The campaign's recipe must be of type PERSONALIZED_RANKING.")
        if unsupported:
            raise invalid("Metadata is not set up for this campaign.")
        if not 0 < len(input_list) <= MOST_RESULTS:
            raise invalid(f"inputList must have 1 to {MOST_RESULTS} items.")
        trained = campaign.version.trained
        since = self._since_training(campaign.version, user_id)
        if filter_arn is not None:
            keeps = self.kept(filter_arn, _group(campaign), filter_values, user=user_id)
            input_list = [item for item in input_list if keeps(item)]
        best = trained.rank(user_id, input_list, since) if trained else []
        return {
            "personalizedRanking": [{"itemId": item, "score": score} for item, score in best],
            "recommendationId": self._recommendation_id(campaign_arn),
        }

    def get_action_recommendations(
        self,
        *,
        campaign_arn: str | None = None,
        user_id: str | None = None,
        num_results: int = 5,
        filter_arn: str | None = None,
        filter_values: dict[str, str] | None = None,
    ) -> Answer:
        """Return the actions that a user will most likely take now, with the likelihood."""
        campaign = self._serving(Campaign, campaign_arn or "")
        if _recipe_type(campaign.version) != PERSONALIZED_ACTIONS:
            raise invalid(f"The campaign's recipe must be of type {PERSONALIZED_ACTIONS}.")
        if user_id is None:
            raise invalid("userId is required for this campaign's recipe.")
        if num_results > MOST_ACTIONS:
            raise invalid(f"numResults must be at most {MOST_ACTIONS}.")
        model, now = campaign.version.actions, clock.current().time()
        updated = last_update(campaign, now, self.behaviour.automatic_update_seconds)
        if model and updated is not None:
            files = self.imported(_group(campaign), "ACTIONS", updated)
            model = replace(model, actions=known_actions(files))
        best = model.recommend(user_id, len(model.actions), now) if model else []
        if filter_arn is not None:
            group = _group(campaign)
            keeps = self.kept(filter_arn, group, filter_values, user=user_id, filters="ACTIONID")
            best = [pair for pair in best if keeps(pair[0])]
        best = best[:num_results]
        return {
            "actionList": [{"actionId": action, "score": score} for action, score in best],
            "recommendationId": self._recommendation_id(campaign_arn or ""),
        }

    def _from_recommender(
        self, recommender: Recommender, user: str | None, item: str | None, most: int
    ) -> Ranking:
        case = use_case(recommender.recipe_arn)
        _require(case.needs if case else (), user, item, "recommender's use case")
        return recommender.model.recommend(user, item, most) if recommender.model else []

    def _from_campaign(
        self, campaign: Campaign, user: str | None, item: str | None, asked: int, most: int
    ) -> Ranking:
        """Return as many items as are asked for, `most` of which will be returned."""
        version = campaign.version
        kind = _recipe_type(version)
        if kind == PERSONALIZED_ACTIONS:
            raise invalid("The campaign recommends actions: use GetActionRecommendations.")
        related = kind == "RELATED_ITEMS"
        _require(("itemId",) if related else ("userId",), user, item, "campaign's recipe")
        if version.texts is not None:
            return self._texts(campaign, version.texts).related(item or "", asked)
        if version.trained is None:
            return []
        if related:
            return version.trained.related(item or "", asked)
        best = version.trained.recommend(user or "", asked, self._since_training(version, user))
        return self._with_new_items(campaign, best, most)

    def _texts(self, campaign: Campaign, trained: SemanticModel) -> SemanticModel:
        """Return the texts that a campaign knows: with incremental updates, newer ones too."""
        solution, now = campaign.version.solution, clock.current().time()
        items = self.dataset(solution.group, "ITEMS")
        updated = last_time(campaign, now, self.behaviour.incremental_update_seconds)
        if updated is None or items is None or not solution.settings["performIncrementalUpdate"]:
            return trained
        return learn_texts(items, updated)

    def _since_training(self, version: SolutionVersion, user: str | None) -> list[str]:
        """Return the items of a user's events since a training, oldest first."""
        dataset = self.dataset(version.solution.group, "INTERACTIONS")
        return [
            row["ITEM_ID"]
            for at, row in (dataset.streamed if dataset else ())
            if at >= version.created and row["USER_ID"] == user
        ]

    def _with_new_items(self, campaign: Campaign, best: Ranking, most: int) -> Ranking:
        version, now = campaign.version, clock.current().time()
        if recipe_name(version.solution.settings.get("recipeArn", "")) not in SELF_UPDATING:
            return best
        updated = last_update(campaign, now, self.behaviour.automatic_update_seconds)
        if updated is None or version.trained is None:
            return best
        group = version.solution.group
        datasets = [d for kind in ("INTERACTIONS", "ITEMS") if (d := self.dataset(group, kind))]
        new = arrivals(datasets, updated)
        new = {item: at for item, at in new.items() if item not in version.trained.items}
        config = (campaign.config or {}).get("itemExplorationConfig", {})
        return explore(best, new, most, config, now)

    def _serving(self, kind: type[AnyResource], arn: str) -> AnyResource:
        found = self.resources.get(arn)
        if not isinstance(found, kind) or found.status != "ACTIVE":
            raise PersonalizeError("ResourceNotFoundException", "Campaign/Recommender not found.")
        return found

    def _recommendation_id(self, arn: str) -> str:
        self.recommendations_served += 1
        digest = hashlib.sha256(f"{arn}#{self.recommendations_served}".encode()).hexdigest()
        return f"RID-{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:28]}"


def _group(source: Campaign | Recommender) -> DatasetGroup:
    return source.group if isinstance(source, Recommender) else source.version.solution.group


def _recommends_related(source: Campaign | Recommender) -> bool:
    if isinstance(source, Recommender):
        case = use_case(source.recipe_arn)
        return case is not None and case.recommends == "related"
    return _recipe_type(source.version) == "RELATED_ITEMS"


def _recipe_type(version: SolutionVersion) -> str | None:
    recipe = version.solution.settings.get("recipeArn")
    return recipe_type(recipe) if recipe else None


def _require(needs: Collection[str], user: str | None, item: str | None, source: str) -> None:
    for name, value in (("itemId", item), ("userId", user)):
        if name in needs and value is None:
            raise invalid(f"{name} is required for this {source}.")
