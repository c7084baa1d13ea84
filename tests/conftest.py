"""What all tests share: the app synthesised once, and no network but this machine's own."""

import gc
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings

from embedded_aws import Clock, Cloud, start
from rehearsal.assembly import synthesise
from rehearsal.scenario_names import ENVIRONMENTS as SCENARIOS

ROOT = Path(__file__).parent.parent
# Lambda always has a region, and no test may use the credentials of the person who runs it.
os.environ.update(
    AWS_DEFAULT_REGION="ap-northeast-1", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test"
)
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

# Under nohup it is ignored, and so it would be by the commands that the tests start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

START = datetime(2020, 9, 28, 0, 30, tzinfo=UTC).timestamp()
# how long an example takes says nothing on a machine that others use too
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


# The longest files, the longest first, so that no process ends long after the others.
LONGEST = (
    "test_fault_matrix.py",
    "test_least_privilege.py",
    "test_readme.py",
    "test_sequences.py",
    "test_failures.py",
    "test_ops_replay.py",
    "test_doctor.py",
    "test_monitoring.py",
    "test_announcements.py",
    "test_interruption.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: each file runs in one process."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Leave what the imports have made out of garbage collections: each would take half a second.

    The shops of the tests fill the memory too, so that there are many.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly that app.py writes: made once for all test processes."""
    return synthesised_once(tmp_path_factory, "assembly", ROOT / "environments")


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of the environments of the tests, and of the scenarios."""
    return synthesised_once(
        tmp_path_factory, "variants", ROOT / "tests" / "rehearsal" / "environments", SCENARIOS
    )


def synthesised_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, *environments: Path
) -> Path:
    """Synthesise the environments of some folders, which then are in one."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a test process of several: their common folder
        shared = shared.parent
    folder = shared / name
    with FileLock(f"{folder}.lock"):
        if not (folder / "manifest.json").exists():
            together = shared / f"{name}-environments"
            for each in environments:
                shutil.copytree(each, together, dirs_exist_ok=True)
            synthesise(folder, together, validate=True)
    return folder


@pytest.fixture(scope="session")
def template(assembly: Path) -> Callable[[str], dict[str, Any]]:
    """The synthesised template of an environment."""

    def read(environment: str) -> dict[str, Any]:
        text = (assembly / f"PersonalizeRefresh-{environment}.template.json").read_text()
        loaded: dict[str, Any] = json.loads(text)
        return loaded

    return read


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud on any free port of loopback; it ends with the test, and its functions with it."""
    with start(account="111122223333", region="ap-northeast-1", clock=Clock(START)) as running:
        yield running
