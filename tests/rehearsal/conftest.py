"""The served cloud of one test, empty at its start or with a deployed shop, on a virtual clock."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import marketplace
from rehearsal import shop as shops
from rehearsal.assembly import find_stack
from rehearsal.clock import Clock
from rehearsal.cloud import Cloud, start

START = datetime(2020, 9, 28, 0, 30, tzinfo=UTC).timestamp()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud on any free port of loopback; it ends with the test, and its functions with it."""
    with start(account="111122223333", region="ap-northeast-1", clock=Clock(START)) as running:
        yield running


OpenShop = Callable[..., shops.Shop]


@pytest.fixture
def open_shop(assembly: Path, variants: Path, tmp_path: Path) -> Iterator[OpenShop]:
    """Open a shop: open_shop("prod"), with this week's files if they matter."""
    with ExitStack() as stack:

        def opened(environment: str = "prod", *data: Path) -> shops.Shop:
            folder = assembly if environment in ("dev", "prod") else variants
            last_week, this_week = marketplace.deliveries(tmp_path, shops.TODAY, [], [])
            if data:
                this_week = marketplace.Delivery({"INTERACTIONS": list(data)})
            found = find_stack(folder, environment)
            return stack.enter_context(shops.open_shop(found, (last_week, this_week)))

        yield opened
