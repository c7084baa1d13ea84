"""What the fault matrix demands of events and messages: all are true, and each end is told once.

What had to be told is read from the table's stream and from the executions, never from what was
told. The exceptions are those of decision 0019; each is named, so that they can be counted.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jsonschema import ValidationError

from rehearsal.fault_cases import AGAIN, Case
from rehearsal.fault_kinds import gives_up, is_true, may_be_unanswered, may_die_after_sending
from rehearsal.fault_live import REFUSED
from rehearsal.fault_occasions import BAD_END, stream_records
from rehearsal.result import executions
from rehearsal.shop import Shop
from rehearsal.told import Told

BAD = {"FAILED", "ABORTED", "TIMED_OUT", "TIMEOUT", "STOPPED"}
ENDED = {"COMPLETE", "FAILED", "SUPERSEDED", "NO_NEW_DATA", "REJECTED", "ROLLED_BACK"}
NOT_WANTED = {"SUPERSEDED", "NO_NEW_DATA"}  # by the default of the settings
STAGES = {
    "solution_version_status": "solution version",
    "campaign_update_status": "campaign update",
    "recommender_update_status": "recommender update",
    "refresh_status": "refresh",
}
_EVENT_ID = re.compile(r"^Event: (\w+)$", re.MULTILINE)


class Change(NamedTuple):
    """What has to be told: a change of a status of whose execution (or Glue run) to what."""

    stage: str
    of: str
    status: str


@dataclass
class Verdict:
    """What was wrong with what was told, and which exceptions there were, by their names."""

    violations: list[str] = field(default_factory=list)
    exceptions: Counter[str] = field(default_factory=Counter)


def changes(shop: Shop) -> list[Change]:
    """Return each change of a status in the rows of the day, in their order."""
    return [change for record in stream_records(shop) for change in _changes(record["dynamodb"])]


def _changes(change: dict[str, Any]) -> Iterator[Change]:
    new, old = _texts(change["NewImage"]), _texts(change.get("OldImage", {}))
    if old.get("run_key") != new["run_key"]:
        old = {}
    imports = sorted(name for name in new if name.endswith("dataset_import_job_status"))
    for name in (*imports, *(name for name in STAGES if name in new)):
        taken_over = name == "refresh_status" and old.get("execution_arn") != new["execution_arn"]
        if old.get(name) != new[name] or taken_over:
            yield Change(STAGES.get(name, "dataset import"), new["execution_arn"], new[name])


def _texts(image: dict[str, Any]) -> dict[str, str]:
    return {name: value["S"] for name, value in image.items() if "S" in value}


def ends_without_row(shop: Shop, told_by_rows: list[Change], *, glue_failed: bool) -> list[Change]:
    """Return the day's bad ends that no row tells of."""
    found = [Change("glue job", shop.run_id, "FAILED")] if glue_failed else []
    with_row = {change.of for change in told_by_rows if change.status in ENDED}
    for execution in executions(shop.cloud, shop.machines, since=shop.began):
        machine = shop.machines[execution["machine"]]
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{execution['name']}"
        stage = "dispatch" if execution["machine"].endswith("-dispatch") else "refresh"
        if execution["status"] in BAD and arn not in with_row:
            found.append(Change(stage, arn, execution["status"]))
    return found


def judge(case: Case, shop: Shop, told: Told, struck: int) -> Verdict:
    """Judge what was told on the day of a case, of which `struck` calls have failed."""
    of_rows = changes(shop)
    others = ends_without_row(shop, of_rows, glue_failed=case.occasion == "Glue failure")
    ends = [c for c in of_rows if c.stage == "refresh" and c.status in ENDED] + others
    try:
        events = told.events()
    except ValidationError as error:
        return Verdict([f"invalid event: {error.message}"])
    by_id = {event["id"]: _change_of(event, shop) for event in events}
    verdict, aside = Verdict(), told.put_aside()
    _judge_events(case, shop, events, of_rows, others, bool(aside), verdict)
    sent = Counter(by_id.get(_id_of(text)) for _, text in told.mails())
    for unknown in sent.keys() - set(ends):
        verdict.violations.append(f"a message of no end: {unknown}")
    for body in aside:
        _judge_aside(case, body, verdict)
    for end in ends:
        if end.status not in NOT_WANTED:
            put = [body for body in aside if _is_about(body, end)]
            _judge_messages(case, end, sent[end], len(put), struck, others, verdict)
    return verdict


def _judge_events(
    case: Case,
    shop: Shop,
    events: list[dict[str, Any]],
    of_rows: list[Change],
    others: list[Change],
    is_put_aside: bool,
    verdict: Verdict,
) -> None:
    """Judge the events: each change has one id, in the order of the rows; the reasons are true."""
    first = {event["id"]: event for event in reversed(events)}
    once = list({event["id"]: event for event in events}.values())
    with_row = [_change_of(event, shop) for event in once if event["campaign"] is not None]
    without = [_change_of(event, shop) for event in once if event["campaign"] is None]
    for told, wanted in ((with_row, of_rows), (sorted(without), sorted(others))):
        is_part = is_put_aside and not Counter(told) - Counter(wanted)
        if told != wanted and not is_part:
            verdict.violations.append(f"the events are {told}, but should be {wanted}")
    for event in events:
        if event["reason"] != first[event["id"]]["reason"]:
            verdict.violations.append(f"an event has two reasons: {event['id']}")
        if event["status"] in BAD | REFUSED and not _is_true(case, event["reason"]):
            verdict.violations.append(f"untrue reason of {event['stage']}: {event['reason']}")


def _judge_aside(case: Case, body: dict[str, Any], verdict: Verdict) -> None:
    """Judge what was put aside: only if it could never be told, or was unanswered, and why."""
    reason = body.get("reason") or body.get("responsePayload", {}).get("errorMessage", "")
    unanswered = may_be_unanswered(case.caller, case.operation, case.kind)
    if unanswered and "the message may not have been sent" in reason:
        return  # an exception of its end
    if not gives_up(case.caller, case.operation, case.kind):
        verdict.violations.append(f"put aside: {reason}")
    elif not is_true(reason, case.caller, case.operation, case.kind):
        verdict.violations.append(f"put aside with an untrue reason: {reason}")
    else:
        verdict.exceptions["kept in Unannounced: could never be told"] += 1


def _judge_messages(
    case: Case, end: Change, sent: int, aside: int, struck: int, others: list[Change], to: Verdict
) -> None:
    """Judge how often people were told of an end."""
    call = (case.caller, case.operation, case.kind)
    if sent == 1 and not aside:
        return
    if may_be_unanswered(*call) and aside == 1 and sent <= 1:
        told = "told" if sent else "not told"
        to.exceptions[f"unanswered: kept in Unannounced, {told}"] += 1
    elif may_die_after_sending(*call) and sent <= struck and aside == 1:
        to.exceptions[
            f"killed after sending, each time: kept in Unannounced, told {sent} times"
        ] += 1
    elif gives_up(*call) and aside and not sent:
        return  # counted where it is put aside
    elif may_die_after_sending(*call) and 1 < sent <= 1 + struck and not aside:
        to.exceptions[f"killed after sending: told {sent} times"] += 1
    elif case.kind == AGAIN and end in others and sent == 2:  # noqa: PLR2004
        to.exceptions["no row, delivered again: told twice"] += 1
    else:
        to.violations.append(f"{sent} messages, and {aside} put aside, of {end}")


def _is_true(case: Case, reason: str | None) -> bool:
    """Whether a reason tells of what has happened: the call's failure, or the occasion's."""
    if not reason or reason.endswith(("gives no reason.", ": ")):
        return False
    if case.kind == "aborted" and "Somebody stopped the execution" in reason:
        return True
    if case.on.reason and case.on.reason in reason:
        return True
    return case.on.ends != BAD_END and is_true(reason, case.caller, case.operation, case.kind)


def _change_of(event: dict[str, Any], shop: Shop) -> Change:
    of = event["execution_arn"] or (shop.run_id if shop.run_id in (event["reason"] or "") else "")
    return Change(event["stage"], of, event["status"])


def _id_of(text: str) -> str:
    found = _EVENT_ID.search(text)
    return found[1] if found else ""


def _is_about(body: dict[str, Any], end: Change) -> bool:
    """Whether what was put aside is the record or the event of an end."""
    if record := body.get("record"):
        row = _texts(record["dynamodb"]["NewImage"])
        return (row["execution_arn"], row["refresh_status"]) == (end.of, end.status)
    return end.of in json.dumps(body.get("event") or body.get("requestPayload") or {})
