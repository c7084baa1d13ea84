"""What a trigger asks for: Glue's event, or a person's request. Pure functions, no AWS."""

import hashlib
from datetime import datetime
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

Json = dict[str, Any]

REQUEST = {
    "refresh": "the refresh's name",
    "base_date": "a date such as 20200928",
    "campaigns": "a list of campaign names",
    "training_mode": "FULL or UPDATE",
    "import_mode": "FULL or INCREMENTAL",
    "run": "a word that tells this run from others of the date",
}
MODES = {"training_mode": ("FULL", "UPDATE"), "import_mode": ("FULL", "INCREMENTAL")}


class InvalidTrigger(Exception):
    """The trigger cannot start a refresh; the text says what is wrong with it and what to send."""


class Run(TypedDict):
    """One run of one refresh, for all its campaigns or those that a request names.

    Without a key, any run of the date will do; without a date, one that is not complete yet, or
    else today's. `triggered` (epoch seconds) puts the runs in their order.
    """

    refresh: Json
    campaigns: list[Json]
    base_date: int | None
    key: str | None
    triggered: int
    requested: bool  # a person's start tries a failed run again, a repeated event does not


def date_of(moment: datetime, time_zone: str) -> int:
    """Return the date of an instant in a time zone, as 20200928."""
    return int(moment.astimezone(ZoneInfo(time_zone)).strftime("%Y%m%d"))


def run_key(*identity: object) -> str:
    """Return the eight digits that stand for a run in every name."""
    return hashlib.sha256("/".join(map(str, identity)).encode()).hexdigest()[:8]


def runs_of(trigger: object, settings: Json, now: datetime) -> list[Run]:
    """Return the runs that a trigger asks for; InvalidTrigger with everything wrong with it."""
    if isinstance(trigger, dict) and trigger.get("source") == "aws.glue":
        return runs_of_glue_event(trigger, settings)
    if isinstance(trigger, dict) and "refresh" in trigger:
        return [run_of_request(trigger, settings, now)]
    raise InvalidTrigger(
        'this is neither Glue\'s "Glue Job State Change" event nor a request such as '
        '{"refresh": "weekly"} or {"reconcile": true}'
    )


def runs_of_glue_event(event: Json, settings: Json) -> list[Run]:
    """Return a run for each refresh of the Glue job that succeeded."""
    detail = event.get("detail", {})
    missing = [key for key in ("jobName", "jobRunId", "state") if key not in detail]
    missing += [key for key in ("time",) if key not in event]
    if missing:
        raise InvalidTrigger(f"Glue's event lacks {', '.join(missing)}")
    if detail["state"] != "SUCCEEDED":
        raise InvalidTrigger(f"the Glue job is {detail['state']}, not SUCCEEDED")
    refreshes = [r for r in settings["refreshes"] if r["glue_job"] == detail["jobName"]]
    if not refreshes:
        raise InvalidTrigger(f"no refresh of this environment has glue_job {detail['jobName']}")
    try:
        ended = datetime.fromisoformat(event["time"])
    except (TypeError, ValueError):
        raise InvalidTrigger(f"Glue's event has no time but {event['time']!r}") from None
    return [
        {
            "refresh": refresh,
            "campaigns": refresh["campaigns"],
            "base_date": date_of(ended, settings["time_zone"]),
            "key": run_key(detail["jobRunId"]),
            "triggered": int(ended.timestamp()),
            "requested": False,
        }
        for refresh in refreshes
    ]


def run_of_request(request: Json, settings: Json, now: datetime) -> Run:
    """Return the run that a person asks for."""
    today = date_of(now, settings["time_zone"])
    refreshes = {refresh["name"]: refresh for refresh in settings["refreshes"]}
    refresh = refreshes.get(str(request["refresh"]), {"campaigns": [], "datasets": []})
    if problems := problems_of(request, list(refreshes), refresh, today):
        raise InvalidTrigger("; ".join(problems))
    names = request.get("campaigns", [c["campaign_name"] for c in refresh["campaigns"]])
    import_mode = {key: request[key] for key in ("import_mode",) if key in request}
    training_mode = {key: request[key] for key in ("training_mode",) if key in request}
    base_date, word = request.get("base_date"), request.get("run")
    if word is not None:
        base_date = base_date or today
    return {
        "refresh": {**refresh, "datasets": [{**d, **import_mode} for d in refresh["datasets"]]},
        "campaigns": [
            {**c, **training_mode} for c in refresh["campaigns"] if c["campaign_name"] in names
        ],
        "base_date": base_date,
        "key": None if word is None else run_key(refresh["name"], base_date, word),
        "triggered": int(now.timestamp()),
        "requested": True,
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
    if "run" in request and not (isinstance(request["run"], str) and request["run"].strip()):
        problems.append(f"run must be {REQUEST['run']}, not {request['run']!r}")
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
