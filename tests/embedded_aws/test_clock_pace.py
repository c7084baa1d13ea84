"""A paced clock: time passes smoothly, at a speed that can be changed."""

import threading

from embedded_aws.clock import Clock
from tests.embedded_aws.clock_programs import REAL_SECONDS, START


def test_a_paced_jump_passes_smoothly_and_ends_on_the_deadline() -> None:
    clock = Clock(START, pace=200)
    seen = []
    done = threading.Event()
    clock.call_at(START + 20, done.set)
    while not done.is_set():
        seen.append(clock.time())
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START + 20
    assert seen == sorted(seen)
    # One jump would give 2 values, and so would steps of 0.1 real seconds.
    assert len(set(seen)) > 100
    assert START <= seen[0] <= seen[-1] <= START + 20
    clock.stop()


def test_a_paced_jump_stops_as_soon_as_something_holds_time() -> None:
    clock = Clock(START, pace=1_000_000_000)  # so fast that any two readings differ
    clock.call_at(START + 1e15, lambda: None)
    assert clock.time() < clock.time()
    with clock.running():
        assert len({clock.time() for _ in range(1000)}) == 1
    assert clock.time() < clock.time()
    clock.stop()


def test_the_pace_can_be_changed_and_removed_during_a_jump() -> None:
    clock = Clock(START, pace=0.001)
    clock.call_at(START + 3600, lambda: None)
    assert not clock.wait_until_idle(0.01)
    assert clock.pace == 0.001
    clock.pace = None
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START + 3600
    clock.stop()


def test_an_earlier_deadline_set_during_a_paced_jump_is_met_first() -> None:
    clock = Clock(START, pace=50)
    order: list[str] = []
    clock.call_at(START + 20, lambda: order.append("late"))
    clock.call_at(START + 10, lambda: order.append("early"))
    assert clock.wait_until_idle(REAL_SECONDS)
    assert order == ["early", "late"]
    clock.stop()
