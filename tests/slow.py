"""Which tests `make test` leaves to `make test-slow`, so that it takes less than five minutes.

A slow test takes ten seconds or so, or plays for one more member of a list what `make test` plays
for the first: for each statement of a policy, each environment, each scenario of the documents.
"""

from collections.abc import Iterable
from typing import Any

import pytest


def slow_but(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Return a test's parameters, all of them slow but the first and the `quick` ones.

    Where the test has several parameters, each value is a tuple.
    """
    first, *others = values
    return [first, *(each if each in quick else _slow(each) for each in others)]


def _slow(value: Any) -> Any:
    values = value if isinstance(value, tuple) else (value,)
    return pytest.param(*values, marks=pytest.mark.slow)
