"""What the stack hands to the tasks, and the tasks to the workflow: JSON objects, typed once.

`PlanSettings` is written by stacks/plan.py at synthesis and read by "Plan refresh", which returns
an `Execution` for each campaign; its `input` is what the refresh workflow and its tasks read.
Times are epoch seconds, durations seconds, dates numbers such as 20200928.
"""

from typing import Literal, NotRequired, TypedDict, final

ImportMode = Literal["FULL", "INCREMENTAL"]
TrainingMode = Literal["FULL", "UPDATE"]


class StageLimits(TypedDict):
    """How one stage is polled, and when it has taken too long; `overdue` is the training's."""

    shortest_wait_seconds: int
    longest_wait_seconds: int
    rounds_per_elapsed: int  # a round waits the elapsed time divided by this
    time_limit_seconds: int
    queue_seconds: NotRequired[int]  # for how long to wait for a full quota
    steady_rounds: NotRequired[int]  # after so many the waits for it grow
    overdue: NotRequired[Literal["stop", "leave"]]


class Stages(TypedDict):
    """The limits of a campaign's three stages."""

    dataset_import: StageLimits
    solution_version: StageLimits
    campaign_update: StageLimits


class RecommenderStages(TypedDict):
    """The limits of a recommender's two stages."""

    dataset_import: StageLimits
    recommender_update: StageLimits


class AllStages(Stages):
    """The limits of both, the recommenders' if the environment has some."""

    recommender_update: NotRequired[StageLimits]


class FullEvery(TypedDict):
    """When a mode that adds to the last one gives way to a full one; one of them at least."""

    days: NotRequired[int]
    runs: NotRequired[int]


class Preflight(TypedDict):
    """What is looked at before an import is paid for."""

    no_new_data: Literal["end", "go_on"]
    smallest_share: float  # of the last run's bytes; 0: any size


class Gate(TypedDict):
    """What a new version must be as good as, by the names of GetSolutionMetrics."""

    largest_drop: dict[str, float]  # relative to the version that the campaign serves
    floor: dict[str, float]
    unknown: Literal["pass", "hold"]


class Canary(TypedDict):
    """What the campaign must recommend after it has moved; without `user_ids` users are drawn."""

    user_ids: NotRequired[list[str]]
    users_drawn: int
    least_items: int
    largest_share_without: float
    latest_seconds: float


class Bake(TypedDict):
    """For how long which alarms are watched, and how often."""

    seconds: int
    period_seconds: int
    alarms: list[str]


class Making(TypedDict):
    """That a run makes what is missing, its campaign too if `min_provisioned_tps` is given."""

    min_provisioned_tps: NotRequired[int]


class DatasetSettings(TypedDict):
    """A dataset of a refresh; `row_prefix` begins the names of its attributes in the row.

    `location` and `full_location` may hold `{base_date}`.
    """

    dataset_arn: str
    job_prefix: str
    location: str
    import_mode: ImportMode
    row_prefix: str
    full_every: NotRequired[FullEvery]
    full_location: NotRequired[str]


class TrainingColumns(TypedDict):
    """Which columns a recommender shall learn from, by dataset type; a type is in one of them."""

    excluded: NotRequired[dict[str, list[str]]]
    included: NotRequired[dict[str, list[str]]]


@final
class RecommenderSettings(TypedDict):
    """A recommender of a refresh; `campaign_name`, the key of its rows, is its name."""

    campaign_name: str
    recommender_arn: str
    execution_prefix: str
    training_columns: NotRequired[TrainingColumns]


@final
class CampaignSettings(TypedDict):
    """A campaign of a refresh, its solution, and what the names that a run gives begin with."""

    campaign_name: str
    campaign_arn: str
    execution_prefix: str
    solution_name: str
    solution_arn: str
    version_prefix: str
    training_mode: TrainingMode
    full_every: NotRequired[FullEvery]
    makes: NotRequired[Making]
    gate: NotRequired[Gate]
    canary: NotRequired[Canary]
    bake: NotRequired[Bake]


Entry = CampaignSettings | RecommenderSettings


class RefreshSettings(TypedDict):
    """What happens when one Glue job has succeeded; `campaigns` has the recommenders, too."""

    name: str
    glue_job: str
    preflight: NotRequired[Preflight]
    datasets: list[DatasetSettings]
    campaigns: list[Entry]


class PlanSettings(TypedDict):
    """An environment, as far as planning needs it."""

    time_zone: str
    import_role_arn: str
    reconcile_attempts: int
    batch: int  # how many campaigns one call plans
    reconcile_window_seconds: int  # an older success of Glue is left to a person
    stages: AllStages
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
    """What is to be imported, and why in this mode.

    With `full_every` the task "Choose modes" decides, and takes `full_location` for FULL.
    """

    dataset_arn: str
    job_name: str
    location: str
    import_mode: ImportMode
    mode_reason: str
    role_arn: str
    row_prefix: str
    attempt: int
    full_every: NotRequired[FullEvery]
    full_location: NotRequired[str]


class DatasetImport(PlannedImport, Queueing):
    """What "Create import" imports."""


class PlannedTraining(TypedDict):
    """What is to be trained, and why in this mode; with `full_every` "Choose modes" decides."""

    solution_arn: str
    name: str
    training_mode: TrainingMode
    mode_reason: str
    base_date: int
    attempt: int
    full_every: NotRequired[FullEvery]


class Training(PlannedTraining, Queueing):
    """What "Create solution version" trains.

    `intended` is when the run first intended to, written to the row before the first call; the
    run's data had been imported by then.
    """

    intended: int


class Promotion(TypedDict):
    """A person's word: onto which version the campaign shall move, who said so, and why."""

    solution_version_arn: str
    by: str
    reason: str


class PlannedRecommender(TypedDict):
    """The recommender of a run; without `training_columns` it keeps those that it has."""

    arn: str
    training_columns: NotRequired[TrainingColumns]


@final
class RecommenderInput(TypedDict):
    """The input of an execution of the refresh workflow: one run, for one recommender."""

    campaign_name: str
    base_date: int
    run_key: str
    triggered: int
    attempt: int
    datasets: list[PlannedImport]
    recommender: PlannedRecommender
    stages: RecommenderStages
    preflight: NotRequired[Preflight]


@final
class RefreshInput(TypedDict):
    """The input of an execution of the refresh workflow: one run, for one campaign.

    With a `promotion` nothing is imported or trained: the campaign moves onto that version.
    """

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
    makes: NotRequired[Making]
    preflight: NotRequired[Preflight]
    gate: NotRequired[Gate]
    canary: NotRequired[Canary]
    bake: NotRequired[Bake]
    promotion: NotRequired[Promotion]


class DataCheck(TypedDict):
    """What "Check data" looks at: the data of a run, before it is imported."""

    campaign_name: str
    base_date: int
    run_key: str
    datasets: list[PlannedImport]
    preflight: Preflight
    now: int


class DataVerdict(TypedDict):
    """Why the data must not be imported, or need not be, or may be wrong; "" is nothing."""

    refusal: str
    no_new_data: str
    warning: str


class Execution(TypedDict):
    """An execution of the refresh workflow to start."""

    name: str
    execution_arn: str
    input: RefreshInput | RecommenderInput
