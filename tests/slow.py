"""Which tests `make test` leaves to `make test-slow`, so that it takes less than five minutes.

A slow test takes ten seconds or so, or tries one more case of what `make test` tries once: another
environment, another scenario of the documents, another failure.
"""

from collections.abc import Iterable
from typing import Any

import pytest


def slow_but(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Return a test's parameters, all of them slow but the first and the `quick` ones.

    Where the test has several parameters, each value is a tuple.
    """
    first, *others = values
    assert set(quick) <= set(others)
    return [first, *(each if each in quick else _slow(each) for each in others)]


def _slow(value: Any) -> Any:
    values = value if isinstance(value, tuple) else (value,)
    return pytest.param(*values, marks=pytest.mark.slow)
