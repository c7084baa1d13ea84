"""The report of a rehearsal's refresh, as one HTML page beside the synthesised app."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

from ops.page import gather, page, with_costs
from ops.page.facts import Recommendations
from rehearsal.result import RefreshResult
from rehearsal.shop import Shop

PAGE = Path("cdk.out") / "rehearsal.html"


def write_page(shop: Shop, result: RefreshResult, path: Path = PAGE) -> str:
    """Write the page of the first refresh that is not COMPLETE, else of the first one.

    Returns what to say of it: where it is, or why there is none.
    """
    refreshes = [e for e in result["executions"] if not e["machine"].endswith("-dispatch")]
    if not refreshes:
        return "No report: no refresh was started."
    rows = {row.get("execution_arn", "").rsplit(":", 1)[-1]: row for row in result["rows"]}
    unhappy = [e for e in refreshes if rows.get(e["name"], {}).get("refresh_status") != "COMPLETE"]
    name = (unhappy or refreshes)[0]["name"]
    machine = shop.outputs["RefreshWorkflowArn"].replace(":stateMachine:", ":execution:")
    cloud = shop.cloud
    facts = gather(
        cloud.client,
        f"{machine}:{name}",
        shop.outputs["TableName"],
        datetime.fromtimestamp(cloud.clock.time(), UTC),
    )
    shown = result["recommendations"]
    if shown:
        known = Recommendations(
            shown["user_id"], shown["before"], shown["after"], shown["new_items"]
        )
        facts = dataclasses.replace(facts, recommendations=known)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(with_costs(facts)), encoding="utf-8")
    except OSError as error:
        return f"No report: {path} cannot be written ({error.strerror})."
    return f"The refresh as a page: {path}"
