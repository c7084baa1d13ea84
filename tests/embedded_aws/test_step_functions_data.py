"""What states pass on is copied, so that no state changes the data of another one."""

import copy
from datetime import UTC, datetime

import pytest

from embedded_aws.services.stepfunctions.data import copied

MOMENT = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [None, True, 1, 1.5, "text", [], {}, {"a": [1, {"b": None}]}, [MOMENT, (1, [2])]]
)
def test_a_copy_equals_the_copy_of_python(value: object) -> None:
    assert copied(value) == copy.deepcopy(value) == value
    assert type(copied(value)) is type(value)


def test_changing_a_copy_at_any_depth_does_not_change_the_original() -> None:
    original = {"rows": [{"status": ["NEW"]}], "pair": ([1],)}
    made = copied(original)
    made["rows"][0]["status"].append("OLD")
    made["rows"].append({})
    made["pair"][0].append(2)
    assert original == {"rows": [{"status": ["NEW"]}], "pair": ([1],)}
