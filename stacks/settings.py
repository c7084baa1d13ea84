"""What `environments/<name>.yaml` may say: the typed settings of an environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from stacks import rules
from stacks.schema_files import schema_text

LOG_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip


def _retention_that_cloudwatch_knows(days: int) -> int:
    if days not in LOG_RETENTION_DAYS:
        raise ValueError(
            f"CloudWatch Logs keeps logs for {', '.join(map(str, LOG_RETENTION_DAYS))} days; "
            f"choose one of these instead of {days}"
        )
    return days


def _own_tag_key(key: str) -> str:
    if key.lower().startswith("aws:"):
        raise ValueError(f"{key!r} begins with aws:, which is AWS's own; choose another key")
    return key


KeyArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws(-[a-z]+)*:kms:[a-z0-9\-]+:\d{12}:key/[a-zA-Z0-9\-]+$",
        description="arn:<partition>:kms:<region>:<account>:key/<id>, not an alias.",
    ),
]
TagText = Annotated[str, Field(max_length=256, pattern=r"^[\w \t.:/=+@\-]*$")]
TagKey = Annotated[
    str,
    Field(min_length=1, max_length=128, pattern=r"^[\w \t.:/=+@\-]+$"),
    AfterValidator(_own_tag_key),
]
PersonalizeName = Annotated[
    str, Field(min_length=1, max_length=63, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*$")
]
BucketName = Annotated[
    str,
    Field(json_schema_extra={"pattern": r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$"}),
    AfterValidator(rules.bucket),
]
RoleArn = Annotated[str, Field(max_length=256), AfterValidator(rules.role_arn)]
GlueJob = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(rules.glue_job)]
Location = Annotated[
    str,
    Field(max_length=256, pattern=r"^s3://[a-z0-9.\-]+/(.+/|.+\.csv)?$"),
    AfterValidator(rules.location),
]
Schedule = Annotated[
    str,
    Field(
        max_length=256,
        pattern=r"^(rate\((1 (minute|hour|day)|[1-9][0-9]* (minutes|hours|days))\)"
        r"|cron\(\S+( \S+){5}\))$",
    ),
    AfterValidator(rules.schedule),
]
Units = Annotated[int, Field(ge=1, le=40_000)]  # DynamoDB's quota for a table


class _Settings(BaseModel):
    """Unknown keys are errors, nothing is converted, nothing changes after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, serialize_by_alias=True)


class Provisioned(_Settings):
    """Provisioned throughput as in the article: reads fixed, writes scaled automatically."""

    read: Units = Field(default=1, description="Read capacity units.")
    write: Units = Field(default=1, description="Write capacity units to start from.")
    max_write: Units = Field(default=10, description="Where write auto scaling stops.")


class Table(_Settings):
    """The DynamoDB table with a row per campaign and date."""

    name: str = Field(min_length=3, max_length=255, pattern=r"^[a-zA-Z0-9_.\-]+$")
    capacity: Literal["on_demand"] | Provisioned = Field(
        default="on_demand",
        description="on_demand, or provisioned units as {read: 1, write: 1, max_write: 10}.",
    )


TimeLimit = Annotated[
    int, Field(ge=1, le=240, description="From when the refresh began to wait for it.")
]
Patience = Annotated[
    int,
    Field(
        ge=1,
        le=72,
        description="About how long to try to create it while Personalize is throttled, busy or "
        "unavailable.",
    ),
]
QueueHours = Annotated[
    int,
    Field(ge=1, le=168, description="How long to wait in turn while its quota is full."),
]


class Stage(_Settings):
    """How one stage is polled, and when it has taken too long.

    A round waits a share of the time that the stage has taken so far, within the two bounds: a
    120th of a training, a 60th of an update and of an import (see stacks/rounds.py).
    """

    shortest_wait_seconds: int = Field(default=60, ge=1, le=3600)
    longest_wait_seconds: int = Field(default=900, ge=1, le=3600)
    time_limit_hours: TimeLimit
    patience_hours: Patience


class ImportStage(Stage):
    """How the dataset import job is polled and bounded."""

    time_limit_hours: TimeLimit = 6
    patience_hours: Patience = 4
    queue_hours: QueueHours = 24


class TrainingStage(Stage):
    """How the training is polled and bounded, and what becomes of one that takes too long."""

    time_limit_hours: TimeLimit = 180
    patience_hours: Patience = 4
    queue_hours: QueueHours = 24
    overdue: Literal["stop", "leave"] = Field(
        default="stop",
        description="A training past its time limit is stopped, and billed up to then, or left "
        "running for the next attempt to join.",
    )


class UpdateStage(Stage):
    """How the campaign update is polled and bounded."""

    time_limit_hours: TimeLimit = 12
    patience_hours: Patience = 4


class RecommenderStage(Stage):
    """How a recommender's update is polled and bounded; Personalize trains it in full for that."""

    time_limit_hours: TimeLimit = 180
    patience_hours: Patience = 4


class Stages(_Settings):
    """Poll settings and limits of each stage."""

    dataset_import: ImportStage = ImportStage()
    solution_version: TrainingStage = TrainingStage()
    campaign_update: UpdateStage = UpdateStage()
    recommender_update: RecommenderStage = RecommenderStage()


class Reconcile(_Settings):
    """How often to look for what was missed: lost events, and refreshes that died."""

    schedule: Schedule = Field(
        default="rate(1 day)",
        description="rate(1 day), or cron(minute hour day month weekday year) in time_zone.",
    )
    attempts: int = Field(
        default=3, ge=1, le=20, description="Up to which attempt a failed refresh is tried again."
    )


class ImportRole(_Settings):
    """The role with which Personalize reads the data: an existing one, or one the stack makes."""

    arn: RoleArn | None = Field(default=None, description="An existing role.")
    buckets: list[BucketName] | None = Field(
        default=None, min_length=1, description="Make a role that may read these buckets."
    )
    bucket_keys: list[KeyArn] = Field(
        default=[],
        description="The KMS keys that encrypt these buckets (SSE-KMS), by their ARNs: the made "
        "role may decrypt with them. The keys' own policies must allow Personalize the same.",
    )


class FullEvery(_Settings):
    """When an import or a training is in full although the others are not."""

    days: int | None = Field(
        default=None, ge=1, le=365, description="In full if the last one is so many days old."
    )
    runs: int | None = Field(
        default=None, ge=2, le=100, description="In full every so many runs: 4 is one of four."
    )


class Dataset(_Settings):
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


class Gate(_Settings):
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


class Canary(_Settings):
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


class Bake(_Settings):
    """For how long alarms of the shop are watched after the campaign has moved."""

    minutes: int = Field(ge=1, le=1440)
    alarms: list[AlarmName] = Field(
        min_length=1,
        max_length=20,
        description="CloudWatch alarms, metric or composite, of this account and region. One that "
        "goes to ALARM in this time takes the campaign back.",
    )


# What a campaign can serve; those of user segments have batch jobs only.
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
    "aws-hrnn",
    "aws-hrnn-metadata",
    "aws-hrnn-coldstart",
]


class Campaign(_Settings):
    """A campaign that moves onto a new version of its solution."""

    name: PersonalizeName
    solution: PersonalizeName
    recipe: Recipe | None = Field(
        default=None,
        description="With it the first refresh makes the solution, without automatic training, "
        "and the campaign, if there is none; without it both must exist.",
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


class TrainingColumns(_Settings):
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


class Recommender(_Settings):
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


class Preflight(_Settings):
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


class Refresh(_Settings):
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


class Subscriber(_Settings):
    """Who gets the messages: an endpoint of any protocol that SNS takes."""

    protocol: Literal[
        "email", "email-json", "sms", "http", "https", "sqs", "lambda", "firehose", "application"
    ]
    endpoint: str = Field(
        min_length=1,
        max_length=1024,
        description="An address, a number such as +821012345678, a URL, or the ARN of a queue, "
        "function, delivery stream or device, as the protocol asks.",
    )
    role: RoleArn | None = Field(
        default=None,
        description="firehose only: the role with which SNS writes to the delivery stream.",
    )


class Notifications(_Settings):
    """Who is told of what, in one message for each end of a refresh."""

    subscribers: list[Subscriber] = Field(
        default=[],
        description="E-mail addresses confirm their subscription once; the permissions of queues "
        "and functions are yours. Others may subscribe to the topic of the stack as well.",
    )
    success: bool = Field(default=True, description="Tell of refreshes that end COMPLETE.")
    failure: bool = Field(
        default=True, description="Tell of refreshes and dispatches that fail, and why."
    )
    superseded: bool = Field(
        default=False, description="Tell of refreshes that a newer one has overtaken."
    )
    no_new_data: bool = Field(
        default=False, description="Tell of refreshes that end because no file is new."
    )
    rejected: bool = Field(
        default=True, description="Tell of versions that are not good enough to go live."
    )
    rolled_back: bool = Field(
        default=True, description="Tell of campaigns that were taken back by themselves."
    )
    stale: bool = Field(
        default=True, description="Tell when a campaign is not fresh any more, and when it is."
    )
    glue_failure: bool = Field(
        default=True,
        description="Tell of Glue runs that fail, time out or are stopped.",
    )
    chat: bool = Field(
        default=False,
        description="Make a second topic, with each message as Amazon Q Developer in chat "
        "applications (Slack, Teams) takes it; without it no chat gets anything.",
    )


class Environment(_Settings):
    """One environment: an AWS account and region, and the refreshes that run there."""

    account: str = Field(pattern=r"^[0-9]{12}$", description="Twelve digits, in quotes.")
    region: Annotated[str, AfterValidator(rules.region)] = Field(
        json_schema_extra={"enum": list(rules.REGIONS)},
        description="Where the campaigns are; Amazon Personalize is in these regions.",
    )
    time_zone: Annotated[str, AfterValidator(rules.time_zone)] = Field(
        default="UTC", description="IANA name; a refresh's base_date is the date there."
    )
    table: Table
    stages: Stages = Stages()
    log_retention_days: Annotated[int, AfterValidator(_retention_that_cloudwatch_knows)] = 90
    removal_policy: Literal["retain", "destroy"] = Field(
        default="retain",
        description="What happens to the table and the logs when the stack is deleted; "
        "retain also protects the table from deletion.",
    )
    tags: dict[TagKey, TagText] = Field(
        default={}, max_length=50, description="Tags of everything in the stack that can have them."
    )
    permissions_boundary: str | None = Field(
        default=None,
        pattern=r"^arn:aws(-[a-z]+)*:iam::(\d{12}|aws):policy/.+$",
        description="The ARN of a managed policy, the boundary of every role of the stack.",
    )
    encryption_key: KeyArn | None = Field(
        default=None,
        description="A KMS key of yours that encrypts the table, the queue and the logs, by its "
        "ARN; without one AWS's own keys do. Its policy is yours: docs/deploy.md has it.",
    )
    import_role: ImportRole
    reconcile: Literal["never"] | Reconcile = Field(
        default=Reconcile(),
        description="never, or when to look for what was missed, as {schedule: rate(1 day)}.",
    )
    automatic_training: Literal["refuse", "warn"] = Field(
        default="refuse",
        description="What to do about a solution with performAutoTraining, which is trained and "
        "billed beside the refresh: fail before anything is paid, or go on and say so in the "
        "log and the output of the execution.",
    )
    notifications: Notifications = Notifications()
    event_bus: str | None = Field(
        default=None,
        max_length=256,
        pattern=r"^[a-zA-Z0-9/._\-]+$",
        description="The name of the EventBridge bus, of this account and region, that gets an "
        "event for each change of a row; the default bus without one. "
        "docs/refresh-event.schema.json describes the events.",
    )
    refreshes: list[Refresh] = Field(min_length=1)

    @property
    def partition(self) -> str:
        """The partition that the region belongs to: aws or aws-cn."""
        return rules.partition(self.region)

    @property
    def url_suffix(self) -> str:
        """What the names of the partition's services end with."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    @property
    def event_bus_arn(self) -> str:
        """The ARN of the bus that gets the events."""
        return self.arn("events", f"event-bus/{self.event_bus or 'default'}")

    @property
    def glue_jobs(self) -> list[str]:
        """Every Glue job that starts a refresh, once, in the order of the file."""
        return list(dict.fromkeys(refresh.glue_job for refresh in self.refreshes))

    @property
    def datasets(self) -> list[Dataset]:
        """The datasets of all refreshes; one that several refreshes share stands several times."""
        return [dataset for refresh in self.refreshes for dataset in refresh.datasets]

    @property
    def campaigns(self) -> list[Campaign]:
        """The campaigns of all refreshes."""
        return [campaign for refresh in self.refreshes for campaign in refresh.campaigns]

    @property
    def recommenders(self) -> list[Recommender]:
        """The recommenders of all refreshes."""
        return [each for refresh in self.refreshes for each in refresh.recommenders]

    @property
    def entries(self) -> list[Campaign | Recommender]:
        """The campaigns and recommenders of all refreshes, each of which has rows of its own."""
        return [entry for refresh in self.refreshes for entry in refresh.entries]

    @property
    def watched(self) -> list[Campaign | Recommender]:
        """The campaigns and recommenders whose freshness is watched."""
        return [entry for entry in self.entries if entry.fresh_within_hours is not None]

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in this environment's account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def dataset_group_arn(self, dataset: Dataset) -> str:
        """Return the ARN of the dataset group of a dataset."""
        return self.arn("personalize", f"dataset-group/{dataset.dataset_group}")

    def dataset_arn(self, dataset: Dataset) -> str:
        """Return the ARN of a Personalize dataset."""
        return self.arn("personalize", f"dataset/{dataset.dataset_group}/{dataset.type}")

    def solution_arn(self, campaign: Campaign) -> str:
        """Return the ARN of the solution that a campaign serves."""
        return self.arn("personalize", f"solution/{campaign.solution}")

    def campaign_arn(self, campaign: Campaign) -> str:
        """Return the ARN of a campaign."""
        return self.arn("personalize", f"campaign/{campaign.name}")

    def recommender_arn(self, recommender: Recommender) -> str:
        """Return the ARN of a recommender."""
        return self.arn("personalize", f"recommender/{recommender.name}")
