"""The settings of the task "Plan refresh": an environment's refreshes with their ARNs and names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from stacks.definition import HOUR
from stacks.refresh_settings import Campaign, Dataset, FullEvery, Recommender, Refresh
from stacks.rounds import (
    TRAINING_ROUNDS,
    bake_period,
    bake_seconds,
    import_rounds,
    steady_rounds,
    update_rounds,
)
from stacks.settings import Environment, Reconcile
from stacks.stage_settings import Stage

if TYPE_CHECKING:
    from plan_types import (
        AllStages,
        CampaignSettings,
        DatasetSettings,
        PlanSettings,
        RecommenderSettings,
        RefreshSettings,
        StageLimits,
    )
    from plan_types import FullEvery as Cadence

DAY = 24 * HOUR

# Names are made of a beginning, a date and a run key (-20200928-1a2b3c4d) and an attempt (-12).
SUFFIX = len("-20200928-1a2b3c4d-12")
PERSONALIZE_NAME = 63 - SUFFIX
EXECUTION_NAME = 80 - SUFFIX
# How many campaigns one call of "Plan refresh" plans; fewer if reconciliation starts several
# executions of a campaign. The input of an execution has up to 3.7 KB, with five datasets and the
# longest names, and a task returns at most 256 KiB.
BATCH = 25


def plan_settings(environment: Environment, *, import_role_arn: str) -> PlanSettings:
    """Return the settings that are deployed with the task "Plan refresh"."""
    reconcile = environment.reconcile
    return {
        "time_zone": environment.time_zone,
        "import_role_arn": import_role_arn,
        "reconcile_attempts": reconcile.attempts if isinstance(reconcile, Reconcile) else 0,
        "batch": BATCH,
        "reconcile_window_seconds": reconcile_window(reconcile)
        if isinstance(reconcile, Reconcile)
        else 0,
        "stages": _stages(environment),
        "refreshes": [_refresh(environment, refresh) for refresh in environment.refreshes],
    }


def reconcile_window(reconcile: Reconcile) -> int:
    """Return for how many seconds reconciliation looks back: three periods, at least a day."""
    return max(DAY, 3 * reconcile_period(reconcile))


def reconcile_period(reconcile: Reconcile) -> int:
    """Return the longest time, in seconds, between two fires of the schedule."""
    if reconcile.schedule.startswith("rate("):
        count, unit = reconcile.schedule[len("rate(") : -1].split()
        return int(count) * {"minute": 60, "hour": HOUR, "day": DAY}[unit.rstrip("s")]
    _, _, day, month, weekday, _ = reconcile.schedule[len("cron(") : -1].split()
    longest = [(month, 366), (day, 31), (weekday, 7)]
    return next((days for field, days in longest if field not in {"*", "?"}), 1) * DAY


def import_job_prefix(dataset: Dataset) -> str:
    """Return what the names of a dataset's import jobs begin with: <group>-<type>."""
    return shorten(
        f"{dataset.dataset_group}-{dataset.type.lower().replace('_', '-')}", PERSONALIZE_NAME
    )


def version_prefix(campaign: Campaign) -> str:
    """Return what the names of the solution's versions begin with."""
    return shorten(campaign.solution, PERSONALIZE_NAME)


def shorten(name: str, limit: int) -> str:
    """Return the name, or its beginning and a hash of all of it if it is longer than the limit."""
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _stages(environment: Environment) -> AllStages:
    stages = environment.stages
    planned: AllStages = {
        "dataset_import": {
            **_stage(stages.dataset_import, import_rounds(environment)),
            "queue_seconds": stages.dataset_import.queue_hours * HOUR,
            "steady_rounds": steady_rounds(environment),
        },
        "solution_version": {
            **_stage(stages.solution_version, TRAINING_ROUNDS),
            "queue_seconds": stages.solution_version.queue_hours * HOUR,
            "steady_rounds": steady_rounds(environment),
            "overdue": stages.solution_version.overdue,
        },
        "campaign_update": _stage(stages.campaign_update, update_rounds(environment)),
    }
    if environment.recommenders:
        planned["recommender_update"] = _stage(stages.recommender_update, TRAINING_ROUNDS)
    return planned


def _refresh(environment: Environment, refresh: Refresh) -> RefreshSettings:
    planned: RefreshSettings = {
        "name": refresh.name,
        "glue_job": refresh.glue_job,
        "datasets": [
            # the article's attributes tell of the first dataset
            _dataset(environment, dataset, f"{dataset.type.lower()}_" if position else "")
            for position, dataset in enumerate(refresh.datasets)
        ],
        "campaigns": [
            _recommender(environment, entry)
            if isinstance(entry, Recommender)
            else _campaign(environment, refresh, entry)
            for entry in refresh.entries
        ],
    }
    if refresh.preflight != "never":
        planned["preflight"] = {
            "no_new_data": refresh.preflight.no_new_data,
            "smallest_share": refresh.preflight.smallest_share,
        }
    return planned


def _dataset(environment: Environment, dataset: Dataset, row_prefix: str) -> DatasetSettings:
    planned: DatasetSettings = {
        "dataset_arn": environment.dataset_arn(dataset),
        "job_prefix": import_job_prefix(dataset),
        "location": dataset.location,
        "import_mode": dataset.import_mode,
        "row_prefix": row_prefix,
    }
    if dataset.full_every:
        planned["full_every"] = _cadence(dataset.full_every)
        planned["full_location"] = dataset.full_location or dataset.location
    return planned


def _campaign(environment: Environment, refresh: Refresh, campaign: Campaign) -> CampaignSettings:
    planned: CampaignSettings = {
        "campaign_name": campaign.name,
        "campaign_arn": environment.campaign_arn(campaign),
        "execution_prefix": shorten(campaign.name, EXECUTION_NAME),
        "solution_name": campaign.solution,
        "solution_arn": environment.solution_arn(campaign),
        "version_prefix": version_prefix(campaign),
        "training_mode": campaign.training_mode,
    }
    if campaign.full_every:
        planned["full_every"] = _cadence(campaign.full_every)
    if campaign.recipe:
        planned["makes"] = {"min_provisioned_tps": campaign.min_provisioned_tps}
    elif any(dataset.avro_schema for dataset in refresh.datasets):
        planned["makes"] = {}
    if campaign.gate != "never":
        planned["gate"] = {
            "largest_drop": dict(campaign.gate.largest_drop),
            "floor": dict(campaign.gate.floor),
            "unknown": campaign.gate.unknown,
        }
    if campaign.canary != "never":
        planned["canary"] = {
            "users_drawn": campaign.canary.users_drawn,
            "least_items": campaign.canary.least_items,
            "largest_share_without": campaign.canary.largest_share_without,
            "latest_seconds": campaign.canary.latest_seconds,
        }
        if campaign.canary.user_ids:
            planned["canary"]["user_ids"] = list(campaign.canary.user_ids)
    if campaign.bake != "never":
        planned["bake"] = {
            "seconds": bake_seconds(campaign),
            "period_seconds": bake_period(campaign),
            "alarms": list(campaign.bake.alarms),
        }
    return planned


def _recommender(environment: Environment, recommender: Recommender) -> RecommenderSettings:
    planned: RecommenderSettings = {
        "campaign_name": recommender.name,
        "recommender_arn": environment.recommender_arn(recommender),
        "execution_prefix": shorten(recommender.name, EXECUTION_NAME),
    }
    if columns := recommender.training_columns:
        planned["training_columns"] = {}
        if columns.excluded:
            planned["training_columns"]["excluded"] = dict(columns.excluded.items())
        if columns.included:
            planned["training_columns"]["included"] = dict(columns.included.items())
    return planned


def _cadence(every: FullEvery) -> Cadence:
    cadence: Cadence = {}
    if every.days is not None:
        cadence["days"] = every.days
    if every.runs is not None:
        cadence["runs"] = every.runs
    return cadence


def _stage(stage: Stage, rounds_per_elapsed: int) -> StageLimits:
    return {
        "shortest_wait_seconds": stage.shortest_wait_seconds,
        "longest_wait_seconds": stage.longest_wait_seconds,
        "rounds_per_elapsed": rounds_per_elapsed,
        "time_limit_seconds": stage.time_limit_hours * HOUR,
    }
