"""Task "Plan refresh": which executions a trigger starts, by which names and with which inputs.

Guarantees that the same trigger always yields the same names, so that whoever repeats it meets the
executions, import jobs and solution versions that exist. A run is known by its run key: a hash of
Glue's jobRunId, or of a person's request. Its row in the table tells whether the run has already
been tried, and a run that failed is started again under the next attempt, which adopts what the
earlier ones have made.
"""

import hashlib
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict
from zoneinfo import ZoneInfo

import boto3

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

dynamodb = boto3.client("dynamodb")
stepfunctions = boto3.client("stepfunctions")

REQUEST = {
    "refresh": "the refresh's name",
    "base_date": "a date such as 20200928",
    "campaigns": "a list of campaign names",
    "training_mode": "FULL or UPDATE",
    "import_mode": "FULL or INCREMENTAL",
    "run": "a word that tells this run from others of the date",
}
MODES = {"training_mode": ("FULL", "UPDATE"), "import_mode": ("FULL", "INCREMENTAL")}
MOST_ATTEMPTS = 99  # an attempt's number has two digits in the names that are made of it


class InvalidTrigger(Exception):
    """The trigger cannot start a refresh; the text says what is wrong with it and what to send."""


class Run(TypedDict):
    """One run of one refresh, for all its campaigns."""

    refresh: Json
    base_date: int
    key: str
    campaigns: list[Json]
    requested: bool  # a person's start tries a failed run again, a repeated event does not
    named: bool  # the key is given (by the event, by a person's word): no other run's will do


class Attempt(TypedDict):
    """The earlier attempt that a campaign's row tells of."""

    key: str
    number: int
    failed: bool


def date_of(time: str, time_zone: str) -> int:
    """Return the date of an ISO 8601 instant in a time zone, as 20200928."""
    instant = datetime.fromisoformat(time)
    return int(instant.astimezone(ZoneInfo(time_zone)).strftime("%Y%m%d"))


def run_key(*identity: object) -> str:
    """Return the eight digits that stand for a run in every name."""
    return hashlib.sha256("/".join(map(str, identity)).encode()).hexdigest()[:8]


def runs_of(trigger: Json, settings: Json, now: str) -> list[Run]:
    """Return the runs that a trigger asks for.

    `trigger` is Glue's event or a person's request, `now` the time it is planned (ISO 8601).
    Raises InvalidTrigger, with everything that is wrong with it.
    """
    if trigger.get("source") == "aws.glue":
        return runs_of_glue_event(trigger, settings)
    if "refresh" in trigger:
        return [run_of_request(trigger, settings, date_of(now, settings["time_zone"]))]
    raise InvalidTrigger(
        'this is neither Glue\'s "Glue Job State Change" event nor a request such as '
        '{"refresh": "weekly"}'
    )


def runs_of_glue_event(event: Json, settings: Json) -> list[Run]:
    """Return a run for each refresh of the Glue job that succeeded."""
    detail = event.get("detail", {})
    if detail.get("state") != "SUCCEEDED":
        raise InvalidTrigger(f"the Glue job is {detail.get('state')}, not SUCCEEDED")
    refreshes = [r for r in settings["refreshes"] if r["glue_job"] == detail.get("jobName")]
    if not refreshes:
        raise InvalidTrigger(f"no refresh of this environment has glue_job {detail.get('jobName')}")
    return [
        {
            "refresh": refresh,
            "base_date": date_of(event["time"], settings["time_zone"]),
            "key": run_key(detail["jobRunId"]),
            "campaigns": refresh["campaigns"],
            "requested": False,
            "named": True,
        }
        for refresh in refreshes
    ]


def run_of_request(request: Json, settings: Json, today: int) -> Run:
    """Return the run that a person asks for."""
    refreshes = {refresh["name"]: refresh for refresh in settings["refreshes"]}
    refresh = refreshes.get(str(request["refresh"]), {"campaigns": [], "datasets": []})
    if problems := problems_of(request, list(refreshes), refresh, today):
        raise InvalidTrigger("; ".join(problems))
    base_date = request.get("base_date", today)
    chosen = request.get("campaigns", [c["campaign_name"] for c in refresh["campaigns"]])
    import_mode = request.get("import_mode")
    training_mode = request.get("training_mode")
    return {
        "refresh": {
            **refresh,
            "datasets": [
                {**d, "import_mode": import_mode or d["import_mode"]} for d in refresh["datasets"]
            ],
        },
        "base_date": base_date,
        "key": run_key(refresh["name"], base_date, request.get("run", "")),
        "campaigns": [
            {**c, "training_mode": training_mode or c["training_mode"]}
            for c in refresh["campaigns"]
            if c["campaign_name"] in chosen
        ],
        "requested": True,
        "named": "run" in request,
    }


def problems_of(request: Json, refreshes: list[str], refresh: Json, today: int) -> list[str]:
    """Return everything that is wrong with a person's request, in words."""
    problems = [
        f"{key} is unknown; a request may hold {', '.join(REQUEST)}"
        for key in request
        if key not in REQUEST
    ]
    if request["refresh"] not in refreshes:
        problems.append(
            f"refresh {request['refresh']!r} is not in this environment: {', '.join(refreshes)}"
        )
    if "base_date" in request:
        problems += problems_of_date(request["base_date"], today)
    campaigns = request.get("campaigns", [])
    known = [c["campaign_name"] for c in refresh["campaigns"]]
    if not isinstance(campaigns, list) or (known and "campaigns" in request and not campaigns):
        problems.append(f"campaigns must be a list of campaign names: {', '.join(known)}")
    elif known and (foreign := [str(c) for c in campaigns if c not in known]):
        problems.append(f"campaigns {', '.join(foreign)} are not of this refresh: {known}")
    problems += [
        f"{key} must be {' or '.join(modes)}, not {request[key]!r}"
        for key, modes in MODES.items()
        if key in request and request[key] not in modes
    ]
    return problems


def problems_of_date(base_date: object, today: int) -> list[str]:
    """Return what is wrong with a base date: not a date, or later than today."""
    if not is_date(base_date):
        return [f"base_date must be a number such as 20200928, not {base_date!r}"]
    if int(str(base_date)) > today:
        return [f"base_date {base_date} is in the future; today is {today}"]
    return []


def is_date(number: object) -> bool:
    """Whether a JSON value is a date written as 20200928."""
    if isinstance(number, bool) or not isinstance(number, int):
        return False
    try:
        datetime.strptime(str(number), "%Y%m%d")  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return False
    return len(str(number)) == len("20200928")


def executions(
    runs: list[Run], settings: Json, earlier: "Callable[[str, int], Attempt | None]"
) -> list[Json]:
    """Return what to start: for each campaign of each run an execution's name and input.

    `earlier(campaign_name, base_date)` tells what the campaign's row of that date says.
    """
    plans = []
    for run in runs:
        for campaign in run["campaigns"]:
            key, attempt = run["key"], 1
            before = earlier(campaign["campaign_name"], run["base_date"])
            if before and (before["key"] == key or not run["named"]):
                key = before["key"]
                again = run["requested"] and before["failed"]
                attempt = min(before["number"] + again, MOST_ATTEMPTS)
            plans.append(execution(run, campaign, key, attempt, settings))
    return plans


def execution(run: Run, campaign: Json, key: str, attempt: int, settings: Json) -> Json:
    """Return one execution's name, and its input: all that the workflow needs to know."""
    suffix = f"{run['base_date']}-{key}"
    name = f"{campaign['execution_prefix']}-{suffix}"
    return {
        "name": name if attempt == 1 else f"{name}-{attempt}",
        "input": {
            "campaign_name": campaign["campaign_name"],
            "base_date": run["base_date"],
            "run_key": key,
            "attempt": attempt,
            "campaign_arn": campaign["campaign_arn"],
            "datasets": [
                {
                    "dataset_arn": dataset["dataset_arn"],
                    "job_name": f"{dataset['job_prefix']}-{suffix}",
                    "location": dataset["location"],
                    "import_mode": dataset["import_mode"],
                    "role_arn": settings["import_role_arn"],
                    "row_prefix": dataset["row_prefix"],
                    "attempt": attempt,
                }
                for dataset in run["refresh"]["datasets"]
            ],
            "solution_name": campaign["solution_name"],
            "solution_version": {
                "solution_arn": campaign["solution_arn"],
                "name": f"{campaign['version_prefix']}-{suffix}",
                "training_mode": campaign["training_mode"],
                "base_date": run["base_date"],
                "attempt": attempt,
            },
            "stages": settings["stages"],
        },
    }


def earlier_attempt(campaign_name: str, base_date: int) -> Attempt | None:
    """Read the campaign's row of a date; None if there is none, or it is not a refresh's."""
    row = dynamodb.get_item(
        TableName=os.environ["TABLE_NAME"],
        Key={"campaign_name": {"S": campaign_name}, "base_date": {"N": str(base_date)}},
        ConsistentRead=True,
    ).get("Item", {})
    if "run_key" not in row:
        return None
    return {
        "key": row["run_key"]["S"],
        "number": int(row["attempt"]["N"]),
        "failed": row["refresh_status"]["S"] != "COMPLETE"
        and not is_running(row["execution_arn"]["S"]),
    }


def is_running(execution_arn: str) -> bool:
    """Whether an execution still runs; one that AWS has forgotten (after 90 days) does not."""
    try:
        described = stepfunctions.describe_execution(executionArn=execution_arn)
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return False
    return described["status"] == "RUNNING"


def lambda_handler(event: Json, _context: object) -> list[Json]:
    """Plan the trigger in `event` by the settings in it.

    Takes {trigger, settings, now (ISO 8601)}; returns a list of {name, input}. Raises
    InvalidTrigger.
    """
    settings = event["settings"]
    runs = runs_of(event["trigger"], settings, event["now"])
    return executions(runs, settings, earlier_attempt)
