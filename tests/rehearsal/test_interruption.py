"""Signals end `python -m rehearsal` at any moment, and leave no process and no folder behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTERRUPTED = "rehearsal: interrupted; nothing is left behind\n"


def started(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a rehearsal whose temporary files are in tmp_path, and whose processes have it in PATH.

    A function's process gets no other variable of this one.
    """
    variables = {"TMPDIR": str(tmp_path), "PATH": f"{os.environ['PATH']}:{tmp_path}"}
    return subprocess.Popen(
        [sys.executable, "-m", "rehearsal", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(running: subprocess.Popen[str], text: str) -> None:
    assert running.stdout is not None
    assert any(text in line for line in running.stdout), text


def processes_of(tmp_path: Path) -> list[str]:
    """Return the command lines of the processes that have tmp_path in PATH."""
    listed = subprocess.run(
        ["ps", "-e", "-ww", "e", "-o", "args="], capture_output=True, check=True
    )
    return [line for line in listed.stdout.decode().splitlines() if f":{tmp_path}" in line]


def are_gone(tmp_path: Path, seconds: float = 5) -> bool:
    """Whether no process is left, or is soon."""
    end = time.monotonic() + seconds
    while processes_of(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    return not processes_of(tmp_path)


# Each signal at one moment, and one signal at each: a handler does not look at the moment.
@pytest.mark.parametrize(
    ("assembled", "line", "seconds", "number"),
    [
        pytest.param(False, "Synthesising the app", 0.0, signal.SIGTERM, id="synthesis begins"),
        pytest.param(False, "Synthesising the app", 1.5, signal.SIGINT, id="synthesis"),
        pytest.param(True, "Taking ", 0.0, signal.SIGHUP, id="imports begin, SIGHUP"),
        pytest.param(True, "Taking ", 0.3, signal.SIGTERM, id="imports"),
        pytest.param(
            True,
            "dataset import job began",
            0.0,
            signal.SIGINT,
            id="functions run",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_signal_leaves_nothing_behind(
    assembly: Path,
    tmp_path: Path,
    assembled: bool,
    line: str,
    seconds: float,
    number: signal.Signals,
) -> None:
    taken = ("--assembly", str(assembly)) if assembled else ()
    with started(tmp_path, "--pace", "0.5", *taken) as running:
        read_until(running, line)
        time.sleep(seconds)
        assert processes_of(tmp_path)
        running.send_signal(number)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (2, INTERRUPTED)
    assert list(tmp_path.iterdir()) == []
    assert are_gone(tmp_path)


@pytest.mark.slow
def test_a_killed_rehearsal_ends_its_processes(assembly: Path, tmp_path: Path) -> None:
    with started(tmp_path, "--assembly", str(assembly), "--pace", "0.5") as running:
        read_until(running, "dataset import job began")
        running.kill()
        running.communicate(timeout=60)
    assert are_gone(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_served_cloud_ends_with_the_status_of_the_refresh(assembly: Path, tmp_path: Path) -> None:
    with started(tmp_path, "--assembly", str(assembly), "--serve") as running:
        read_until(running, "Serving the cloud until Ctrl-C")
        read_until(running, "--input")
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (0, "")
    assert list(tmp_path.iterdir()) == []
    assert are_gone(tmp_path)
