"""Processes of functions are like new ones, and end together with what started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embedded_aws.services.awslambda import processes

ROOT = Path(__file__).parents[2]
NO_RUNTIME_API = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9"}  # where a process fails soon


def start(folder: Path, code: str) -> tuple[processes.Process, Path]:
    output = folder / "output"
    output.touch()
    root = folder / "root"
    root.mkdir(exist_ok=True)
    (root / "task.py").write_text(code)
    started = processes.start(
        handler="task.handler", variables=NO_RUNTIME_API, root=root, output=output
    )
    return started, output


def first_line(folder: Path, code: str) -> str:
    process, output = start(folder, code)
    process.wait()
    return output.read_text().splitlines()[0]


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 30
    while not path.exists() or not path.read_text():
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.01)
    return path.read_text()


def assert_gone(pid: int) -> None:
    """Wait until a process that is not a child of this one has ended."""
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"{pid} still runs"
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["six.py", "urllib3/__init__.py", "calendar.py"])
def test_a_function_imports_its_own_version_of_a_module(tmp_path: Path, name: str) -> None:
    module = tmp_path / "root" / name
    module.parent.mkdir(parents=True)
    module.write_text("")
    imported = name.partition("/")[0].removesuffix(".py")
    found = first_line(tmp_path, f"import {imported}\nprint({imported}.__file__)")
    assert found == str(module)


def test_no_two_processes_generate_the_same_random_numbers(tmp_path: Path) -> None:
    code = "import random\nprint(random.random())"
    assert len({first_line(make(tmp_path / str(n)), code) for n in range(3)}) == 3


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import os; os._exit(3)", 3),
        ("raise SystemExit", 0),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
        ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
    ],
)
def test_the_exit_status_of_a_process_is_reported(tmp_path: Path, code: str, status: int) -> None:
    assert start(tmp_path, code)[0].wait() == status


def test_a_killed_process_is_gone_after_wait(tmp_path: Path) -> None:
    process, output = start(tmp_path, "import os, time\nprint(os.getpid())\ntime.sleep(600)")
    pid = wait_for(output).strip()
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not Path(f"/proc/{pid}").exists()
    process.kill()  # a second kill has no effect


def test_all_processes_end_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = f"""
import os, pathlib, time
pathlib.Path({str(pids)!r}).write_text(f"{{os.getpid()}} {{os.getppid()}}")
time.sleep(600)
"""
    starter = f"""
import pathlib
from tests.embedded_aws.test_lambda_processes import start
start(pathlib.Path({str(tmp_path)!r}), {code!r})[0].wait()
"""
    process = subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT)
    children = [int(pid) for pid in wait_for(pids).split()]
    process.kill()
    process.wait()
    for child in children:
        assert_gone(child)


def test_when_the_parent_dies_its_children_end_and_a_new_parent_is_started(tmp_path: Path) -> None:
    code = "import os, time\nprint(os.getpid(), os.getppid())\ntime.sleep(600)"
    process, output = start(make(tmp_path / "one"), code)
    child, parent = map(int, wait_for(output).split())
    os.kill(parent, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert_gone(child)
    assert first_line(make(tmp_path / "two"), "print('runs')") == "runs"
