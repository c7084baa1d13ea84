"""What one refresh does: its datasets, its campaigns and what guards them, its recommenders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from stacks.schema_files import schema_text
from stacks.setting_types import GlueJob, Location, PersonalizeName, Strict


class FullEvery(Strict):
    """When an import or a training is in full although the others are not."""

    days: int | None = Field(
        default=None, ge=1, le=365, description="In full if the last one is so many days old."
    )
    runs: int | None = Field(
        default=None, ge=2, le=100, description="In full every so many runs: 4 is one of four."
    )


class Dataset(Strict):
    """A Personalize dataset that the Glue job delivers, and where it lies."""

    dataset_group: PersonalizeName
    type: Literal["INTERACTIONS", "ITEMS", "USERS", "ACTIONS", "ACTION_INTERACTIONS"]
    location: Location = Field(
        description="A folder, with its trailing /, or one .csv file: s3://bucket/folder/. "
        "{base_date} in it is the run's date (20200928), as in s3://bucket/dt={base_date}/."
    )
    import_mode: Literal["FULL", "INCREMENTAL"] = Field(
        default="FULL",
        description="FULL replaces what was imported before. INCREMENTAL adds to it, but for the "
        "imports that full_every asks for.",
    )
    full_every: FullEvery | None = Field(
        default=None, description="INCREMENTAL only, and needed there: {days: 28} or {runs: 4}."
    )
    full_location: Location | None = Field(
        default=None,
        description="INCREMENTAL only: where all data lies that a FULL import reads, if location "
        "has only what is new.",
    )
    avro_schema: str | None = Field(
        default=None,
        alias="schema",
        description="A file with the dataset's Avro schema, from this file's folder on: "
        "schemas/interactions.avsc. With it the first refresh makes the dataset, and its dataset "
        "group, if there is none; without it both must exist.",
    )

    @field_validator("avro_schema")
    @classmethod
    def _read(cls, path: str | None, info: ValidationInfo) -> str | None:
        """Put the schema itself in the place of the path, from the folder of the context on."""
        folder: Path = (info.context or {}).get("folder", Path())
        return schema_text(folder / path, info.data.get("type")) if path else None

    @property
    def objects(self) -> list[str]:
        """What the data's files are called, as policies name them: bucket/folder/* or one file."""
        named = []
        for location in filter(None, (self.location, self.full_location)):
            key, date, _ = location.removeprefix("s3://").partition("{base_date}")
            named.append(f"{key}*" if date or key.endswith("/") else key)
        return named


Share = Annotated[float, Field(ge=0, le=1)]
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]


class Gate(Strict):
    """How good a new solution version must be before the campaign moves onto it."""

    largest_drop: dict[MetricName, Share] = Field(
        default={"normalized_discounted_cumulative_gain_at_25": 0.25},
        description="By how much a metric of GetSolutionMetrics may be lower than that of the "
        "version that the campaign serves: 0.2 is a fifth.",
    )
    floor: dict[MetricName, float] = Field(
        default={}, description="What a metric must be at least, whatever the campaign serves."
    )
    unknown: Literal["pass", "hold"] = Field(
        default="pass",
        description="What to do when a metric, or a version to compare with, is missing: go on "
        "and say so in the row, or hold the version back for a person.",
    )


class Canary(Strict):
    """What a campaign must recommend to some users right after it has moved."""

    user_ids: list[Annotated[str, Field(min_length=1, max_length=256)]] = Field(
        default=[], max_length=100, description="Users to ask for; without any they are drawn."
    )
    users_drawn: int = Field(
        default=20, ge=1, le=100, description="How many users to draw from the imported data."
    )
    least_items: int = Field(
        default=1, ge=1, le=500, description="How many items make a response usable."
    )
    largest_share_without: Share = Field(
        default=0.1, description="Which share of the users may get no usable response."
    )
    latest_seconds: float = Field(
        default=2.0, gt=0, le=30, description="A response that takes longer is not usable."
    )


AlarmName = Annotated[str, Field(min_length=1, max_length=255)]


class Bake(Strict):
    """For how long alarms of the shop are watched after the campaign has moved."""

    minutes: int = Field(ge=1, le=1440)
    alarms: list[AlarmName] = Field(
        min_length=1,
        max_length=20,
        description="CloudWatch alarms, metric or composite, of this account and region. One that "
        "goes to ALARM in this time takes the campaign back.",
    )


# What a campaign can serve; those of user segments have batch jobs only. The guide says of the HRNN
# recipes that they are no longer available, so that no new solution can have one.
Recipe = Literal[
    "aws-user-personalization-v2",
    "aws-user-personalization",
    "aws-personalized-ranking-v2",
    "aws-personalized-ranking",
    "aws-similar-items",
    "aws-semantic-similarity",
    "aws-trending-now",
    "aws-popularity-count",
    "aws-next-best-action",
    "aws-sims",
]


class Campaign(Strict):
    """A campaign that moves onto a new version of its solution."""

    name: PersonalizeName
    solution: PersonalizeName
    recipe: Recipe | None = Field(
        default=None,
        description="With it the first refresh makes the solution, without automatic training, "
        "and the campaign, if there is none; without it both must exist. A solution of an HRNN "
        "recipe, which AWS no longer offers, must exist.",
    )
    min_provisioned_tps: int = Field(
        default=1,
        ge=1,
        description="With recipe: the capacity, in requests a second, with which the campaign is "
        "made, and which is billed at the least.",
    )
    training_mode: Literal["FULL", "UPDATE"] = Field(
        default="FULL",
        description="UPDATE trains on what is new since the last training, but for those that "
        "full_every asks for. It ends the version's own updates with new items.",
    )
    full_every: FullEvery | None = Field(
        default=None, description="UPDATE only, and needed there: {days: 28} or {runs: 4}."
    )
    gate: Literal["never"] | Gate = Field(
        default=Gate(), description="never, or what a new version must be as good as."
    )
    canary: Literal["never"] | Canary = Field(
        default="never",
        description="never, or {}: ask the campaign for recommendations after it has moved, and "
        "take it back if they are not as they should be.",
    )
    bake: Literal["never"] | Bake = Field(
        default="never",
        description="never, or {minutes: 60, alarms: [shop-checkout-errors]}: watch these alarms "
        "after the campaign has moved, and take it back if one goes to ALARM.",
    )
    fresh_within_hours: int | None = Field(
        default=None,
        ge=1,
        description="Alarm when no refresh of the campaign has been COMPLETE for longer than "
        "this; not watched without it. A week and a day: 192.",
    )


ColumnName = Annotated[str, Field(max_length=150, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
ColumnsByType = dict[
    Literal["INTERACTIONS", "ITEMS", "USERS"],
    Annotated[list[ColumnName], Field(min_length=1, max_length=50)],
]
MOST_COLUMN_CHARACTERS = 3_000  # they are part of each execution's input


class TrainingColumns(Strict):
    """Which columns of the datasets a recommender learns from."""

    excluded: ColumnsByType = Field(
        default={},
        description="By dataset type, the columns to leave out: {ITEMS: [SUPPLIER, WEIGHT]}.",
    )
    included: ColumnsByType = Field(
        default={}, description="By dataset type, the columns to use, and no others."
    )

    @model_validator(mode="after")
    def _that_personalize_takes(self) -> Self:
        if not self.excluded and not self.included:
            raise ValueError(
                "names no column; write {excluded: {ITEMS: [COLUMN]}}, or remove training_columns, "
                "and the recommender keeps those that it has"
            )
        if twice := sorted(set(self.excluded) & set(self.included)):
            raise ValueError(
                f"has {', '.join(twice)} in both excluded and included; name each type in one"
            )
        if "EVENT_TYPE" in self.excluded.get("INTERACTIONS", []):
            raise ValueError("EVENT_TYPE cannot be excluded from a training; remove it")
        every = [*self.excluded.values(), *self.included.values()]
        length = sum(len(name) for names in every for name in names)
        if length > MOST_COLUMN_CHARACTERS:
            raise ValueError(
                f"the names have {length:,} characters together, and {MOST_COLUMN_CHARACTERS:,} "
                "are possible; name the columns of the shorter list, excluded or included"
            )
        return self


class Recommender(Strict):
    """A recommender of a domain dataset group, which Personalize trains and serves by itself."""

    recommender: PersonalizeName = Field(
        description="Instead of name and solution: a recommender of a domain dataset group."
    )
    training_columns: TrainingColumns | None = Field(
        default=None,
        description="The columns that it shall learn from. If it has others, a refresh changes "
        "them after the imports, for which Personalize retrains it in full.",
    )
    fresh_within_hours: int | None = Field(
        default=None,
        ge=1,
        description="Alarm when no refresh of the recommender has been COMPLETE for longer than "
        "this; not watched without it.",
    )

    @property
    def name(self) -> str:
        """The recommender's name, by which its row is found."""
        return self.recommender


def _kind_of_entry(entry: Any) -> str:
    is_recommender = isinstance(entry, Recommender)
    is_recommender |= isinstance(entry, dict) and "recommender" in entry
    return "Recommender" if is_recommender else "Campaign"


# Judged as one of the two, so that the problems of the other are not told.
Entry = Annotated[
    Annotated[Campaign, Tag("Campaign")] | Annotated[Recommender, Tag("Recommender")],
    Discriminator(_kind_of_entry),
]


class Preflight(Strict):
    """What is looked at in the data before an import is paid for."""

    no_new_data: Literal["end", "go_on"] = Field(
        default="end",
        description="What to do when no file is newer than the last import: end as NO_NEW_DATA, "
        "or import and train all the same.",
    )
    smallest_share: Share = Field(
        default=0.5,
        description="Refuse data that is smaller than this share of the last run's bytes; 0: any.",
    )


class Refresh(Strict):
    """What happens when one Glue job has succeeded."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*$")
    glue_job: GlueJob
    preflight: Literal["never"] | Preflight = Field(
        default=Preflight(),
        description="never, or what to look at in the data before anything is paid for.",
    )
    datasets: list[Dataset] = Field(min_length=1)
    entries: list[Entry] = Field(
        min_length=1,
        alias="campaigns",
        description="Campaigns that move onto new versions of their solutions, and recommenders of "
        "a domain dataset group.",
    )

    @property
    def campaigns(self) -> list[Campaign]:
        """The campaigns."""
        return [entry for entry in self.entries if isinstance(entry, Campaign)]

    @property
    def recommenders(self) -> list[Recommender]:
        """The recommenders."""
        return [entry for entry in self.entries if isinstance(entry, Recommender)]
