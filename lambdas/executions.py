"""Executions of the refresh workflow: their names, their inputs, and which attempt comes next."""

from datetime import datetime, timedelta
from typing import NamedTuple

from history import History, Row
from plan_types import (
    CampaignSettings,
    DatasetSettings,
    Entry,
    Execution,
    PlannedImport,
    PlannedTraining,
    PlanSettings,
    RecommenderInput,
    RecommenderSettings,
    RefreshInput,
)
from triggers import date_of
from what_to_do import WhatToDo

MOST_ATTEMPTS = 99  # an attempt's number has two digits in the names that are made of it
DAYS_REMEMBERED = 90  # as long as Step Functions keeps its executions


class RunOfCampaign(NamedTuple):
    """One run, for one of its campaigns or recommenders; `triggered` is in epoch seconds."""

    what: WhatToDo
    campaign: Entry
    base_date: int
    key: str
    triggered: int

    @classmethod
    def of_row(cls, what: WhatToDo, campaign: Entry, row: Row) -> "RunOfCampaign":
        """Return the run that a row records."""
        if row["promotion"]:
            what = {**what, "promotion": row["promotion"]}
        return cls(what, campaign, row["base_date"], row["run_key"], row["triggered"])

    def execution_name(self, attempt: int) -> str:
        """Return the name by which an attempt is started, once."""
        name = f"{self.campaign['execution_prefix']}-{self.base_date}-{self.key}"
        return name if attempt == 1 else f"{name}-{attempt}"

    def status(self, attempt: int, history: History) -> str | None:
        """Return the status of the execution that made an attempt; None if there is none."""
        return history.status(history.execution_arn(self.execution_name(attempt)))

    def next_attempt(self, first: int, history: History) -> int:
        """Return the first attempt, from `first` on, whose execution has not ended."""
        attempt = first
        while attempt < MOST_ATTEMPTS and self.status(attempt, history) not in {None, "RUNNING"}:
            attempt += 1
        return attempt

    def execution(self, attempt: int, settings: PlanSettings, history: History) -> Execution:
        """Return all that the dispatch and the workflow need."""
        name = self.execution_name(attempt)
        planned: RefreshInput | RecommenderInput
        if "recommender_arn" in self.campaign:
            planned = self._of_recommender(self.campaign, attempt, settings)
        else:
            planned = self._of_campaign(self.campaign, attempt, settings)
        if "preflight" in self.what:
            planned["preflight"] = self.what["preflight"]
        return {"name": name, "execution_arn": history.execution_arn(name), "input": planned}

    def _of_campaign(
        self, campaign: CampaignSettings, attempt: int, settings: PlanSettings
    ) -> RefreshInput:
        stages = settings["stages"]
        planned: RefreshInput = {
            "campaign_name": campaign["campaign_name"],
            "base_date": self.base_date,
            "run_key": self.key,
            "triggered": self.triggered,
            "attempt": attempt,
            "campaign_arn": campaign["campaign_arn"],
            "datasets": self._imports(attempt, settings),
            "solution_name": campaign["solution_name"],
            "solution_version": self._training(campaign, attempt),
            "stages": {
                "dataset_import": stages["dataset_import"],
                "solution_version": stages["solution_version"],
                "campaign_update": stages["campaign_update"],
            },
        }
        if "promotion" in self.what:
            planned["promotion"] = self.what["promotion"]
        if "makes" in campaign:
            planned["makes"] = campaign["makes"]
        if "gate" in campaign:
            planned["gate"] = campaign["gate"]
        if "canary" in campaign:
            planned["canary"] = campaign["canary"]
        if "bake" in campaign:
            planned["bake"] = campaign["bake"]
        return planned

    def _of_recommender(
        self, recommender: RecommenderSettings, attempt: int, settings: PlanSettings
    ) -> RecommenderInput:
        stages = settings["stages"]
        planned: RecommenderInput = {
            "campaign_name": recommender["campaign_name"],
            "base_date": self.base_date,
            "run_key": self.key,
            "triggered": self.triggered,
            "attempt": attempt,
            "datasets": self._imports(attempt, settings),
            "recommender": {"arn": recommender["recommender_arn"]},
            "stages": {
                "dataset_import": stages["dataset_import"],
                "recommender_update": stages["recommender_update"],
            },
        }
        if "training_columns" in recommender:
            planned["recommender"]["training_columns"] = recommender["training_columns"]
        return planned

    @property
    def _suffix(self) -> str:
        return f"{self.base_date}-{self.key}"

    def _imports(self, attempt: int, settings: PlanSettings) -> list[PlannedImport]:
        role_arn = settings["import_role_arn"]
        return [self._import(dataset, attempt, role_arn) for dataset in self.what["datasets"]]

    def _import(self, dataset: DatasetSettings, attempt: int, role_arn: str) -> PlannedImport:
        planned: PlannedImport = {
            "dataset_arn": dataset["dataset_arn"],
            "job_name": f"{dataset['job_prefix']}-{self._suffix}",
            "location": self._dated(dataset["location"]),
            "import_mode": dataset["import_mode"],
            "mode_reason": self.what["import_reason"],
            "role_arn": role_arn,
            "row_prefix": dataset["row_prefix"],
            "attempt": attempt,
        }
        if "full_every" in dataset:
            planned["full_every"] = dataset["full_every"]
        if "full_location" in dataset:
            planned["full_location"] = self._dated(dataset["full_location"])
        return planned

    def _training(self, campaign: CampaignSettings, attempt: int) -> PlannedTraining:
        planned: PlannedTraining = {
            "solution_arn": campaign["solution_arn"],
            "name": f"{campaign['version_prefix']}-{self._suffix}",
            "training_mode": campaign["training_mode"],
            "mode_reason": self.what["training_reason"],
            "base_date": self.base_date,
            "attempt": attempt,
        }
        if "full_every" in campaign:
            planned["full_every"] = campaign["full_every"]
        return planned

    def _dated(self, location: str) -> str:
        return location.replace("{base_date}", str(self.base_date))


def remembered_since(now: datetime, settings: PlanSettings) -> int:
    """Return the date (20200928) from which on the past matters to planning."""
    return date_of(now - timedelta(days=DAYS_REMEMBERED), settings["time_zone"])
