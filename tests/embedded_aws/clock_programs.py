"""Programs on a virtual clock: run one until nothing is left to do."""

from collections.abc import Callable
from datetime import UTC, datetime

from embedded_aws.clock import Clock

START = datetime(2026, 11, 22, 15, 30, tzinfo=UTC).timestamp()
REAL_SECONDS = 30  # far more than any test needs: only a test that hangs reaches it


def run(clock: Clock, program: Callable[[], object]) -> None:
    clock.spawn(program)
    assert clock.wait_until_idle(REAL_SECONDS)
