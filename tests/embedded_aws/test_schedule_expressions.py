"""Schedule expressions: the times that they mean, and what AWS refuses."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from embedded_aws.services.scheduler.expressions import InvalidExpressionError, parse

NOW = datetime(2020, 9, 28, 1, tzinfo=UTC)  # a Monday


def times(
    expression: str,
    zone: str = "UTC",
    *,
    after: datetime = NOW,
    start: datetime | None = None,
    count: int = 3,
) -> list[str]:
    due = parse(expression, zone).times(after.timestamp(), start.timestamp() if start else None)
    return [
        datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M")
        for moment in islice(due, count)
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(90 minutes)", ["2020-09-28T02:30", "2020-09-28T04:00", "2020-09-28T05:30"]),
        ("rate(1 hour)", ["2020-09-28T02:00", "2020-09-28T03:00", "2020-09-28T04:00"]),
        ("rate(2 days)", ["2020-09-30T01:00", "2020-10-02T01:00", "2020-10-04T01:00"]),
    ],
)
def test_a_rate_without_a_start_is_due_first_after_one_period(
    expression: str, expected: list[str]
) -> None:
    assert times(expression) == expected


@pytest.mark.parametrize(
    ("start", "first"),
    [
        (datetime(2020, 9, 28, 1, 10, tzinfo=UTC), "2020-09-28T01:10"),
        (NOW, "2020-09-28T01:00"),
        (datetime(2020, 9, 27, 22, 10, tzinfo=UTC), "2020-09-28T01:10"),
    ],
)
def test_a_rates_start_is_its_first_time_and_sets_all_others(start: datetime, first: str) -> None:
    assert times("rate(1 hour)", start=start, count=1) == [first]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(15 10 * * ? *)", ["2020-09-28T10:15", "2020-09-29T10:15", "2020-09-30T10:15"]),
        (
            "cron(0/20 1 ? * MON-FRI *)",
            ["2020-09-28T01:20", "2020-09-28T01:40", "2020-09-29T01:00"],
        ),
        ("cron(0 8,20 ? * 1,7 *)", ["2020-10-03T08:00", "2020-10-03T20:00", "2020-10-04T08:00"]),
        ("cron(0 0 L * ? *)", ["2020-09-30T00:00", "2020-10-31T00:00", "2020-11-30T00:00"]),
        (
            "cron(5-7 3 1 jan ? 2021/2)",
            ["2021-01-01T03:05", "2021-01-01T03:06", "2021-01-01T03:07"],
        ),
        ("cron(0 0 29 2 ? *)", ["2024-02-29T00:00", "2028-02-29T00:00", "2032-02-29T00:00"]),
        (
            "cron(0 */12 1-31/15 * ? *)",
            ["2020-10-01T00:00", "2020-10-01T12:00", "2020-10-16T00:00"],
        ),
        ("cron(0 0 30 2 ? *)", []),
        ("cron(0 1 28 9 ? 2020)", []),
    ],
)
def test_cron_has_awss_six_fields(expression: str, expected: list[str]) -> None:
    assert times(expression) == expected


def test_cron_is_due_at_its_start_but_not_before() -> None:
    start = datetime(2020, 10, 1, 10, 15, tzinfo=UTC)
    assert times("cron(15 10 * * ? *)", start=start, count=2) == [
        "2020-10-01T10:15",
        "2020-10-02T10:15",
    ]
    late = datetime(2020, 10, 1, 10, 16, tzinfo=UTC)
    assert times("cron(15 10 * * ? *)", start=late, count=1) == ["2020-10-02T10:15"]


def test_cron_keeps_the_hours_of_its_time_zone() -> None:
    assert times("cron(30 9 * * ? *)", "Asia/Seoul", count=2) == [
        "2020-09-29T00:30",
        "2020-09-30T00:30",
    ]


def test_a_time_skipped_by_a_clock_change_is_left_out_and_a_repeated_one_comes_once() -> None:
    spring = datetime(2021, 3, 27, 12, tzinfo=UTC)
    assert times("cron(30 2 * * ? *)", "Europe/Berlin", after=spring, count=2) == [
        "2021-03-29T00:30",
        "2021-03-30T00:30",
    ]
    autumn = datetime(2021, 10, 30, 12, tzinfo=UTC)
    assert times("cron(30 2 * * ? *)", "Europe/Berlin", after=autumn, count=2) == [
        "2021-10-31T00:30",
        "2021-11-01T01:30",
    ]


def test_a_one_time_schedule_is_due_once_in_its_time_zone() -> None:
    assert times("at(2020-09-28T11:00:00)", "Asia/Seoul") == ["2020-09-28T02:00"]
    assert times("at(2020-09-28T10:00:00)", "Asia/Seoul") == []


@pytest.mark.parametrize(
    "expression",
    [
        "rate(0 minutes)",
        "rate(1.5 hours)",
        "rate(5 weeks)",
        "rate(5)",
        "rate(5 minutes",
        "rate(5 minutes))",
        "rate(5 minutes) ",
        "at(2020-09-28)",
        "at(2020-13-01T00:00:00)",
        "every day",
        "cron(0 10 * * ?)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(0 10 1 * MON *)",
        "cron(60 10 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 10 0 * ? *)",
        "cron(0 10 * 13 ? *)",
        "cron(0 10 ? * 8 *)",
        "cron(0 10 ? * NOW *)",
        "cron(0 10 * * ? 1969)",
        "cron(5/0 10 * * ? *)",
        "cron(5/ 10 * * ? *)",
        "cron(5- 10 * * ? *)",
        "cron(9-5 10 * * ? *)",
        "cron(, 10 * * ? *)",
        "cron(+5 10 * * ? *)",
    ],
)
def test_an_invalid_expression_is_refused(expression: str) -> None:
    with pytest.raises(InvalidExpressionError, match="Invalid Schedule Expression"):
        parse(expression, "UTC")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("L * ?", ["2020-09-30", "2020-10-31", "2020-11-30"]),
        ("LW * ?", ["2020-09-30", "2020-10-30", "2020-11-30"]),
        ("1W * ?", ["2020-10-01", "2020-11-02", "2020-12-01"]),
        ("15W 11,12 ?", ["2020-11-16", "2020-12-15", "2021-11-15"]),
        ("31W * ?", ["2020-10-30", "2020-12-31", "2021-01-29"]),
        ("? * L", ["2020-10-03", "2020-10-10", "2020-10-17"]),
        ("? * 6L", ["2020-10-30", "2020-11-27", "2020-12-25"]),
        ("? * 3#2", ["2020-10-13", "2020-11-10", "2020-12-08"]),
        ("? * mon#5", ["2020-11-30", "2021-03-29", "2021-05-31"]),
    ],
)
def test_awss_special_days_are_the_last_the_nearest_weekday_and_the_nth(
    fields: str, expected: list[str]
) -> None:
    assert times(f"cron(0 0 {fields} *)") == [f"{day}T00:00" for day in expected]


@pytest.mark.parametrize(
    "fields", ["32W * ?", "W * ?", "1W,2W * ?", "? * 8L", "? * 3#6", "? * 3#1,6#3", "? * 5W"]
)
def test_a_special_day_that_does_not_exist_is_refused(fields: str) -> None:
    with pytest.raises(InvalidExpressionError, match="Invalid Schedule Expression"):
        parse(f"cron(0 10 {fields} *)", "UTC")


@pytest.mark.parametrize(
    "zone", ["Europe/Nowhere", "localtime", "posix/Asia/Seoul", "asia/seoul", "Factory", "../UTC"]
)
def test_a_time_zone_that_is_not_ianas_is_refused(zone: str) -> None:
    with pytest.raises(InvalidExpressionError, match=f"Timezone {zone}"):
        parse("rate(1 hour)", zone)
