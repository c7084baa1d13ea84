"""What an operator sees: a table in a terminal, a line per thing in a pipe."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.deployment import Deployment
from ops.undelivered import Replayed, Undelivered

COLOURS = {
    "STARTED": "green",
    "ALREADY_STARTED": "green",
    "ANNOUNCED": "green",
    "NOT_REPLAYED": "red",
    "COMPLETE": "green",
    "RUNNING": "cyan",
    "FAILED": "red",
    "SUPERSEDED": "yellow",
    "NO_NEW_DATA": "yellow",
    "REJECTED": "red",
    "ROLLED_BACK": "red",
    "OK": "green",
    "WARNING": "yellow",
    "PROBLEM": "red",
    "UNKNOWN": "magenta",
    "FILL IN": "red",
    "CHANGE": "red",
    "NOT ADOPTED": "yellow",
}
SHOWN_CHARACTERS = 60  # of a message that is not a Glue event
EVENT = ("event time", "Glue job", "run")


def show_undelivered(
    console: Console, deployment: Deployment, found: Sequence[Undelivered]
) -> None:
    """Print the events of the queue, and what to do about them."""
    table(console, [*EVENT, "reason"], [[*_event(u), _reason(u)] for u in found])
    verb = f"python -m ops replay --environment {deployment.environment}"
    undelivered = sum(each["queue"] == "undelivered" for each in found)
    if undelivered:
        console.print(
            f"{count(undelivered)} could not start the dispatch workflow of {deployment.stack}; "
            f"when the reason is fixed, `{verb}` starts it.",
            soft_wrap=True,
        )
    if unannounced := len(found) - undelivered:
        console.print(
            f"{count(unannounced)} of {deployment.stack} could not be announced; when the reason "
            f"is fixed, `{verb}` announces it.",
            soft_wrap=True,
        )
    if not found:
        console.print(f"No undelivered event in {deployment.stack}.", soft_wrap=True)


def show_replayed(console: Console, deployment: Deployment, replayed: Sequence[Replayed]) -> None:
    """Print what became of each event."""
    table(
        console,
        [*EVENT, "outcome", "execution, or reason"],
        [[*_event(r), r["outcome"], r["reason"] or r["execution_name"] or ""] for r in replayed],
    )
    if not replayed:
        console.print(f"No undelivered event in {deployment.stack}.", soft_wrap=True)
        return
    kept = sum(r["outcome"] == "NOT_REPLAYED" for r in replayed)
    done = count(len(replayed) - kept)
    console.print(
        f"{done} replayed, {kept} still in the queue of {deployment.stack}.", soft_wrap=True
    )


def table(console: Console, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows: as a table that fits the terminal, or, in a pipe, in unbroken lines."""
    cells = [[_one_line(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        for row in cells:
            print("  ".join(row).rstrip(), file=console.file)
        return
    if cells:
        console.print(grid(titles, cells))


def grid(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> Table:
    """Return a table for a terminal, with the colours of known words."""
    shown = Table(box=box.SIMPLE_HEAD)
    for n, title in enumerate(titles):
        shown.add_column(title, overflow="fold", no_wrap=n == 0)
    for row in cells:
        shown.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in row))
    return shown


def _event(event: Undelivered) -> list[str]:
    job = event["glue_job"] or event["body"][:SHOWN_CHARACTERS]
    return [event["time"] or "-", job, event["job_run_id"] or "-"]


def _reason(event: Undelivered) -> str:
    reason = ": ".join(filter(None, (event["error_code"], event["error_message"]))) or "unknown"
    if condition := event["exhausted_retry_condition"]:
        reason += f" ({condition} exhausted after {event['retry_attempts'] or 'some'} retries)"
    return reason


def count(events: int) -> str:
    """Return a number of events in words."""
    return "1 event" if events == 1 else f"{events} events"


def _one_line(text: str) -> str:
    """Return text without line ends and other characters that a terminal cannot print."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
