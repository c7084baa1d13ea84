"""What has been missed: Glue runs whose event was lost, and refreshes that died or may go on.

Pure decisions over a `History`; the schedule's trigger {"reconcile": true} asks for them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from executions import RunOfCampaign, remembered_since
from history import Deployment, History, Row, Success
from plan_types import Entry, Execution, PlanSettings, RefreshSettings
from triggers import date_of, run_key
from what_to_do import as_settings

DAYS_RECONCILED = 28


def reconcile(
    refresh: RefreshSettings,
    campaign: Entry,
    last_success: Callable[[str], Success | None],
    deployment: Deployment,
    settings: PlanSettings,
    now: datetime,
    history: History,
) -> list[Execution]:
    """Return the executions to start for a campaign.

    `last_success` is history's, for a Glue job that several campaigns share asked once.
    """
    plans: list[Execution] = []
    success = last_success(refresh["glue_job"])
    rows = list(history.rows(campaign["campaign_name"], recent_since(now, settings)))
    recent = now - timedelta(seconds=settings["reconcile_window_seconds"])
    known = bool(rows) or has_rows(campaign, settings, now, history)
    if (
        success
        and success["completed"] > max(recent, deployed_since(deployment, known=known))
        and (missed := missed_run(refresh, campaign, success, rows, settings))
    ):
        attempt = missed.next_attempt(1, history)
        if is_to_start(missed, attempt, settings, history):
            plans.append(missed.execution(attempt, settings, history))
    for row in rows:
        if has_died(row, history) or (
            row is rows[0] and may_go_on(row) and row["attempt"] < settings["reconcile_attempts"]
        ):
            run = RunOfCampaign.of_row(as_settings(refresh), campaign, row)
            attempt = run.next_attempt(row["attempt"] + 1, history)
            plans.append(run.execution(attempt, settings, history))
    return plans


def recent_since(now: datetime, settings: PlanSettings) -> int:
    """Return the date (20200928) from which on rows matter: no execution lasts as long as that."""
    return date_of(now - timedelta(days=DAYS_RECONCILED), settings["time_zone"])


def has_rows(campaign: Entry, settings: PlanSettings, now: datetime, history: History) -> bool:
    """Whether the campaign has any row; only the newest are read."""
    rows = history.rows(campaign["campaign_name"], remembered_since(now, settings))
    return next(iter(rows), None) is not None


def deployed_since(deployment: Deployment, *, known: bool) -> datetime:
    """Return from when on Glue's successes are meant for a campaign.

    A campaign that is not `known` by a row came with the latest deployment, or with an earlier one
    and has never been refreshed: either way, what Glue delivered before is for a person to start.
    One with rows has been deployed before; but rows of a table that was kept may be older than this
    stack.
    """
    return deployment["created"] if known else deployment["updated"]


def missed_run(
    refresh: RefreshSettings,
    campaign: Entry,
    success: Success,
    rows: list[Row],
    settings: PlanSettings,
) -> RunOfCampaign | None:
    """Return the run that Glue's last success stands for, if no row tells of it or a later one."""
    triggered = int(success["completed"].timestamp())
    key = run_key(success["run_id"])
    if any(row["run_key"] == key or row["triggered"] > triggered for row in rows):
        return None
    base_date = date_of(success["completed"], settings["time_zone"])
    return RunOfCampaign(as_settings(refresh), campaign, base_date, key, triggered)


def is_to_start(run: RunOfCampaign, attempt: int, settings: PlanSettings, history: History) -> bool:
    """Whether an attempt has not been started, and may be: the event may be under way.

    Glue's event comes some seconds after the run's end, which may be on the next date. A first
    attempt that succeeded without a row has left the run to another.
    """
    day_after = datetime.strptime(str(run.base_date), "%Y%m%d") + timedelta(days=1)  # noqa: DTZ007
    late = run._replace(base_date=int(day_after.strftime("%Y%m%d")))
    return (
        attempt <= settings["reconcile_attempts"]
        and run.status(attempt, history) is None
        and run.status(1, history) != "SUCCEEDED"
        and late.status(1, history) is None
    )


def has_died(row: Row, history: History) -> bool:
    """Whether the row's execution has ended without a word, and nobody wanted that.

    The task "Record end" has written so, or else the row says RUNNING and its execution does not.
    """
    if row["execution_status"]:
        return may_go_on(row)
    return row["status"] == "RUNNING" and history.status(row["execution_arn"]) != "RUNNING"


def may_go_on(row: Row) -> bool:
    """Whether the row's refresh failed for what passes with time, as the workflow has recorded."""
    return row["status"] == "FAILED" and row["failure_kind"] == "PASSING"
