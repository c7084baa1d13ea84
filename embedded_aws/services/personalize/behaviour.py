"""What may differ from one rehearsal to the next: quotas, durations, and what AWS leaves open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from embedded_aws.services.personalize.avro import SchemaRules, metadata_fields
from embedded_aws.services.personalize.csv_dialect import Dialect
from embedded_aws.services.personalize.training_rules import TrainingRules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from embedded_aws.services.personalize.avro import Column

MINUTE = 60.0


@dataclass
class PersonalizeBehaviour:
    """One region's Personalize as a rehearsal wants it; change its fields at any time.

    The defaults are AWS's default quotas and plausible times. Where no source settles how the
    real service behaves, a field offers both; its default is named in the field's comment.
    """

    # Quotas. Exceeding one is a LimitExceededException.
    import_jobs_in_progress: int = 5
    solution_versions_in_progress: int = 20
    dataset_groups: int = 5
    solutions_per_dataset_group: int = 10
    campaigns_per_dataset_group: int = 5
    recommenders: int = 15
    schemas: int = 500
    event_trackers: int = 500
    filters: int = 10

    # Limits of one import, in bytes and records.
    full_import_bytes: int = 100 * 1024**3
    incremental_import_bytes: int = 1024**3
    # The quota page names 1,000 as the minimum of an import of interactions in either mode.
    import_minimum_records: int = 1000
    incremental_minimum_records: int = 1000

    # Limits of the data that is trained on.
    # Distinct event types and metadata columns of an Interactions dataset together.
    event_types_and_columns: int = 10
    # The least share of all users who must have at least 2 interactions.
    least_share_of_users: float = 0.01

    # Durations in simulated seconds from the request to the end; None: computed from the data.
    import_seconds: float | None = None
    training_seconds: float | None = None
    campaign_seconds: float | None = None
    campaign_update_seconds: float | None = None
    # Dataset groups, datasets, solutions, and deletions of anything.
    resource_seconds: float = 30.0
    # CREATE PENDING lasts this long, or half of a shorter duration; then CREATE IN_PROGRESS.
    pending_seconds: float = 60.0
    # CREATE STOPPING lasts this long.
    stopping_seconds: float = 120.0
    # `trainingHours` is what is billed, on more machines than one: it exceeds the wall hours.
    billed_hours_per_hour: float = 1.5

    # How often a deployed version of a self-updating recipe takes in new items.
    automatic_update_seconds: float = 2 * 60 * MINUTE
    # How often a deployed version of Semantic-Similarity takes in new and changed items.
    incremental_update_seconds: float = 30 * MINUTE

    # Whether solutions with performAutoTraining really train by themselves, and recommenders every
    # week. Off, because they do so forever, and a clock that jumps would never come to rest.
    automatic_training: bool = False

    # What no source settles.
    # The status strings of a campaign's update: CREATE PENDING … or UPDATE PENDING ….
    campaign_update_status: Literal["CREATE", "UPDATE"] = "CREATE"
    # A solution version's name that its solution has already used.
    taken_solution_version_name: Literal["refused", "accepted"] = "refused"
    # UpdateCampaign with the values that the campaign has: InvalidInput, or another update.
    unchanged_campaign_update: Literal["refused", "accepted"] = "refused"
    # CreateCampaign or UpdateCampaign with a version that is not ACTIVE.
    inactive_solution_version: Literal["InvalidInputException", "ResourceInUseException"] = (
        "InvalidInputException"
    )
    # CreateSolutionVersion while an import into its dataset group runs: ResourceInUse, or trains
    # on the data as it is when the training starts.
    training_during_import: Literal["refused", "accepted"] = "accepted"
    # INCREMENTAL into a dataset that has no bulk data: InvalidInput at once, or CREATE FAILED.
    incremental_without_bulk: Literal["refused", "failed"] = "refused"
    # Which records of an INCREMENTAL import count for its minimum: those that are not in the
    # dataset yet, since Personalize keeps only one of two equal events, or all.
    incremental_records: Literal["new", "all"] = "new"

    # A CSV whose columns are not in the schema's order. The guide says that they must be; AWS's own
    # workshop (POC_in_a_box of amazon-personalize-samples) imports one in which they are not.
    columns_in_another_order: Literal["accepted", "failed"] = "accepted"
    # Two double quotes within a quoted value. The guide names only the backslash as escape, so they
    # are text; or they stand for one, as in RFC 4180.
    doubled_quotes: Literal["text", "one quote"] = "text"
    # Lines without any character.
    blank_lines: Literal["skipped", "failed"] = "skipped"
    # EVENT_TYPE values that are reserved keywords, such as IMPRESSION: the guide says that they
    # cannot be used, and not what happens otherwise.
    keywords_as_event_types: Literal["failed", "accepted"] = "failed"
    # Which call refuses a schema that its dataset type cannot have.
    schemas_are_checked_by: Literal["CreateDataset", "CreateSchema"] = "CreateDataset"
    # EVENT_TYPE and CREATION_TIMESTAMP with null: the guide lists their types without null, and
    # tells what happens to items without a creation timestamp.
    null_in_reserved_fields: Literal["accepted", "refused"] = "accepted"
    # Whether a string that is neither categorical nor textual is the one metadata field that Items
    # and Users need: the guide asks for a categorical one, and says of others only that trainings
    # do not use them.
    plain_string_as_metadata: Literal["accepted", "refused"] = "accepted"
    # A training on more than `event_types_and_columns`.
    too_many_event_types: Literal["failed", "accepted"] = "failed"
    # Which columns count among these: the definition of metadata leaves out reserved keywords, the
    # page on the Interactions schema counts EVENT_TYPE and EVENT_VALUE.
    event_types_counted_with: Literal["metadata", "metadata, EVENT_TYPE and EVENT_VALUE"] = (
        "metadata"
    )
    # CreateDataset with a schema of another domain than its group's, or of none.
    schema_of_another_domain: Literal["refused", "accepted"] = "refused"
    # UpdateDataset while an import into the dataset runs: it lists ResourceInUse, and not when.
    dataset_update_during_import: Literal["refused", "accepted"] = "refused"
    # Properties of a single record that the schema does not have, or has with another type: the
    # guide says that they must match, and not what happens otherwise.
    properties_that_do_not_fit: Literal["refused", "ignored"] = "refused"
    # Keywords of a filter expression that are not in upper case, as the guide writes them.
    filter_keywords: Literal["upper case", "any case"] = "upper case"
    # A filter of a field that the group's datasets do not have, or of another type: InvalidInput at
    # once, or CREATE FAILED.
    filter_of_unknown_field: Literal["refused", "failed"] = "refused"
    # NOT IN ($NAME): the guide names placeholders with IN and with comparisons.
    placeholders_with_not_in: Literal["refused", "accepted"] = "refused"
    # CreateSolution with an HRNN recipe: the guide says that they are no longer available, and not
    # how the call is refused, nor since when; the recordings are older and have them.
    new_hrnn_solutions: Literal["accepted", "refused"] = "accepted"
    # performIncrementalUpdate of a recipe other than Semantic-Similarity, the only one that has it.
    other_incremental_updates: Literal["refused", "accepted"] = "refused"
    # A recommender or a training that needs a dataset which its group does not have (Items,
    # Actions): InvalidInput at once, or CREATE FAILED.
    missing_dataset: Literal["refused", "failed"] = "refused"
    # Action interactions with another EVENT_TYPE than Taken, Not Taken and Viewed: they fail the
    # import, or they are imported, and no training uses them.
    other_action_events: Literal["failed", "accepted"] = "failed"
    # UpdateRecommender with the configuration that it has: the guide says that no update occurs,
    # and not whether the call succeeds.
    unchanged_recommender_update: Literal["accepted", "refused"] = "accepted"

    # Failures to come: by kind ("dataset-import-job", "solution-version", "campaign",
    # "campaign-update", "recommender", "recommender-update") the failureReason of the next ones,
    # first come first served.
    planned_failures: dict[str, list[str]] = field(default_factory=dict)
    # Errors to come: by operation ("CreateSolutionVersion") those of its next valid requests.
    planned_errors: dict[str, list[str]] = field(default_factory=dict)

    def schema_rules(self) -> SchemaRules:
        """Return how schemas are judged."""
        return SchemaRules(
            allows_null_in_reserved=self.null_in_reserved_fields == "accepted",
            counts_plain_strings=self.plain_string_as_metadata == "accepted",
        )

    def dialect(self) -> Dialect:
        """Return how CSV files are read."""
        return Dialect(
            doubles_quotes=self.doubled_quotes == "one quote",
            skips_blank_lines=self.blank_lines == "skipped",
        )

    def training_rules(self, columns: Mapping[str, Column]) -> TrainingRules:
        """Return what a training on Interactions with these columns needs."""
        counted = len(metadata_fields("INTERACTIONS", columns))
        if self.event_types_counted_with != "metadata":
            counted += len(columns.keys() & {"EVENT_TYPE", "EVENT_VALUE"})
        most = self.event_types_and_columns - counted
        return TrainingRules(
            most_event_types=most if self.too_many_event_types == "failed" else None,
            least_share_of_users=self.least_share_of_users,
        )

    def import_duration(self, size: int) -> float:
        """Return an import's seconds for its bytes: 4 to 17 minutes."""
        computed = (4 + 13 * min(1.0, size / 1e9)) * MINUTE
        return computed if self.import_seconds is None else self.import_seconds

    def training_duration(self, interactions: int) -> float:
        """Return a training's seconds: 20 minutes upwards, 6 hours for 25 million interactions."""
        computed = (20 + 340 * interactions / 25e6) * MINUTE
        return computed if self.training_seconds is None else self.training_seconds

    def campaign_duration(self, items: int, *, update: bool) -> float:
        """Return the seconds of a campaign's creation or update: 5 to 15 minutes."""
        computed = (5 + 10 * min(1.0, items / 100_000)) * MINUTE
        wanted = self.campaign_update_seconds if update else self.campaign_seconds
        return computed if wanted is None else wanted

    def pending(self, duration: float) -> float:
        """Return for how many seconds of a duration a resource is CREATE PENDING."""
        return min(self.pending_seconds, duration / 2)

    def take_failure(self, kind: str) -> str | None:
        """Take the next planned failure of this kind, if any."""
        return _next(self.planned_failures, kind)

    def take_error(self, operation: str) -> str | None:
        """Take the name of the next planned error of this operation, if any."""
        return _next(self.planned_errors, operation)


def _next(planned: dict[str, list[str]], key: str) -> str | None:
    return planned[key].pop(0) if planned.get(key) else None
