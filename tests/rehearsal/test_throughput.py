"""Planning on a table with one read capacity unit, as in the article."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rehearsal.shop import Shop
from tests.rehearsal.conftest import OpenShop

CAMPAIGNS, DAYS = 20, 90


def fill(shop: Shop) -> list[str]:
    """Put 90 rows of each of 20 campaigns in the table; return the campaigns' names."""
    template = shop.item()
    now = datetime.fromtimestamp(shop.cloud.clock.time(), UTC)
    names = [f"campaign-{n}" for n in range(CAMPAIGNS)]
    days = [f"{now - timedelta(days=back):%Y%m%d}" for back in range(1, DAYS + 1)]
    rows = [
        {"PutRequest": {"Item": {**template, "campaign_name": {"S": n}, "base_date": {"N": d}}}}
        for n in names
        for d in days
    ]
    dynamodb = shop.cloud.client("dynamodb")
    for start in range(0, len(rows), 25):
        batch = {shop.outputs["TableName"]: rows[start : start + 25]}
        dynamodb.batch_write_item(RequestItems=batch)
    return names


def plan(shop: Shop, trigger: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Invoke "Plan refresh" for these campaigns, as the dispatch workflow would."""
    (refresh,) = shop.settings["refreshes"]
    (campaign,) = refresh["campaigns"]
    campaigns = [{**campaign, "campaign_name": name, "execution_prefix": name} for name in names]
    payload = {
        "trigger": trigger,
        "settings": {**shop.settings, "refreshes": [{**refresh, "campaigns": campaigns}]},
        "now": shop.cloud.clock.now().isoformat(),
        "first_campaign": 0,
    }
    functions = shop.cloud.client("lambda").list_functions()["Functions"]
    (name,) = (f["FunctionName"] for f in functions if "PlanRefresh" in f["FunctionName"])
    response = shop.cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload))
    planned: dict[str, Any] = json.loads(response["Payload"].read())
    assert "FunctionError" not in response, planned
    return planned


@pytest.mark.parametrize("trigger", [{"refresh": "weekly"}, {"reconcile": True}], ids=str)
def test_twenty_campaigns_with_ninety_rows_each_are_planned_on_one_read_unit(
    open_shop: OpenShop, trigger: dict[str, Any]
) -> None:
    shop = open_shop("prod", new=True)
    shop.succeed()
    shop.settle()
    names = fill(shop)
    before = len(shop.cloud.calls)
    planned = plan(shop, trigger, names)
    assert len(planned["executions"]) == (CAMPAIGNS if "refresh" in trigger else 0)
    queries = [c for c in shop.cloud.calls[before:] if c.action == "dynamodb:Query"]
    assert len(queries) <= CAMPAIGNS * 12
