"""One CloudWatch metric as a line of a function's log: it takes no call.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Mapping
from datetime import datetime

from refresh_metrics import NAMESPACE


def metric_line(name: str, value: float, at: datetime, dimensions: Mapping[str, str]) -> str:
    """Return the line for a metric without a unit, at a time, by its dimensions."""
    measured = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": "None"}],
    }
    milliseconds = int(at.timestamp() * 1000)
    return json.dumps(
        {
            "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [measured]},
            **dimensions,
            name: value,
        }
    )
