"""The schedule of reconciliation: what EventBridge Scheduler accepts, field by field."""

from pathlib import Path

import pytest

from embedded_aws.services.scheduler.expressions import InvalidExpressionError, parse
from stacks.load import SettingsError, read
from stacks.settings import Environment

DEV = (Path(__file__).parents[2] / "environments" / "dev.yaml").read_text("utf-8")


def judged(expression: str) -> Environment:
    return read(f"{DEV}\nreconcile:\n  schedule: {expression}\n")


def problems(expression: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        judged(expression)
    return caught.value.problems


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 day)",
        "rate(12 hours)",
        "cron(0 12 * * ? *)",
        "cron(0/20 1 ? * MON-FRI *)",
        "cron(0 8,20 ? * 1,7 2026-2199)",
        "cron(5-7 3 1 jan,FEB ? 2027/2)",
        "cron(0 0 L * ? *)",
        "cron(0 0 29 2 ? *)",
        "cron(0 0 ? * * *)",
        "cron(0 0 LW * ? *)",
        "cron(0 0 15W * ? *)",
        "cron(0 0 ? * L *)",
        "cron(0 0 ? * FRIL *)",
        "cron(0 0 ? * 6#3 *)",
    ],
)
def test_a_schedule_that_aws_accepts_is_accepted(expression: str) -> None:
    reconcile = judged(expression).reconcile
    assert reconcile != "never"
    assert reconcile.schedule == expression
    parse(expression, "UTC")  # and so it is in the embedded cloud


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("cron(60 12 * * ? *)", "minutes '60' is not 0-59"),
        ("cron(0 25 * * ? *)", "hours '25' is not 0-23"),
        ("cron(0 12 32 * ? *)", "day of month '32' is not 1-31, ?, L, LW or 15W"),
        ("cron(0 12 * 13 ? *)", "month '13' is not 1-12 or JAN-DEC"),
        ("cron(0 12 ? * 8 *)", "day of week '8' is not 1-7 or SUN-SAT, ?, L, 6L or 6#3"),
        ("cron(0 12 * * ? 1969)", "year '1969' is not 1970-2199"),
        ("cron(0 12 * * * *)", "exactly one of day of month and day of week is ?"),
        ("cron(0 12 ? * ? *)", "exactly one of day of month and day of week is ?"),
        ("cron(0 12 1 * MON *)", "exactly one of day of month and day of week is ?"),
        ("cron(5/0 12 * * ? *)", "minutes '5/0' is not 0-59"),
        ("cron(9-5 12 * * ? *)", "minutes '9-5' is not 0-59"),
        ("cron(0, 12 * * ? *)", "minutes '0,' is not 0-59"),
        ("cron(0 12 30 2 ? *)", "no such date will come"),
        ("cron(0 12 29 2 ? 2027)", "no such date will come"),
        ("cron(0 12 * * ? 2020)", "no such date will come"),
        ("cron(0 12 * * ?)", "is not a schedule; write rate(1 day), or six fields"),
        ("rate(1.5 days)", "is not a schedule; write rate(1 day), or six fields"),
        ("rate(2 hour)", "is not a schedule; write rate(1 day), or six fields"),
        ("rate(0 days)", "is not a schedule; write rate(1 day), or six fields"),
        (f"rate({'9' * 200} days)", "is rarer than once a year"),
    ],
)
def test_a_schedule_that_aws_refuses_is_refused_with_the_field(expression: str, words: str) -> None:
    (problem,) = problems(expression)
    assert problem.startswith("reconcile.schedule: ")
    assert words in problem


@pytest.mark.parametrize("field", ["60 12 * * ? *", "0 12 * * * *", "9-5 12 * * ? *"])
def test_the_embedded_cloud_refuses_the_same_schedules(field: str) -> None:
    assert problems(f"cron({field})")
    with pytest.raises(InvalidExpressionError):
        parse(f"cron({field})", "UTC")
