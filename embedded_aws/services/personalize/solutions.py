"""Recipes and solutions."""

from __future__ import annotations

import re
from typing import Any

from embedded_aws import clock
from embedded_aws.services.personalize.recipes import (
    LEGACY,
    PERSONALIZED_ACTIONS,
    SEMANTIC_SIMILARITY,
    all_recipes,
    recipe_name,
    recipe_type,
    use_case,
)
from embedded_aws.services.personalize.resources import (
    IN_PROGRESS,
    Answer,
    Campaign,
    DatasetGroup,
    Solution,
    present,
)
from embedded_aws.services.personalize.solution_versions import scheduled_days
from embedded_aws.services.personalize.store import (
    Store,
    check_active,
    check_quota,
    in_use,
    invalid,
    not_found,
    page,
)

MOST_DAYS = 30  # between automatic trainings
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Solutions(Store):
    """The operations on recipes and solutions: a method per operation, named as boto3 names it."""

    def describe_recipe(self, *, recipe_arn: str) -> Answer:
        """Describe one of the service's recipes."""
        domain = case.domain if (case := use_case(recipe_arn)) else None
        for recipe in all_recipes(self.partition, domain):
            if recipe["recipeArn"] == recipe_arn:
                return {"recipe": recipe}
        raise not_found(recipe_arn)

    def list_recipes(
        self,
        *,
        recipe_provider: str | None = None,  # noqa: ARG002 - SERVICE is the only provider
        next_token: str | None = None,
        max_results: int | None = None,
        domain: str | None = None,
    ) -> Answer:
        """List the service's recipes: those of custom solutions, or of a domain."""
        return page("recipes", all_recipes(self.partition, domain), max_results, next_token)

    def create_solution(
        self,
        *,
        name: str,
        dataset_group_arn: str,
        recipe_arn: str | None = None,
        tags: list[dict[str, str]] | None = None,
        perform_hpo: bool = False,
        perform_auto_ml: bool = False,
        perform_auto_training: bool = True,
        perform_incremental_update: bool | None = None,
        event_type: str | None = None,
        solution_config: dict[str, Any] | None = None,
    ) -> Answer:
        """Start creating a solution; automatic training is on unless turned off, as on AWS."""
        group = self.find(DatasetGroup, dataset_group_arn)
        if recipe_arn is None and not perform_auto_ml:
            raise invalid("One of recipeArn and performAutoML must be given.")
        if recipe_arn is not None and use_case(recipe_arn):
            raise invalid(f"Recipe {recipe_arn} is a domain's use case: create a recommender.")
        if recipe_arn is not None and not self._is_offered(recipe_arn):
            raise not_found(recipe_arn)
        if recipe_arn and group.domain and recipe_type(recipe_arn) == PERSONALIZED_ACTIONS:
            raise invalid(f"Recipe {recipe_arn} needs a custom dataset group.")
        is_semantic = recipe_name(recipe_arn or "") == SEMANTIC_SIMILARITY
        self._check_incremental(is_semantic, perform_incremental_update)
        if is_semantic and perform_incremental_update is None:
            perform_incremental_update = True
        threshold = (solution_config or {}).get("eventValueThreshold", "0")
        if not _NUMBER.fullmatch(threshold):
            raise invalid(f"eventValueThreshold must be a number, and is: {threshold}")
        _check_schedule(solution_config)
        self.refuse_taken(self.arn(f"solution/{name}"))
        check_active(group)
        check_quota(
            [solution for solution in self.of(Solution) if solution.group is group],
            self.behaviour.solutions_per_dataset_group,
        )
        settings = present(
            performHPO=perform_hpo,
            performAutoML=perform_auto_ml,
            performAutoTraining=perform_auto_training,
            performIncrementalUpdate=perform_incremental_update,
            recipeArn=recipe_arn,
            eventType=event_type,
            solutionConfig=solution_config,
        )
        solution = self.new(
            Solution,
            "solution",
            f"solution/{name}",
            tags,
            name=name,
            group=group,
            settings=settings,
        )
        self.settle(solution, then=lambda: self.solution_active(solution))
        return {"solutionArn": solution.arn}

    def describe_solution(self, *, solution_arn: str) -> Answer:
        """Describe a solution."""
        return {"solution": self.find(Solution, solution_arn).describe()}

    def list_solutions(
        self,
        *,
        dataset_group_arn: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Answer:
        """List solutions, all or one group's."""
        solutions = self.of(Solution)
        found = [s.describe() for s in solutions if dataset_group_arn in (None, s.group.arn)]
        return page("solutions", found, max_results, next_token)

    def update_solution(
        self,
        *,
        solution_arn: str,
        perform_auto_training: bool | None = None,
        perform_incremental_update: bool | None = None,
        solution_update_config: dict[str, Any] | None = None,
    ) -> Answer:
        """Start to change a solution's automatic training; until then it trains as before."""
        solution = self.find(Solution, solution_arn)
        check_active(solution)
        if solution.update and solution.update["status"] in IN_PROGRESS:
            raise in_use(f"Solution {solution_arn} is being updated.")
        is_semantic = recipe_name(solution.settings.get("recipeArn", "")) == SEMANTIC_SIMILARITY
        self._check_incremental(is_semantic, perform_incremental_update)
        changes = present(
            performAutoTraining=perform_auto_training,
            performIncrementalUpdate=perform_incremental_update,
        )
        if not changes and solution_update_config is None:
            raise invalid("There is nothing to update.")
        _check_schedule(solution_update_config)
        now = clock.current()
        update = solution.update = changes | present(
            solutionUpdateConfig=solution_update_config,
            status="CREATE PENDING",
            creationDateTime=now.time(),
            lastUpdatedDateTime=now.time(),
        )

        def advance(status: str) -> None:
            update.update(status=status, lastUpdatedDateTime=now.time())

        def finish() -> None:
            advance("ACTIVE")
            before = solution.settings.get("solutionConfig", {})
            was_on = solution.settings["performAutoTraining"]
            config = before | (solution_update_config or {})
            solution.settings.update(changes | ({"solutionConfig": config} if config else {}))
            if not was_on or scheduled_days(config) != scheduled_days(before):
                self.solution_active(solution)

        duration = self.behaviour.resource_seconds
        self.after(duration / 2, lambda: advance("CREATE IN_PROGRESS"))
        self.after(duration, finish)
        return {"solutionArn": solution_arn}

    def delete_solution(self, *, solution_arn: str) -> Answer:
        """Delete a solution and its versions, if no campaign uses one and none is in training."""
        solution = self.find(Solution, solution_arn)
        check_active(solution)
        if solution.update and solution.update["status"] in IN_PROGRESS:
            raise in_use(f"Solution {solution_arn} is being updated.")
        if any(version.status in IN_PROGRESS for version in solution.versions):
            raise in_use(f"Resource {solution_arn} has a solution version in training.")
        if any(campaign.version.solution is solution for campaign in self.of(Campaign)):
            raise in_use(f"Resource {solution_arn} is used by a campaign.")
        self.remove(solution, *solution.versions)
        return {}

    def _is_offered(self, recipe_arn: str) -> bool:
        name = recipe_name(recipe_arn)
        if name in LEGACY:
            return self.behaviour.new_hrnn_solutions == "accepted"
        return name is not None

    def _check_incremental(self, is_semantic: bool, wanted: bool | None) -> None:
        """Only Semantic-Similarity supports incremental updates."""
        if wanted and not is_semantic and self.behaviour.other_incremental_updates == "refused":
            raise invalid("performIncrementalUpdate needs the recipe aws-semantic-similarity.")


def _check_schedule(config: dict[str, Any] | None) -> None:
    if not 1 <= scheduled_days(config or {}) <= MOST_DAYS:
        raise invalid(f"schedulingExpression must be of 1 to {MOST_DAYS} days.")
