"""Processes under `awslambdaric`, forked from one warm parent that lives as long as this process.

A new Python process needs a third of a second to import boto3; a fork needs a hundredth.
"""

import atexit
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from embedded_aws.services.awslambda import fork_server


class Process:
    """One child process; created by `start`."""

    def __init__(self, server: "_Server", number: int) -> None:
        self._server = server
        self._number = number
        self.id: int | None = None  # the operating system's process ID, while it runs
        self._ended = threading.Event()
        self._code = 0

    def peak_memory(self) -> int:
        """Return the most bytes of memory that it has had; 0 once it has ended, and without /proc.

        This includes what the warm parent has imported, about as much as Lambda's own runtime.
        """
        with suppress(OSError):
            status = Path(f"/proc/{self.id}/status").read_text("ascii", "replace")
            if found := re.search(r"VmHWM:\s+(\d+) kB", status):
                return int(found[1]) * 1024
        return 0

    def kill(self) -> None:
        """End it without waiting; this has no effect once it has ended."""
        self._server.send({"kill": self._number})

    def wait(self) -> int:
        """Wait until it ends; return its exit status, or the negative number of its signal."""
        self._ended.wait()
        return self._code

    def end(self, code: int) -> None:
        """Record how it ended."""
        self.id = None
        self._code = code
        self._ended.set()

    def orphaned(self) -> None:
        """End it without its parent, which has ended."""
        if self.id is not None:
            with suppress(ProcessLookupError):
                os.kill(self.id, signal.SIGKILL)
        self.end(-signal.SIGKILL)


class _Server:
    def __init__(self) -> None:
        # Its own session, so that only the parent gets Ctrl-C; it closes the pipe to end this.
        self._process = subprocess.Popen(  # noqa: S603 - this project's own script
            [sys.executable, "-P", fork_server.__file__],
            env={"LANG": "C.UTF-8", "PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._input: Any = self._process.stdin
        self._reports: Any = self._process.stdout
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._children: dict[int, Process] = {}
        self.is_alive = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        atexit.register(self.close)

    def start(self, request: Mapping[str, object]) -> Process:
        number = next(self._numbers)
        child = Process(self, number)
        with self._lock:
            if self.is_alive:
                self._children[number] = child
            else:
                child.orphaned()
        self.send({"start": number, **request})
        return child

    def send(self, request: Mapping[str, object]) -> None:
        with self._lock, suppress(BrokenPipeError):  # then `_read` ends the children
            if self.is_alive:
                self._input.write(json.dumps(request) + "\n")
                self._input.flush()

    def close(self) -> None:
        with self._lock, suppress(BrokenPipeError):
            self.is_alive = False
            self._input.close()
        self._process.wait()
        self._reader.join()
        self._reports.close()

    def _read(self) -> None:
        for line in self._reports:
            report = json.loads(line)
            if "started" in report:
                self._children[report["started"]].id = report["process"]
            else:
                self._children.pop(report["ended"]).end(report["code"])
        with self._lock:
            self.is_alive = False
        for child in self._children.values():
            child.orphaned()


_servers: list[_Server] = []
_starting = threading.Lock()


def start(*, handler: str, variables: Mapping[str, str], root: Path, output: Path) -> Process:
    """Start a function's process, as `python -m awslambdaric handler` in the folder `root`.

    It sees these variables and no others, and appends what it writes to the file `output`.
    PYTHONPATH and the like have no effect, since its Python has started already.
    """
    with _starting:
        if not (_servers and _servers[-1].is_alive):
            _servers[:] = [_Server()]
        return _servers[-1].start(
            {
                "handler": handler,
                "variables": dict(variables),
                "root": str(root),
                "output": str(output),
            }
        )
