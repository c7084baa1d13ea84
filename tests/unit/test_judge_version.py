"""Which solution versions may go live, by their metrics; no AWS."""

import pytest
from judge_version import Baseline, judge
from plan_types import Gate

NDCG, PRECISION = "normalized_discounted_cumulative_gain_at_25", "precision_at_10"
NOTHING: Baseline = {"arn": "", "metrics": {}, "why_not": "the campaign is yet to be made"}


def gate(**changes: object) -> Gate:
    usual: Gate = {"largest_drop": {PRECISION: 0.2}, "floor": {}, "unknown": "pass"}
    return {**usual, **changes}  # type: ignore[typeddict-item]


def serves(**metrics: float) -> Baseline:
    return {"arn": "arn:old", "metrics": metrics, "why_not": "arn:old has no metrics"}


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (0.041, "precision_at_10 stayed at 0.041."),
        (0.06, "precision_at_10 rose from 0.041 to 0.06."),
        (0.0328, "precision_at_10 fell from 0.041 to 0.0328."),  # exactly 20 %
    ],
)
def test_a_version_that_is_about_as_good_is_accepted(new: float, words: str) -> None:
    found = judge(gate(), {PRECISION: new}, serves(precision_at_10=0.041))
    assert found == {"judgement": f"Accepted. {words}", "rejection": ""}


def test_a_version_that_is_worse_than_is_allowed_is_rejected_in_words() -> None:
    found = judge(gate(), {PRECISION: 0.019}, serves(precision_at_10=0.041))
    words = "precision_at_10 fell from 0.041 to 0.019, more than the 20% allowed."
    assert found == {"judgement": "", "rejection": words}


def test_all_that_is_wrong_is_said_at_once() -> None:
    strict = gate(largest_drop={PRECISION: 0.2, NDCG: 0.1}, floor={"coverage": 0.5})
    metrics = {PRECISION: 0.01, NDCG: 0.2, "coverage": 0.4}
    found = judge(strict, metrics, serves(**{PRECISION: 0.05, NDCG: 0.4}))
    assert found["rejection"] == (
        "coverage is 0.4, less than the 0.5 asked for. "
        "precision_at_10 fell from 0.05 to 0.01, more than the 20% allowed. "
        f"{NDCG} fell from 0.4 to 0.2, more than the 10% allowed."
    )


def test_a_floor_counts_whatever_the_campaign_serves() -> None:
    found = judge(gate(floor={PRECISION: 0.05}), {PRECISION: 0.04}, serves(precision_at_10=0.04))
    assert found["rejection"] == "precision_at_10 is 0.04, less than the 0.05 asked for."


UNKNOWN = {
    "no version to compare with": (
        {PRECISION: 0.04},
        NOTHING,
        "There is no version to compare with: the campaign is yet to be made.",
    ),
    "a metric that the version has not": (
        {"coverage": 0.8},
        serves(precision_at_10=0.04),
        "The version has no metric precision_at_10; it has coverage.",
    ),
    "a version without metrics": (
        {},
        serves(precision_at_10=0.04),
        "The version has no metric precision_at_10; it has none.",
    ),
    "a metric that the served version has not": (
        {PRECISION: 0.04},
        serves(coverage=0.8),
        "arn:old, which the campaign serves, has no metric precision_at_10.",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_cannot_be_compared_is_said_and_passes_or_is_held(case: str) -> None:
    metrics, baseline, words = UNKNOWN[case]
    passed = judge(gate(), metrics, baseline)
    assert passed["rejection"] == ""
    assert words in passed["judgement"]
    assert judge(gate(unknown="hold"), metrics, baseline)["rejection"] == words


def test_a_metric_that_was_nothing_cannot_drop() -> None:
    assert judge(gate(), {PRECISION: 0.0}, serves(precision_at_10=0.0))["rejection"] == ""
