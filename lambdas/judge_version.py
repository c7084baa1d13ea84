"""Task "Judge version": is a solution version good enough to go live? By GetSolutionMetrics.

Guarantees that a version passes only if no metric of the gate is below its floor, or lower than the
baseline's by more than is accepted. The baseline is the version that the campaign serves: the last
that has passed, or that a person has chosen. What cannot be compared is told, and passes or is held
as the settings say. Only reads.
"""

from collections.abc import Iterator, Mapping
from typing import TypedDict

from personalize import personalize
from plan_types import Gate
from retry_later import retry_later


class JudgeRequest(TypedDict):
    """Which version to judge, and by which gate (None: it passes unseen).

    `previous_solution_version_arn` is what an earlier attempt saw the campaign serve, or empty.
    """

    campaign_arn: str
    solution_version_arn: str
    previous_solution_version_arn: str
    gate: Gate | None


class Judgement(TypedDict):
    """The comparison in words, and why the version must not go live; "" if it may."""

    judgement: str
    rejection: str


class Baseline(TypedDict):
    """What a version is compared with; without metrics `why_not` says why."""

    arn: str
    metrics: Mapping[str, float]
    why_not: str


def judge(gate: Gate, metrics: Mapping[str, float], baseline: Baseline) -> Judgement:
    """Return the judgement on a version's metrics."""
    floors = list(_floors(gate, metrics))
    drops = list(_drops(gate, metrics, baseline))
    unknown = list(_unknown(gate, metrics, baseline))
    wrong = [words for is_good, words in [*floors, *drops] if not is_good]
    if gate["unknown"] == "hold":
        wrong += unknown
    good = [words for is_good, words in [*floors, *drops] if is_good]
    if wrong:
        return {"judgement": "", "rejection": " ".join(wrong)}
    return {"judgement": " ".join(["Accepted.", *good, *unknown]), "rejection": ""}


def _floors(gate: Gate, metrics: Mapping[str, float]) -> Iterator[tuple[bool, str]]:
    """Yield whether each metric that has a floor is above it, and that in words."""
    for name, floor in gate["floor"].items():
        if name in metrics:
            is_good = metrics[name] >= floor
            words = "at least" if is_good else "less than"
            yield (
                is_good,
                f"{name} is {_number(metrics[name])}, {words} the {_number(floor)} asked for.",
            )


def _drops(
    gate: Gate, metrics: Mapping[str, float], baseline: Baseline
) -> Iterator[tuple[bool, str]]:
    """Yield whether each metric that is compared has not dropped too far, and that in words."""
    for name, largest in gate["largest_drop"].items():
        if name not in metrics or name not in baseline["metrics"]:
            continue
        new, old = metrics[name], baseline["metrics"][name]
        # a metric that was nothing cannot drop; rounded, so that 20 % of 0.05 is not 20.000001 %
        is_good = round(new, 9) >= round(old * (1 - largest), 9)
        moved = "rose" if new > old else "fell" if new < old else "stayed"
        values = f"from {_number(old)} to {_number(new)}" if new != old else f"at {_number(new)}"
        allowed = f", more than the {largest:.0%} allowed" if not is_good else ""
        yield is_good, f"{name} {moved} {values}{allowed}."


def _unknown(gate: Gate, metrics: Mapping[str, float], baseline: Baseline) -> Iterator[str]:
    """Yield, in words, what cannot be judged."""
    for name in dict.fromkeys([*gate["floor"], *gate["largest_drop"]]):
        if name not in metrics:
            has = ", ".join(sorted(metrics)) or "none"
            yield f"The version has no metric {name}; it has {has}."
    if not gate["largest_drop"]:
        return
    if not baseline["metrics"]:
        yield f"There is no version to compare with: {baseline['why_not']}."
        return
    for name in gate["largest_drop"]:
        if name in metrics and name not in baseline["metrics"]:
            yield f"{baseline['arn']}, which the campaign serves, has no metric {name}."


def _number(value: float) -> str:
    """Return a metric as people write it: 0.041, not 0.0410 or 4.1e-02."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def baseline_of(request: JudgeRequest) -> Baseline:
    """Return what the campaign serves, or served before an earlier attempt moved it."""
    ours = request["solution_version_arn"]
    try:
        campaign = personalize.describe_campaign(campaignArn=request["campaign_arn"])["campaign"]
    except personalize.exceptions.ResourceNotFoundException:
        return _nothing("the campaign is yet to be made")
    served = campaign.get("solutionVersionArn", "")
    arn = request["previous_solution_version_arn"] if served == ours else served
    if not arn:
        return _nothing("the campaign serves this version already")
    if recipe_of(arn) != recipe_of(ours):
        return _nothing(f"{arn}, which the campaign serves, has another recipe")
    return {"arn": arn, "metrics": metrics_of(arn), "why_not": f"{arn} has no metrics"}


def recipe_of(version_arn: str) -> str:
    """Return the ARN of a version's recipe; "" if the version is gone."""
    try:
        described = personalize.describe_solution_version(solutionVersionArn=version_arn)
    except personalize.exceptions.ResourceNotFoundException:
        return ""
    return described["solutionVersion"].get("recipeArn", "")


def metrics_of(version_arn: str) -> Mapping[str, float]:
    """Return a version's metrics, none if Personalize has none of it."""
    try:
        return personalize.get_solution_metrics(solutionVersionArn=version_arn)["metrics"]
    except personalize.exceptions.ResourceNotFoundException:
        return {}


def _nothing(why: str) -> Baseline:
    return {"arn": "", "metrics": {}, "why_not": why}


@retry_later()
def lambda_handler(event: JudgeRequest, _context: object) -> Judgement:
    """Judge the version of `event`; RetryLater while Personalize is busy."""
    if event["gate"] is None:
        return {"judgement": "Not judged: the settings ask for no gate.", "rejection": ""}
    return judge(event["gate"], metrics_of(event["solution_version_arn"]), baseline_of(event))
