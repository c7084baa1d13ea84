"""Recipes, solutions, solution versions and their metrics."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from rehearsal import clock
from rehearsal.personalize import training
from rehearsal.personalize.recipes import UPDATABLE, all_recipes, recipe_name
from rehearsal.personalize.resources import (
    IN_PROGRESS,
    Answer,
    Campaign,
    Dataset,
    DatasetGroup,
    DatasetImportJob,
    PersonalizeError,
    Solution,
    SolutionVersion,
    present,
)
from rehearsal.personalize.store import (
    Store,
    check_active,
    check_quota,
    in_use,
    invalid,
    not_found,
    page,
)

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600.0


class Solutions(Store):
    """The operations on models: a method per operation, named as boto3 names it."""

    def describe_recipe(self, *, recipe_arn: str) -> Answer:
        """Describe one of the service's recipes."""
        for recipe in all_recipes(self.partition):
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
        """List the service's recipes; those of domain dataset groups are not provided."""
        recipes = [] if domain else all_recipes(self.partition)
        return page("recipes", recipes, max_results, next_token)

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
        """Begin a solution. Automatic training is on by default, as AWS has it; it is not run."""
        group = self.find(DatasetGroup, dataset_group_arn)
        if recipe_arn is None and not perform_auto_ml:
            raise invalid("One of recipeArn and performAutoML must be given.")
        if recipe_arn is not None and recipe_name(recipe_arn) is None:
            raise not_found(recipe_arn)
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
        self.settle(solution)
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

    def delete_solution(self, *, solution_arn: str) -> Answer:
        """Delete a solution and its versions, if no campaign uses one and none is in training."""
        solution = self.find(Solution, solution_arn)
        check_active(solution)
        if any(version.status in IN_PROGRESS for version in solution.versions):
            raise in_use(f"Resource {solution_arn} has a solution version in training.")
        if any(campaign.version.solution is solution for campaign in self.of(Campaign)):
            raise in_use(f"Resource {solution_arn} is used by a campaign.")
        self.remove(solution, *solution.versions)
        return {}

    def create_solution_version(
        self,
        *,
        solution_arn: str,
        name: str | None = None,
        training_mode: str = "FULL",
        tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Begin a training; every call begins another, billed one."""
        solution = self.find(Solution, solution_arn)
        self._check_trainable(solution, training_mode)
        if (
            name is not None
            and any(version.name == name for version in solution.versions)
            and self.behaviour.taken_solution_version_name == "refused"
        ):
            raise PersonalizeError(
                "ResourceAlreadyExistsException",
                f"Another solution version with name {name} already exists for {solution_arn}.",
            )
        versions = self.of(SolutionVersion)
        check_quota(versions, self.behaviour.solution_versions_in_progress, in_progress=True)
        number = f"{solution.arn}#{len(solution.versions)}".encode()
        version = self.new(
            SolutionVersion,
            "solution-version",
            f"solution/{solution.name}/{hashlib.sha256(number).hexdigest()[:8]}",
            tags,
            solution=solution,
            name=name,
            training_mode=training_mode,
        )
        solution.versions.append(version)
        self._run_training(version)
        return {"solutionVersionArn": version.arn}

    def describe_solution_version(self, *, solution_version_arn: str) -> Answer:
        """Describe a solution version."""
        return {"solutionVersion": self.find(SolutionVersion, solution_version_arn).describe()}

    def list_solution_versions(
        self,
        *,
        solution_arn: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Answer:
        """List solution versions, all or one solution's."""
        versions = self.of(SolutionVersion)
        if solution_arn is not None:
            versions = self.find(Solution, solution_arn).versions
        return page("solutionVersions", [v.describe() for v in versions], max_results, next_token)

    def stop_solution_version_creation(self, *, solution_version_arn: str) -> Answer:
        """Stop a training: at once while it is pending, else after a while of CREATE STOPPING."""
        version = self.find(SolutionVersion, solution_version_arn)
        if version.status not in IN_PROGRESS:
            raise in_use(f"Resource {version.arn} is in {version.status} state.")
        if version.status == "CREATE PENDING":
            self.advance(version, "CREATE STOPPED")
        else:
            self.advance(version, "CREATE STOPPING")
            stopped = self.behaviour.stopping_seconds
            self.after(stopped, lambda: self.advance(version, "CREATE STOPPED"))
        return {}

    def get_solution_metrics(self, *, solution_version_arn: str) -> Answer:
        """Answer the metrics of an ACTIVE version."""
        version = self.find(SolutionVersion, solution_version_arn)
        check_active(version)
        metrics = version.trained.metrics if version.trained else {}
        return {"solutionVersionArn": version.arn, "metrics": metrics}

    def _check_trainable(self, solution: Solution, training_mode: str) -> None:
        check_active(solution)
        importing = [
            job
            for job in self.of(DatasetImportJob)
            if job.dataset.group is solution.group and job.status in IN_PROGRESS
        ]
        if importing and self.behaviour.training_during_import == "refused":
            raise in_use(f"Dataset import job {importing[0].arn} is in progress.")
        if training_mode != "UPDATE":
            return
        recipe = solution.settings.get("recipeArn", "")
        if recipe_name(recipe) not in UPDATABLE:
            raise invalid(f"Training mode UPDATE is not supported for recipe {recipe}.")
        if not any(v.status == "ACTIVE" and v.training_mode == "FULL" for v in solution.versions):
            raise invalid(
                "Training mode UPDATE needs an active solution version that was trained with FULL."
            )

    def _run_training(self, version: SolutionVersion) -> None:
        behaviour, now = self.behaviour, clock.current()

        def train() -> None:
            """Train while time stands still, on the data as it is now."""
            with self.lock:
                if version.status != "CREATE PENDING":
                    return
                self.advance(version, "CREATE IN_PROGRESS")
                files = self._interactions(version.solution)
            outcome = training.train(files, event_type=version.solution.settings.get("eventType"))
            failure = behaviour.take_failure(version.kind) or outcome.failure
            duration = behaviour.training_duration(outcome.interactions)

            def finish() -> None:
                if version.status != "CREATE IN_PROGRESS":
                    return
                if failure:
                    self.advance(version, "CREATE FAILED", failure)
                    return
                version.trained = outcome.trained
                version.training_hours = round(duration / HOUR * behaviour.billed_hours_per_hour, 3)
                self.advance(version, "ACTIVE")

            self.after(version.created + duration - now.time(), finish)

        now.call_at(now.time() + behaviour.pending(behaviour.training_duration(0)), train)

    def _interactions(self, solution: Solution) -> tuple[Path, ...]:
        for dataset in self.of(Dataset):
            if dataset.group is solution.group and dataset.dataset_type == "INTERACTIONS":
                return dataset.files
        return ()
