"""How the stages of a refresh are polled, and when each has taken too long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stacks.setting_types import Strict

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


class Stage(Strict):
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


class Stages(Strict):
    """Poll settings and limits of each stage."""

    dataset_import: ImportStage = ImportStage()
    solution_version: TrainingStage = TrainingStage()
    campaign_update: UpdateStage = UpdateStage()
    recommender_update: RecommenderStage = RecommenderStage()
