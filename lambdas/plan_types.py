"""What the stack hands to the tasks, and the tasks to the workflow: JSON objects, typed once.

`PlanSettings` is written by stacks/plan.py at synthesis and read by "Plan refresh", which returns
an `Execution` for each campaign; its `input` is what the refresh workflow and its tasks read.
Times are epoch seconds, durations seconds, dates numbers such as 20200928.
"""

from typing import Literal, NotRequired, TypedDict

ImportMode = Literal["FULL", "INCREMENTAL"]
TrainingMode = Literal["FULL", "UPDATE"]


class StageLimits(TypedDict):
    """How one stage is polled, and when it has taken too long; `overdue` is the training's."""

    shortest_wait_seconds: int
    longest_wait_seconds: int
    rounds_per_elapsed: int  # a round waits the elapsed time divided by this
    time_limit_seconds: int
    queue_seconds: NotRequired[int]  # for how long to wait for a full quota
    overdue: NotRequired[Literal["stop", "leave"]]


class Stages(TypedDict):
    """The limits of the three stages."""

    dataset_import: StageLimits
    solution_version: StageLimits
    campaign_update: StageLimits


class Preflight(TypedDict):
    """What is looked at before an import is paid for."""

    no_new_data: Literal["end", "go_on"]
    smallest_share: float  # of the last run's bytes; 0: any size


class DatasetSettings(TypedDict):
    """A dataset of a refresh; `row_prefix` begins the names of its attributes in the row."""

    dataset_arn: str
    job_prefix: str
    location: str
    import_mode: ImportMode
    row_prefix: str


class CampaignSettings(TypedDict):
    """A campaign of a refresh, its solution, and what the names that a run gives begin with."""

    campaign_name: str
    campaign_arn: str
    execution_prefix: str
    solution_name: str
    solution_arn: str
    version_prefix: str
    training_mode: TrainingMode


class RefreshSettings(TypedDict):
    """What happens when one Glue job has succeeded."""

    name: str
    glue_job: str
    datasets: list[DatasetSettings]
    campaigns: list[CampaignSettings]


class PlanSettings(TypedDict):
    """An environment, as far as planning needs it."""

    time_zone: str
    import_role_arn: str
    reconcile_attempts: int
    batch: int  # how many campaigns one call plans
    reconcile_window_seconds: int  # an older success of Glue is left to a person
    stages: Stages
    refreshes: list[RefreshSettings]


class Ticket(TypedDict):
    """A place in a quota's queue: its number, and since when it waits (epoch seconds)."""

    number: int
    since: int


class Queueing(TypedDict):
    """What a task that creates gets besides: the time, and its place if it has waited."""

    now: int
    ticket: NotRequired[Ticket]


class PlannedImport(TypedDict):
    """What is to be imported."""

    dataset_arn: str
    job_name: str
    location: str
    import_mode: ImportMode
    role_arn: str
    row_prefix: str
    attempt: int


class DatasetImport(PlannedImport, Queueing):
    """What "Create import" imports."""


class PlannedTraining(TypedDict):
    """What is to be trained."""

    solution_arn: str
    name: str
    training_mode: TrainingMode
    base_date: int
    attempt: int


class Training(PlannedTraining, Queueing):
    """What "Create solution version" trains.

    `intended` is when the run first intended to, written to the row before the first call; the
    run's data had been imported by then.
    """

    intended: int


class RefreshInput(TypedDict):
    """The input of an execution of the refresh workflow: one run, for one campaign."""

    campaign_name: str
    base_date: int
    run_key: str
    triggered: int
    attempt: int
    campaign_arn: str
    datasets: list[PlannedImport]
    solution_name: str
    solution_version: PlannedTraining
    stages: Stages


class DataCheck(TypedDict):
    """What "Check data" looks at: the data of a run, before it is imported."""

    campaign_name: str
    base_date: int
    run_key: str
    datasets: list[PlannedImport]
    preflight: Preflight


class DataVerdict(TypedDict):
    """Why the data must not be imported, or need not be, or may be wrong; "" is nothing."""

    refusal: str
    no_new_data: str
    warning: str


class Execution(TypedDict):
    """An execution of the refresh workflow to start."""

    name: str
    execution_arn: str
    input: RefreshInput
