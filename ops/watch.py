"""Follow the refreshes that run: live in a terminal, a line for each change in a pipe."""

import time

from rich.console import Console
from rich.live import Live

from ops import shown
from ops.deployment import Deployment
from ops.refreshes import CampaignStatus, check_campaign, status


def follow(
    deployment: Deployment, names: list[str], every: float, console: Console | None
) -> list[CampaignStatus]:
    """Look every so many seconds until nothing runs any more; return how all stand then.

    Without names, every campaign is followed. Shows nothing without a console.
    """
    for name in names:
        check_campaign(deployment, name)

    def look() -> list[CampaignStatus]:
        return [each for each in status(deployment) if not names or each["campaign"] in names]

    now = look()
    if console is not None and console.is_terminal:
        with Live(shown.status_table(deployment, now), console=console, auto_refresh=False) as live:
            while _runs(now):
                time.sleep(every)
                now = look()
                live.update(shown.status_table(deployment, now), refresh=True)
        return now
    said: dict[str, tuple[str, str | None]] = {}
    while True:
        for each in now:
            state = (each["status"], each["stage"])
            if said.get(each["campaign"]) != state and console is not None:
                shown.show_change(console, deployment, each)
            said[each["campaign"]] = state
        if not _runs(now):
            return now
        time.sleep(every)
        now = look()


def _runs(found: list[CampaignStatus]) -> bool:
    return any(each["status"] == "RUNNING" for each in found)
