"""The dashboard of an environment, as the body that CloudWatch takes.

What there is of each campaign is found by SEARCH expressions, each of which returns up to 500 time
series: the body does not grow with the campaigns, but for the alarms, of which a widget shows 100.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

DAY = 86_400
HOUR = 3600
WIDTH = 24  # CloudWatch's grid
HEIGHT = 6
MOST_ALARMS = 100  # of a widget
# Of the metrics that Personalize computes, one of each kind.
OFFLINE = (
    "coverage",
    "mean_reciprocal_rank_at_25",
    "normalized_discounted_cumulative_gain_at_10",
    "precision_at_10",
)


@dataclass(frozen=True)
class Shown:
    """What the dashboard shows: names and ARNs, by what people call them."""

    environment: str
    region: str
    table: str
    workflows: Mapping[str, str]
    queues: Mapping[str, str]
    functions: Mapping[str, str]
    alarms: Sequence[str]


def dashboard_body(shown: Shown) -> dict[str, Any]:
    """Return the body: four weeks, in rows of widgets."""
    rows = [
        [_text(shown)],
        *[
            [_alarms(shown.alarms[first : first + MOST_ALARMS])]
            for first in range(0, len(shown.alarms), MOST_ALARMS)
        ],
        [_of_campaigns(shown, "Hours since the last COMPLETE refresh", "HoursSinceLastComplete")],
        [_executions(shown, name, arn) for name, arn in shown.workflows.items()],
        [
            _of_campaigns(shown, "Import, minutes", "DatasetImportMinutes", period=DAY),
            _of_campaigns(shown, "Training, minutes", "SolutionVersionMinutes", period=DAY),
            _of_campaigns(
                shown,
                "Campaign or recommender update, minutes",
                "CampaignUpdateMinutes",
                "RecommenderUpdateMinutes",
                period=DAY,
            ),
            _of_campaigns(shown, "Whole refresh, minutes", "RefreshMinutes", period=DAY),
        ],
        [
            _of_campaigns(shown, "Billed training hours", "TrainingHours", period=DAY),
            _of_campaigns(shown, "Estimated cost, USD", "EstimatedCostUsd", period=DAY),
            _of_campaigns(shown, "Offline metrics of new versions", *OFFLINE, period=DAY),
        ],
        [_queues(shown), _throttles(shown), _errors(shown)],
    ]
    heights = [max(widget["height"] for widget in row) for row in rows]
    tops = accumulate(heights, initial=0)
    return {
        "start": "-P28D",
        "widgets": [
            {"x": column * WIDTH // len(row), "y": top, "width": WIDTH // len(row), **widget}
            for row, top in zip(rows, tops, strict=False)
            for column, widget in enumerate(row)
        ],
    }


def _text(shown: Shown) -> dict[str, Any]:
    ops = f"`python -m ops %s --environment {shown.environment}`"
    words = f"""# Refreshes of {shown.environment}
| what you see | what it means, and what to do |
|---|---|
| an alarm in red | its description says what to do; `docs/operations.md` has a section with its name |
| hours that grow beyond a week | no refresh has been COMPLETE: {ops % "status"}, then \
{ops % "history CAMPAIGN"} |
| failed, aborted or timed-out executions | {ops % "explain EXECUTION"} says why, and the next command |
| a stage that takes longer than usual | {ops % "watch"}; a full quota of Personalize is a queue, no error |
| messages in a queue | {ops % "undelivered"}, fix the reason, then {ops % "replay"} |
| throttled table, errors of functions | they are repeated; if they last, an alarm says so |

Age is known of campaigns with `fresh_within_hours`. Stages, hours, costs and offline metrics are of \
refreshes that have ended."""  # noqa: E501 - a line is a row of the table
    return {"type": "text", "height": 7, "properties": {"markdown": words}}


def _alarms(arns: Sequence[str]) -> dict[str, Any]:
    properties = {"title": "Alarms", "alarms": list(arns), "sortBy": "stateUpdatedTimestamp"}
    return {"type": "alarm", "height": 3 + len(arns) // 12, "properties": properties}


def _of_campaigns(shown: Shown, title: str, *names: str, period: int = HOUR) -> dict[str, Any]:
    wanted = " OR ".join(f'"{name}"' for name in names)
    search = (
        "SEARCH('{PersonalizeRefresh,Environment,Campaign} "
        f"Environment=\"{shown.environment}\" MetricName=({wanted})', 'Maximum', {period})"
    )
    return _graph(shown, title, [[{"expression": search}]], period)


def _executions(shown: Shown, name: str, arn: str) -> dict[str, Any]:
    ends = ["Started", "Succeeded", "Failed", "Aborted", "TimedOut"]
    metrics = [["AWS/States", f"Executions{end}", "StateMachineArn", arn] for end in ends]
    return _graph(shown, f"Executions of the {name} workflow", metrics, DAY, "Sum")


def _queues(shown: Shown) -> dict[str, Any]:
    metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, {"label": name}]
        for name, queue in shown.queues.items()
    ]
    return _graph(shown, "Messages in the queues", metrics, HOUR)


def _throttles(shown: Shown) -> dict[str, Any]:
    metrics = [
        ["AWS/DynamoDB", f"{kind}ThrottleEvents", "TableName", shown.table]
        for kind in ("Read", "Write")
    ]
    return _graph(shown, f"Throttled calls of {shown.table}", metrics, HOUR, "Sum")


def _errors(shown: Shown) -> dict[str, Any]:
    metrics = [
        ["AWS/Lambda", "Errors", "FunctionName", function, {"label": name}]
        for name, function in shown.functions.items()
    ]
    return _graph(shown, "Errors of the functions (most calls are repeated)", metrics, HOUR, "Sum")


def _graph(
    shown: Shown, title: str, metrics: list[list[Any]], period: int, statistic: str = "Maximum"
) -> dict[str, Any]:
    return {
        "type": "metric",
        "height": HEIGHT,
        "properties": {
            "title": title,
            "metrics": metrics,
            "region": shown.region,
            "period": period,
            "stat": statistic,
            "view": "timeSeries",
        },
    }
