"""What the alarms see."""

import json
from typing import Any

from rehearsal.shop import DAY, HOUR, Shop
from tests.rehearsal.conftest import OpenShop


def printed(shop: Shop) -> list[dict[str, Any]]:
    logs = shop.cloud.client("logs")
    found = []
    for group in logs.describe_log_groups()["logGroups"]:
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
            if '"_aws"' in event["message"]:
                found += [json.loads(event["message"])]
    return found


def test_x(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.later(2 * HOUR)
    for line in printed(shop):
        print(line)
    shop.later(DAY)
    print(len(printed(shop)))
    shop.succeed()
    shop.settle()
    for line in printed(shop)[-3:]:
        print(line)
    assert [call for call in shop.calls() if not call.allowed] == []
    print(shop.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"][0])
    raise AssertionError
