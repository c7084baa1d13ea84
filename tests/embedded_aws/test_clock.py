"""The virtual clock: exact counts, exact times, the same order on every run."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from embedded_aws import clock as clock_module
from embedded_aws.clock import Clock, Signal

START = datetime(2026, 11, 22, 15, 30, tzinfo=UTC).timestamp()
REAL_SECONDS = 30  # far more than any test needs: it only ends one that hangs


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock(START)
    yield clock
    clock.stop()


def run(clock: Clock, program: Callable[[], object]) -> None:
    clock.spawn(program)
    assert clock.wait_until_idle(REAL_SECONDS)


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


def test_a_hold_may_be_given_up_by_another_thread(clock: Clock) -> None:
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


def test_sleeping_inside_running_gives_up_that_hold(clock: Clock) -> None:
    with clock.running():
        clock.sleep(60)
        assert clock.time() == START + 60
        clock.call_at(START + 90, lambda: None)
        assert clock.time() == START + 60  # and holds again
    assert clock.wait_until_idle(REAL_SECONDS)
    assert clock.time() == START + 90


def test_who_does_not_count_as_running_cannot_sleep(clock: Clock) -> None:
    with pytest.raises(RuntimeError, match="counts as running"):
        clock.sleep(1)


def test_a_request_sleeps_for_the_program_that_sent_it(clock: Clock) -> None:
    times: list[float] = []

    def program() -> None:
        with ThreadPoolExecutor(1) as server:  # the program waits for its answer, in real time
            server.submit(clock.sleep, 45).result()
        times.append(clock.time())

    run(clock, program)
    assert times == [START + 45]


def test_deadlines_are_met_by_time_then_by_insertion(clock: Clock) -> None:
    order: list[str] = []
    with clock.running():
        for name, seconds in (("c", 20.0), ("a", 10.0), ("d", 20.0), ("b", 10.0)):
            clock.call_at(START + seconds, lambda name=name: order.append(name))  # type: ignore[misc]
    assert clock.wait_until_idle(REAL_SECONDS)
    assert order == ["a", "b", "c", "d"]


def test_an_alarm_in_the_past_rings_at_once_without_turning_time_back(clock: Clock) -> None:
    seen: list[float] = []
    clock.call_at(START - 60, lambda: seen.append(clock.time()))
    assert clock.wait_until_idle(REAL_SECONDS)
    assert seen == [START]


def test_a_cancelled_alarm_neither_rings_nor_moves_time(clock: Clock) -> None:
    rung: list[float] = []
    with clock.running():
        alarm = clock.call_at(START + 3600, lambda: rung.append(clock.time()))
        clock.call_at(START + 60, lambda: None)
        alarm.cancel()
    assert clock.wait_until_idle(REAL_SECONDS)
    assert (rung, clock.time()) == ([], START + 60)


def test_an_alarm_may_itself_sleep_and_plan_another(clock: Clock) -> None:
    seen: list[float] = []

    def ring() -> None:
        clock.sleep(5)
        clock.call_at(clock.time() + 5, lambda: seen.append(clock.time()))

    clock.call_at(START + 10, ring)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert seen == [START + 20]


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


def test_only_a_program_counts_as_one(clock: Clock) -> None:
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


def test_a_sleeper_is_woken_when_what_it_works_for_has_stopped(clock: Clock) -> None:
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


def test_what_has_stopped_already_does_not_sleep(clock: Clock) -> None:
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


def test_a_signal_that_does_not_come_is_waited_for_up_to_the_time_limit(clock: Clock) -> None:
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
    assert clock.time() == START + 60  # the limit that was not needed moves nothing


def family(clock: Clock, log: list[tuple[str, float]], depth: int, name: str) -> None:
    """Start two children, wait for both, and sleep in between: counts pass in every direction."""
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


def test_counts_pass_between_many_threads_without_ever_letting_time_slip() -> None:
    logs = []
    for _ in range(20):
        clock = Clock(START)
        log: list[tuple[str, float]] = []
        clock.spawn(lambda log=log, clock=clock: family(clock, log, 6, "0"))  # type: ignore[misc]
        assert clock.wait_until_idle(REAL_SECONDS)
        clock.stop()
        logs.append(log)
    # A gap in the count would let time jump, and what follows happen at another time.
    assert all(log == logs[0] for log in logs)
    assert len(logs[0]) == 2 * 63 + 64
    assert logs[0][-1][1] == max(when for _, when in logs[0])


def test_outsiders_that_start_programs_all_at_once_are_all_counted(clock: Clock) -> None:
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
    assert len(set(seen)) > 100  # one jump would be two values, steps of 0.1 real seconds two
    assert START <= seen[0] <= seen[-1] <= START + 20
    clock.stop()


def test_a_paced_jump_halts_as_soon_as_something_holds_time() -> None:
    clock = Clock(START, pace=1_000_000_000)  # so fast that any two readings differ
    clock.call_at(START + 1e15, lambda: None)
    assert clock.time() < clock.time()
    with clock.running():
        assert len({clock.time() for _ in range(1000)}) == 1
    assert clock.time() < clock.time()
    clock.stop()


def test_the_pace_can_be_changed_and_lifted_during_a_jump() -> None:
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


def test_stop_ends_the_clocks_thread_and_every_sleeper() -> None:
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


def test_a_stopped_clock_starts_nothing_more() -> None:
    clock = Clock(START)
    clock.stop()
    rung = threading.Event()
    clock.spawn(rung.set)
    clock.call_at(START, rung.set)
    assert clock.wait_until_idle(REAL_SECONDS)
    assert not rung.is_set()


def test_the_process_has_one_current_clock(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(clock_module, "_current", None)
    with pytest.raises(RuntimeError, match="no clock yet"):
        clock_module.current()
    clock_module.use(clock)
    assert clock_module.current() is clock


def test_a_program_reads_its_own_clock_whatever_the_process_uses(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    other = Clock(0)
    monkeypatch.setattr(clock_module, "_current", other)
    seen: list[Clock] = []
    run(clock, lambda: seen.append(clock_module.current()))
    assert seen == [clock]
    other.stop()
