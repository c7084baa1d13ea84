"""What services and functions measure, handed to CloudWatch at the virtual time."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends


def record(
    account: str,
    region: str,
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    *,
    value: float = 1.0,
    unit: str = "Count",
) -> None:
    """Add one value of a metric, now, as an AWS service does for its own."""
    datum = {
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
        "Value": value,
        "Unit": unit,
    }
    cloudwatch_backends[account][region].put_metric_data(namespace, [datum])


def record_embedded(account: str, region: str, lines: Iterable[str]) -> None:
    """Take the metrics out of a log's lines that are in the Embedded Metric Format.

    A line that is not, or wrongly so, stays a line of the log. The time is that of the line, not
    the Timestamp in it: a function sees the real time.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    for line in lines:
        if '"_aws"' not in line:
            continue
        try:
            root = json.loads(line)
            found = [
                (directive["Namespace"], dimensions, metric, root[metric["Name"]])
                for directive in root["_aws"]["CloudWatchMetrics"]
                for dimensions in (directive.get("Dimensions") or [[]])
                for metric in directive["Metrics"]
                if metric["Name"] in root
            ]
            values = [
                (namespace, metric, {name: _text(root[name]) for name in dimensions}, value)
                for namespace, dimensions, metric, given in found
                for value in (given if isinstance(given, list) else [given])
                if isinstance(value, (int, float)) and not isinstance(value, bool)
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        for namespace, metric, dimensions, value in values:
            record(
                account,
                region,
                namespace,
                metric["Name"],
                dimensions,
                value=float(value),
                unit=metric.get("Unit", "None"),
            )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a dimension's value is text")
    return value
