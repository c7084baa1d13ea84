"""Least privilege: each role may do what some rehearsal needs, and nothing else.

The rehearsals happen in one deployed shop of `prod`, each on its own day. The permissions of
the deployed roles are always enforced.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.services import iam
from embedded_aws.services.iam.policy import is_allowed
from rehearsal.fault_matrix import shop_with_short_stages, shorten
from rehearsal.result import resources_since
from rehearsal.shop import DAY, HOUR, Shop
from tests.rehearsal.policies import Grant, Statement, statements

Rehearsal = Callable[[Shop], None]


def a_glue_event(shop: Shop) -> None:
    """The campaign moves, and every function has written to its log."""
    shop.succeed()
    shop.settle()
    assert status(shop) == "COMPLETE"
    assert shop.served() == row(shop)["solution_version_arn"]
    assert silent_functions(shop) == []


def a_second_glue_run_of_the_day(shop: Shop) -> None:
    """It waits until the first one has ended, then takes the row and becomes COMPLETE."""
    shop.succeed()
    shop.later(90)
    shop.succeed("jr_f" + shop.run_id[4:])
    shop.settle()
    assert status(shop) == "COMPLETE"
    assert row(shop)["triggered_datetime"] >= shop.began + 90


def a_failed_refresh_that_is_started_again(shop: Shop) -> None:
    """A person starts it, and it becomes COMPLETE."""
    shop.behaviour.planned_failures = {"dataset-import-job": ["out of capacity"]}
    shop.succeed()
    shop.settle()
    assert status(shop) == "FAILED"
    shop.ask(refresh="weekly")
    assert status(shop) == "COMPLETE"


def a_full_quota_of_imports_and_of_trainings(shop: Shop) -> None:
    """The refresh waits in the queue of each quota, and becomes COMPLETE once there are slots."""
    shop.behaviour.import_jobs_in_progress = 0
    shop.behaviour.solution_versions_in_progress = 0
    shop.succeed()
    shop.later(HOUR / 2)
    shop.behaviour.import_jobs_in_progress = 5
    shop.later(HOUR / 2)
    shop.behaviour.solution_versions_in_progress = 20
    shop.settle()
    assert status(shop) == "COMPLETE"


def a_training_past_its_time_limit(shop: Shop) -> None:
    """It is stopped."""
    shop.behaviour.training_seconds = 300 * HOUR
    shop.succeed()
    shop.settle()
    assert row(shop)["failure_reason"].startswith("TrainingOverdue: ")
    assert trainings(shop) == ["CREATE STOPPED"]


def a_training_that_another_execution_has_just_started(shop: Shop) -> None:
    """It is the older one, so it is kept, and our own is stopped before it trains."""
    shop.behaviour.taken_solution_version_name = "accepted"
    # the task lists the trainings, and gets the empty list only after there is one
    looking = shop.cloud.faults.add("personalize:ListSolutionVersions=slow:15")
    shop.succeed()
    shop.later(5)
    while not looking.struck and status(shop) == "RUNNING":
        shop.later(5)
    assert looking.struck
    execution = shop.cloud.client("stepfunctions").describe_execution(
        executionArn=row(shop)["execution_arn"]
    )
    ours = json.loads(execution["input"])["solution_version"]
    shop.cloud.client("personalize").create_solution_version(
        solutionArn=ours["solution_arn"], name=ours["name"]
    )
    shop.settle()
    assert status(shop) == "COMPLETE"
    assert trainings(shop) == ["ACTIVE", "CREATE STOPPED"]


def a_lost_glue_event(shop: Shop) -> None:
    """The schedule finds the run whose event was lost, and the campaign moves."""
    shop.send()
    shop.cloud.behaviour.glue.lost_events = 1
    shop.cloud.glue.end_run(shop.stack.glue_jobs[0])
    shop.settle()
    assert row(shop) == {}
    shop.later(DAY)
    shop.settle()
    assert status(shop) == "COMPLETE"


def an_event_that_cannot_be_delivered(shop: Shop) -> None:
    """It is kept in the dead-letter queue."""
    before = shop.undelivered()
    shop.cloud.faults.add("states:StartExecution=denied")
    shop.succeed()
    shop.settle()
    assert shop.undelivered() == before + 1


def a_schedule_that_cannot_start_anything(shop: Shop) -> None:
    """What it would have started is kept in the dead-letter queue."""
    before = shop.undelivered()
    shop.cloud.faults.add("states:StartExecution=denied")
    shop.later(DAY)
    shop.settle()
    assert shop.undelivered() == before + 1


def a_message_without_tls(shop: Shop) -> None:
    """The queue refuses it, although its sender may send messages.

    Only the policies are evaluated: the served cloud has no TLS, but reports every call as TLS.
    """
    (sender,) = (
        s for s in statements(shop.cloud, shop.stack) if s.name == "Scheduler sqs:SendMessage"
    )
    assert not iam.is_authorized(
        f"arn:aws:iam::{shop.cloud.account}:role/{sender.caller}",
        "sqs:SendMessage",
        sender.grants[0].resource,
        {"aws:securetransport": "false"},
        resource_policy=queue_policy(shop),
    )


REHEARSALS: list[Rehearsal] = [
    a_glue_event,
    a_second_glue_run_of_the_day,
    a_failed_refresh_that_is_started_again,
    a_full_quota_of_imports_and_of_trainings,
    a_training_past_its_time_limit,
    a_training_that_another_execution_has_just_started,
    a_lost_glue_event,
    an_event_that_cannot_be_delivered,
    a_schedule_that_cannot_start_anything,
]

# Every statement of the synthesised policies, and a rehearsal that fails without it.
NEEDED_FOR: dict[str, Rehearsal] = {
    "CheckCampaign logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "CheckCampaign personalize:DescribeCampaign": a_glue_event,
    "CheckCampaign personalize:DescribeSolution": a_glue_event,
    "CreateImport dynamodb:GetItem dynamodb:UpdateItem": a_full_quota_of_imports_and_of_trainings,
    "CreateImport iam:PassRole": a_glue_event,
    "CreateImport logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "CreateImport personalize:CreateDatasetImportJob": a_glue_event,
    "CreateImport personalize:CreateDatasetImportJob "
    "personalize:DescribeDatasetImportJob": a_glue_event,
    "CreateSolutionVersion dynamodb:GetItem "
    "dynamodb:UpdateItem": a_full_quota_of_imports_and_of_trainings,
    "CreateSolutionVersion logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "CreateSolutionVersion personalize:CreateSolutionVersion "
    "personalize:DescribeSolutionVersion personalize:StopSolutionVersionCreation": a_glue_event,
    "CreateSolutionVersion personalize:ListSolutionVersions": a_glue_event,
    "Dispatch lambda:InvokeFunction": a_glue_event,
    "Dispatch states:StartExecution": a_glue_event,
    "DispatchEvents states:StartExecution": a_glue_event,
    "Import s3:GetObject": a_glue_event,
    "Import s3:ListBucket": a_glue_event,
    "PlanRefresh dynamodb:Query": a_glue_event,
    "PlanRefresh glue:GetJobRuns": a_lost_glue_event,
    "PlanRefresh logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "PlanRefresh states:DescribeExecution": a_failed_refresh_that_is_started_again,
    "PlanRefresh states:DescribeStateMachine": a_lost_glue_event,
    "PlanRefresh states:DescribeStateMachineForExecution": a_lost_glue_event,
    "Refresh dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem": a_glue_event,
    "Refresh lambda:InvokeFunction": a_glue_event,
    "Refresh personalize:DescribeCampaign": a_glue_event,
    "Refresh personalize:DescribeDatasetImportJob": a_glue_event,
    "Refresh personalize:DescribeSolutionVersion "
    "personalize:StopSolutionVersionCreation": a_glue_event,
    "Refresh states:DescribeExecution": a_second_glue_run_of_the_day,
    "Scheduler sqs:SendMessage": a_schedule_that_cannot_start_anything,
    "Scheduler states:StartExecution": a_lost_glue_event,
    "TriggersUndeliveredEvents sqs:*": a_message_without_tls,
    "TriggersUndeliveredEvents sqs:SendMessage": an_event_that_cannot_be_delivered,
    "UpdateCampaign logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "UpdateCampaign personalize:DescribeCampaign personalize:UpdateCampaign": a_glue_event,
    "UpdateCampaign personalize:DescribeSolutionVersion": a_glue_event,
}

LOG_DELIVERY = "Step Functions sets up the delivery of the workflow's log, when it is deployed"
TRACING = "Step Functions sends the workflow's trace to X-Ray"
EITHER_ARN = (
    "the service authorization reference has one resource type, solution/${ResourceId}, for a "
    "solution and its versions, so that AWS may check the call against either ARN; the "
    "rehearsal checks the one in the request"
)
SOLUTION = "arn:aws:personalize:ap-northeast-1:111122223333:solution/brandi-hrnn-solution"
# Grants that no rehearsal uses: AWS itself uses them, or only AWS can show that they are needed.
UNUSED: dict[Grant, str] = {
    **{
        Grant(workflow, action, "*"): reason
        for workflow in ("Dispatch", "Refresh")
        for action, reason in {
            "logs:CreateLogDelivery": LOG_DELIVERY,
            "logs:DeleteLogDelivery": LOG_DELIVERY,
            "logs:DescribeLogGroups": LOG_DELIVERY,
            "logs:DescribeResourcePolicies": LOG_DELIVERY,
            "logs:GetLogDelivery": LOG_DELIVERY,
            "logs:ListLogDeliveries": LOG_DELIVERY,
            "logs:PutResourcePolicy": LOG_DELIVERY,
            "logs:UpdateLogDelivery": LOG_DELIVERY,
            "xray:GetSamplingRules": TRACING,
            "xray:GetSamplingTargets": TRACING,
            "xray:PutTelemetryRecords": TRACING,
            "xray:PutTraceSegments": TRACING,
        }.items()
    },
    Grant(
        "CreateSolutionVersion", "personalize:CreateSolutionVersion", f"{SOLUTION}/*"
    ): EITHER_ARN,
    Grant("CreateSolutionVersion", "personalize:DescribeSolutionVersion", SOLUTION): EITHER_ARN,
    Grant("CreateSolutionVersion", "personalize:StopSolutionVersionCreation", SOLUTION): EITHER_ARN,
    Grant("UpdateCampaign", "personalize:DescribeSolutionVersion", SOLUTION): EITHER_ARN,
    Grant("Refresh", "personalize:DescribeSolutionVersion", SOLUTION): EITHER_ARN,
    Grant("Refresh", "personalize:StopSolutionVersionCreation", SOLUTION): EITHER_ARN,
}


@dataclass(frozen=True)
class Rehearsed:
    """A shop in which every rehearsal has succeeded, and their permission checks."""

    shop: Shop
    calls: list[iam.Call]
    statements: list[Statement]

    def uses(self, grant: Grant, statement: Statement) -> bool:
        """Whether the statement's caller made a successful call that the grant allows."""
        allowing = {"Effect": "Allow", "Action": grant.action, "Resource": grant.resource}
        return any(
            is_allowed([{"Statement": [allowing]}], call.action, call.resource, {})
            for call in self.calls
            if call.allowed and call.caller == statement.caller
        )


@pytest.fixture(scope="module")
def rehearsed(assembly: Path) -> Iterator[Rehearsed]:
    with shop_with_short_stages(assembly, "prod") as shop:
        for rehearsal in REHEARSALS:
            rehearse(rehearsal, shop)
        calls = list(shop.cloud.calls)
        rehearse(a_message_without_tls, shop)
        yield Rehearsed(shop, calls, statements(shop.cloud, shop.stack))


def test_no_deployed_role_is_refused_anything_in_any_rehearsal(rehearsed: Rehearsed) -> None:
    callers = {call.caller for call in rehearsed.calls}
    assert {statement.caller for statement in rehearsed.statements if statement.grants} <= callers
    assert [call for call in rehearsed.calls if not call.allowed] == []


def test_every_grant_is_used_by_a_rehearsal_or_by_aws_itself(rehearsed: Rehearsed) -> None:
    unused = {
        grant for s in rehearsed.statements for grant in s.grants if not rehearsed.uses(grant, s)
    }
    assert unused == set(UNUSED)


def test_every_statement_is_needed_for_a_rehearsal_or_by_aws_itself(rehearsed: Rehearsed) -> None:
    ours = [s for s in rehearsed.statements if not s.grants or set(s.grants) - set(UNUSED)]
    assert sorted(s.name for s in ours) == sorted(NEEDED_FOR)


@pytest.mark.parametrize("name", NEEDED_FOR, ids=str)
def test_without_any_one_statement_a_rehearsal_fails(rehearsed: Rehearsed, name: str) -> None:
    (statement,) = (s for s in rehearsed.statements if s.name == name)
    shop = rehearsed.shop
    before = len(shop.cloud.calls)
    with pytest.raises(AssertionError):
        rehearse(NEEDED_FOR[name], shop, without=statement)
    refused = {(c.caller, c.action) for c in shop.cloud.calls[before:] if not c.allowed}
    assert refused <= {(statement.caller, action) for action in statement.actions}
    assert refused or statement.body["Effect"] == "Deny"


def rehearse(rehearsal: Rehearsal, shop: Shop, *, without: Statement | None = None) -> None:
    """Run a rehearsal on its own day; raise AssertionError if it does not go as expected."""
    shop.new_day()
    shorten(shop)
    with without.removed() if without else nullcontext():
        rehearsal(shop)


def row(shop: Shop) -> dict[str, Any]:
    """Return the row of the rehearsal, empty if there is none."""
    return next(iter(shop.rows()), {})


def status(shop: Shop) -> str | None:
    return row(shop).get("refresh_status")


def trainings(shop: Shop) -> list[str]:
    made = resources_since(shop.cloud, shop.began)
    return [version["status"] for version in made["solution_versions"]]


def silent_functions(shop: Shop) -> list[str]:
    """Return the functions that have not written to their log in this rehearsal."""
    logs = shop.cloud.client("logs")
    began = int(shop.began * 1000)
    return [
        function["FunctionName"]
        for function in shop.cloud.client("lambda").list_functions()["Functions"]
        if not logs.filter_log_events(
            logGroupName=function["LoggingConfig"]["LogGroup"], startTime=began
        )["events"]
    ]


def queue_policy(shop: Shop) -> str:
    policy: str = shop.cloud.client("sqs").get_queue_attributes(
        QueueUrl=shop.outputs["UndeliveredEventsUrl"], AttributeNames=["Policy"]
    )["Attributes"]["Policy"]
    return policy
