"""Programs on the virtual clock: their turns, their signals, and a count without gaps."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from embedded_aws.clock import Clock, Signal
from tests.embedded_aws.clock_programs import REAL_SECONDS, START, run


def test_only_a_program_counts_as_a_program(clock: Clock) -> None:
    seen: list[bool] = []
    run(clock, lambda: seen.append(clock.is_program()))
    assert (seen, clock.is_program()) == ([True], False)


def test_programs_take_turns_in_the_order_in_which_they_were_started(clock: Clock) -> None:
    order: list[tuple[int, float]] = []

    def program(number: int) -> None:
        for _ in range(3):
            order.append((number, clock.time() - START))
            clock.sleep(10)

    with clock.running():
        for number in range(5):
            clock.spawn(lambda number=number: program(number))  # type: ignore[misc]
    assert clock.wait_until_idle(REAL_SECONDS)
    assert order == [(number, 10.0 * step) for step in range(3) for number in range(5)]


def test_a_sleep_ends_early_when_its_work_is_stopped(clock: Clock) -> None:
    stopped = threading.Event()
    asleep = threading.Event()

    def program() -> None:
        asleep.set()
        clock.sleep(3600, stopped.is_set)

    with clock.running():
        clock.spawn(program)
        assert asleep.wait(REAL_SECONDS)
        stopped.set()
        clock.notify()
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START


def test_work_that_is_already_stopped_does_not_sleep(clock: Clock) -> None:
    run(clock, lambda: clock.sleep(3600, lambda: True))
    assert clock.time() == START


def test_a_signal_wakes_its_waiter_at_the_time_it_is_set(clock: Clock) -> None:
    outcomes: list[tuple[bool, float]] = []

    def parent() -> None:
        signal = Signal(clock)

        def child() -> None:
            clock.sleep(30)
            signal.set()

        clock.spawn(child)
        outcomes.append((signal.wait(), clock.time() - START))
        outcomes.append((signal.wait(), clock.time() - START))

    run(clock, parent)
    assert outcomes == [(True, 30.0), (True, 30.0)]


def test_waiting_for_a_missing_signal_ends_at_the_time_limit(clock: Clock) -> None:
    outcomes: list[tuple[bool, float]] = []

    def parent() -> None:
        signal = Signal(clock)
        clock.call_at(START + 60, signal.set)
        outcomes.append((signal.wait(timeout=20), clock.time() - START))
        outcomes.append((signal.wait(timeout=900), clock.time() - START))
        signal.clear()
        outcomes.append((signal.is_set(), clock.time() - START))

    run(clock, parent)
    assert outcomes == [(False, 20.0), (True, 60.0), (False, 60.0)]
    assert clock.time() == START + 60  # the unused time limit does not move time


def family(clock: Clock, log: list[tuple[str, float]], depth: int, name: str) -> None:
    """Start two children, wait for both, and sleep between: the count passes in all directions."""
    log.append((name, clock.time() - START))
    if depth == 0:
        clock.sleep(len(name))
        return
    signals = [Signal(clock) for _ in range(2)]

    def child(number: int) -> None:
        clock.sleep(number)
        family(clock, log, depth - 1, f"{name}{number}")
        signals[number].set()

    for number in range(2):
        clock.spawn(lambda number=number: child(number))  # type: ignore[misc]
        clock.sleep(1)
    for signal in signals:
        signal.wait()
    log.append((name, clock.time() - START))


def test_the_running_count_passes_between_many_threads_without_a_gap() -> None:
    logs = []
    for _ in range(20):
        clock = Clock(START)
        log: list[tuple[str, float]] = []
        clock.spawn(lambda log=log, clock=clock: family(clock, log, 6, "0"))  # type: ignore[misc]
        assert clock.wait_until_idle(REAL_SECONDS)
        clock.stop()
        logs.append(log)
    # A gap in the count would let time jump, and later steps would happen at another time.
    assert all(log == logs[0] for log in logs)
    assert len(logs[0]) == 2 * 63 + 64
    assert logs[0][-1][1] == max(when for _, when in logs[0])


def test_programs_started_by_many_outside_threads_at_once_are_all_counted(clock: Clock) -> None:
    ends: list[float] = []

    def program() -> None:
        for _ in range(10):
            clock.sleep(6)
        ends.append(clock.time())

    with clock.running(), ThreadPoolExecutor(16) as outsiders:
        for _ in range(100):
            outsiders.submit(clock.spawn, program)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert ends == [START + 60] * 100


def test_a_program_that_fails_does_not_stop_the_others(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", failures.append)

    def fail() -> None:
        raise LookupError

    with clock.running():
        clock.call_at(START + 10, fail)
        clock.spawn(lambda: clock.sleep(20))
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START + 20
    assert [failure.exc_type for failure in failures] == [LookupError]
