"""What the stack hands to the tasks that announce, and the event that they send, typed once.

`AnnounceSettings` is written by stacks/announce_settings.py at synthesis. `Detail` is the detail
of an event on the bus; docs/refresh-event.schema.json describes it to others. Times are epoch
seconds in rows and ISO 8601 in UTC in events, durations seconds, dates numbers such as 20200928.
"""

from typing import Literal, NotRequired, TypedDict

Stage = Literal[
    "dataset import",
    "solution version",
    "campaign update",
    "recommender update",
    "refresh",
    "glue job",
    "dispatch",
]


class AnnouncedCampaign(TypedDict):
    """A campaign: its refresh, and the type of the dataset whose attributes have no prefix.

    A recommender has no `campaign_arn`.
    """

    refresh: str
    campaign_arn: NotRequired[str]
    first_dataset_type: str


class AnnounceSettings(TypedDict):
    """An environment, as far as announcing needs it; the switches are its notifications'."""

    environment: str
    account: str
    region: str
    event_bus: str
    reconcile_attempts: int  # 0: nothing but a person starts a failed refresh again
    success: bool
    failure: bool
    superseded: bool
    no_new_data: bool
    rejected: bool
    rolled_back: bool
    glue_failure: bool
    campaigns: dict[str, AnnouncedCampaign]
    glue_jobs: dict[str, list[str]]  # the names of the refreshes that a job starts


class Durations(TypedDict, total=False):
    """How long the stages took that have ended, and the refresh once it has."""

    dataset_import: int
    solution_version: int
    campaign_update: int
    recommender_update: int
    refresh: int


class Detail(TypedDict):
    """The detail of an event: one change of one status.

    `id` is the same whenever the same change is announced again. `campaign` and `base_date` are
    None for what has no row. `reason` is never empty; it is None for what needs none.
    """

    version: Literal["1"]
    id: str
    environment: str
    campaign: str | None
    base_date: int | None
    refresh: str | None
    stage: Stage
    dataset_type: str | None
    status: str
    previous_status: str | None
    reason: str | None
    failure_kind: str | None
    attempt: int | None
    run_key: str | None
    execution_arn: str | None
    solution_version_arn: str | None
    durations_seconds: Durations
    cost_usd: float | None
    time: str
