"""What a person sees: the refresh while it runs, and what it has done; plain text in a pipe."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from embedded_aws import Clock, Fault
from rehearsal.result import Execution, RefreshResult

# The row's attributes by stage, in the order in which a refresh goes through them.
STAGES = {
    "dataset import job": ("dataset_import_job", "dataset_import"),
    "solution version": ("solution_version", "solution_version"),
    "campaign update": ("campaign_update", "campaign"),
    "recommender update": ("recommender_update", "recommender"),
}
OF_RECOMMENDERS = ("dataset import job", "recommender update")
ARTICLE = (
    "campaign_name",
    "base_date",
    "dataset_import_job_arn",
    "dataset_import_job_status",
    "dataset_import_job_datetime",
    "solution_name",
    "solution_version_arn",
    "solution_version_status",
    "solution_version_datetime",
)
ENDED = ("ACTIVE", "FAILED")
COLOURS = {"ACTIVE": "green", "COMPLETE": "green", "SUCCEEDED": "green", "FAILED": "red"}
SHOWN_ITEMS = 10


class Progress:
    """The refresh while it runs: bars in a terminal, a line when a stage begins in a pipe.

    A bar is full when a stage has taken as long as it took last week (`usual`, simulated seconds).
    """

    def __init__(self, console: Console, clock: Clock, usual: Mapping[str, float]) -> None:
        self.console, self.clock, self.usual = console, clock, usual
        self.began = clock.time()
        self.printed: set[tuple[str, str]] = set()
        self.ended: dict[tuple[str, str], float] = {}
        self.live = Live(console=console, refresh_per_second=10) if console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def watch(self, rows: list[dict[str, Any]]) -> None:
        """Show what the table's rows say now."""
        for row in rows:
            for stage, (prefix, _) in STAGES.items():
                if row.get(f"{prefix}_status") in ENDED:
                    self.ended.setdefault((row["campaign_name"], stage), self.clock.time())
        if self.live:
            self.live.update(self._picture(rows))
        else:
            self._print_news(rows)

    def _print_news(self, rows: list[dict[str, Any]]) -> None:
        """Print what began or ended since the last time, with the time that the row tells."""
        for row in rows:
            begun = [
                (f"{prefix}_datetime", f"{stage} began") for stage, (prefix, _) in STAGES.items()
            ]
            for attribute, text in [*begun, ("ended_datetime", row["refresh_status"])]:
                news = (row["campaign_name"], attribute)
                if attribute in row and news not in self.printed:
                    self.printed.add(news)
                    since = duration(row[attribute] - self.began)
                    self.console.print(f"{since}  {row['campaign_name']}  {text}")

    def _picture(self, rows: list[dict[str, Any]]) -> Group:
        since = duration(self.clock.time() - self.began)
        now = self.clock.now().strftime("%Y-%m-%d %H:%M UTC")
        shown: list[Text | Table] = [Text(f"{since} since the Glue event, {now}")]
        for row in rows:
            shown += [Text(row["campaign_name"], style="bold", overflow="fold"), self._bars(row)]
        return Group(*shown)

    def _bars(self, row: dict[str, Any]) -> Table:
        table = Table.grid(padding=(0, 2))
        for is_bar in (False, True, False, False):  # only the bar shrinks in a narrow terminal
            table.add_column(no_wrap=not is_bar)
        for stage, (prefix, usual) in STAGES.items():
            if stage not in ([*STAGES][:-1] if "recommender_arn" not in row else OF_RECOMMENDERS):
                continue
            status = row.get(f"{prefix}_status", "")
            began = row.get(f"{prefix}_datetime", 0)
            until = self.ended.get((row["campaign_name"], stage), self.clock.time())
            took = until - began if status else 0.0
            share = 1.0 if status == "ACTIVE" else took / max(self.usual[usual], 1.0)
            table.add_row(
                f"  {stage:<18}",
                ProgressBar(total=1.0, completed=min(share, 1.0), width=30),
                f"{duration(took) if status else '':<7}",
                Text(status, style=COLOURS.get(status, "")),
            )
        return table


def show(console: Console, result: RefreshResult) -> None:
    """Print what a refresh has done."""
    for execution in result["executions"]:
        _show_execution(console, execution)
    for row in result["rows"]:
        _show_row(console, row)
    _show_recommendations(console, result["recommendations"])
    _show_cost(console, result)


def _show_execution(console: Console, execution: Execution) -> None:
    status = Text(execution["status"], style=COLOURS.get(execution["status"], ""))
    console.print()
    machine = Text(execution["machine"], style="bold")
    console.print(machine, execution["name"], status, soft_wrap=True)
    console.print("  " + " → ".join(_folded(execution["states"])), soft_wrap=True)
    console.print(f"  {execution['transitions']} transitions, {execution['events']} events")
    if execution["cause"]:
        console.print(Text(f"  {execution['cause']}", style="red"), soft_wrap=True)


def _folded(states: list[str]) -> list[str]:
    """Return a path with its poll loops folded: "Wait for import, Describe import, … ×4"."""
    path: list[str] = []
    at = 0
    while at < len(states):
        for length in (3, 2):
            loop = states[at : at + length]
            times = 1
            while states[at + times * length : at + (times + 1) * length] == loop:
                times += 1
            if times > 1:
                path.append(f"({', '.join(loop)}) × {times}")
                at += times * length
                break
        else:
            path.append(states[at])
            at += 1
    return path


def _show_row(console: Console, row: dict[str, Any]) -> None:
    console.print()
    title = f"The row of {row['campaign_name']} and {row['base_date']}"
    console.print(Text(title, style="bold"), soft_wrap=True)
    width = max(map(len, row)) + 2
    for name in [*ARTICLE, *sorted(set(row) - set(ARTICLE))]:
        if name in row:
            value = str(row[name])
            if name.endswith("_datetime"):
                value += f"  ({datetime.fromtimestamp(row[name], UTC):%Y-%m-%d %H:%M} UTC)"
            line = Text.assemble(f"  {name:<{width}}", (value, COLOURS.get(value, "")))
            console.print(line, soft_wrap=True)


def _show_recommendations(console: Console, shown: dict[str, Any]) -> None:
    if not shown["user_id"]:
        return
    table = Table(box=None)
    table.add_column("before", overflow="fold")
    table.add_column("after", overflow="fold")
    for before, after in zip(shown["before"], shown["after"], strict=False):
        if table.row_count == SHOWN_ITEMS:
            break
        new = after in shown["new_items"]
        table.add_row(
            before, Text(f"{after}  new this week" if new else after, style="green" if new else "")
        )
    console.print()
    console.print(Text(f"Recommendations for {shown['user_id']}", style="bold"), soft_wrap=True)
    console.print(table)


def _show_cost(console: Console, result: RefreshResult) -> None:
    cost = result["cost"]
    console.print(
        f"\nEstimated cost: {cost['total_usd']:.4f} USD "
        f"(training {cost['training_usd']:.4f} for {cost['training_hours']:.2f} training hours, "
        f"import {cost['import_usd']:.4f}, workflow {cost['workflow_usd']:.4f} "
        f"for {cost['transitions']} transitions)"
    )


def show_unused_faults(console: Console, faults: Iterable[Fault]) -> None:
    """Print the faults that no call has met."""
    for fault in faults:
        line = f"The fault {fault} did not strike: no such call was made."
        console.print(Text(line, style="yellow"), soft_wrap=True)


def show_verdict(
    console: Console, result: RefreshResult, *, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Print whether every campaign's refresh is COMPLETE; if not, what is not, and what serves.

    `before` and `after` are the solution versions that the campaigns served and serve, by name.
    """
    rows = {row["campaign_name"]: row for row in result["rows"]}
    open_ones = [name for name in after if rows.get(name, {}).get("refresh_status") != "COMPLETE"]
    if not open_ones:
        done = "every campaign serves its new solution version"
        if any(":recommender/" in served for served in after.values()):
            done = "every campaign and recommender is refreshed"
        verdict = (f": {done}.",)
        console.print(Text.assemble("\n", ("COMPLETE", "bold green"), *verdict))
        return
    moved = [name for name in open_ones if after[name] != before[name]]
    if not any(after[name] for name in open_ones):
        served = "the campaign is yet to be made"
    elif not moved:
        served = (
            "the campaign serves its old solution version"
            if len(after) == 1
            else f"{len(open_ones)} of {len(after)} campaigns serve their old solution version"
        )
    else:
        served = f"already on a new solution version: {', '.join(moved)}"
    verdict = (f": {served}.",)
    console.print(Text.assemble("\n", ("NOT COMPLETE", "bold red"), *verdict), soft_wrap=True)
    ended = {execution["name"]: execution["status"] for execution in result["executions"]}
    for name in open_ones:
        console.print(f"  {name}: {_reason(rows.get(name), ended)}", soft_wrap=True)


def _reason(row: dict[str, Any] | None, ended: Mapping[str, str]) -> str:
    """Return why a campaign's refresh is not COMPLETE."""
    if row is None:
        return "no row was written: see the dispatch execution and the dead-letter queue"
    status = row["refresh_status"]
    if status == "FAILED" and "execution_status" not in row:
        return str(row["failure_reason"])
    if status == "SUPERSEDED":
        return f"SUPERSEDED by {row['superseded_by']}"
    if status in {"REJECTED", "ROLLED_BACK"}:
        return f"{status}: {row['failure_reason']}"
    if status == "NO_NEW_DATA":
        return f"NO_NEW_DATA: {row['no_new_data_reason']}"
    execution = ended.get(str(row["execution_arn"]).rsplit(":", 1)[-1], "not found")
    return (
        f"{status}, since its execution is {execution}: "
        "the next start or the reconciliation schedule continues it"
    )


def duration(seconds: float) -> str:
    """Return a duration as 1:05:00."""
    return str(timedelta(seconds=int(seconds)))
