"""CloudWatch's metrics of a refresh that has ended, as a line of its log: no call is needed.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Mapping
from typing import Any

from announce_types import Detail

NAMESPACE = "PersonalizeRefresh"
MINUTE = 60
BY_CAMPAIGN = ["Environment", "Campaign"]
STAGES = {
    "dataset_import": "DatasetImportMinutes",
    "solution_version": "SolutionVersionMinutes",
    "campaign_update": "CampaignUpdateMinutes",
    "recommender_update": "RecommenderUpdateMinutes",
    "refresh": "RefreshMinutes",
}


def metrics_line(detail: Detail, row: Mapping[str, Any], milliseconds: int) -> str:
    """Return the metrics of a refresh that has ended at a time (epoch milliseconds).

    Offline metrics and training hours are the row's, and of a refresh that is COMPLETE only.
    """
    took = {STAGES[k]: round(s / MINUTE, 2) for k, s in detail["durations_seconds"].items()}  # type: ignore[operator]
    values: dict[str, float] = {**took}
    if detail["cost_usd"] is not None:
        values["EstimatedCostUsd"] = detail["cost_usd"]
    if detail["status"] == "COMPLETE":
        if "training_hours" in row:
            values["TrainingHours"] = float(row["training_hours"])
        values |= {name: float(value) for name, value in (row.get("metrics") or {}).items()}
    measured = [
        {"Name": name, "Unit": "None"} for name in values
    ]  # CloudWatch has no unit of minutes, hours or dollars
    return json.dumps(
        {
            "_aws": {
                "Timestamp": milliseconds,
                "CloudWatchMetrics": [
                    {"Namespace": NAMESPACE, "Dimensions": [BY_CAMPAIGN], "Metrics": measured},
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [[*BY_CAMPAIGN, "Status"]],
                        "Metrics": [{"Name": "Ends", "Unit": "Count"}],
                    },
                ],
            },
            "Environment": detail["environment"],
            "Campaign": detail["campaign"],
            "Status": detail["status"],
            "Ends": 1,
            **values,
        }
    )
