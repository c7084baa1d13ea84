"""The resources of one region's Personalize, each as its Describe operation shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from embedded_aws.services.personalize.action_model import ActionModel
    from embedded_aws.services.personalize.avro import Column
    from embedded_aws.services.personalize.domain_model import DomainModel
    from embedded_aws.services.personalize.filter_expressions import Statement
    from embedded_aws.services.personalize.semantic_model import SemanticModel
    from embedded_aws.services.personalize.training import Trained

Answer = dict[str, Any]

IN_PROGRESS = ("CREATE PENDING", "CREATE IN_PROGRESS")


class PersonalizeError(ServiceException):
    """An error as the service returns it: its code (`InvalidInputException`) and message."""


@dataclass(eq=False, kw_only=True)
class Resource:
    """What every resource has; times are epoch seconds."""

    kind: str  # as in the ARN, but "solution-version"
    arn: str
    created: float
    updated: float
    status: str = "CREATE PENDING"
    failure_reason: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def describe(self) -> Answer:
        """Return what is known about the resource, by the names of the API.

        A little more than some operations show: the response keeps only what the output shape has.
        """
        common = present(
            status=self.status,
            failureReason=self.failure_reason,
            creationDateTime=self.created,
            lastUpdatedDateTime=self.updated,
        )
        return common | self._members()

    def _members(self) -> Answer:
        """Return what only this kind of resource has."""
        return {}


@dataclass(eq=False, kw_only=True)
class DatasetGroup(Resource):
    """A container of datasets, solutions and campaigns."""

    name: str
    role_arn: str | None = None
    kms_key_arn: str | None = None
    domain: str | None = None

    def _members(self) -> Answer:
        return present(
            name=self.name,
            datasetGroupArn=self.arn,
            roleArn=self.role_arn,
            kmsKeyArn=self.kms_key_arn,
            domain=self.domain,
        )


@dataclass(eq=False, kw_only=True)
class Schema(Resource):
    """An Avro schema; it has no status."""

    name: str
    schema: str  # JSON
    columns: Mapping[str, Column]  # by name, in order
    domain: str | None = None

    def _members(self) -> Answer:
        return present(
            name=self.name,
            schemaArn=self.arn,
            schema=self.schema,
            domain=self.domain,
        )


@dataclass(eq=False, kw_only=True)
class Dataset(Resource):
    """One of a group's datasets, with the Parquet files of what was imported into it."""

    name: str
    group: DatasetGroup
    dataset_type: str  # upper case: INTERACTIONS
    schema: Schema
    files: tuple[Path, ...] = ()  # replaced, never changed: a training keeps what it started with
    update: Answer | None = None  # the last UpdateDataset, as latestDatasetUpdate shows it
    came: dict[Path, float] = field(default_factory=dict)  # when each file was imported
    # Records put one by one and when they came, oldest first; replaced, never changed.
    streamed: tuple[tuple[float, Answer], ...] = ()
    # By session, the events of users who are not known yet.
    sessions: dict[str, list[Answer]] = field(default_factory=dict)
    changed: float | None = None  # when data last came
    tracking_id: str | None = None  # of action interactions, which have a tracker of their own

    def _members(self) -> Answer:
        return present(
            name=self.name,
            datasetArn=self.arn,
            datasetGroupArn=self.group.arn,
            datasetType=self.dataset_type,
            schemaArn=self.schema.arn,
            latestDatasetUpdate=self.update,
            trackingId=self.tracking_id,
        )


@dataclass(eq=False, kw_only=True)
class EventTracker(Resource):
    """Leads events to the interactions of its dataset group."""

    name: str
    group: DatasetGroup
    tracking_id: str

    def _members(self) -> Answer:
        return {
            "name": self.name,
            "eventTrackerArn": self.arn,
            "trackingId": self.tracking_id,
            "datasetGroupArn": self.group.arn,
        }


@dataclass(eq=False, kw_only=True)
class Filter(Resource):
    """An expression that leaves items or actions out of recommendations."""

    name: str
    group: DatasetGroup
    expression: str
    statements: list[Statement]  # the expression, parsed

    def _members(self) -> Answer:
        return {
            "name": self.name,
            "filterArn": self.arn,
            "datasetGroupArn": self.group.arn,
            "filterExpression": self.expression,
        }


@dataclass(eq=False, kw_only=True)
class DatasetImportJob(Resource):
    """One import; it cannot be stopped or deleted, and its name cannot be used again."""

    name: str
    dataset: Dataset
    data_location: str
    role_arn: str
    import_mode: str
    publish_attribution_metrics: bool | None = None

    def _members(self) -> Answer:
        return present(
            jobName=self.name,
            datasetImportJobArn=self.arn,
            datasetArn=self.dataset.arn,
            dataSource={"dataLocation": self.data_location},
            roleArn=self.role_arn,
            importMode=self.import_mode,
            publishAttributionMetricsToS3=self.publish_attribution_metrics,
        )


@dataclass(eq=False, kw_only=True)
class Solution(Resource):
    """A recipe and its configuration, from which versions are trained."""

    name: str
    group: DatasetGroup
    settings: Answer  # recipeArn, performAutoTraining, … as requested, with defaults filled in
    versions: list[SolutionVersion] = field(default_factory=list)  # oldest first
    update: Answer | None = None  # the last UpdateSolution, as latestSolutionUpdate shows it
    schedules: int = 0  # of automatic training that began so far; only the last one trains

    def _members(self) -> Answer:
        return self.settings | present(
            name=self.name,
            solutionArn=self.arn,
            datasetGroupArn=self.group.arn,
            latestSolutionVersion=self.versions[-1].describe() if self.versions else None,
            latestSolutionUpdate=self.update,
        )


@dataclass(eq=False, kw_only=True)
class SolutionVersion(Resource):
    """One training and, once it is ACTIVE, the model it made."""

    solution: Solution
    name: str | None = None
    training_mode: str
    training_type: str = "MANUAL"
    training_hours: float | None = None
    trained: Trained | None = None
    actions: ActionModel | None = None  # what a recipe for actions has learnt beside it
    texts: SemanticModel | None = None  # what Semantic-Similarity has learnt in its place

    def _members(self) -> Answer:
        return self.solution.settings | present(
            name=self.name,
            solutionVersionArn=self.arn,
            solutionArn=self.solution.arn,
            datasetGroupArn=self.solution.group.arn,
            trainingMode=self.training_mode,
            trainingType=self.training_type,
            trainingHours=self.training_hours,
        )


@dataclass(eq=False, kw_only=True)
class CampaignUpdate:
    """The last UpdateCampaign of a campaign: the new settings, and its progress."""

    version: SolutionVersion
    deploys: str  # as it was requested: a version's ARN, or <solution ARN>/$LATEST
    minimum_tps: int
    config: Answer | None
    created: float
    updated: float
    status: str
    failure_reason: str | None = None

    def describe(self) -> Answer:
        """Return the update as `latestCampaignUpdate` shows it."""
        return present(
            solutionVersionArn=self.deploys,
            minProvisionedTPS=self.minimum_tps,
            campaignConfig=self.config,
            status=self.status,
            failureReason=self.failure_reason,
            creationDateTime=self.created,
            lastUpdatedDateTime=self.updated,
        )


@dataclass(eq=False, kw_only=True)
class Campaign(Resource):
    """Serves recommendations from one solution version, also while it is being updated."""

    name: str
    version: SolutionVersion
    deploys: str  # as it was requested: a version's ARN, or <solution ARN>/$LATEST
    minimum_tps: int
    config: Answer | None
    update: CampaignUpdate | None = None
    deployed: float = 0.0  # since when it serves its version

    def _members(self) -> Answer:
        return present(
            name=self.name,
            campaignArn=self.arn,
            solutionVersionArn=self.deploys,
            minProvisionedTPS=self.minimum_tps,
            campaignConfig=self.config,
            latestCampaignUpdate=self.update.describe() if self.update else None,
        )


@dataclass(eq=False, kw_only=True)
class Recommender(Resource):
    """Serves recommendations of a domain's use case, from a model that it trains itself."""

    name: str
    group: DatasetGroup
    recipe_arn: str
    config: Answer
    model: DomainModel | None = None
    update: Answer | None = None  # the last one, as latestRecommenderUpdate shows it

    def _members(self) -> Answer:
        return present(
            name=self.name,
            recommenderArn=self.arn,
            datasetGroupArn=self.group.arn,
            recipeArn=self.recipe_arn,
            recommenderConfig=self.config,
            latestRecommenderUpdate=self.update,
            modelMetrics=self.model.trained.metrics if self.model else None,
        )


def present(**members: Any) -> Answer:
    """Return only the members that are set: the service leaves the others out."""
    return {name: value for name, value in members.items() if value is not None}
