"""The deployed shop of a test, on a virtual clock."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rehearsal import shop as shops
from rehearsal.assembly import find_stack
from rehearsal.weekly_files import WeeklyFiles, weekly_files

OpenShop = Callable[..., shops.Shop]


@dataclass
class Kept:
    """The shop that the tests of a module share; each test runs on its own day."""

    sample: tuple[WeeklyFiles, WeeklyFiles]
    wanted: tuple[str, bool] = ("", False)
    shop: shops.Shop | None = None
    stack: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Close it, so that the next test opens another one."""
        self.stack.close()
        self.shop = None


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """The shop that `open_shop` opened last; it is closed after the module."""
    kept = Kept(weekly_files(tmp_path_factory.mktemp("sample"), shops.TODAY, [], []))
    yield kept
    kept.close()


def is_clean(shop: shops.Shop) -> bool:
    """Whether no earlier test left anything that could affect the next one."""
    return shop.cloud.is_running and all(
        row.get("refresh_status") in {"COMPLETE", "SUPERSEDED"} for row in shop.table_rows()
    )


@pytest.fixture
def open_shop(kept: Kept, assembly: Path, variants: Path) -> OpenShop:
    """Open a shop: open_shop("prod"), with this week's files if they matter.

    It may be the shop of an earlier test, on a new day, if every refresh in it has completed; a new
    shop starts at TODAY. The hourly check of freshness is paused but where a test wants it: it is
    most of what happens on a day.
    """

    def opened(
        environment: str = "prod", *data: Path, new: bool = False, freshness: bool = False
    ) -> shops.Shop:
        wanted = (environment, freshness)
        if new or kept.shop is None or wanted != kept.wanted or not is_clean(kept.shop):
            kept.close()
            folder = assembly if environment in ("dev", "prod") else variants
            kept.wanted = wanted
            kept.shop = kept.stack.enter_context(
                shops.open_shop(find_stack(folder, environment), kept.sample)
            )
            if not freshness:
                kept.shop.pause("CheckFreshness")
        else:
            kept.shop.new_day()
        kept.shop.this_week = WeeklyFiles({"INTERACTIONS": list(data)}) if data else kept.sample[1]
        kept.shop.send()  # the Glue job has written its files: whatever starts a refresh finds them
        return kept.shop

    return opened
