"""Solution versions: trainings, requested or automatic, and their metrics."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from embedded_aws import clock
from embedded_aws.services.personalize import training
from embedded_aws.services.personalize.action_model import learn_actions
from embedded_aws.services.personalize.avro import metadata_fields
from embedded_aws.services.personalize.recipes import (
    PERSONALIZED_ACTIONS,
    SEMANTIC_SIMILARITY,
    UPDATABLE,
    needed_datasets,
    recipe_name,
    recipe_type,
)
from embedded_aws.services.personalize.resources import (
    IN_PROGRESS,
    Answer,
    DatasetImportJob,
    PersonalizeError,
    Solution,
    SolutionVersion,
    present,
)
from embedded_aws.services.personalize.semantic_model import learn_texts, text_columns
from embedded_aws.services.personalize.store import (
    Store,
    check_active,
    check_quota,
    in_use,
    invalid,
    page,
)
from embedded_aws.services.personalize.training_rules import EventChoice

HOUR = 3600.0
DAY = 24 * HOUR


_TRAINED_ON = ("INTERACTIONS", "ACTIONS", "ACTION_INTERACTIONS")


class SolutionVersions(Store):
    """The operations on trainings: a method per operation, named as boto3 names it."""

    def create_solution_version(
        self,
        *,
        solution_arn: str,
        name: str | None = None,
        training_mode: str = "FULL",
        tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Start a training; every call starts another one, which is billed.

        UPDATE differs from FULL in when it is allowed; both train on everything that has been
        imported, in bulk and incrementally.
        """
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
        check_quota(
            self.of(SolutionVersion),
            self.behaviour.solution_versions_in_progress,
            in_progress=True,
        )
        version = self._begin(solution, tags, name=name, training_mode=training_mode)
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
        """Stop a training: at once if it is pending, otherwise after a while as CREATE STOPPING."""
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
        """Return the metrics of an ACTIVE version."""
        version = self.find(SolutionVersion, solution_version_arn)
        check_active(version)
        model = version.actions or version.trained
        metrics = model.metrics if model else {}
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
        missing = self._missing_datasets(solution)
        if missing and self.behaviour.missing_dataset == "refused":
            raise invalid(missing)
        if training_mode != "UPDATE":
            return
        recipe = solution.settings.get("recipeArn", "")
        if recipe_name(recipe) not in UPDATABLE:
            raise invalid(f"Training mode UPDATE is not supported for recipe {recipe}.")
        if not any(v.status == "ACTIVE" and v.training_mode == "FULL" for v in solution.versions):
            raise invalid(
                "Training mode UPDATE needs an active solution version that was trained with FULL."
            )

    def _missing_datasets(self, solution: Solution) -> str | None:
        """Return what a group lacks that the recipe needs, as a message."""
        recipe = solution.settings.get("recipeArn", "")
        missing = self.missing(solution.group, *needed_datasets(recipe))
        items = self.dataset(solution.group, "ITEMS")
        if missing or items is None:
            return missing
        columns = items.schema.columns
        if recipe_name(recipe) == SEMANTIC_SIMILARITY and not text_columns(columns):
            return f"Dataset {items.arn} needs an itemName field and a textual field."
        if recipe_name(recipe) == "aws-item-attribute-affinity" and not any(
            not columns[name].textual for name in metadata_fields("ITEMS", columns)
        ):
            return f"Dataset {items.arn} needs a metadata field that is not textual."
        return None

    def solution_active(self, solution: Solution) -> None:
        """Begin the schedule of automatic training: within an hour, then periodically.

        The first training is left out if a version is created in that hour; then, and after each
        training, the next one is a period after the start of the last. Only new interactions are
        trained on. A later schedule, after an update of the solution, replaces this one.
        """
        solution.schedules += 1
        number, began = solution.schedules, clock.current().time()
        if not (self.behaviour.automatic_training and solution.settings["performAutoTraining"]):
            return
        period = scheduled_days(solution.settings.get("solutionConfig", {})) * DAY

        def ended() -> bool:
            is_off = not solution.settings["performAutoTraining"]
            is_gone = solution.status != "ACTIVE" or solution.arn not in self.resources
            return is_off or is_gone or solution.schedules != number

        def train() -> None:
            if ended():
                return
            if self._has_new_interactions(solution):
                self._begin(solution, None, training_mode="AUTOTRAIN", training_type="AUTOMATIC")
            self.after(period, train)

        def first() -> None:
            made = [version for version in solution.versions if version.created >= began]
            if made:
                self.after(made[-1].created + period - clock.current().time(), train)
            else:
                train()

        self.after(HOUR, first)

    def _has_new_interactions(self, solution: Solution) -> bool:
        """Return whether interactions came since the last training began."""
        kinds = [
            "INTERACTIONS",
            *(["ACTION_INTERACTIONS"] if _recommends_actions(solution) else []),
        ]
        last = max((version.created for version in solution.versions), default=0.0)
        datasets = [self.dataset(solution.group, kind) for kind in kinds]
        return any(d and d.changed is not None and d.changed >= last for d in datasets)

    def _begin(
        self, solution: Solution, tags: list[dict[str, str]] | None, **fields: str | None
    ) -> SolutionVersion:
        number = f"{solution.arn}#{len(solution.versions)}".encode()
        version = self.new(
            SolutionVersion,
            "solution-version",
            f"solution/{solution.name}/{hashlib.sha256(number).hexdigest()[:8]}",
            tags,
            solution=solution,
            **fields,
        )
        solution.versions.append(version)
        self._run_training(version)
        return version

    def _run_training(self, version: SolutionVersion) -> None:
        behaviour, now = self.behaviour, clock.current()

        def train() -> None:
            """Train while time stands still, on the data as it is now."""
            with self.lock:
                if version.status != "CREATE PENDING":
                    return
                self.advance(version, "CREATE IN_PROGRESS")
                files = {kind: self.imported(version.solution.group, kind) for kind in _TRAINED_ON}
                missing = self._missing_datasets(version.solution)
                rules = self.training_rules(version.solution.group)
            rules = replace(rules, choices=_choices(version.solution.settings))
            failure = behaviour.take_failure(version.kind) or missing
            texts = None
            if _compares_texts(version.solution):
                result = training.TrainingResult(0)
                items = self.dataset(version.solution.group, "ITEMS")
                if items and not failure:
                    texts = learn_texts(items, now.time())
                    failure = None if texts.words else "Dataset ITEMS has no data."
            else:
                result = training.train(files["INTERACTIONS"], rules)
                failure = failure or result.failure
            actions = None
            if not failure and _recommends_actions(version.solution):
                if files["ACTIONS"]:
                    actions = learn_actions(files["ACTIONS"], files["ACTION_INTERACTIONS"])
                else:
                    failure = "Dataset ACTIONS has no data."
            duration = behaviour.training_duration(result.interactions)

            def finish() -> None:
                if version.status != "CREATE IN_PROGRESS":
                    return
                if failure:
                    self.advance(version, "CREATE FAILED", failure)
                    return
                version.trained, version.actions, version.texts = result.trained, actions, texts
                version.training_hours = round(duration / HOUR * behaviour.billed_hours_per_hour, 3)
                self.advance(version, "ACTIVE")
                self.solution_version_active(version)

            self.after(version.created + duration - now.time(), finish)

        now.call_at(now.time() + behaviour.pending(behaviour.training_duration(0)), train)


def scheduled_days(config: Answer) -> int:
    """Return every how many days a solution's configuration trains automatically."""
    expression = config.get("autoTrainingConfig", {}).get("schedulingExpression", "rate(7 days)")
    found = re.search(r"\d+", expression)
    return int(found[0]) if found else 7


def _recommends_actions(solution: Solution) -> bool:
    recipe = solution.settings.get("recipeArn")
    return recipe is not None and recipe_type(recipe) == PERSONALIZED_ACTIONS


def _compares_texts(solution: Solution) -> bool:
    return recipe_name(solution.settings.get("recipeArn", "")) == SEMANTIC_SIMILARITY


def _choices(settings: Answer) -> tuple[EventChoice, ...]:
    """Return which events a solution chooses: those of its events configuration, or of itself."""
    config = settings.get("solutionConfig", {})
    listed = config.get("eventsConfig", {}).get("eventParametersList")
    if listed is None:
        listed = [
            present(
                eventType=settings.get("eventType"),
                eventValueThreshold=config.get("eventValueThreshold"),
            )
        ]
    return tuple(
        EventChoice(
            each.get("eventType"),
            float(each["eventValueThreshold"]) if "eventValueThreshold" in each else None,
        )
        for each in listed
        if each
    )
