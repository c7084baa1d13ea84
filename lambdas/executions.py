"""Executions of the refresh workflow: their names, their inputs, and which attempt comes next."""

from datetime import datetime, timedelta
from typing import NamedTuple

from history import History, Row
from plan_types import (
    CampaignSettings,
    DatasetSettings,
    Execution,
    PlanSettings,
)
from triggers import date_of

MOST_ATTEMPTS = 99  # an attempt's number has two digits in the names that are made of it
DAYS_REMEMBERED = 90  # as long as Step Functions keeps its executions


class RunOfCampaign(NamedTuple):
    """One run, for one of its campaigns; `triggered` is in epoch seconds."""

    datasets: list[DatasetSettings]
    campaign: CampaignSettings
    base_date: int
    key: str
    triggered: int

    @classmethod
    def of_row(
        cls, datasets: list[DatasetSettings], campaign: CampaignSettings, row: Row
    ) -> "RunOfCampaign":
        """Return the run that a row records."""
        return cls(datasets, campaign, row["base_date"], row["run_key"], row["triggered"])

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
        suffix = f"{self.base_date}-{self.key}"
        return {
            "name": name,
            "execution_arn": history.execution_arn(name),
            "input": {
                "campaign_name": self.campaign["campaign_name"],
                "base_date": self.base_date,
                "run_key": self.key,
                "triggered": self.triggered,
                "attempt": attempt,
                "campaign_arn": self.campaign["campaign_arn"],
                "datasets": [
                    {
                        "dataset_arn": dataset["dataset_arn"],
                        "job_name": f"{dataset['job_prefix']}-{suffix}",
                        "location": dataset["location"],
                        "import_mode": dataset["import_mode"],
                        "role_arn": settings["import_role_arn"],
                        "row_prefix": dataset["row_prefix"],
                        "attempt": attempt,
                    }
                    for dataset in self.datasets
                ],
                "solution_name": self.campaign["solution_name"],
                "solution_version": {
                    "solution_arn": self.campaign["solution_arn"],
                    "name": f"{self.campaign['version_prefix']}-{suffix}",
                    "training_mode": self.campaign["training_mode"],
                    "base_date": self.base_date,
                    "attempt": attempt,
                },
                "stages": settings["stages"],
            },
        }


def remembered_since(now: datetime, settings: PlanSettings) -> int:
    """Return the date (20200928) from which on the past matters to planning."""
    return date_of(now - timedelta(days=DAYS_REMEMBERED), settings["time_zone"])
