"""Background alarms: they ring when time passes them, and do not keep the clock running."""

import threading

from embedded_aws.clock import Clock
from tests.embedded_aws.clock_programs import REAL_SECONDS, START, run


def recurring(clock: Clock, every: float) -> list[float]:
    """Set background alarms without end; return the list of the seconds at which they rang."""
    rang_at: list[float] = []

    def ring() -> None:
        rang_at.append(clock.time() - START)
        clock.call_at(clock.time() + every, ring, background=True)

    clock.call_at(START + every, ring, background=True)
    return rang_at


def test_a_clock_with_only_background_alarms_left_is_idle_and_stands_still(clock: Clock) -> None:
    rang_at = recurring(clock, 60)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert (rang_at, clock.time()) == ([], START)


def test_background_alarms_ring_when_something_else_moves_time_past_them(clock: Clock) -> None:
    rang_at = recurring(clock, 60)
    run(clock, lambda: clock.sleep(130))
    assert (rang_at, clock.time()) == ([60, 120], START + 130)
    clock.call_at(START + 200, lambda: None)
    assert clock.wait_until_idle(REAL_SECONDS)
    with clock.running():
        clock.sleep(50)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert (rang_at, clock.time()) == ([60, 120, 180, 240], START + 250)


def test_a_background_alarm_rings_in_order_with_the_others(clock: Clock) -> None:
    order: list[str] = []
    with clock.running():
        for name, seconds, background in (("b", 10.0, True), ("c", 10.0, False), ("a", 5.0, True)):
            clock.call_at(
                START + seconds,
                lambda name=name: order.append(name),  # type: ignore[misc]
                background=background,
            )
    assert clock.wait_until_idle(REAL_SECONDS)
    assert order == ["a", "b", "c"]


def test_the_clock_waits_for_what_a_background_alarm_has_started(clock: Clock) -> None:
    ended: list[float] = []

    def program() -> None:
        clock.sleep(3600)
        ended.append(clock.time() - START)

    clock.call_at(START + 60, program, background=True)
    run(clock, lambda: clock.sleep(61))
    assert ended == [3660]


def test_a_background_alarm_that_is_due_already_rings_at_once(clock: Clock) -> None:
    seen: list[float] = []
    clock.call_at(START, lambda: seen.append(clock.time()), background=True)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert seen == [START]


def test_a_cancelled_background_alarm_does_not_ring(clock: Clock) -> None:
    rang_at: list[float] = []
    clock.call_at(START + 30, lambda: rang_at.append(clock.time()), background=True).cancel()
    run(clock, lambda: clock.sleep(60))
    assert rang_at == []


def test_paced_time_does_not_continue_to_a_cancelled_background_alarm() -> None:
    clock = Clock(START, pace=1_000_000_000)
    clock.call_at(START + 1e15, lambda: None, background=True).cancel()
    assert clock.wait_until_idle(REAL_SECONDS)
    assert len({clock.time() for _ in range(1000)}) == 1
    clock.stop()


def test_paced_time_continues_to_background_alarms_while_the_clock_counts_as_idle() -> None:
    clock = Clock(START, pace=1000)
    rang = threading.Event()
    clock.call_at(START + 100, rang.set, background=True)
    assert clock.wait_until_idle(0)
    assert not rang.is_set()
    assert rang.wait(REAL_SECONDS)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START + 100
    clock.stop()


def test_removing_the_pace_does_not_move_time_to_background_alarms() -> None:
    clock = Clock(START, pace=0.001)
    rang_at = recurring(clock, 60)
    clock.pace = None
    assert clock.wait_until_idle(REAL_SECONDS)
    assert rang_at == []
    assert clock.time() < START + 1
    clock.stop()
