"""Cron schedules in words, as the parameter files of AWS's Solution have them."""

import pytest

from ops.adopt.cadence import fresh_within_hours, longest_gap, words


@pytest.mark.parametrize(
    ("expression", "said", "fresh"),
    [
        ("cron(0 */6 * * ? *)", "every 6 hours", None),
        ("cron(*/15 * * * ? *)", "every 15 minutes", None),
        ("cron(30 * * * ? *)", "every hour", None),
        ("cron(* * * * ? *)", "every minute", None),
        ("cron(0 3 * * ? *)", "every day at 03:00 UTC", 48),
        ("cron(0 2 ? * 1 *)", "every week, on Sunday at 02:00 UTC", 192),
        ("cron(15 23 ? * MON *)", "every week, on Monday at 23:15 UTC", 192),
        ("cron(0 0 1 * ? *)", "every month, on day 1 at 00:00 UTC", 768),
        (
            "cron(0 9 ? * MON-FRI *)",
            "at most 3 days apart, cron(0 9 ? * MON-FRI *)",
            96,
        ),
        ("cron(0 0 L * ? *)", "by cron(0 0 L * ? *)", None),
        ("cron(0 0 ? * 6#3 *)", "by cron(0 0 ? * 6#3 *)", None),
        ("cron(0 0 1 1 ? 2030)", "by cron(0 0 1 1 ? 2030)", None),
        ("cron(61 0 * * ? *)", "by cron(61 0 * * ? *)", None),
        ("hourly", "by hourly", None),
    ],
)
def test_a_schedule_is_said_in_words(expression: str, said: str, fresh: int | None) -> None:
    assert words(expression) == said
    assert fresh_within_hours(expression) == fresh


def test_the_longest_of_unequal_gaps_counts() -> None:
    assert longest_gap("cron(0 8,12 * * ? *)") == 20 * 60
    assert longest_gap("cron(0 1,22 * * ? *)") == 21 * 60
