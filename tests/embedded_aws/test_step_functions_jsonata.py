"""The evaluator by itself: values in and out, and the functions that Step Functions adds."""

import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded_aws import clock
from embedded_aws.clock import Clock
from embedded_aws.services.stepfunctions.jsonata import EvaluationError, check, evaluate

TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_json_value_passes_through_a_variable_unchanged(value: Any) -> None:
    assert evaluate("{'x': $x}", {"x": {"v": value}}) == {"x": {"v": value}}


@given(TEXT)
def test_any_text_can_be_joined_and_compared(text: str) -> None:
    assert evaluate("$x & '!'", {"x": text}) == text + "!"
    assert evaluate("$x = $y", {"x": text, "y": text}) is True


def test_null_inside_values_is_kept() -> None:
    assert evaluate("{'a': $x, 'b': [$x, 1]}", {"x": None}) == {"a": None, "b": [None, 1]}
    assert evaluate("$type($x)", {"x": None}) == "null"


@pytest.mark.parametrize("expression", ["$x", "$x.missing", "[][0]", "$y.z"])
def test_an_undefined_result_is_an_error(expression: str) -> None:
    with pytest.raises(EvaluationError, match="returned nothing"):
        evaluate(expression, {"y": {}})


def test_a_result_shares_nothing_with_the_variable_it_came_from() -> None:
    original = {"a": [1]}
    evaluate("$x", {"x": original})["a"].append(2)
    assert original == {"a": [1]}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$partition([1, 2, 3, 4, 5], 2)", [[1, 2], [3, 4], [5]]),
        ("$range(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("$range(5, 1, -2)", [5, 3, 1]),
        ("$hash('x', 'MD5')", "9dd4e461268c8034f5c8564e155c67a6"),
        (
            "$hash('x', 'SHA-256')",
            "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        ),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$random(42) = $random(42)", True),
        ("[1..3]", [1, 2, 3]),
        ("$map([1, 2], function($v, $i) { $v * $i })", [0, 2]),
    ],
)
def test_functions_return_the_same_values_as_in_aws(expression: str, value: Any) -> None:
    assert evaluate(expression, {}) == value


def test_uuid_returns_a_new_version_4_each_time() -> None:
    first, second = evaluate("[$uuid(), $uuid()]", {})
    assert uuid.UUID(first).version == uuid.UUID(second).version == 4
    assert first != second


def test_random_stays_below_one() -> None:
    assert all(0 <= evaluate("$random()", {}) < 1 for _ in range(50))


@pytest.mark.parametrize(
    "expression",
    ["$eval('1')", "$hash('x', 'CRC32')", "$parse('{')", "$error('no')", "$assert(false, 'no')"],
)
def test_what_aws_refuses_fails(expression: str) -> None:
    with pytest.raises(EvaluationError, match="threw an error during evaluation"):
        evaluate(expression, {})


def test_now_and_millis_come_from_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Clock(1_795_361_400.123)
    monkeypatch.setattr(clock, "_current", time)
    assert evaluate("$millis()", {}) == 1_795_361_400_123
    assert evaluate("$now()", {}) == "2026-11-22T15:30:00.123Z"
    assert evaluate("$now('[Y]/[M01]', '+0900')", {}) == "2026/11"
    time.stop()


def test_an_infinite_number_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        evaluate("$power(10, 400)", {})
    with pytest.raises(EvaluationError):
        evaluate("$x", {"x": math.inf})


@pytest.mark.parametrize("expression", ["1 +", "(", "$x[", "'open", "$", "$$", "a.b", "{'a': $}"])
def test_a_definition_cannot_contain_an_expression_that_does_not_parse_or_has_no_context(
    expression: str,
) -> None:
    with pytest.raises(EvaluationError):
        check(expression)


@pytest.mark.parametrize(
    "expression",
    ["$x[$ > 1]", "$x.(a + $.b)", "$x^(>a)", "$x{a: $sum(b)}", "$f(function($v) {$v})"],
)
def test_a_definition_may_use_the_context_where_there_is_one(expression: str) -> None:
    check(expression)


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("$states.input.result", {"input"}),
        ("$exists($states.result) ? $states.context.State : 'none'", {"result", "context"}),
        (
            "$map($states.input, function($v) {$v & $states.errorOutput.Cause})",
            {"input", "errorOutput"},
        ),
        ("$x.states.result & 'states.result'", set()),
    ],
)
def test_a_check_returns_what_an_expression_reads_of_the_state(
    expression: str, fields: set[str]
) -> None:
    assert check(expression) == fields
