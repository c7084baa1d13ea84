"""The warm parent of all execution environments: it has imported boto3, and forks on request.

Run as a script by `processes`, in its own process with one thread. Requests are lines of JSON on
stdin: `{"start": 1, "handler": …, "variables": …, "root": …, "output": …}`, `{"kill": 1}`. Reports
are lines of JSON on stdout: `{"started": 1, "process": 4711}`, `{"ended": 1, "code": -9}`; the code
is negative for a signal. When stdin ends, for example because the starting process has ended, this
process and all its children end.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

STDIN, STDOUT, STDERR = 0, 1, 2
_BARE = frozenset(sys.modules)  # what awslambdaric would also find imported


# Whose models a function's clients find loaded; others are read at the function's start.
_SERVICES = (
    "cloudwatch",
    "dynamodb",
    "events",
    "glue",
    "personalize",
    "personalize-runtime",
    "s3",
    "sns",
    "sqs",
    "stepfunctions",
    "sts",
)


def _warm_up() -> None:
    """Import what makes a start slow: boto3, what its clients import, and what they read.

    Of `awslambdaric` only what reads no environment variable when it is imported.
    """
    import boto3  # noqa: PLC0415 - after _BARE
    from botocore import hooks  # noqa: PLC0415
    from botocore.loaders import JSONFileLoader, Loader  # noqa: PLC0415

    importlib.import_module("awslambdaric.lambda_runtime_marshaller")
    # Each session reads and lists the same files anew: here once for all children.
    loaders: Any = JSONFileLoader, Loader
    loaders[0].load_file = _once(loaders[0].load_file, lambda _: None)
    loaders[0].exists = _once(loaders[0].exists, lambda _: None)
    loaders[1].list_available_services = _once(
        loaders[1].list_available_services, lambda loader: tuple(loader.search_paths)
    )
    # Each session looks at the parameters of the same hundred handlers.
    inspected: Any = hooks
    accepts_kwargs = cache(inspected.accepts_kwargs)
    inspected.accepts_kwargs = lambda handler: accepts_kwargs(getattr(handler, "__func__", handler))
    # Its own session, so that no default session remains; it never needs credentials.
    session: Any = boto3.session.Session()
    for service in _SERVICES:
        session.client(service, region_name="us-east-1")
    gc.collect()
    gc.freeze()  # so that no child's garbage collector touches, and copies, shared memory


def _once(method: Callable[..., Any], state: Callable[[Any], object]) -> Callable[..., Any]:
    """Return a method that computes its result once for each argument and `state` of its object."""
    known: dict[object, Any] = {}

    def remembered(self: Any, argument: str) -> Any:
        key = (state(self), argument)
        if key not in known:
            known[key] = method(self, argument)
        return known[key]

    return remembered


def serve() -> str:
    """Serve until stdin ends; return only in each child, with the handler to run."""
    children: dict[int, int] = {}  # by process id
    # One loop handles both requests and ended children, even a child that ends just before select.
    ending, ended = os.pipe()
    os.set_blocking(ended, False)
    signal.set_wakeup_fd(ended)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    unread = b""
    while True:
        ready, _, _ = select.select([STDIN, ending], [], [])
        if ending in ready:
            os.read(ending, 4096)
            _reap(children)
        if STDIN in ready:
            read = os.read(STDIN, 65536)
            if not read:
                break
            *lines, unread = (unread + read).split(b"\n")
            for request in map(json.loads, lines):
                if "kill" in request:
                    _kill(process for process in children if children[process] == request["kill"])
                elif process := os.fork():
                    children[process] = request["start"]
                    _report({"started": request["start"], "process": process})
                else:
                    signal.set_wakeup_fd(-1)
                    os.close(ending)
                    os.close(ended)
                    _become(request)
                    return str(request["handler"])
    _kill(children)
    sys.exit()


def _kill(processes: Iterable[int]) -> None:
    for process in processes:
        os.kill(process, signal.SIGKILL)


def _reap(children: dict[int, int]) -> None:
    while children:
        process, status = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        number, code = children.pop(process), os.waitstatus_to_exitcode(status)
        _report({"ended": number, "code": code})


def _report(what: dict[str, int]) -> None:
    with suppress(BrokenPipeError):  # the reader has ended: stdin is about to end, too
        os.write(STDOUT, f"{json.dumps(what)}\n".encode())


def _become(request: dict[str, Any]) -> None:
    """Make this child like a new process; Python itself reseeds `random`."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(request["output"], os.O_WRONLY | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, own in ((nothing, STDIN), (output, STDOUT), (output, STDERR)):
        os.dup2(descriptor, own)
    os.close(output)
    os.close(nothing)
    os.environ.clear()
    os.environ.update(request["variables"])
    time.tzset()
    os.chdir(request["root"])
    sys.path.insert(0, str(Path.cwd()))
    # A function that includes its own version of a module gets that one, not this server's.
    for name in sys.modules.keys() - _BARE:
        first = Path(name.partition(".")[0])
        if first.is_dir() or first.with_suffix(".py").is_file():
            del sys.modules[name]


if __name__ == "__main__":
    _warm_up()
    sys.argv[1:] = [serve()]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
