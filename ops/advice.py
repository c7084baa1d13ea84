"""What each end of a refresh means, and what to do next: the runbook's words, in one place.

docs/operations.md has the same table; a test compares the two, and both with what the workflow and
the tasks can raise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RETRY, NEW_RUN, EXPLAIN, PROMOTE = "retry", "start --run", "explain", "promote"
# The statuses of a row that wait for somebody.
UNWELL = {"FAILED", "REJECTED", "ROLLED_BACK"}


@dataclass(frozen=True)
class Advice:
    """What an error means, what to do, and with which of our commands to go on."""

    meaning: str
    step: str
    command: str = RETRY


_FIX_DATA = "fix what the reason names in the data, then go on"
_WAIT = "nothing: the schedule starts it again, up to reconcile.attempts; or go on now"
_RAISE = "raise the stage's time_limit_hours in the settings, deploy, then go on"
# By what the row's failure_reason, or the execution's error, begins with.
ADVICE: Mapping[str, Advice] = {
    "CheckFailed": Advice(
        "The campaign, its solution or the recommender cannot be used as it is; nothing was "
        "imported or trained.",
        "run the command that the reason names, then go on",
    ),
    "NotMade": Advice(
        "Something that the settings describe cannot be made, or exists and is not as they say; "
        "nothing was imported or trained.",
        "do what the reason says; if the settings have to be corrected, deploy, then go on",
    ),
    "DataRefused": Advice(
        "What lies in S3 could not be imported as it is; nothing was imported or paid for.",
        "fix the files that the reason names, then go on; "
        "if the reason is wrong, set preflight in the settings",
    ),
    "VersionRejected": Advice(
        "The new solution version is worse than the settings accept; the campaign serves its old "
        "one.",
        "look at the data of the run. If the version is good all the same, promote it; if the data "
        "were wrong, correct them and begin a new run with `start … --run fixed-data`",
        PROMOTE,
    ),
    "RolledBack": Advice(
        "The campaign did not recommend as it should, or an alarm of the shop went off; it serves "
        "its old version again.",
        "see what the alarm or the users say. If the version was not the reason, promote it; "
        "nothing else brings it back",
        PROMOTE,
    ),
    "NothingToRollBackTo": Advice(
        "The campaign should have been taken back, and has never served another version.",
        "move it by hand onto a good version: `promote --version`",
        PROMOTE,
    ),
    "TrialFailed": Advice(
        "The campaign has moved, and could not be asked for recommendations, or its alarms not be "
        "read. It serves the new version.",
        "fix what the reason names, such as a permission, then go on: only the trial is repeated",
    ),
    "TrialUnavailable": Advice(
        "The campaign has moved, and Personalize or CloudWatch was unavailable for too long to "
        "try it. It serves the new version.",
        _WAIT,
    ),
    "ImportFailed": Advice("Personalize refused the data, or the import job.", _FIX_DATA),
    "TrainingFailed": Advice(
        "The training failed, or was refused. If the data is the reason, it is imported already: "
        "a new run imports it again.",
        "fix what the reason names; after new data begin a new run with "
        "`start … --run fixed-data`, else go on",
    ),
    "UpdateFailed": Advice(
        "The campaign did not move to the new version; it serves its old one.",
        "go on: nothing is trained twice",
    ),
    "ImportOverdue": Advice("The import took longer than its time limit.", _RAISE),
    "TrainingOverdue": Advice(
        "The training took longer than its time limit, and was stopped (unless overdue is leave).",
        _RAISE,
    ),
    "UpdateOverdue": Advice("The campaign's update took longer than its time limit.", _RAISE),
    "ImportUnavailable": Advice(
        "Personalize was throttled or unavailable, or its quota of imports full, for too long.",
        _WAIT,
    ),
    "TrainingUnavailable": Advice(
        "Personalize was throttled or unavailable, or its quota of trainings full, for too long.",
        _WAIT,
    ),
    "UpdateUnavailable": Advice("Personalize was throttled or unavailable for too long.", _WAIT),
    "RecommenderFailed": Advice(
        "The data are imported. The recommender's training columns could not be changed, or it was "
        "stopped; it serves as before.",
        "fix what the reason names, then go on: nothing is imported twice",
    ),
    "RecommenderOverdue": Advice(
        "The data are imported. The update of the recommender's training columns took longer than "
        "its time limit, and goes on.",
        _RAISE,
    ),
    "RecommenderUnavailable": Advice(
        "The data are imported. Personalize was throttled or unavailable for too long, the "
        "recommender in another change, or that has followed ours.",
        _WAIT,
    ),
    "OwnerOverdue": Advice(
        "Another execution has held this date's row for longer than its time limits allow.",
        "see what it does (`explain` it), stop it if it hangs, then go on",
    ),
    "RowContended": Advice(
        "Other executions claimed this date's row first, ten times.",
        "see what they do with `history`, then go on",
    ),
    "StoppedByOperator": Advice("A person stopped it, for the reason given.", "go on if you want"),
    "ABORTED": Advice(
        "Somebody stopped the execution in the console or by the API.",
        "go on; or leave it to the schedule, which starts it again",
    ),
    "TIMED_OUT": Advice(
        "The execution took longer than its workflow may: more than all its stages together.",
        "see in its history where it hung, then go on",
    ),
    "States.": Advice(
        "The workflow itself failed, such as at a limit of Step Functions.",
        "report it with the execution's history, then go on",
    ),
    "InvalidTrigger": Advice(
        "The event or the request names nothing that this environment has, or is malformed.",
        "correct the request, and start it again",
        EXPLAIN,
    ),
    "RefreshesNotStarted": Advice(
        "Some campaigns' refreshes could not be started; the others were.",
        "fix what the cause names, and start the refresh again",
        EXPLAIN,
    ),
    "InvalidInput": Advice(
        "The refresh workflow was started by hand with missing or wrong fields.",
        "start the dispatch workflow instead: `start REFRESH`",
        EXPLAIN,
    ),
}
# An error of AWS, in its own words.
OTHER = Advice(
    "A service of AWS refused or failed, in its own words.",
    "if it is a missing permission or resource, fix it; then go on",
)
STATUSES: Mapping[str, str] = {
    "RUNNING": "It runs; `watch` follows it.",
    "COMPLETE": "The campaign serves the new solution version.",
    "SUPERSEDED": "A newer refresh, or a person, has moved the campaign on: nothing was moved "
    "back, and there is nothing to do.",
    "NO_NEW_DATA": "No file is newer than the last import: nothing was imported, trained or moved.",
    "REJECTED": "The new version is not good enough by the settings' gate; the campaign serves its "
    "old version.",
    "ROLLED_BACK": "The campaign had moved, did not do well, and serves its old version again.",
    "FAILED": "It failed; the campaign serves its old version.",
    "NEVER_REFRESHED": "The table has no row of it yet.",
}

# What differs for a recommender.
OF_RECOMMENDERS: Mapping[str, str] = {
    "COMPLETE": "The data are imported, and the recommender's training columns as the settings "
    "ask for; Personalize trains it by itself.",
    "SUPERSEDED": "A newer refresh has imported its data: nothing was imported over it.",
}


def meaning_of(row: Mapping[str, Any]) -> str:
    """Return what the status of a row means."""
    status = str(row.get("refresh_status"))
    own = OF_RECOMMENDERS if "recommender_arn" in row else {}
    return own.get(status) or STATUSES.get(status, "")


def advice(reason: str) -> Advice:
    """Return the advice for a row's failure_reason or an execution's error."""
    name = reason.split(":", 1)[0].strip()
    if name.startswith("States."):
        return ADVICE["States."]
    return ADVICE.get(name, OTHER)


def next_commands(row: Mapping[str, Any], environment: str) -> list[str]:
    """Return the commands with which a person goes on; none if there is nothing to do."""
    campaign, here = row.get("campaign_name"), f"--environment {environment}"
    if row.get("refresh_status") == "RUNNING":
        return [f"python -m ops watch {here}"]
    if row.get("refresh_status") in {"REJECTED", "ROLLED_BACK"}:
        return [f"python -m ops promote {campaign} --base-date {row['base_date']} {here}"]
    if row.get("refresh_status") != "FAILED":
        return []
    return [f"python -m ops retry {campaign} --base-date {row['base_date']} {here}"]
