"""How often a refresh looks: shares of the time that a stage has taken, and of the bake time.

An execution may write 25,000 events. So the more datasets are imported side by side, the larger
the share that a round of theirs waits, and so it is of the campaign's update where there may be a
second one, to take the campaign back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.refresh_settings import Campaign
    from stacks.settings import Environment

UPDATE_ROUNDS, IMPORT_ROUNDS, TRAINING_ROUNDS = 60, 60, 120
FEWER_UPDATE_ROUNDS = 25
FEWEST_IMPORT_ROUNDS = 12
STEADY_ROUNDS, FEWEST_STEADY_ROUNDS = 45, 9
BAKE_ROUNDS = 20


def import_rounds(environment: Environment) -> int:
    """Return by what the time that an import has taken is divided, to wait so long."""
    return max(FEWEST_IMPORT_ROUNDS, IMPORT_ROUNDS // most_datasets(environment))


def update_rounds(environment: Environment) -> int:
    """Return the same of a campaign's update."""
    return FEWER_UPDATE_ROUNDS if tried(environment) else UPDATE_ROUNDS


def steady_rounds(environment: Environment) -> int:
    """Return after how many rounds in a quota's queue they begin to grow longer."""
    return max(FEWEST_STEADY_ROUNDS, STEADY_ROUNDS // most_datasets(environment))


def most_datasets(environment: Environment) -> int:
    """Return how many datasets a refresh imports at most."""
    return max(len(refresh.datasets) for refresh in environment.refreshes)


def tried(environment: Environment) -> list[Campaign]:
    """Return the campaigns that are tried after they have moved, and so may be taken back."""
    return [c for c in environment.campaigns if c.canary != "never" or c.bake != "never"]


def bake_seconds(campaign: Campaign) -> int:
    """Return for how long alarms are watched after the campaign has moved; 0: not at all."""
    return 0 if campaign.bake == "never" else campaign.bake.minutes * 60


def bake_period(campaign: Campaign) -> int:
    """Return how many seconds pass between two looks at the alarms."""
    return max(60, bake_seconds(campaign) // BAKE_ROUNDS)
