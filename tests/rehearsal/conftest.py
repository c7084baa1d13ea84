"""The served cloud of one test, empty at its start, on a virtual clock that starts at one time."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from rehearsal.clock import Clock
from rehearsal.cloud import Cloud, start

START = datetime(2020, 9, 28, 0, 30, tzinfo=UTC).timestamp()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud on any free port of loopback; it ends with the test, and its functions with it."""
    with start(account="111122223333", region="ap-northeast-1", clock=Clock(START)) as running:
        yield running
