"""The one virtual clock: it stands still while anything runs and jumps when everything waits.

The clock counts what runs; it does not guess from inactivity. *Programs* are what `spawn` and
`call_at` start: an execution of a state machine, a branch, a due transition. They take turns, in
the order in which they became due, so that two runs with the same input do the same things in the
same order. A *hold* (`running`, `enter`) is anything else that needs time to stand still, such as a
test's own steps: it stops time, not the programs. The count passes from thread to thread without a
gap: a thread that starts or wakes a program queues it before it gives up its own turn, so time
cannot jump in between.

A *background* alarm (a recurring schedule's next time) goes off when time reaches it, but nothing
waits for it: it does not make the clock jump, and does not keep it from being idle.
"""

import heapq
import itertools
import math
import threading
import time as real_time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(eq=False)
class _Turn:
    """Something that waits for its turn: `resume` lets it run."""

    resume: Callable[[], None]
    programs: int = 1  # how many programs continue when it is resumed: 0 for a hold
    holds: int = 0  # how many holds it takes again
    stopped: Callable[[], bool] | None = None
    waiting: bool = True  # until its turn is queued, or it is cancelled


_Deadline = tuple[float, int, _Turn]  # the time, the order in which it was planned, what is due


class _Mine(threading.local):
    """What the current thread counts as: a program, a number of holds, or nothing."""

    programs = 0
    holds = 0


@dataclass(frozen=True)
class _Flow:
    """Paced time: from `base`, read at the real time `since`, up to the next deadline `until`."""

    base: float
    since: float
    until: float
    pace: float

    def read(self) -> float:
        return min(self.until, self.base + (real_time.monotonic() - self.since) * self.pace)


class _Stopped(BaseException):  # not an Exception, so that no program handles it
    """Ends a program that was waiting when its clock was stopped."""


class Alarm:
    """A call that was planned with `Clock.call_at`."""

    def __init__(self, clock: "Clock", turn: _Turn) -> None:
        self._clock, self._turn = clock, turn

    def cancel(self) -> None:
        """Cancel the call; this has no effect once the call is due."""
        with self._clock._lock:
            self._turn.waiting = False
            self._clock._proceed()


class Signal:
    """A threading.Event on the clock: waiters do not count, and `set` wakes them without a gap."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._is_set = False

    def set(self) -> None:
        """Wake everything that waits, now and until `clear`."""
        self._is_set = True
        self._clock.notify()

    def clear(self) -> None:
        """Unset the signal."""
        self._is_set = False

    def is_set(self) -> bool:
        """Return whether the signal is set."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to `timeout` simulated seconds; return whether the signal is set."""
        self._clock.sleep(math.inf if timeout is None else timeout, self.is_set)
        return self._is_set


class Clock:
    """Simulated time, in epoch seconds, for all parts of the embedded cloud.

    `pace` is the number of simulated seconds per real second while everything waits; None jumps to
    the next deadline at once. It can be changed at any time. With a pace, time also advances to
    background alarms.
    """

    def __init__(self, start: float, *, pace: float | None = None) -> None:
        self._lock = threading.RLock()
        self._flowing = threading.Condition(self._lock)
        self._idle = threading.Condition(self._lock)
        self._time = start
        self._pace = pace
        self._flow: _Flow | None = None
        self._running = 0  # programs that have the turn (including what they called, at most one)
        self._held = 0
        self._mine = _Mine()
        self._ready: deque[_Turn] = deque()
        self._deadlines: list[_Deadline] = []
        self._background: list[_Deadline] = []
        self._order = itertools.count()
        self._parked: dict[_Turn, threading.Condition] = {}
        self._is_stopped = False
        self._pacer = threading.Thread(target=self._keep_pace, name="clock", daemon=True)
        self._pacer.start()

    # Reading the time.

    def time(self) -> float:
        """Return the simulated time in epoch seconds."""
        with self._lock:
            return self._flow.read() if self._flow else self._time

    def now(self) -> datetime:
        """Return the simulated time as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    @property
    def pace(self) -> float | None:
        """Simulated seconds per real second while everything waits; None: jump at once."""
        return self._pace

    @pace.setter
    def pace(self, pace: float | None) -> None:
        with self._lock:
            self._freeze()
            self._pace = pace
            self._proceed()

    # For programs.

    def spawn(self, call: Callable[[], object], name: str | None = None) -> None:
        """Run `call` as a program in its own thread; it counts as running from now on."""
        with self._lock:
            self._queue(_Turn(self._starter(call, name)))
            self._proceed()

    def call_at(
        self, when: float, call: Callable[[], object], *, background: bool = False
    ) -> Alarm:
        """Run `call` as a program at the time `when`, or at once if that has passed.

        Calls due at the same time run one after another, in the order in which they were planned.
        A `background` call waits until something else moves time past `when`: with only such calls
        left, the clock is idle and does not jump. Once it is due, it is a program like any other.
        """
        with self._lock:
            turn = _Turn(self._starter(call, None))
            self._plan(when, turn, background=background)
            self._proceed()
        return Alarm(self, turn)

    def sleep(self, seconds: float, stopped: Callable[[], bool] | None = None) -> None:
        """Let `seconds` pass for the caller: a program, a request that acts for one, or a hold.

        With 0 seconds, everything that is already due runs first. Returns early once `stopped` is
        true and `notify` was called. `stopped` is called under the clock's lock, so it must not
        wait for anything. Inside `running`, gives up that hold meanwhile.
        """
        with self._lock:
            if not (stopped and stopped()):
                self._park(max(seconds, 0), stopped)

    def is_program(self) -> bool:
        """Return whether the calling thread is one of this clock's programs."""
        return bool(self._mine.programs)

    def notify(self) -> None:
        """Wake the sleepers whose `stopped` has become true."""
        with self._lock:
            for turn in [t for t in self._parked if t.stopped and t.stopped()]:
                self._queue(turn)
            self._proceed()

    # For holds.

    def enter(self) -> None:
        """Hold time still until `leave`, which any thread may call."""
        with self._lock:
            self._freeze()
            self._held += 1

    def leave(self) -> None:
        """Release one hold."""
        with self._lock:
            if not self._held:
                raise RuntimeError("leave() without enter()")
            self._held -= 1
            self._proceed()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold time still inside the block; programs continue until they wait for time."""
        self.enter()
        self._mine.holds += 1
        try:
            yield
        finally:
            self._mine.holds -= 1
            self.leave()

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs and nothing but background alarms is planned.

        Returns False after `timeout` *real* seconds.

        Call this only from outside: a program or a hold that calls it waits for itself.
        """
        with self._lock:
            return self._idle.wait_for(lambda: self._is_stopped or self._is_idle(), timeout)

    def stop(self) -> None:
        """End the clock's thread and the programs that still wait; others return from `sleep`."""
        with self._lock:
            self._is_stopped = True
            self._freeze()
            self._ready.clear()
            for woken in self._parked.values():
                woken.notify_all()
            self._flowing.notify_all()
            self._idle.notify_all()
        self._pacer.join()

    # Internals; everything below is called under the lock.

    def _starter(self, call: Callable[[], object], name: str | None) -> Callable[[], None]:
        def run() -> None:
            self._mine.programs, _here.clock = 1, self
            try:
                call()
            except BaseException:
                if not self._is_stopped:  # afterwards it is ended, or what it calls is gone
                    raise
            finally:
                with self._lock:
                    self._running -= 1
                    self._proceed()

        return threading.Thread(target=run, name=name, daemon=True).start

    def _park(self, seconds: float, stopped: Callable[[], bool] | None) -> None:
        """Give up the caller's turn and holds until it is resumed."""
        woken, resumed = threading.Condition(self._lock), False

        def resume() -> None:
            nonlocal resumed
            resumed = True
            woken.notify()

        holds = self._mine.holds
        # A thread that is neither a program nor a hold acts for a program: a request that one sent.
        programs = 0 if holds and not self._mine.programs else 1
        if programs > self._running:
            raise RuntimeError("only what counts as running can wait on the clock")
        turn = _Turn(resume, programs, holds, stopped)
        self._parked[turn] = woken
        if seconds < math.inf:
            self._plan(self._time + seconds, turn)
        self._running -= programs
        self._held -= holds
        self._proceed()
        woken.wait_for(lambda: resumed or self._is_stopped)
        del self._parked[turn]
        if self._is_stopped and self._mine.programs:
            raise _Stopped

    def _plan(self, when: float, turn: _Turn, *, background: bool = False) -> None:
        deadlines = self._background if background else self._deadlines
        heapq.heappush(deadlines, (when, next(self._order), turn))

    def _queue(self, turn: _Turn) -> None:
        if turn.waiting and not self._is_stopped:
            turn.waiting = False
            self._freeze()
            self._ready.append(turn)

    def _freeze(self) -> None:
        if self._flow:
            self._time, self._flow = self._flow.read(), None

    def _next_deadline(self) -> list[_Deadline]:
        """Return the list that starts with the next deadline; empty if time has none to move to."""
        for deadlines in (self._deadlines, self._background):
            while deadlines and not deadlines[0][2].waiting:
                heapq.heappop(deadlines)
        if not self._background:
            return self._deadlines
        if not self._deadlines:
            is_due = self._background[0][0] <= self._time
            return self._background if is_due or self._pace is not None else []
        return min(self._deadlines, self._background, key=lambda deadlines: deadlines[0][:2])

    def _is_idle(self) -> bool:
        self._next_deadline()  # drops cancelled ones
        return not (self._running or self._held or self._ready or self._deadlines)

    def _proceed(self) -> None:
        """Give the next turn if none is taken; let time pass only if nothing else can run."""
        self._freeze()
        while not self._running and not self._is_stopped:
            if self._ready:
                turn = self._ready.popleft()
                self._running += turn.programs
                self._held += turn.holds
                turn.resume()
                continue
            deadlines = self._next_deadline()
            if self._held or not deadlines:
                break
            when = deadlines[0][0]
            if self._pace is not None and when > self._time:
                self._flow = _Flow(self._time, real_time.monotonic(), when, self._pace)
                self._flowing.notify_all()
                break
            self._time = max(self._time, when)
            self._queue(heapq.heappop(deadlines)[2])
        if self._is_idle():
            self._idle.notify_all()

    def _keep_pace(self) -> None:
        with self._lock:
            while not self._is_stopped:
                if not self._flow:
                    self._flowing.wait()
                elif (left := self._flow.until - self._flow.read()) > 0:
                    self._flowing.wait(left / self._flow.pace)
                else:
                    self._proceed()


class _Here(threading.local):
    """The clock that started the current thread as a program."""

    clock: Clock | None = None


_here = _Here()
_current: Clock | None = None


def use(clock: Clock) -> None:
    """Make `clock` the clock of the whole process."""
    global _current  # noqa: PLW0603 - moto's interpreter has no place to keep a clock
    _current = clock


def current() -> Clock:
    """Return the clock to read: a program's own, otherwise the one in use.

    So a program that outlives its cloud never affects the next cloud's time. Raises RuntimeError
    before the first `use`.
    """
    clock = _here.clock or _current
    if clock is None:
        raise RuntimeError("no clock yet: call embedded_aws.clock.use(clock) first")
    return clock
