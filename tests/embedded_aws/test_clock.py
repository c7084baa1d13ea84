"""The virtual clock: exact counts, exact times, the same order on every run."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from embedded_aws import clock as clock_module
from embedded_aws.clock import Clock
from tests.embedded_aws.clock_programs import REAL_SECONDS, START, run


def test_a_sleep_takes_exactly_its_simulated_seconds(clock: Clock) -> None:
    run(clock, lambda: clock.sleep(7 * 24 * 3600))
    assert clock.time() == START + 7 * 24 * 3600
    assert clock.now() == datetime(2026, 11, 29, 15, 30, tzinfo=UTC)


def test_a_week_of_polls_is_exact_to_the_second(clock: Clock) -> None:
    def poll() -> None:
        for _ in range(7 * 24 * 60):
            clock.sleep(60)

    run(clock, poll)
    assert clock.time() == START + 7 * 24 * 3600


def test_time_stands_still_while_a_program_runs(clock: Clock) -> None:
    seen: list[float] = []
    released = threading.Event()

    def busy() -> None:
        assert released.wait(REAL_SECONDS)
        seen.append(clock.time())

    clock.spawn(busy)
    clock.call_at(START + 60, lambda: seen.append(clock.time()))
    released.set()
    assert clock.wait_until_idle(REAL_SECONDS)
    assert seen == [START, START + 60]


def test_time_stands_still_inside_running_while_programs_go_on(clock: Clock) -> None:
    reached = threading.Event()

    def program() -> None:
        reached.set()
        clock.sleep(60)

    with clock.running():
        clock.spawn(program)
        assert reached.wait(REAL_SECONDS)
        assert clock.time() == START
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START + 60


def test_another_thread_may_release_a_hold(clock: Clock) -> None:
    clock.enter()
    clock.spawn(lambda: clock.sleep(60))
    thread = threading.Thread(target=clock.leave)
    thread.start()
    thread.join()
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START + 60


def test_leaving_without_a_hold_is_refused(clock: Clock) -> None:
    with pytest.raises(RuntimeError, match="without enter"):
        clock.leave()


def test_sleeping_inside_running_releases_that_hold(clock: Clock) -> None:
    with clock.running():
        clock.sleep(60)
        assert clock.time() == START + 60
        clock.call_at(START + 90, lambda: None)
        assert clock.time() == START + 60  # and has the hold again
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START + 90


def test_a_thread_that_does_not_count_as_running_cannot_sleep(clock: Clock) -> None:
    with pytest.raises(RuntimeError, match="counts as running"):
        clock.sleep(1)


def test_a_request_sleeps_for_the_program_that_sent_it(clock: Clock) -> None:
    times: list[float] = []

    def program() -> None:
        with ThreadPoolExecutor(1) as server:  # the program waits for the result, in real time
            server.submit(clock.sleep, 45).result()
        times.append(clock.time())

    run(clock, program)
    assert times == [START + 45]


def test_deadlines_are_met_in_order_of_time_then_of_insertion(clock: Clock) -> None:
    order: list[str] = []
    with clock.running():
        for name, seconds in (("c", 20.0), ("a", 10.0), ("d", 20.0), ("b", 10.0)):
            clock.call_at(START + seconds, lambda name=name: order.append(name))  # type: ignore[misc]
    assert clock.wait_until_idle(REAL_SECONDS)
    assert order == ["a", "b", "c", "d"]


def test_an_alarm_in_the_past_rings_at_once_and_does_not_move_time_back(clock: Clock) -> None:
    seen: list[float] = []
    clock.call_at(START - 60, lambda: seen.append(clock.time()))
    assert clock.wait_until_idle(REAL_SECONDS)
    assert seen == [START]


def test_a_cancelled_alarm_does_not_ring_and_does_not_move_time(clock: Clock) -> None:
    rang_at: list[float] = []
    with clock.running():
        alarm = clock.call_at(START + 3600, lambda: rang_at.append(clock.time()))
        clock.call_at(START + 60, lambda: None)
        alarm.cancel()
    assert clock.wait_until_idle(REAL_SECONDS)
    assert (rang_at, clock.time()) == ([], START + 60)


def test_an_alarm_may_sleep_and_set_another_alarm(clock: Clock) -> None:
    seen: list[float] = []

    def ring() -> None:
        clock.sleep(5)
        clock.call_at(clock.time() + 5, lambda: seen.append(clock.time()))

    clock.call_at(START + 10, ring)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert seen == [START + 20]


def test_stop_ends_the_thread_of_the_clock_and_every_sleeping_program() -> None:
    before = set(threading.enumerate())
    clock = Clock(START)
    asleep = threading.Event()

    clock.enter()
    for _ in range(5):
        clock.spawn(lambda: clock.sleep(3600))
    clock.spawn(asleep.set)
    assert asleep.wait(REAL_SECONDS)
    left = set(threading.enumerate()) - before
    assert len(left) >= 6
    clock.stop()
    for thread in left:
        thread.join(REAL_SECONDS)
    assert not left & set(threading.enumerate())


def test_a_stopped_clock_starts_nothing_new() -> None:
    clock = Clock(START)
    clock.stop()
    rang = threading.Event()
    clock.spawn(rang.set)
    clock.call_at(START, rang.set)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert not rang.is_set()


def test_the_process_has_one_current_clock(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(clock_module, "_current", None)
    with pytest.raises(RuntimeError, match="no clock yet"):
        clock_module.current()
    clock_module.use(clock)
    assert clock_module.current() is clock


def test_a_program_reads_its_own_clock_even_if_the_process_uses_another(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    other = Clock(0)
    monkeypatch.setattr(clock_module, "_current", other)
    seen: list[Clock] = []
    run(clock, lambda: seen.append(clock_module.current()))
    assert seen == [clock]
    other.stop()


def test_a_program_that_fails_after_the_end_of_its_cloud_is_no_error() -> None:
    clock = Clock(0)
    begun, ended = threading.Event(), threading.Event()
    thread = []

    def call() -> None:
        thread.append(threading.current_thread())
        begun.set()
        ended.wait()
        raise ConnectionError("what it called is gone")

    clock.spawn(call)
    begun.wait()
    clock.stop()
    ended.set()
    thread[0].join()  # an exception would be a warning, which is an error
