"""When an import or a training is in full although the others are not; no AWS."""

from datetime import UTC, datetime, timedelta

import pytest
from choose_modes import Earlier, full_reason
from plan_types import FullEvery

NOW = datetime(2020, 9, 28, 1, tzinfo=UTC)


def full(days: float) -> Earlier:
    return Earlier(NOW - timedelta(days=days), is_full=True)


def added(days: float) -> Earlier:
    return Earlier(NOW - timedelta(days=days), is_full=False)


WEEKS = [added(7), added(14), full(21)]
CASES: dict[str, tuple[FullEvery, list[Earlier], str]] = {
    "nothing yet": ({"days": 28}, [], "There is no FULL import yet to add to."),
    "only what added": ({"days": 28}, [added(7)], "There is no FULL import yet to add to."),
    "three weeks after the last": ({"days": 28}, WEEKS, ""),
    "four weeks after the last": (
        {"days": 28},
        [*WEEKS[:-1], full(28)],
        "The last FULL import is of 2020-08-31; one is due every 28 days.",
    ),
    "four weeks after the last, but for an hour": (
        {"days": 28},
        [full(28 - 1 / 24)],
        "The last FULL import is of 2020-08-31; one is due every 28 days.",
    ),
    "the third of four": ({"runs": 4}, [added(7), full(14)], ""),
    "the fourth of four": (
        {"runs": 4},
        [added(1), added(2), added(3), full(4)],
        "There were 3 since the last FULL import; one of 4 is FULL.",
    ),
    "an older one in full": ({"runs": 3}, [added(7), full(14), full(70)], ""),
    "one in full that began after the run was triggered": (
        {"days": 28},
        [full(-1), added(7)],
        "There is no FULL import yet to add to.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_import_is_in_full_when_its_cadence_says_so(case: str) -> None:
    every, earlier, expected = CASES[case]
    assert full_reason(every, earlier, NOW, "import") == expected
    assert full_reason(every, list(reversed(earlier)), NOW, "import") == expected
