"""The settings of the tasks that announce: what an environment's events and messages need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.refresh_settings import Campaign
from stacks.settings import Reconcile

if TYPE_CHECKING:
    from announce_types import AnnouncedCampaign, AnnounceSettings

    from stacks.refresh_settings import Recommender, Refresh
    from stacks.settings import Environment


def announce_settings(environment: Environment, name: str) -> AnnounceSettings:
    """Return the settings that are deployed with the tasks; `name` is the environment's."""
    reconcile, wanted = environment.reconcile, environment.notifications
    return {
        "environment": name,
        "account": environment.account,
        "region": environment.region,
        "event_bus": environment.event_bus or "default",
        "reconcile_attempts": reconcile.attempts if isinstance(reconcile, Reconcile) else 0,
        "success": wanted.success,
        "failure": wanted.failure,
        "superseded": wanted.superseded,
        "no_new_data": wanted.no_new_data,
        "rejected": wanted.rejected,
        "rolled_back": wanted.rolled_back,
        "glue_failure": wanted.glue_failure,
        "campaigns": {
            entry.name: _entry(environment, refresh, entry)
            for refresh in environment.refreshes
            for entry in refresh.entries
        },
        "glue_jobs": {
            job: [refresh.name for refresh in environment.refreshes if refresh.glue_job == job]
            for job in environment.glue_jobs
        },
    }


def _entry(
    environment: Environment, refresh: Refresh, entry: Campaign | Recommender
) -> AnnouncedCampaign:
    announced: AnnouncedCampaign = {
        "refresh": refresh.name,
        "first_dataset_type": refresh.datasets[0].type,
    }
    if isinstance(entry, Campaign):
        announced["campaign_arn"] = environment.campaign_arn(entry)
    return announced
