"""What people are told: from an event's detail to a subject, a text and a message for a chat. Pure.

One message for each end: what ended how, where and why, how long it took and what it cost against
the last time, what serves now, where to look, and the command for the next step.
"""

import json
from typing import TypedDict

from announce_types import AnnounceSettings, Detail

LONGEST_SUBJECT = 100  # SNS's limit, of ASCII characters
LONGEST_REASON = 4_000  # of a message; the row and the event have all of it
LONGEST_TITLE = 250  # of a chat's message
MINUTE, HOUR = 60, 3600
STAGES = {
    "dataset_import": "dataset import",
    "solution_version": "training",
    "campaign_update": "campaign update",
    "recommender_update": "recommender update",
}


class LastTime(TypedDict):
    """The campaign's last COMPLETE refresh before this one."""

    base_date: int
    seconds: int | None
    cost_usd: float | None


class Situation(TypedDict):
    """What a person wants to know besides the event; None where it is unknown.

    A recommender serves what Personalize trains by itself: no version.
    """

    is_recommender: bool
    failed_stage: str | None
    serves: str | None
    serves_since: int | None  # the date of the row that trained what serves
    last: LastTime | None


class Message(TypedDict):
    """One message: for people by e-mail and the like, and as Amazon Q Developer takes it."""

    subject: str
    text: str
    chat: str


def is_wanted(detail: Detail, settings: AnnounceSettings) -> bool:
    """Whether the environment's notifications ask for a message about this end."""
    if detail["stage"] == "glue job":
        return settings["glue_failure"]
    wanted = {
        "COMPLETE": settings["success"],
        "SUPERSEDED": settings["superseded"],
        "NO_NEW_DATA": settings["no_new_data"],
        "REJECTED": settings["rejected"],
        "ROLLED_BACK": settings["rolled_back"],
    }
    return wanted.get(detail["status"], settings["failure"])


def message_of_end(detail: Detail, situation: Situation, settings: AnnounceSettings) -> Message:
    """Return the message about a refresh that has ended and its row."""
    campaign, date = str(detail["campaign"]), day(detail["base_date"])
    status, stage = detail["status"], situation["failed_stage"]
    where = f" at {stage}" if status == "FAILED" and stage else ""
    is_recommender = situation["is_recommender"]
    what_next = is_recommender and status == "COMPLETE"  # it is the only reason of such an end
    lines = [
        ("Recommender" if is_recommender else "Campaign", campaign),
        ("Environment", f"{settings['environment']} ({settings['region']})"),
        ("What comes next" if what_next else "Why", _cut(detail["reason"])),
        ("Goes on", _goes_on(detail, settings) if status == "FAILED" else None),
        ("Took", _took(detail, situation["last"])),
        ("Cost", _cost(detail, situation["last"])),
        ("Serves now", None if is_recommender else _serves(detail, situation)),
        ("Execution", execution_link(str(detail["execution_arn"]), settings)),
        ("Next", "\n  ".join(_next_steps(detail, settings))),
    ]
    headline = f"The refresh of {campaign} of {date} is {status}{where}."
    subject = f"[{settings['environment']}] {status}{where}: {campaign} {date}"
    return _message(subject, headline, lines, detail)


def message_of_glue(detail: Detail, job: str, run: str, settings: AnnounceSettings) -> Message:
    """Return the message about a run of a Glue job that has not succeeded."""
    refreshes = ", ".join(settings["glue_jobs"].get(job, []))
    lines = [
        ("Refreshes that it starts", refreshes),
        ("Environment", f"{settings['environment']} ({settings['region']})"),
        ("Why", _cut(detail["reason"])),
        ("Look", glue_link(job, run, settings)),
        ("Next", "fix the Glue job and run it again: its success starts the refresh."),
    ]
    headline = f"A run of the Glue job {job} is {detail['status']}: no refresh was started."
    subject = f"[{settings['environment']}] Glue job {detail['status']}: {job}"
    return _message(subject, headline, lines, detail)


def message_of_execution(detail: Detail, settings: AnnounceSettings) -> Message:
    """Return the message about an execution that has failed and has no row."""
    arn, status = str(detail["execution_arn"]), detail["status"]
    name, environment = arn.rsplit(":", 1)[-1], settings["environment"]
    lines = [
        ("Environment", f"{environment} ({settings['region']})"),
        ("Why", _cut(detail["reason"])),
        ("Execution", execution_link(arn, settings)),
        ("Next", f"python -m ops explain {name} --environment {environment}"),
    ]
    headline = f"The execution {name} of the {detail['stage']} workflow is {status}."
    if detail["stage"] == "refresh":
        headline += " It has no row: the row of its date, if there is one, is another execution's."
    subject = f"[{environment}] {detail['stage']} {status}: {name}"
    return _message(subject, headline, lines, detail)


def execution_link(arn: str, settings: AnnounceSettings) -> str:
    """Return the address of an execution in the console."""
    return (
        f"{_console(settings)}/states/home?region={settings['region']}#/v2/executions/details/{arn}"
    )


def glue_link(job: str, run: str, settings: AnnounceSettings) -> str:
    """Return the address of a run of a Glue job in the console."""
    place = f"gluestudio/home?region={settings['region']}#/job"
    return f"{_console(settings)}/{place}/{_in_address(job)}/run/{run}"


def day(base_date: int | None) -> str:
    """Return 2020-09-28 for 20200928."""
    text = str(base_date)
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"


def _console(settings: AnnounceSettings) -> str:
    region = settings["region"]
    domain = "amazonaws.cn" if region.startswith("cn-") else "aws.amazon.com"
    return f"https://{region}.console.{domain}"


def _in_address(text: str) -> str:
    return "".join(c if (c.isalnum() and c.isascii()) or c in "-_." else _percent(c) for c in text)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _goes_on(detail: Detail, settings: AnnounceSettings) -> str:
    attempts = settings["reconcile_attempts"]
    if detail["failure_kind"] == "PASSING" and (detail["attempt"] or 0) < attempts:
        return f"the schedule starts it again by itself, up to attempt {attempts}."
    return "nothing starts it again but you."


def _took(detail: Detail, last: LastTime | None) -> str | None:
    took = detail["durations_seconds"]
    if "refresh" not in took:
        return None
    stages = [f"{name} {span(took[key])}" for key, name in STAGES.items() if key in took]  # type: ignore[literal-required]
    before = f"; {span(last['seconds'])} last time" if last and last["seconds"] else ""
    parts = f" ({', '.join(stages)})" if stages else ""
    return f"{span(took['refresh'])}{parts}{before}"


def _cost(detail: Detail, last: LastTime | None) -> str:
    cost = "unknown" if detail["cost_usd"] is None else f"about {dollars(detail['cost_usd'])}"
    if last and last["cost_usd"] is not None:
        cost += f"; {dollars(last['cost_usd'])} last time ({day(last['base_date'])})"
    return cost


def _serves(detail: Detail, situation: Situation) -> str:
    if situation["serves"] is None:
        return "unknown: the campaign could not be read"
    if detail["solution_version_arn"] == situation["serves"]:
        return f"{situation['serves']}, of this refresh"
    since = situation["serves_since"]
    known = f"of the refresh of {day(since)}" if since else "from before the rows of the table"
    return f"{situation['serves']}, {known}"


def _next_steps(detail: Detail, settings: AnnounceSettings) -> list[str]:
    environment = f"--environment {settings['environment']}"
    name = str(detail["execution_arn"]).rsplit(":", 1)[-1]
    if detail["status"] == "FAILED":
        return [
            f"python -m ops explain {name} {environment}",
            f"python -m ops retry {detail['campaign']} {environment}   (when the reason is fixed)",
        ]
    if detail["status"] == "SUPERSEDED":
        return [f"nothing; python -m ops history {detail['campaign']} {environment} has the newer"]
    if detail["status"] in {"REJECTED", "ROLLED_BACK"}:
        return [
            f"python -m ops report {name} {environment}",
            f"python -m ops promote {detail['campaign']} {environment}   (to let it go live)",
        ]
    if detail["status"] == "NO_NEW_DATA":
        return [
            f"see why the Glue job wrote nothing new; python -m ops explain {name} {environment}"
        ]
    return [f"nothing; python -m ops report {name} {environment} shows what has changed"]


def span(seconds: int) -> str:
    """Return a duration for people: 40 s, 12 min, 3 h 05 min."""
    if seconds < MINUTE:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def dollars(amount: float) -> str:
    """Return an amount for people: cents, and more digits of less than a cent."""
    return f"{amount:.2f} USD" if amount >= 0.01 or amount == 0 else f"{amount:.4f} USD"  # noqa: PLR2004


def _message(
    subject: str, headline: str, lines: list[tuple[str, str | None]], detail: Detail
) -> Message:
    told = [(name, value) for name, value in lines if value]
    body = "\n".join(f"{name}: {value}" for name, value in told)
    return {
        "subject": _subject(subject),
        "text": f"{headline}\n\n{body}\n\nEvent: {detail['id']}\n",
        "chat": _chat(headline, told, detail),
    }


def _subject(text: str) -> str:
    """Return what SNS accepts as a subject: ASCII in one line; what is longer loses its middle."""
    plain = "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
    if len(plain) <= LONGEST_SUBJECT:
        return plain
    end = 30  # it has the date, or the end of an execution's name
    return f"{plain[: LONGEST_SUBJECT - end - 3]}...{plain[-end:]}"


def _chat(headline: str, told: list[tuple[str, str]], detail: Detail) -> str:
    """Return a custom notification of Amazon Q Developer in chat applications, as JSON.

    https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
    """
    thread = [detail["campaign"], detail["base_date"], detail["run_key"]]
    steps = [line.strip() for name, value in told if name == "Next" for line in value.split("\n")]
    described = "\n".join(f"*{name}*: {value}" for name, value in told if name != "Next")
    resources = [detail["execution_arn"], detail["solution_version_arn"]]
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "id": detail["id"],
            "content": {
                "textType": "client-markdown",
                "title": headline[:LONGEST_TITLE],
                "description": described,
                "nextSteps": steps,
                "keywords": [detail["environment"], detail["stage"], detail["status"]],
            },
            "metadata": {
                # one thread of a chat for each run of a campaign
                "threadId": "-".join(str(part) for part in thread if part) or detail["id"],
                "summary": headline,
                "eventType": f"personalize-refresh {detail['stage']} {detail['status']}",
                "relatedResources": [arn for arn in resources if arn and arn.startswith("arn:")],
                "additionalContext": {
                    key: str(value)
                    for key, value in (
                        ("environment", detail["environment"]),
                        ("campaign", detail["campaign"]),
                        ("base_date", detail["base_date"]),
                        ("run_key", detail["run_key"]),
                    )
                    if value
                },
            },
        },
        ensure_ascii=False,
    )


def _cut(reason: str | None) -> str | None:
    if reason is None or len(reason) <= LONGEST_REASON:
        return reason
    return f"{reason[:LONGEST_REASON]} …"
