"""What the tests of the emulators share: a clock, state machines and a Personalize."""

from collections.abc import Iterator

import pytest

from embedded_aws.clock import Clock
from embedded_aws.cloud import Cloud
from tests.embedded_aws.clock_programs import START
from tests.embedded_aws.personalize_shop import Shop, csv, open_shop
from tests.embedded_aws.state_machines import Machines, running_machines


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock(START)
    yield clock
    clock.stop()


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    with running_machines(monkeypatch) as made:
        yield made


@pytest.fixture
def shop(cloud: Cloud) -> Iterator[Shop]:
    with open_shop(cloud) as made:
        yield made


@pytest.fixture
def solution(shop: Shop) -> str:
    shop.imported(shop.dataset(), "first", shop.put("first.csv", csv()))
    return shop.solution()
