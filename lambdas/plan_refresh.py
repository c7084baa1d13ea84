"""Task "Plan refresh": which executions a trigger starts, by which names and with which inputs.

Guarantees that the same trigger always yields the same names, so that a repetition meets the
executions, import jobs and solution versions that exist. A run is known by its run key: a hash of
Glue's jobRunId, or of a person's request. A person's start of a run that failed, or whose execution
was aborted, is its next attempt, which adopts what the earlier ones have made.
"""

import json
import os
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TypedDict

from executions import RunOfCampaign, remembered_since
from history import History, RecordedHistory, Row
from metric_line import metric_line
from plan_types import Entry, Execution, PlanSettings
from reconcile import reconcile
from retry_later import retry_later
from triggers import Run, asks_to_reconcile, date_of, run_key, runs_of

# A person's start does not try these again: what they made is, or was, live.
DONE = {"COMPLETE", "SUPERSEDED", "ROLLED_BACK"}
UNFINISHED = {"RUNNING", "FAILED"}


class PlanRequest(TypedDict):
    """What the dispatch workflow sends; `now` is in ISO 8601, `execution` the dispatch's ARN.

    `first_campaign` is the position among the trigger's campaigns from which on to plan.
    """

    trigger: object
    now: str
    execution: str
    first_campaign: int


class Plan(TypedDict):
    """A batch of executions, and the position of the first campaign of the next; 0: it was last."""

    executions: list[Execution]
    next_campaign: int


def plan(trigger: object, settings: PlanSettings, now: datetime, past: History) -> list[Execution]:
    """Return each execution that the trigger starts."""
    return [execution for one in plans(trigger, settings, now, past) for execution in one()]


def plans(
    trigger: object, settings: PlanSettings, now: datetime, past: History
) -> list[Callable[[], list[Execution]]]:
    """Return each campaign's plan, to be called: that reads the campaign's history."""
    if asks_to_reconcile(trigger):
        glue = cache(past.last_success), past.deployment()
        return [
            partial(reconcile, refresh, campaign, *glue, settings, now, past)
            for refresh in settings["refreshes"]
            for campaign in refresh["campaigns"]
        ]
    return [
        partial(planned, run, campaign, settings, now, past)
        for run in runs_of(trigger, settings, now)
        for campaign in run["campaigns"]
    ]


def batch_of(every: list[Callable[[], list[Execution]]], first: int, batch: int) -> Plan:
    """Plan campaigns from the `first` on: so many of them, or fewer if these are enough executions.

    Reconciliation may start several of one campaign, and a task's result has a limit.
    """
    executions: list[Execution] = []
    following = first
    while following < min(first + batch, len(every)) and len(executions) < batch:
        executions += every[following]()
        following += 1
    return {
        "executions": executions,
        "next_campaign": following if following < len(every) else 0,
    }


def planned(
    run: Run, campaign: Entry, settings: PlanSettings, now: datetime, past: History
) -> list[Execution]:
    """Return the one execution of a run for a campaign."""
    today = date_of(now, settings["time_zone"])
    base_date = run["base_date"] or today
    row = row_of(run, past.rows(campaign["campaign_name"], first_date(run, now, settings)), today)
    if row is None:
        key = run["key"] or run_key(run["refresh"], base_date)
        chosen = RunOfCampaign(run["what"], campaign, base_date, key, run["triggered"])
        attempt = 1
    else:
        chosen = RunOfCampaign.of_row(run["what"], campaign, row)
        attempt = row["attempt"]
    is_done = row is not None and row["status"] in DONE
    if run["requested"] and not is_done:  # an event that comes again tries nothing again
        ended = row is not None and row["status"] != "RUNNING"
        attempt = chosen.next_attempt(attempt + 1 if ended else attempt, past)
    return [chosen.execution(attempt, settings, past)]


def first_date(run: Run, now: datetime, settings: PlanSettings) -> int:
    """Return the date from which on a row may be the run's: see row_of."""
    if run["base_date"] is None:
        return remembered_since(now, settings)
    if run["key"] is None:
        return run["base_date"]
    day = datetime.strptime(str(run["base_date"]), "%Y%m%d") - timedelta(days=1)  # noqa: DTZ007
    return int(f"{day:%Y%m%d}")


def row_of(run: Run, rows: Iterable[Row], today: int) -> Row | None:
    """Return the row of the requested run, if it has one already.

    With a key, on whatever date: a run that reconciliation has started may have the date before.
    Without one, it is that of the date; without a date, the newest that is unfinished or today's.
    """
    if run["key"] is not None:
        return next((row for row in rows if row["run_key"] == run["key"]), None)
    if run["base_date"] is not None:
        return next((row for row in rows if row["base_date"] == run["base_date"]), None)
    newest = next(iter(rows), None)
    if newest and newest["status"] not in UNFINISHED and newest["base_date"] != today:
        return None
    return newest


@cache
def deployed_settings(import_role_arn: str) -> PlanSettings:
    """Return the environment's settings, which are deployed beside this module."""
    text = Path(__file__).with_name("settings.json").read_text(encoding="utf-8")
    settings: PlanSettings = json.loads(text)
    return {**settings, "import_role_arn": import_role_arn}


recorded_history = cache(RecordedHistory)  # its clients are made once, by the first call


@retry_later()
def lambda_handler(event: PlanRequest, _context: object) -> Plan:
    """Plan a batch of the trigger in `event`.

    Raises InvalidTrigger, and RetryLater while AWS is busy.
    """
    past = recorded_history(
        table=os.environ["TABLE_NAME"], executions=os.environ["REFRESH_EXECUTIONS"]
    )
    past.dispatched_by = event["execution"]
    settings, first = deployed_settings(os.environ["IMPORT_ROLE_ARN"]), event["first_campaign"]
    now = datetime.fromisoformat(event["now"])
    batch = batch_of(plans(event["trigger"], settings, now, past), first, settings["batch"])
    if asks_to_reconcile(event["trigger"]) and not batch["next_campaign"]:
        heartbeat = {"Environment": os.environ["ENVIRONMENT_NAME"]}
        print(metric_line("Reconciliations", 1, now, heartbeat))
    return batch
