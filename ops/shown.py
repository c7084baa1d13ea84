"""What an operator sees of refreshes: tables in a terminal, lines in a pipe."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from messages import day, dollars, span
from rich.console import Console
from rich.table import Table

from ops.act import Outcome
from ops.adopt import Adopted
from ops.advice import UNWELL
from ops.deployment import Deployment
from ops.doctor import Finding
from ops.explain import Explanation
from ops.refreshes import CampaignStatus, PastRefresh
from ops.report import grid, table

STATUS = (
    "campaign",
    "status",
    "refresh of",
    "stage",
    "since",
    "expected end",
    "serves",
    "live for",
)
WORDS = {"FAILED": "failed", "REJECTED": "was rejected", "ROLLED_BACK": "was rolled back"}
HISTORY = ("date", "status", "stage", "import", "training", "update", "whole", "cost", "reason")


def show_status(console: Console, deployment: Deployment, found: Sequence[CampaignStatus]) -> None:
    """Print where each campaign stands, and the reason and next command of those that failed."""
    table(console, STATUS, [_status(deployment, each) for each in found])
    for each in found:
        if each["status"] in UNWELL:
            say(console, f"{each['campaign']} {WORDS[each['status']]}: {each['reason']}")
            for command in each["next"]:
                say(console, f"  {command}")


def status_table(deployment: Deployment, found: Sequence[CampaignStatus]) -> Table:
    """Return the table of `show_status`, to be shown again and again."""
    return grid(STATUS, [_status(deployment, each) for each in found])


def show_change(console: Console, deployment: Deployment, each: CampaignStatus) -> None:
    """Print a line about a campaign whose status or stage has changed."""
    words = [_time(deployment.now()), each["campaign"], each["status"]]
    words += [word for word in (each["stage"], each["reason"]) if word]
    print(*words, sep="  ", file=console.file, flush=True)


def show_history(console: Console, campaign: str, found: Sequence[PastRefresh]) -> None:
    """Print a campaign's rows."""
    if not found:
        say(console, f"The table has no row of the campaign {campaign}.")
    table(
        console,
        HISTORY,
        [
            [
                day(each["base_date"]),
                each["status"],
                each["stage"] or "-",
                _span(each["dataset_import_seconds"]),
                _span(each["solution_version_seconds"]),
                _span(each["campaign_update_seconds"] or each["recommender_update_seconds"]),
                _span(each["refresh_seconds"]),
                "-" if each["cost_usd"] is None else dollars(each["cost_usd"]),
                each["reason"] or "-",
            ]
            for each in found
        ],
    )


def show_started(console: Console, deployment: Deployment, outcome: Outcome) -> None:
    """Print what a request has started."""
    for each in outcome["executions"]:
        name = str(each.get("execution_arn", "")).rsplit(":", 1)[-1]
        cause = f"  {each['error']}: {each.get('cause', '')}" if "error" in each else ""
        say(console, f"{each.get('outcome')}  {name}{cause}")
    if outcome["status"] == "SUCCEEDED":
        if not outcome["executions"]:
            say(console, "There was nothing to start.")
        say(console, f"Follow it: python -m ops watch --environment {deployment.environment}")
    else:
        say(console, f"The dispatch is {outcome['status']}: {outcome['reason']}")


def show_explanation(console: Console, found: Explanation) -> None:
    """Print why a refresh ended as it did."""
    stage = f" at {found['stage']}" if found["stage"] else ""
    say(console, f"{found['status']}{stage}: {found['what']}")
    for name, value in (
        ("Why", found["reason"]),
        ("Means", found["meaning"]),
        ("Do", found["step"]),
        *(("Next", command) for command in found["next"]),
        ("Look", found["console"]),
    ):
        if value:
            say(console, f"{name}: {value}")


def show_findings(console: Console, found: Sequence[Finding]) -> None:
    """Print what the doctor found, the worst first, and how many of each."""
    order = ("PROBLEM", "WARNING", "UNKNOWN", "OK")
    ranked = sorted(found, key=lambda each: order.index(each["level"]))
    rows = [[f["level"], f["check"], f["what"], f["why"], f["fix"]] for f in ranked]
    table(console, ("level", "check", "what", "why it matters", "fix"), rows)
    counted = [f"{sum(f['level'] == level for f in found)} {level}" for level in order]
    say(console, ", ".join(counted))


def show_costs(console: Console, found: dict[str, Any]) -> None:
    """Print a month's costs."""
    table(
        console,
        ("campaign", "refreshes", "training hours", "cost", "not known"),
        [
            [
                each["campaign"],
                str(each["refreshes"]),
                f"{each['training_hours']:.2f}",
                dollars(each["cost_usd"]),
                str(each["unknown"]),
            ]
            for each in found["campaigns"]
        ],
    )
    total = dollars(found["total_usd"])
    say(console, f"{found['month']}: about {total} (estimated; prices of {found['prices']}).")


def show_adopted(console: Console, adopted: Adopted) -> None:
    """Print what was written, and what is left for a person, in the order of urgency."""
    file, refreshes = adopted["file"], adopted["settings"]["refreshes"]
    counted = ", ".join(
        f"{number} {one if number == 1 else more}"
        for number, one, more in (
            (len(refreshes), "refresh", "refreshes"),
            (sum(len(each["datasets"]) for each in refreshes), "dataset", "datasets"),
            (sum(len(each["campaigns"]) for each in refreshes), "campaign", "campaigns"),
        )
    )
    account, region = adopted["settings"]["account"], adopted["settings"]["region"]
    say(console, f"Wrote {file}: {counted} of account {account}, {region}.")
    order = ("FILL IN", "CHANGE", "NOT ADOPTED", "NOTE")
    rows = [
        [
            note["level"],
            f"{file}:{note['line']}" if "line" in note else note["where"],
            note["what"],
            note["do"],
        ]
        for note in sorted(adopted["notes"], key=lambda note: order.index(note["level"]))
    ]
    table(console, ("", "where", "what", "what to do"), rows)
    say(console, f"Next: {adopted['next']}")


def say(console: Console, sentence: str) -> None:
    """Print a line that is never broken in a pipe."""
    console.print(sentence, soft_wrap=True)


def _status(deployment: Deployment, each: CampaignStatus) -> list[str]:
    version = (each["serves"] or "-").rsplit("/", 1)[-1]
    since, ended = each["serves_since"], each["ended"]
    took = _span(each["elapsed_seconds"])
    return [
        each["campaign"],
        each["status"],
        day(each["base_date"]) if each["base_date"] else "-",
        each["stage"] or "-",
        f"{_time(ended)}, took {took}" if ended else took,
        _time(each["expected_end"]) if each["expected_end"] else "-",
        version,
        _age(deployment.now() - since) if since else "-",
    ]


def _age(seconds: float) -> str:
    days = int(seconds // 86_400)
    return f"{days} d" if days else span(int(seconds))


def _span(seconds: int | None) -> str:
    return "-" if seconds is None else span(seconds)


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
