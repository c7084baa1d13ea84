"""Since when a campaign is fresh, and what the hourly check prints about it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from check_freshness import (
    FreshnessSettings,
    NotAllRead,
    WatchedCampaign,
    fresh_since,
    lines,
)

NOW = datetime(2020, 10, 12, 9, tzinfo=UTC)
CHANGED = datetime(2020, 9, 1, tzinfo=UTC)
SETTINGS: FreshnessSettings = {
    "environment": "prod",
    "campaigns": [
        {"campaign_name": name, "campaign_arn": f"arn:campaign/{name}"} for name in ("a", "b", "c")
    ],
}


def row(status: str, day: int, **more: Any) -> dict[str, dict[str, str]]:
    """A row of a day of September 2020, triggered at one and ended at six."""
    day_began = int(datetime(2020, 9, day, tzinfo=UTC).timestamp())
    return {
        "refresh_status": {"S": status},
        "triggered_datetime": {"N": str(day_began + 3600)},
        "ended_datetime": {"N": str(day_began + 6 * 3600)},
        **more,
    }


def september(day: int, hour: int) -> datetime:
    return datetime(2020, 9, day, hour, tzinfo=UTC)


def never_asked() -> datetime:
    raise AssertionError("Personalize is asked although a row says enough")


def changed(on: datetime | None) -> Callable[[], datetime | None]:
    return lambda: on


def test_the_newest_complete_row_counts_from_its_end() -> None:
    rows = [row("RUNNING", 29), row("FAILED", 28), row("COMPLETE", 21), row("COMPLETE", 14)]
    assert fresh_since(rows, never_asked) == september(21, 6)


def test_no_more_rows_are_read_than_up_to_the_complete_one() -> None:
    def reading() -> Any:
        yield row("SUPERSEDED", 28)
        yield row("COMPLETE", 21)
        raise AssertionError("a row too many is read")

    assert fresh_since(reading(), never_asked) == september(21, 6)


def test_without_rows_the_campaigns_own_last_change_counts() -> None:
    assert fresh_since([], changed(CHANGED)) == CHANGED


def test_a_failed_update_is_a_change_and_does_not_make_a_campaign_fresh() -> None:
    failed = [row("FAILED", day) for day in (28, 21, 14)]
    assert fresh_since(failed, changed(september(28, 6))) == september(14, 1)


def test_a_campaign_that_was_made_before_its_first_refresh_failed_counts_from_then() -> None:
    assert fresh_since([row("FAILED", 28)], changed(CHANGED)) == CHANGED


def test_rows_of_another_program_and_rows_edited_by_hand_are_passed_over() -> None:
    article = {"campaign_name": {"S": "a"}, "base_date": {"N": "20200928"}}
    by_hand = row("COMPLETE", 28)
    del by_hand["ended_datetime"]
    rows = [article, by_hand, row("COMPLETE", 21)]
    assert fresh_since(rows, never_asked) == september(21, 6)
    assert fresh_since([article], changed(CHANGED)) == CHANGED


def test_a_campaign_that_does_not_exist_counts_from_nothing() -> None:
    assert fresh_since([row("FAILED", 28)], changed(None)) is None


def printed(since: Callable[[WatchedCampaign], datetime | None]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(SETTINGS, NOW, since)]


def test_each_campaign_gets_a_metric_of_the_hour_and_the_heartbeat_comes_last() -> None:
    hours = {"a": 0.5, "b": 193.25, "c": 0.0}
    found = printed(lambda campaign: NOW - timedelta(hours=hours[campaign["campaign_name"]]))
    assert [each.get("HoursSinceLastComplete") for each in found] == [0.5, 193.25, 0.0, None]
    assert found[1] == {
        "_aws": {
            "Timestamp": int(NOW.timestamp()) * 1000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "PersonalizeRefresh",
                    "Dimensions": [["Environment", "Campaign"]],
                    "Metrics": [{"Name": "HoursSinceLastComplete", "Unit": "None"}],
                }
            ],
        },
        "Environment": "prod",
        "Campaign": "b",
        "HoursSinceLastComplete": 193.25,
    }
    heartbeat = found[-1]
    assert heartbeat["FreshnessChecks"] == 1
    assert heartbeat["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Environment"]]


def test_a_campaign_of_unknown_freshness_gets_no_metric_and_the_check_has_run() -> None:
    found = printed(lambda campaign: NOW if campaign["campaign_name"] == "a" else None)
    assert [each.get("Campaign") for each in found] == ["a", None]


def test_a_refresh_that_ended_after_the_hour_began_is_not_younger_than_nothing() -> None:
    first, *_ = printed(lambda _: NOW + timedelta(minutes=2))
    assert first["HoursSinceLastComplete"] == 0


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "Query"),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
    ],
    ids=["throttled", "no answer"],
)
def test_what_cannot_be_read_holds_no_other_campaign_up_and_fails_the_check(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def since(campaign: WatchedCampaign) -> datetime:
        if campaign["campaign_name"] == "b":
            raise error
        return NOW

    found = iter(lines(SETTINGS, NOW, since))
    assert [json.loads(line)["Campaign"] for line in (next(found), next(found))] == ["a", "c"]
    with pytest.raises(NotAllRead, match="1 of 3 campaigns could not be read, the first of them b"):
        next(found)
    assert "the freshness of b could not be read: " in caplog.text
