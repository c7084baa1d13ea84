"""What a trigger asks for: Glue's event, or a person's request. Pure functions, no AWS."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from input_problems import MOST_QUOTED, quoted
from plan_types import Entry, PlanSettings, RefreshSettings
from what_to_do import (
    ASKED_FOR,
    WhatToDo,
    all_the_same,
    as_settings,
    imported_as,
    trained_as,
)

Json = dict[str, Any]  # of a trigger: whatever was sent

REQUEST = {
    "refresh": "the refresh's name",
    "base_date": "a date such as 20200928",
    "campaigns": "a list of campaign names",
    "training_mode": "FULL or UPDATE",
    "import_mode": "FULL or INCREMENTAL",
    "run": "a word that tells this run from others of the date",
    "solution_version_arn": "a version of the campaign's solution, to move onto without a training",
    "by": "who asks for that version",
    "reason": "why it is asked for",
}
NOT_WITH_VERSION = ("base_date", "training_mode", "import_mode", "run")
MOST_WORDS = 500  # of a request's `by` and `reason`
EARLIEST = 20180101  # Amazon Personalize is younger
CLOCKS_DIFFER = timedelta(minutes=5)  # by no more than this
MODES = {"training_mode": ("FULL", "UPDATE"), "import_mode": ("FULL", "INCREMENTAL")}


class InvalidTrigger(Exception):
    """The trigger cannot start a refresh; the text says what is wrong with it and what to send."""


class Run(TypedDict):
    """One run of one refresh, for all its campaigns and recommenders or those a request names.

    Without a key, any run of the date will do; without a date, one that is not complete yet, or
    else today's. `triggered` (epoch seconds) puts the runs in their order.
    """

    refresh: str
    what: WhatToDo
    campaigns: list[Entry]
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


def runs_of(trigger: object, settings: PlanSettings, now: datetime) -> list[Run]:
    """Return the runs that a trigger asks for; InvalidTrigger with everything wrong with it."""
    if isinstance(trigger, dict) and trigger.get("source") == "aws.glue":
        return runs_of_glue_event(trigger, settings, now)
    if isinstance(trigger, dict) and "refresh" in trigger:
        return [run_of_request(trigger, settings, now)]
    raise InvalidTrigger(
        'this is neither Glue\'s "Glue Job State Change" event nor a request such as '
        f'{{"refresh": "weekly"}} or {{"reconcile": true}}: {quoted(trigger)}'
    )


def asks_to_reconcile(trigger: object) -> bool:
    """Whether this is {"reconcile": true}; 1 equals True in Python, and is not what JSON says."""
    return (
        isinstance(trigger, dict)
        and list(trigger) == ["reconcile"]
        and trigger["reconcile"] is True
    )


def runs_of_glue_event(event: Json, settings: PlanSettings, now: datetime) -> list[Run]:
    """Return a run for each refresh of the Glue job that succeeded."""
    if problems := problems_of_event(event, home_of(settings), now):
        raise InvalidTrigger("; ".join(problems))
    detail, ended = event["detail"], datetime.fromisoformat(event["time"])
    if detail["state"] != "SUCCEEDED":
        raise InvalidTrigger(f"the Glue job is {detail['state'][:MOST_QUOTED]}, not SUCCEEDED")
    refreshes = [r for r in settings["refreshes"] if r["glue_job"] == detail["jobName"]]
    if not refreshes:
        raise InvalidTrigger(
            f"no refresh of this environment has glue_job {detail['jobName'][:MOST_QUOTED]}"
        )
    return [
        {
            "refresh": refresh["name"],
            "what": as_settings(refresh),
            "campaigns": refresh["campaigns"],
            "base_date": date_of(ended, settings["time_zone"]),
            "key": run_key(detail["jobRunId"]),
            "triggered": int(ended.timestamp()),
            "requested": False,
        }
        for refresh in refreshes
    ]


def home_of(settings: PlanSettings) -> dict[str, str]:
    """Return the account and the region of the environment, as an event names them."""
    arn = settings["refreshes"][0]["datasets"][0]["dataset_arn"].split(":")
    return {"account": arn[4], "region": arn[3]}


def problems_of_event(event: Json, home: dict[str, str], now: datetime) -> list[str]:
    """Return everything that is wrong with Glue's event, in words."""
    detail = event.get("detail", {})
    if not isinstance(detail, dict):
        return [f"Glue's event must have an object as its detail, not {quoted(detail)}"]
    texts = ("jobName", "jobRunId", "state")
    missing = [key for key in texts if key not in detail]
    missing += [key for key in ("time",) if key not in event]
    problems = [f"Glue's event lacks {', '.join(missing)}"] if missing else []
    problems += [
        f"Glue's event must have a text as its {key}, not {quoted(detail[key])}"
        for key in texts
        if key in detail and not is_text(detail[key])
    ]
    problems += [
        f"Glue's event is of {key} {quoted(event[key])}, and this environment of {own}; "
        f"send it to the environment of that {key}"
        for key, own in home.items()
        if key in event and event[key] != own
    ]
    return problems + (problems_of_time(event["time"], now) if "time" in event else [])


def problems_of_time(time: object, now: datetime) -> list[str]:
    """Return what is wrong with an event's time: not an instant, or one that cannot be.

    One in the future would put its run after every later one, which then ended as SUPERSEDED.
    """
    try:
        moment = datetime.fromisoformat(time)  # type: ignore[arg-type] # TypeError if it is no text
    except (TypeError, ValueError):
        return [f"Glue's event has no time but {quoted(time)}"]
    if moment.tzinfo is None:
        return [f"Glue's event has a time without its zone: {time}; write {time}Z if it is UTC"]
    if moment > now + CLOCKS_DIFFER:
        return [f"Glue's event has a time in the future: {time}; it is {now.isoformat()} now"]
    if moment.year < EARLIEST // 10000:
        return [f"Glue's event has a time before Amazon Personalize existed: {time}"]
    return []


def run_of_request(request: Json, settings: PlanSettings, now: datetime) -> Run:
    """Return the run that a person asks for."""
    today = date_of(now, settings["time_zone"])
    refreshes = {refresh["name"]: refresh for refresh in settings["refreshes"]}
    refresh = refreshes.get(str(request["refresh"]))
    if problems := problems_of(request, list(refreshes), refresh, today):
        raise InvalidTrigger("; ".join(problems))
    assert refresh is not None  # noqa: S101 - else it would be one of the problems
    names = request.get("campaigns", [c["campaign_name"] for c in refresh["campaigns"]])
    campaigns = [c for c in refresh["campaigns"] if c["campaign_name"] in names]
    base_date, word, key = request.get("base_date"), request.get("run"), None
    what = as_settings(refresh)
    if word is not None:
        base_date = base_date or today
        key = run_key(refresh["name"], base_date, word)
        what = all_the_same(what)
    if version := request.get("solution_version_arn"):
        base_date, key = today, run_key(campaigns[0]["campaign_name"], version, now.isoformat())
        by, reason = request.get("by", "a person"), request.get("reason", "no reason given")
        what["promotion"] = {"solution_version_arn": version, "by": by, "reason": reason}
    if "import_mode" in request:
        what = imported_as(request["import_mode"], what)
    if "training_mode" in request:
        what["training_reason"] = ASKED_FOR
        campaigns = [trained_as(request["training_mode"], campaign) for campaign in campaigns]
    return {
        "refresh": refresh["name"],
        "what": what,
        "campaigns": campaigns,
        "base_date": base_date,
        "key": key,
        "triggered": int(now.timestamp()),
        "requested": True,
    }


def problems_of(
    request: Json, refreshes: list[str], refresh: RefreshSettings | None, today: int
) -> list[str]:
    """Return everything that is wrong with a person's request, in words."""
    problems = [
        f"{key} is unknown; a request may hold {', '.join(REQUEST)}"
        for key in request
        if key not in REQUEST
    ]
    if refresh is None:
        problems.append(
            f"refresh {quoted(request['refresh'])} is not in this environment: "
            f"{', '.join(refreshes)}"
        )
    elif "campaigns" in request:
        known = [c["campaign_name"] for c in refresh["campaigns"]]
        problems += problems_of_campaigns(request["campaigns"], known)
    if "base_date" in request:
        problems += problems_of_date(request["base_date"], today)
    problems += [
        f"{key} must be {REQUEST[key]}, not {quoted(request[key])}"
        for key in ("run", "by", "reason")
        if key in request and not is_text(request[key])
    ]
    problems += problems_of_version(request, refresh)
    problems += problems_with_recommenders(request, refresh)
    problems += [
        f"{key} must be {' or '.join(modes)}, not {quoted(request[key])}"
        for key, modes in MODES.items()
        if key in request and request[key] not in modes
    ]
    return problems


def problems_of_version(request: Json, refresh: RefreshSettings | None) -> list[str]:
    """Return what is wrong with a request for a version: whose it is, and what it goes with."""
    said = [key for key in ("by", "reason") if key in request]
    if "solution_version_arn" not in request:
        return [f"{key} goes with solution_version_arn" for key in said]
    problems = [
        f"{key} must have at most {MOST_WORDS} characters"
        for key in said
        if len(str(request[key])) > MOST_WORDS
    ]
    problems += [
        f"{key} does not go with solution_version_arn: nothing is imported or trained"
        for key in NOT_WITH_VERSION
        if key in request
    ]
    if refresh is None:
        return problems
    names = request.get("campaigns", [c["campaign_name"] for c in refresh["campaigns"]])
    own = [c for c in refresh["campaigns"] if c["campaign_name"] in names]
    if len(own) != 1:
        return [*problems, "solution_version_arn is for one campaign: name it in campaigns"]
    arn, only = request["solution_version_arn"], own[0]
    if "recommender_arn" in only:
        problems.append(
            f"solution_version_arn is for campaigns, and {only['campaign_name']} is a recommender, "
            "which has no versions"
        )
    elif not is_text(arn) or not arn.startswith(f"{only['solution_arn']}/"):
        problems.append(
            f"solution_version_arn {quoted(arn)} is no version of {only['solution_arn']}, the "
            f"solution of {only['campaign_name']}"
        )
    return problems


def problems_with_recommenders(request: Json, refresh: RefreshSettings | None) -> list[str]:
    """Return that a training mode is asked for although some of the names are recommenders."""
    if refresh is None or "training_mode" not in request:
        return []
    every = {c["campaign_name"]: "recommender_arn" in c for c in refresh["campaigns"]}
    asked = request.get("campaigns")
    names = asked if isinstance(asked, list) else [*every]
    found = [name for name in names if isinstance(name, str) and every.get(name)]
    if not found:
        return []
    others = [name for name, is_recommender in every.items() if not is_recommender]
    instead = f"name others in campaigns ({', '.join(others)}), or " if others else ""
    return [
        f"training_mode does not go with {', '.join(found)}: Personalize trains recommenders by "
        f"itself and in full; {instead}leave training_mode out"
    ]


def problems_of_campaigns(campaigns: object, known: list[str]) -> list[str]:
    """Return what is wrong with a request's list of campaigns: no list, or not of the refresh."""
    if not isinstance(campaigns, list) or not campaigns:
        return [f"campaigns must be a list of campaign names: {', '.join(known)}"]
    if foreign := [str(campaign) for campaign in campaigns if campaign not in known]:
        return [f"campaigns {', '.join(foreign)} are not of this refresh: {known}"]
    return []


def problems_of_date(base_date: object, today: int) -> list[str]:
    """Return what is wrong with a base date: not a date, before Personalize, or after today."""
    if not is_date(base_date):
        return [f"base_date must be a number such as 20200928, not {quoted(base_date)}"]
    if int(str(base_date)) < EARLIEST:
        return [
            f"base_date {base_date} is before Amazon Personalize existed; "
            f"the earliest is {EARLIEST}"
        ]
    if int(str(base_date)) > today:
        return [f"base_date {base_date} is in the future; today is {today}"]
    return []


def is_text(value: object) -> bool:
    """Whether a JSON value is text that can stand in a name or a message."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def is_date(number: object) -> bool:
    """Whether a JSON value is a date written as 20200928."""
    if isinstance(number, bool) or not isinstance(number, int):
        return False
    try:
        datetime.strptime(str(number), "%Y%m%d")  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return False
    return len(str(number)) == len("20200928")
