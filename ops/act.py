"""What changes something: start a refresh, start a failed one again, stop one."""

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any, TypedDict

from botocore.exceptions import ClientError

from ops.deployment import CONFIG, Deployment, Refusal, in_words
from ops.refreshes import campaigns, check_campaign, row_of

STOPPED = "StoppedByOperator"  # the row then waits for a person
DISPATCH_SECONDS = 120  # it starts executions and waits for none of them


class Outcome(TypedDict):
    """How the dispatch workflow ended, and what it says of each campaign's execution."""

    status: str
    dispatch_arn: str
    executions: list[dict[str, Any]]
    reason: str | None


class Stopped(TypedDict):
    """What was stopped, and what a person should know besides."""

    execution_arn: str
    training_arn: str | None
    remarks: list[str]


@dataclass(frozen=True)
class Stop:
    """A stop that was not carried out yet; `words` say what it will do."""

    execution_arn: str
    training_arn: str | None
    cause: str
    words: str
    remarks: list[str]


def request(
    deployment: Deployment, refresh: str, *, campaigns: list[str] | None, **more: Any
) -> dict[str, Any]:
    """Return the dispatch workflow's input; refuse names that the environment does not have."""
    known = {each.name: each for each in deployment.settings.refreshes}
    if refresh not in known:
        raise Refusal(
            f"{deployment.environment} has no refresh {refresh!r}; it has {', '.join(known)}"
        )
    for name in campaigns or []:
        if name not in (own := [entry.name for entry in known[refresh].entries]):
            raise Refusal(
                f"the refresh {refresh} has no campaign {name!r}; it has {', '.join(own)}"
            )
    given = {"campaigns": campaigns, **more}
    return {"refresh": refresh, **{k: v for k, v in given.items() if v is not None}}


def retry_request(deployment: Deployment, campaign: str, base_date: int | None) -> dict[str, Any]:
    """Return the input that starts a campaign's failed refresh again; refuse if it has not."""
    row = row_of(deployment, campaign, base_date)
    if row.get("refresh_status") not in {"FAILED", "REJECTED", "NO_NEW_DATA"}:
        raise Refusal(
            f"the refresh of {campaign} of {row['base_date']} is {row.get('refresh_status')}, not "
            "FAILED; `start` begins another one"
        )
    return {
        "refresh": refresh_of(deployment, campaign),
        "campaigns": [campaign],
        "base_date": row["base_date"],
    }


def refresh_of(deployment: Deployment, campaign: str) -> str:
    """Return the name of the refresh that a campaign or recommender is of."""
    (refresh,) = (
        each.name
        for each in deployment.settings.refreshes
        if campaign in [own.name for own in each.entries]
    )
    return refresh


def words_of(deployment: Deployment, asked: dict[str, Any]) -> str:
    """Return what a request will do."""
    whose = ", ".join(asked.get("campaigns") or ["all its campaigns"])
    if version := asked.get("solution_version_arn"):
        return (
            f"Move the campaign {whose} of {deployment.stack} onto {version}; nothing is imported "
            "or trained, and nothing moves it back but you or a newer refresh."
        )
    date = f" for {asked['base_date']}" if "base_date" in asked else ""
    return (
        f"Start the refresh {asked['refresh']} of {deployment.stack} for {whose}{date}: what was "
        "not imported and trained yet is, and billed."
    )


def start(deployment: Deployment, asked: dict[str, Any]) -> Outcome:
    """Start the dispatch workflow, and wait the seconds until it has started the executions."""
    stepfunctions = deployment.session.client("stepfunctions", config=CONFIG)
    arn = stepfunctions.start_execution(
        stateMachineArn=deployment.output("DispatchWorkflowArn"),
        name=f"ops-{uuid.uuid4()}",
        input=json.dumps(asked),
    )["executionArn"]
    until = time.monotonic() + DISPATCH_SECONDS
    while True:
        found = stepfunctions.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            break
        if time.monotonic() > until:
            reason = "it has not ended yet; `watch` shows what it starts"
            return {"status": "RUNNING", "dispatch_arn": arn, "executions": [], "reason": reason}
        time.sleep(0.5)
    made = json.loads(found.get("output", "[]"))
    return {
        "status": found["status"],
        "dispatch_arn": arn,
        "executions": made if isinstance(made, list) else [],
        "reason": found.get("cause"),
    }


def plan_stop(deployment: Deployment, whose: str, reason: str, *, training: bool) -> Stop:
    """Return what to stop: the running refresh of a campaign, or an execution."""
    if whose in campaigns(deployment):
        row = row_of(deployment, whose, None)
        if row.get("refresh_status") != "RUNNING":
            raise Refusal(f"no refresh of {whose} runs: the last is {row.get('refresh_status')}")
    else:
        row = row_of_execution(deployment, whose)
    caller = deployment.session.client("sts", config=CONFIG).get_caller_identity()["Arn"]
    is_training = row.get("solution_version_status") == "IN_PROGRESS"
    version = row.get("solution_version_arn") if is_training else None
    remarks = []
    if version and not training:
        remarks = [
            f"Its training {version} goes on and is billed; the next attempt adopts it. With "
            "--training it is stopped, too."
        ]
    what = f"Stop {row['execution_arn']}" + (f" and its training {version}" if training else "")
    return Stop(
        execution_arn=row["execution_arn"],
        training_arn=version if training else None,
        cause=f"{caller}: {reason}",
        words=" ".join([f"{what}; nothing starts it again but you.", *remarks]),
        remarks=remarks,
    )


def stop(deployment: Deployment, plan: Stop) -> Stopped:
    """Carry it out."""
    deployment.session.client("stepfunctions", config=CONFIG).stop_execution(
        executionArn=plan.execution_arn, error=STOPPED, cause=plan.cause[:32_768]
    )
    remarks = list(plan.remarks)
    if plan.training_arn:
        try:
            deployment.session.client("personalize", config=CONFIG).stop_solution_version_creation(
                solutionVersionArn=plan.training_arn
            )
        except ClientError as error:
            remarks.append(f"Its training could not be stopped: {in_words(error)}.")
    return {
        "execution_arn": plan.execution_arn,
        "training_arn": plan.training_arn,
        "remarks": remarks,
    }


def row_of_execution(deployment: Deployment, execution: str) -> dict[str, Any]:
    """Return the row that a refresh's execution owns; refuse if it owns none."""
    described = describe(deployment, execution)
    run = json.loads(described.get("input") or "{}")
    campaign, date = run.get("campaign_name"), run.get("base_date")
    if not isinstance(campaign, str) or not isinstance(date, int):
        raise Refusal(f"{described['executionArn']} is not of the refresh workflow")
    row = row_of(deployment, check_campaign(deployment, campaign), date)
    if row.get("execution_arn") != described["executionArn"]:
        raise Refusal(
            f"{described['executionArn']} ({described['status']}) does not own the row of "
            f"{campaign} of {date}: {row.get('execution_arn')} does"
        )
    return row


def describe(deployment: Deployment, execution: str) -> dict[str, Any]:
    """Return an execution by its ARN or its name, of the refresh or of the dispatch workflow."""
    stepfunctions = deployment.session.client("stepfunctions", config=CONFIG)
    arns = [execution]
    if not execution.startswith("arn:"):
        machines = (deployment.output(f"{name}WorkflowArn") for name in ("Refresh", "Dispatch"))
        arns = [f"{arn.replace(':stateMachine:', ':execution:')}:{execution}" for arn in machines]
    for arn in arns:
        try:
            return dict(stepfunctions.describe_execution(executionArn=arn))
        except (
            stepfunctions.exceptions.ExecutionDoesNotExist,
            stepfunctions.exceptions.InvalidArn,
        ):
            continue
    raise Refusal(
        f"there is no execution {execution!r} in {deployment.stack}, and no campaign of that name; "
        "Step Functions keeps executions for 90 days"
    )
