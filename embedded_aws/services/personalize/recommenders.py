"""Recommenders of domain dataset groups: they train, and train again, by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded_aws import clock
from embedded_aws.services.personalize.domain_model import learn
from embedded_aws.services.personalize.recipes import UseCase, recipe_name, use_case
from embedded_aws.services.personalize.resources import (
    IN_PROGRESS,
    Answer,
    DatasetGroup,
    Recommender,
    present,
)
from embedded_aws.services.personalize.store import (
    Store,
    check_active,
    check_quota,
    in_use,
    invalid,
    not_found,
    page,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from embedded_aws.services.personalize.domain_model import DomainModel

RETRAINING_SECONDS = 7 * 24 * 3600.0
_COLUMNS = "trainingDataConfig"  # of a configuration: a change of it is a training


class Recommenders(Store):
    """The operations on recommenders: a method per operation, named as boto3 names it."""

    def create_recommender(
        self,
        *,
        name: str,
        dataset_group_arn: str,
        recipe_arn: str,
        recommender_config: dict[str, Any] | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        """Start training a recommender, and then deploying it."""
        group = self.find(DatasetGroup, dataset_group_arn)
        case = self._use_case(group, recipe_arn)
        self.refuse_taken(self.arn(f"recommender/{name}"))
        check_active(group)
        config = recommender_config or {}
        self._check_columns(group, config)
        missing = self.missing(group, "INTERACTIONS", *(["ITEMS"] if case.needs_items else []))
        if missing and self.behaviour.missing_dataset == "refused":
            raise invalid(missing)
        check_quota(self.of(Recommender), self.behaviour.recommenders)
        recommender = self.new(
            Recommender,
            "recommender",
            f"recommender/{name}",
            tags,
            name=name,
            group=group,
            recipe_arn=recipe_arn,
            config={"minRecommendationRequestsPerSecond": 1} | config,
        )

        def finish(model: DomainModel | None, failure: str | None) -> None:
            recommender.model = None if failure else model
            self.advance(recommender, "CREATE FAILED" if failure else "ACTIVE", failure)
            if not failure:
                self._retrain_weekly(recommender)

        self._train(
            recommender,
            begin=lambda: self.advance(recommender, "CREATE IN_PROGRESS"),
            finish=finish,
            failure=self.behaviour.take_failure("recommender") or missing,
        )
        return {"recommenderArn": recommender.arn}

    def describe_recommender(self, *, recommender_arn: str) -> Answer:
        """Describe a recommender, its latest update, and how good its model is."""
        return {"recommender": self.find(Recommender, recommender_arn).describe()}

    def list_recommenders(
        self,
        *,
        dataset_group_arn: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> Answer:
        """List recommenders, all or one group's."""
        found = [
            r.describe() for r in self.of(Recommender) if dataset_group_arn in (None, r.group.arn)
        ]
        return page("recommenders", found, max_results, next_token)

    def update_recommender(
        self, *, recommender_arn: str, recommender_config: dict[str, Any]
    ) -> Answer:
        """Start an update; one of the training's columns trains again, on all data there is.

        The recommender serves as before until the update is done.
        """
        recommender = self.find(Recommender, recommender_arn)
        _check_settled(recommender, "ACTIVE")
        self._check_columns(recommender.group, recommender_config)
        config = recommender.config | recommender_config
        if config != recommender.config:
            self._change(recommender, config)
        elif self.behaviour.unchanged_recommender_update == "refused":
            raise invalid(f"There is nothing to update: {recommender_arn} has this configuration.")
        return {"recommenderArn": recommender_arn}

    def start_recommender(self, *, recommender_arn: str) -> Answer:
        """Start an INACTIVE recommender, with the model that it had."""
        return self._move(recommender_arn, "INACTIVE", "START", "ACTIVE")

    def stop_recommender(self, *, recommender_arn: str) -> Answer:
        """Stop an ACTIVE recommender: it is neither served nor trained until it is started."""
        return self._move(recommender_arn, "ACTIVE", "STOP", "INACTIVE")

    def delete_recommender(self, *, recommender_arn: str) -> Answer:
        """Delete a recommender that is neither being created nor changed."""
        recommender = self.find(Recommender, recommender_arn)
        _check_settled(recommender, "ACTIVE", "INACTIVE", "CREATE FAILED")
        self.remove(recommender)
        return {}

    def _use_case(self, group: DatasetGroup, recipe_arn: str) -> UseCase:
        case = use_case(recipe_arn)
        if case is None and recipe_name(recipe_arn) is None:
            raise not_found(recipe_arn)
        if case is None or case.domain != group.domain:
            raise invalid(
                f"Recipe {recipe_arn} is not a use case of dataset group {group.arn}, whose domain "
                f"is {group.domain or '(none)'}."
            )
        return case

    def _check_columns(self, group: DatasetGroup, config: Answer) -> None:
        for chosen in config.get(_COLUMNS, {}).values():
            for kind, columns in chosen.items():
                dataset = self.dataset(group, kind.upper())
                known = dataset.schema.columns if dataset else {}
                if unknown := [column for column in columns if column not in known]:
                    raise invalid(f"Dataset {kind} has no columns {', '.join(unknown)}.")

    def _change(self, recommender: Recommender, config: Answer) -> None:
        now = clock.current()
        update = recommender.update = {
            "recommenderConfig": config,
            "status": "CREATE PENDING",
            "creationDateTime": now.time(),
            "lastUpdatedDateTime": now.time(),
        }

        def advance(status: str, reason: str | None = None) -> None:
            update.update(present(status=status, failureReason=reason))
            update["lastUpdatedDateTime"] = now.time()

        def finish(model: DomainModel | None, failure: str | None) -> None:
            if failure:
                advance("CREATE FAILED", failure)
                return
            recommender.config, recommender.model = config, model
            advance("ACTIVE")
            self.advance(recommender, recommender.status)

        failure = self.behaviour.take_failure("recommender-update")
        if config.get(_COLUMNS) != recommender.config.get(_COLUMNS):
            self._train(
                recommender,
                begin=lambda: advance("CREATE IN_PROGRESS"),
                finish=finish,
                failure=failure,
            )
            return
        duration = self.behaviour.campaign_duration(_items(recommender.model), update=True)
        self.after(self.behaviour.pending(duration), lambda: advance("CREATE IN_PROGRESS"))
        self.after(duration, lambda: finish(recommender.model, failure))

    def _train(
        self,
        recommender: Recommender,
        *,
        begin: Callable[[], None],
        finish: Callable[[DomainModel | None, str | None], None],
        failure: str | None = None,
    ) -> None:
        """Train and deploy: `begin` when the training begins, `finish` when it is deployed."""
        behaviour, now = self.behaviour, clock.current()
        start = now.time()

        def train() -> None:
            """Train while time stands still, on the data as it is now."""
            with self.lock:
                begin()
                files = self.imported(recommender.group, "INTERACTIONS")
                case = self._use_case(recommender.group, recommender.recipe_arn)
                rules = self.training_rules(recommender.group)
            result, model = learn(case, files, rules)
            duration = behaviour.training_duration(result.interactions)
            if model:
                duration += behaviour.campaign_duration(_items(model), update=False)
            reason = failure or result.failure
            self.after(start + duration - now.time(), lambda: finish(model, reason))

        now.call_at(start + behaviour.pending(behaviour.training_duration(0)), train)

    def _retrain_weekly(self, recommender: Recommender) -> None:
        """Train again every seven days, unless it is stopped then; a failure changes nothing."""
        if not self.behaviour.automatic_training:
            return

        def finish(model: DomainModel | None, failure: str | None) -> None:
            if not failure and recommender.status == "ACTIVE":
                recommender.model = model
                self.advance(recommender, "ACTIVE")

        def again() -> None:
            if recommender.arn not in self.resources:
                return
            if recommender.status == "ACTIVE":
                self._train(recommender, begin=lambda: None, finish=finish)
            self.after(RETRAINING_SECONDS, again)

        self.after(RETRAINING_SECONDS, again)

    def _move(self, arn: str, wanted: str, verb: str, then: str) -> Answer:
        recommender = self.find(Recommender, arn)
        _check_settled(recommender, wanted)
        self.advance(recommender, f"{verb} PENDING")
        duration = self.behaviour.resource_seconds
        self.after(duration / 2, lambda: self.advance(recommender, f"{verb} IN_PROGRESS"))
        self.after(duration, lambda: self.advance(recommender, then))
        return {"recommenderArn": arn}


def _check_settled(recommender: Recommender, *statuses: str) -> None:
    update = recommender.update["status"] if recommender.update else ""
    if recommender.status not in statuses or update in IN_PROGRESS:
        rest = f", its update {update}" if update else ""
        raise in_use(f"Recommender {recommender.arn} is in use: it is {recommender.status}{rest}.")


def _items(model: DomainModel | None) -> int:
    return len(model.trained.items) if model else 0
