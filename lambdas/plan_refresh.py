"""Task "Plan refresh": which executions a trigger starts, by which names and with which inputs.

Guarantees that the same trigger always yields the same names, so that a repetition meets the
executions, import jobs and solution versions that exist. A run is known by its run key: a hash of
Glue's jobRunId, or of a person's request. A person's start of a run that failed, or whose execution
was aborted, is its next attempt, which adopts what the earlier ones have made.
"""

import os
from datetime import datetime
from functools import cache
from typing import TypedDict

from executions import RunOfCampaign, remembered_since
from history import History, RecordedHistory, Row
from plan_types import CampaignSettings, Execution, PlanSettings
from reconcile import reconcile
from retry_later import retry_later
from triggers import Run, asks_to_reconcile, date_of, run_key, runs_of

DONE = {"COMPLETE", "SUPERSEDED"}


class PlanRequest(TypedDict):
    """What the dispatch workflow sends; `now` is in ISO 8601, `execution` the dispatch's ARN."""

    trigger: object
    settings: PlanSettings
    now: str
    execution: str


def plan(trigger: object, settings: PlanSettings, now: datetime, past: History) -> list[Execution]:
    """Return each execution that the trigger starts."""
    if asks_to_reconcile(trigger):
        return reconcile(settings, now, past)
    return [
        planned(run, campaign, settings, now, past)
        for run in runs_of(trigger, settings, now)
        for campaign in run["campaigns"]
    ]


def planned(
    run: Run, campaign: CampaignSettings, settings: PlanSettings, now: datetime, past: History
) -> Execution:
    """Return the execution of a run for a campaign."""
    today = date_of(now, settings["time_zone"])
    base_date = run["base_date"] or today
    rows = past.rows(campaign["campaign_name"], min(base_date, remembered_since(now, settings)))
    row = row_of(run, rows, today)
    if row is None:
        key = run["key"] or run_key(run["refresh"], base_date)
        chosen = RunOfCampaign(run["datasets"], campaign, base_date, key, run["triggered"])
        attempt = 1
    else:
        chosen = RunOfCampaign.of_row(run["datasets"], campaign, row)
        attempt = row["attempt"]
    is_done = row is not None and row["status"] in DONE
    if run["requested"] and not is_done:  # an event that comes again tries nothing again
        failed = row is not None and row["status"] == "FAILED"
        attempt = chosen.next_attempt(attempt + 1 if failed else attempt, past)
    return chosen.execution(attempt, settings, past)


def row_of(run: Run, rows: list[Row], today: int) -> Row | None:
    """Return the row of the requested run, if it has one already.

    With a key, on whatever date: a run that reconciliation has started may have the date before.
    Without one, it is that of the date; without a date, the newest that is unfinished or today's.
    """
    if run["key"] is not None:
        return next((row for row in rows if row["run_key"] == run["key"]), None)
    if run["base_date"] is not None:
        return next((row for row in rows if row["base_date"] == run["base_date"]), None)
    newest = rows[0] if rows else None
    if newest and newest["status"] in DONE and newest["base_date"] != today:
        return None
    return newest


recorded_history = cache(RecordedHistory)  # its clients are made once, by the first call


@retry_later()
def lambda_handler(event: PlanRequest, _context: object) -> list[Execution]:
    """Plan the trigger in `event` by the settings in it.

    Raises InvalidTrigger, and RetryLater while AWS is busy.
    """
    past = recorded_history(
        table=os.environ["TABLE_NAME"], executions=os.environ["REFRESH_EXECUTIONS"]
    )
    past.dispatched_by = event["execution"]
    return plan(event["trigger"], event["settings"], datetime.fromisoformat(event["now"]), past)
