"""A message is published again only if SNS has refused it as too much."""

from typing import Any

import pytest
from announcing import MOST_ATTEMPTS, again_if_throttled


def refused(code: str) -> tuple[None, dict[str, Any]]:
    return None, {"Error": {"Code": code}}


def test_a_throttled_message_is_published_again_later_and_later() -> None:
    waits = [again_if_throttled(refused("Throttled"), attempt) for attempt in (1, 2, 3)]
    assert waits == [0.5, 1.0, 2.0]
    assert again_if_throttled(refused("Throttled"), MOST_ATTEMPTS) is None


@pytest.mark.parametrize(
    "response", [None, refused("InternalError"), refused("AuthorizationError"), (None, {})]
)
def test_a_message_that_may_have_been_sent_or_never_can_be_is_not(response: Any) -> None:
    assert again_if_throttled(response, 1) is None
