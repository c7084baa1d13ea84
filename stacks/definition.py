"""The workflows' definitions, with an environment's numbers put in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stacks.rounds import bake_seconds, tried
from stacks.short_forms import retried_errors, written_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.settings import Environment
    from stacks.stage_settings import Stage

HOUR = 3600
MOST_CLAIMS = 10  # each is lost to another execution, and few are ever started
# A retry of "Personalize is busy" waits up to 600 seconds, drawn evenly: 300 on average.
MEAN_RETRY_SECONDS = 300


def definition(file: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the workflow of statemachine/`file` as Amazon States Language.

    Each `${name}` of `values` becomes that JSON value; others become strings at deployment.
    `values` may name the `partition`, if it is not aws.
    """
    written = written_out(file, values.get("partition", "aws"))
    filled_in: dict[str, Any] = _filled_in(written, values)
    return filled_in


def refresh_values(environment: Environment) -> dict[str, Any]:
    """Return what the refresh workflow gets at synthesis: its limits and numbers of retries."""
    stages = environment.stages
    updates = [stages.campaign_update] * (2 if tried(environment) else 1)  # it may be taken back
    campaign = _longest(stages.solution_version, *updates)
    campaign += HOUR * stages.solution_version.queue_hours
    # while alarms cannot be read, the bake time is doubled
    campaign += 2 * max((bake_seconds(c) for c in environment.campaigns), default=0)
    recommender = _longest(stages.recommender_update) if environment.recommenders else 0
    alone = _longest(stages.dataset_import) + HOUR * stages.dataset_import.queue_hours
    alone += HOUR + max(campaign, recommender)
    return {
        # a run of the same date may come first, and takes no longer than ours
        "longest_wait_for_owner_seconds": alone,
        "time_limit_seconds": 2 * alone,
        "most_claims": MOST_CLAIMS,
        "automatic_training": environment.automatic_training,
        "passing_errors": sorted(retried_errors()),
        "dataset_import_attempts": _attempts(stages.dataset_import),
        "solution_version_attempts": _attempts(stages.solution_version),
        "campaign_update_attempts": _attempts(stages.campaign_update),
        "recommender_update_attempts": _attempts(stages.recommender_update),
    }


def _longest(*stages: Stage) -> int:
    """Return how many seconds stages take at most, without their queues."""
    return sum(
        stage.time_limit_hours * HOUR + 2 * stage.patience_hours * HOUR + HOUR for stage in stages
    )


def _attempts(stage: Stage) -> int:
    return math.ceil(stage.patience_hours * HOUR / MEAN_RETRY_SECONDS)


def _filled_in(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        return {key: _filled_in(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled_in(value, values) for value in node]
    if isinstance(node, str) and node.startswith("${") and node[2:-1] in values:
        return values[node[2:-1]]
    return node
