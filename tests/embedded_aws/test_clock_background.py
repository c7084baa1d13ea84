"""Background alarms: they ring in passing, and keep no clock going."""

import threading

from embedded_aws.clock import Clock
from tests.embedded_aws.clock_programs import REAL_SECONDS, START, run


def recurring(clock: Clock, every: float) -> list[float]:
    """Plan background alarms for ever; return the list of the seconds at which they rang."""
    rung: list[float] = []

    def ring() -> None:
        rung.append(clock.time() - START)
        clock.call_at(clock.time() + every, ring, background=True)

    clock.call_at(START + every, ring, background=True)
    return rung


def test_a_clock_with_only_background_alarms_left_is_idle_and_stands_still(clock: Clock) -> None:
    rung = recurring(clock, 60)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert (rung, clock.time()) == ([], START)


def test_background_alarms_ring_when_something_else_takes_time_past_them(clock: Clock) -> None:
    rung = recurring(clock, 60)
    run(clock, lambda: clock.sleep(130))
    assert (rung, clock.time()) == ([60, 120], START + 130)
    clock.call_at(START + 200, lambda: None)
    assert clock.wait_until_idle(REAL_SECONDS)
    with clock.running():
        clock.sleep(50)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert (rung, clock.time()) == ([60, 120, 180, 240], START + 250)


def test_a_background_alarm_keeps_its_place_among_the_others(clock: Clock) -> None:
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


def test_what_a_background_alarm_has_started_is_waited_for(clock: Clock) -> None:
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
    rung: list[float] = []
    clock.call_at(START + 30, lambda: rung.append(clock.time()), background=True).cancel()
    run(clock, lambda: clock.sleep(60))
    assert rung == []


def test_paced_time_does_not_flow_on_to_a_cancelled_background_alarm() -> None:
    clock = Clock(START, pace=1_000_000_000)
    clock.call_at(START + 1e15, lambda: None, background=True).cancel()
    assert clock.wait_until_idle(REAL_SECONDS)
    assert len({clock.time() for _ in range(1000)}) == 1
    clock.stop()


def test_paced_time_flows_on_to_background_alarms_while_the_clock_counts_as_idle() -> None:
    clock = Clock(START, pace=1000)
    rang = threading.Event()
    clock.call_at(START + 100, rang.set, background=True)
    assert clock.wait_until_idle(0)
    assert not rang.is_set()
    assert rang.wait(REAL_SECONDS)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START + 100
    clock.stop()


def test_lifting_the_pace_leaves_background_alarms_where_they_are() -> None:
    clock = Clock(START, pace=0.001)
    rung = recurring(clock, 60)
    clock.pace = None
    assert clock.wait_until_idle(REAL_SECONDS)
    assert rung == []
    assert clock.time() < START + 1
    clock.stop()
