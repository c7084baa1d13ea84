"""The stack: is it deployed as this checkout has it, and is anything left lying about?"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ops.doctor.data import look_at_key
from ops.doctor.examination import Check, Examination

ROOT = Path(__file__).parent.parent.parent
GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
KEYS = {"campaign_name": "HASH", "base_date": "RANGE"}
# The services that use the environment's key, as docs/deploy.md says.
KEY_USERS = [f"{name}.amazonaws.com" for name in ("cloudwatch", "events", "scheduler", "sns")]


def look_at_stack(look: Examination) -> None:
    """The stack is deployed, or can be; its outputs are known from here on."""
    formation = look.client("cloudformation")
    found = look.ask(
        "cloudformation:DescribeStacks", formation.describe_stacks, StackName=look.stack
    )
    if found is None:
        look.ok(f"the stack {look.stack} is not deployed yet: npx cdk deploy {look.stack}")
        return
    stack = found["Stacks"][0]
    look.outputs = {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
    if stack["StackStatus"] in GOOD:
        look.ok(f"the stack {look.stack} is {stack['StackStatus']}")
    else:
        look.problem(
            f"the stack {look.stack} is {stack['StackStatus']}",
            str(stack.get("StackStatusReason", "its last deployment did not end well")),
            f"fix the reason, then: npx cdk deploy {look.stack}",
        )


def look_at_template(look: Examination) -> None:
    """What is deployed is what this checkout and its settings say."""
    if look.outputs is None:
        return
    formation = look.client("cloudformation")
    answer = look.ask(
        "cloudformation:GetTemplate",
        formation.get_template,
        StackName=look.stack,
        TemplateStage="Original",
    )
    body = answer["TemplateBody"]
    deployed = json.loads(body) if isinstance(body, str) else body
    ours = _synthesised(look)
    if isinstance(ours, str):
        look.problem(
            "the app cannot be synthesised here, so that it was not compared",
            ours,
            "run this in a checkout of the repository, after `make install`",
            level="UNKNOWN",
        )
    elif _plain(ours) == _plain(deployed):
        look.ok("the deployed template is that of this checkout")
    else:
        theirs = _plain(deployed)
        differ = sorted(k for k in {*_plain(ours), *theirs} if _plain(ours).get(k) != theirs.get(k))
        look.problem(
            f"the deployed template is not that of this checkout: {', '.join(differ[:5])}"
            + (f" and {len(differ) - 5} more" if len(differ) > 5 else ""),  # noqa: PLR2004
            "what runs is not what you read here",
            f"npx cdk diff {look.stack}, then: npx cdk deploy {look.stack}",
            level="WARNING",
        )


def _synthesised(look: Examination) -> dict[str, Any] | str:
    """Return the environment's template, or why there is none."""
    app = ROOT / "app.py"
    if not app.exists():
        return f"there is no {app}"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603 - our own app
            [sys.executable, str(app)],
            cwd=ROOT,
            env={**os.environ, "CDK_OUTDIR": folder},
            capture_output=True,
            text=True,
            check=False,
        )
        template = Path(folder) / f"{look.stack}.template.json"
        if done.returncode or not template.exists():
            said = (done.stderr or done.stdout).strip().splitlines()
            return said[-1] if said else "app.py wrote no template"
        found: dict[str, Any] = json.loads(template.read_text("utf-8"))
        return found


def _plain(template: dict[str, Any]) -> dict[str, Any]:
    """Return the resources without what the CDK writes for itself."""
    return {
        name: {k: v for k, v in resource.items() if k != "Metadata"}
        for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::CDK::Metadata"
    }


def look_at_table(look: Examination) -> None:
    """The table is ours, or its name is free, or it can be taken over."""
    name, dynamodb = look.settings.table.name, look.client("dynamodb")
    found = look.ask("dynamodb:DescribeTable", dynamodb.describe_table, TableName=name)
    if found is None:
        if look.outputs is None:
            look.ok(f"the name of the table {name} is free")
        else:
            look.problem(
                f"the table {name} is gone",
                "every refresh fails",
                "restore it from its point-in-time recovery; docs/deploy.md says how",
            )
        return
    table = found["Table"]
    keys = {each["AttributeName"]: each["KeyType"] for each in table["KeySchema"]}
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    if keys != KEYS or (types["campaign_name"], types["base_date"]) != ("S", "N"):
        look.problem(
            f"the table {name} exists with other keys: {keys}",
            "it cannot hold the rows",
            "set another table.name in the settings",
        )
    elif not table.get("StreamSpecification", {}).get("StreamEnabled"):
        look.problem(
            f"the table {name} has no stream",
            "nothing could be announced, and the deployment fails",
            f"aws dynamodb update-table --table-name {name} --stream-specification "
            "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES",
        )
    elif look.outputs is None:
        look.problem(
            f"the table {name} exists already",
            "a plain deployment fails",
            f"npx cdk deploy {look.stack} --import-existing-resources",
            level="WARNING",
        )
    else:
        look.ok(f"the table {name} has the right keys and a stream")


def look_at_queues(look: Examination) -> None:
    """Nothing lies in the queues of what could not be delivered or announced."""
    for output in ("UndeliveredEventsUrl", "UnannouncedEventsUrl"):
        if not (url := (look.outputs or {}).get(output)):
            continue
        answer = look.ask(
            "sqs:GetQueueAttributes",
            look.client("sqs").get_queue_attributes,
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        waiting = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        words = "undelivered" if output.startswith("Undelivered") else "unannounced"
        if waiting:
            look.problem(
                f"{waiting} {words} event{'s lie' if waiting > 1 else ' lies'} in its queue",
                "refreshes were not started, or nobody was told",
                f"python -m ops undelivered --environment {look.name}, then replay",
            )
        else:
            look.ok(f"no event is {words}")


def look_at_schedules(look: Examination) -> None:
    """The stack's schedules are enabled."""
    if look.outputs is None:
        return
    scheduler = look.client("scheduler")
    for name in _resources(look, "AWS::Scheduler::Schedule"):
        found = look.ask("scheduler:GetSchedule", scheduler.get_schedule, Name=name)
        if found is None:
            look.problem(
                f"the schedule {name} is gone", "what it does is not done", _redeploy(look)
            )
        elif found["State"] != "ENABLED":
            look.problem(
                f"the schedule {name} is {found['State']}",
                "what was missed is not found, or nobody is told that a campaign is stale",
                f"enable it in the console, or: {_redeploy(look)}",
            )
        else:
            zone = found.get("ScheduleExpressionTimezone", "UTC")
            look.ok(f"the schedule {name} is due by {found['ScheduleExpression']} ({zone})")


def look_at_executions(look: Examination) -> None:
    """When the dispatch workflow last ran, which every event starts."""
    if not (arn := (look.outputs or {}).get("DispatchWorkflowArn")):
        return
    states = look.client("stepfunctions")
    found = look.ask(
        "states:ListExecutions",
        states.list_executions,
        stateMachineArn=arn,
        maxResults=1,
    )
    for last in (found or {}).get("executions", []):
        words = f"the last event started {last['name']} at {last['startDate']:%Y-%m-%d %H:%M %Z}"
        if last["status"] in {"FAILED", "ABORTED", "TIMED_OUT"}:
            look.problem(
                f"{words}, which is {last['status']}",
                "it may have started no refresh",
                f"python -m ops explain {last['name']} --environment {look.name}",
                level="WARNING",
            )
        else:
            look.ok(f"{words}: {last['status']}")


def look_at_outlets(look: Examination) -> None:
    """The bus exists, and the subscribers have confirmed."""
    if bus := look.settings.event_bus:
        events = look.client("events")
        if look.ask("events:DescribeEventBus", events.describe_event_bus, Name=bus):
            look.ok(f"the event bus {bus} exists")
        else:
            look.problem(
                f"the event bus {bus} does not exist",
                "EventBridge takes events for it, and loses them without an error",
                f"aws events create-event-bus --name {bus}",
            )
    if not (topic := (look.outputs or {}).get("NotificationsTopicArn")):
        return
    sns = look.client("sns")
    found = look.ask(
        "sns:ListSubscriptionsByTopic", sns.list_subscriptions_by_topic, TopicArn=topic
    )
    subscriptions = (found or {}).get("Subscriptions", [])
    waiting = [s for s in subscriptions if s["SubscriptionArn"] == "PendingConfirmation"]
    for each in waiting:
        look.problem(
            f"{each['Endpoint']} has not confirmed its subscription",
            "it gets no message",
            f"confirm the mail from AWS, or: aws sns subscribe --topic-arn {topic} --protocol "
            f"{each['Protocol']} --notification-endpoint {each['Endpoint']}",
            level="WARNING",
        )
    if not subscriptions:
        look.problem(
            "nobody subscribes to the notifications",
            "nobody is told when a refresh fails",
            "name notifications.subscribers in the settings, and deploy",
            level="WARNING",
        )
    elif not waiting:
        look.ok(f"{len(subscriptions)} subscribers get the notifications")


def look_at_encryption(look: Examination) -> None:
    """The environment's key exists and lets the services use it."""
    if key := look.settings.encryption_key:
        suffix = ".cn" if look.settings.partition == "aws-cn" else ""
        logs = f"logs.{look.settings.region}.amazonaws.com{suffix}"
        why = "the deployment fails, or what cannot be delivered is lost"
        look_at_key(look, key, [*KEY_USERS, logs], "kms:Decrypt", why)
    if boundary := look.settings.permissions_boundary:
        iam = look.client("iam")
        if look.ask("iam:GetPolicy", iam.get_policy, PolicyArn=boundary):
            look.ok(f"the permissions boundary {boundary} exists")
        else:
            look.problem(
                f"the permissions boundary {boundary} does not exist",
                "the deployment fails",
                "create it, or correct permissions_boundary in the settings",
            )


def _resources(look: Examination, kind: str) -> list[str]:
    pages = look.ask(
        "cloudformation:ListStackResources",
        lambda: list(
            look.client("cloudformation")
            .get_paginator("list_stack_resources")
            .paginate(StackName=look.stack)
        ),
    )
    return [
        each["PhysicalResourceId"]
        for page in pages or []
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == kind
    ]


def _redeploy(look: Examination) -> str:
    return f"npx cdk deploy {look.stack}"


CHECKS: dict[str, Check] = {
    "stack": look_at_stack,
    "template": look_at_template,
    "table": look_at_table,
    "queues": look_at_queues,
    "schedules": look_at_schedules,
    "executions": look_at_executions,
    "outlets": look_at_outlets,
    "encryption": look_at_encryption,
}
