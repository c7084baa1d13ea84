"""What a refresh has done, read back through the cloud's API: the object that --json prints."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import takewhile
from typing import Any, TypedDict

from boto3.dynamodb.types import TypeDeserializer

from embedded_aws import Cloud

# Prices in US dollars; legacy recipes and us-east-1, see the README's "Costs".
TRAINING_HOUR = 0.24
GIGABYTE_IMPORTED = 0.05
THOUSAND_TRANSITIONS = 0.025


class Execution(TypedDict):
    """One execution as its history tells it; `transitions` are what AWS bills, with retries."""

    name: str
    machine: str
    status: str
    cause: str | None
    states: list[str]
    transitions: int
    events: int
    started: str
    stopped: str | None


class RefreshResult(TypedDict):
    """Everything that a rehearsal has to show; times are ISO 8601 in UTC, money is US dollars."""

    executions: list[Execution]
    rows: list[dict[str, Any]]
    personalize: dict[str, list[dict[str, Any]]]
    recommendations: dict[str, Any]
    cost: dict[str, Any]


def executions(cloud: Cloud, machines: Mapping[str, str], since: float = 0) -> list[Execution]:
    """Return the executions of state machines (name → ARN) since a time, oldest first."""
    stepfunctions = cloud.client("stepfunctions")
    found = [
        (machine, listed)
        for machine, arn in machines.items()
        for listed in takewhile(  # the newest come first
            lambda listed: listed["startDate"].timestamp() >= since,
            _listed(stepfunctions, "list_executions", stateMachineArn=arn),
        )
    ]
    return [
        _execution(cloud, machine, listed["executionArn"])
        for machine, listed in sorted(found, key=lambda pair: pair[1]["startDate"])
    ]


def _execution(cloud: Cloud, machine: str, arn: str) -> Execution:
    stepfunctions = cloud.client("stepfunctions")
    described = stepfunctions.describe_execution(executionArn=arn)
    history = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in history for event in page["events"]]
    entered = "stateEnteredEventDetails"
    states = [event[entered]["name"] for event in events if entered in event]
    kinds = Counter(event["type"] for event in events)
    attempts = kinds["TaskScheduled"] + kinds["LambdaFunctionScheduled"]
    return {
        "name": described["name"],
        "machine": machine,
        "status": described["status"],
        "cause": described.get("cause"),
        "states": states,
        "transitions": len(states) + attempts - kinds["TaskStateEntered"],
        "events": len(events),
        "started": iso(described["startDate"]),
        "stopped": iso(described["stopDate"]) if "stopDate" in described else None,
    }


def table_rows(cloud: Cloud, table: str, since: int = 0) -> list[dict[str, Any]]:
    """Return the table's rows since a date (20200928) as plain values, by campaign and date."""
    deserialize = TypeDeserializer().deserialize
    pages = (
        cloud.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=table,
            # 0 is what the queues of full quotas have, see docs/operations.md
            FilterExpression="base_date >= :since AND base_date > :no_date",
            ExpressionAttributeValues={":since": {"N": str(since)}, ":no_date": {"N": "0"}},
        )
    )
    items = [
        {name: _number(deserialize(value)) for name, value in item.items()}
        for page in pages
        for item in page["Items"]
    ]
    return sorted(items, key=lambda row: (row["campaign_name"], row["base_date"]))


def resources_since(cloud: Cloud, began: float) -> dict[str, list[dict[str, Any]]]:
    """Return the import jobs, solution versions and campaign updates made since a time."""
    personalize = cloud.client("personalize")
    listed = partial(_listed, personalize)

    def is_new(resource: dict[str, Any]) -> bool:
        return bool(resource["creationDateTime"].timestamp() >= began)

    jobs = [
        personalize.describe_dataset_import_job(datasetImportJobArn=job["datasetImportJobArn"])
        for job in listed("list_dataset_import_jobs")
        if is_new(job)
    ]
    versions = [
        personalize.describe_solution_version(solutionVersionArn=version["solutionVersionArn"])
        for solution in listed("list_solutions")
        for version in listed("list_solution_versions", solutionArn=solution["solutionArn"])
        if is_new(version)
    ]
    campaigns = [
        personalize.describe_campaign(campaignArn=campaign["campaignArn"])["campaign"]
        for campaign in listed("list_campaigns")
    ]
    updates = [
        {"campaignArn": campaign["campaignArn"], **campaign["latestCampaignUpdate"]}
        for campaign in campaigns
        if "latestCampaignUpdate" in campaign and is_new(campaign["latestCampaignUpdate"])
    ]
    every = {
        "dataset_import_jobs": [job["datasetImportJob"] for job in jobs],
        "solution_versions": [version["solutionVersion"] for version in versions],
        "campaign_updates": updates,
    }
    return {
        kind: [
            {name: iso(v) if isinstance(v, datetime) else v for name, v in resource.items()}
            for resource in sorted(resources, key=lambda r: r["creationDateTime"])
        ]
        for kind, resources in every.items()
    }


def _listed(client: Any, operation: str, **parameters: str) -> Iterator[dict[str, Any]]:
    """Yield what a List operation lists, page by page."""
    for page in client.get_paginator(operation).paginate(**parameters):
        (summaries,) = (v for v in page.values() if isinstance(v, list))
        yield from summaries


def cost(
    ran: list[Execution], personalize: Mapping[str, list[dict[str, Any]]], imported_bytes: int
) -> dict[str, Any]:
    """Estimate what the refresh would have cost, in US dollars."""
    hours = sum(version.get("trainingHours", 0.0) for version in personalize["solution_versions"])
    transitions = sum(execution["transitions"] for execution in ran)
    parts = {
        "training": hours * TRAINING_HOUR,
        "import": imported_bytes / 1e9 * GIGABYTE_IMPORTED,
        "workflow": transitions / 1000 * THOUSAND_TRANSITIONS,
    }
    return {
        "currency": "USD",
        "training_hours": hours,
        "imported_bytes": imported_bytes,
        "transitions": transitions,
        **{f"{part}_usd": round(dollars, 6) for part, dollars in parts.items()},
        "total_usd": round(sum(parts.values()), 6),
    }


def iso(moment: datetime) -> str:
    """Return a time as 2020-09-28T01:00:00Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _number(each) for name, each in value.items()}
    return value
