"""What `environments/<name>.yaml` may say: the typed settings of an environment."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stacks import rules
from stacks.refresh_settings import Campaign, Dataset, Recommender, Refresh
from stacks.setting_types import (
    BucketName,
    KeyArn,
    RetentionDays,
    RoleArn,
    Schedule,
    Strict,
    TagKey,
    TagText,
    Units,
)
from stacks.stage_settings import Stages


class Provisioned(Strict):
    """Provisioned throughput as in the article: reads fixed, writes scaled automatically."""

    read: Units = Field(default=1, description="Read capacity units.")
    write: Units = Field(default=1, description="Write capacity units to start from.")
    max_write: Units = Field(default=10, description="Where write auto scaling stops.")


class Table(Strict):
    """The DynamoDB table with a row per campaign and date."""

    name: str = Field(min_length=3, max_length=255, pattern=r"^[a-zA-Z0-9_.\-]+$")
    capacity: Literal["on_demand"] | Provisioned = Field(
        default="on_demand",
        description="on_demand, or provisioned units as {read: 1, write: 1, max_write: 10}.",
    )


class Reconcile(Strict):
    """How often to look for what was missed: lost events, and refreshes that died."""

    schedule: Schedule = Field(
        default="rate(1 day)",
        description="rate(1 day), or cron(minute hour day month weekday year) in time_zone.",
    )
    attempts: int = Field(
        default=3, ge=1, le=20, description="Up to which attempt a failed refresh is tried again."
    )


class ImportRole(Strict):
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


class Subscriber(Strict):
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


class Notifications(Strict):
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


class Environment(Strict):
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
    log_retention_days: RetentionDays = 90
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
