"""What the refreshes of a month have cost, by campaign, as their rows estimate it."""

import re
from datetime import UTC, datetime
from typing import Any, TypedDict

from costs import PRICED_IN, PRICED_ON

from ops.deployment import Deployment, Refusal
from ops.refreshes import campaigns, cost_of, rows


class CampaignCosts(TypedDict):
    """One campaign's month in US dollars; `unknown` counts runs that cannot be estimated."""

    campaign: str
    refreshes: int
    training_hours: float
    cost_usd: float
    unknown: int


def of_month(deployment: Deployment, month: str | None) -> dict[str, Any]:
    """Return the costs of a month (2020-09), by default of this one."""
    if month is None:
        month = f"{datetime.fromtimestamp(deployment.now(), UTC):%Y-%m}"
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise Refusal(f"{month!r} is not a month; write it as 2020-09")
    first = int(month.replace("-", "")) * 100
    found = [_of_campaign(deployment, name, first) for name in campaigns(deployment)]
    return {
        "month": month,
        "prices": f"{PRICED_IN}, {PRICED_ON}",
        "campaigns": found,
        "total_usd": round(sum(each["cost_usd"] for each in found), 4),
    }


def _of_campaign(deployment: Deployment, name: str, first: int) -> CampaignCosts:
    of_month = []
    for row in rows(deployment, name):
        if row["base_date"] < first:
            break
        if row["base_date"] < first + 100:
            of_month.append(row)
    known = [cost for row in of_month if (cost := cost_of(row)) is not None]
    return {
        "campaign": name,
        "refreshes": len(of_month),
        "training_hours": round(sum(float(row.get("training_hours", 0)) for row in of_month), 3),
        "cost_usd": round(sum(known), 4),
        "unknown": len(of_month) - len(known),
    }
