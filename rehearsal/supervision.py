"""Runs the command in a process of its own, so that a signal at any moment leaves nothing behind.

Python turns a signal into an exception between two instructions, where an import, a callback or a
half-made object can swallow it. The supervising process does nothing that can be interrupted: it
waits for a signal or for the end of the work, and then removes what the work has left.
"""

import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

INTERRUPTED = 2
PATIENCE = 30.0  # seconds for the work to clean up by itself; a second signal ends it at once
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR = "\x1b[?25h"


def run(work: Callable[[], int]) -> NoReturn:
    """Call `work` in a child process, and end both with the status that it returns.

    All temporary files of the work lie in one folder, which is removed. SIGINT, SIGTERM and SIGHUP
    interrupt the work as Ctrl-C does, and after PATIENCE, or at the next signal, they kill it. Call
    it before any thread is started.
    """
    # Whoever starts a command with nohup, or behind a shell's &, wants it to ignore these signals.
    ends = {number for number in _ENDS if signal.getsignal(number) is not signal.SIG_IGN}
    waited = ends | {signal.SIGCHLD, signal.SIGALRM}
    signal.signal(signal.SIGCHLD, lambda *_: None)  # its default is to be ignored
    signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    try:
        folder = Path(tempfile.mkdtemp(prefix="rehearsal-"))
    except OSError as error:
        sys.exit(_say(f"there is no folder for temporary files ({error}); name one by TMPDIR"))
    alive, is_alive = os.pipe()
    if child := os.fork():
        os.close(alive)
        _supervise(child, folder, ends, waited)
    os.close(is_alive)
    _work(work, folder, waited, alive)


def _supervise(
    child: int, folder: Path, ends: set[signal.Signals], waited: set[signal.Signals]
) -> NoReturn:
    _leads_its_group(child)
    is_interrupted = False
    status: int | None = None
    while status is None:
        number = signal.sigwait(waited)
        if number == signal.SIGCHLD:
            status = _ended(child)
        elif number in ends and not is_interrupted:
            is_interrupted = True
            os.kill(child, signal.SIGINT)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        elif is_interrupted:
            os.kill(child, signal.SIGKILL)
    _kill_group(child)
    _remove(folder)
    if status == -signal.SIGKILL:
        if sys.stdout.isatty():
            print(_SHOW_CURSOR, end="", flush=True)
        _say(
            "interrupted; nothing is left behind"
            if is_interrupted
            else "its process was killed, perhaps for want of memory; nothing is left behind"
        )
    sys.stdout.flush()
    os._exit(status if status >= 0 else INTERRUPTED)


def _work(
    work: Callable[[], int], folder: Path, waited: set[signal.Signals], alive: int
) -> NoReturn:
    _leads_its_group(0)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    threading.Thread(target=_end_with_the_supervisor, args=(alive,), daemon=True).start()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, waited)
        status = work()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is left to do is to end
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        status = _say("interrupted; nothing is left behind")
    # Python's own end would collect every object of the cloud, which can take longer than the rest.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


def _end_with_the_supervisor(alive: int) -> None:
    """Interrupt the work if the supervising process is killed."""
    os.read(alive, 1)  # ends when its other end is closed
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(PATIENCE)
    os.killpg(0, signal.SIGKILL)


def _leads_its_group(child: int) -> None:
    # In both processes, since either may come first. Ctrl-C in a terminal then reaches only the
    # supervisor.
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(child, child)


def _ended(child: int) -> int | None:
    """Return a child's exit status, negative for a signal; None while it runs."""
    process, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if process else None


def _kill_group(leader: int) -> None:
    """Kill what the work has started and not ended, and wait until it is gone."""
    for _ in range(100):
        try:
            os.killpg(leader, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.01)


def _remove(folder: Path) -> None:
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.01)


def _say(reason: str) -> int:
    print(f"rehearsal: {reason}", file=sys.stderr, flush=True)
    return INTERRUPTED
