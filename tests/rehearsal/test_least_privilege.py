"""Least privilege: each role may do what some rehearsal needs, and nothing else.

The rehearsals happen in one deployed shop of `prod`, each on its own day. The permissions of
the deployed roles are always enforced.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from costs import estimate

from embedded_aws.services import iam
from embedded_aws.services.iam.policy import is_allowed
from rehearsal.fault_matrix import shop_with_short_stages
from rehearsal.fault_occasions import shorten
from rehearsal.result import resources_since
from rehearsal.shop import DAY, HOUR, MINUTE, Shop, glue_event
from rehearsal.told import Told
from tests.rehearsal.policies import Grant, Statement, statements

Rehearsal = Callable[[Shop], None]


def a_glue_event(shop: Shop) -> None:
    """The campaign moves, and every function has written to its log."""
    shop.succeed()
    shop.settle()
    assert status(shop) == "COMPLETE"
    assert shop.served() == row(shop)["solution_version_arn"]
    assert silent_functions(shop) <= {"announce_failure", "check_freshness", "record_end"}
    assert row(shop)["dataset_import_job_bytes"]
    assert row(shop)["metrics"]
    assert row(shop)["judgement"].startswith(
        "Accepted. normalized_discounted_cumulative_gain_at_25"
    )
    told = Told(shop)
    assert told.changes()[-1:] == [("refresh", "COMPLETE")]
    serves = f"Serves now: {shop.served()}, of this refresh\n"
    assert [serves in text for _, text in told.mails()] == [True]
    known = estimate(row(shop))["total"]  # but for the transitions
    assert known is not None
    assert row(shop).get("estimated_cost_usd", 0) > known + 0.001
    assert "announced" in row(shop)


def no_new_data(shop: Shop) -> None:
    """It is noticed, beside what the last refresh imported."""
    shop.ask(refresh="weekly")
    assert status(shop) == "NO_NEW_DATA"


def a_broken_file(shop: Shop) -> None:
    """It is refused by its own content, and by the schema, before anything is imported."""
    shop.send()
    (dataset,) = shop.settings["refreshes"][0]["datasets"]
    bucket, _, folder = dataset["location"].removeprefix("s3://").partition("/")
    shop.cloud.client("s3").put_object(
        Bucket=bucket, Key=f"{folder}part-00001.csv", Body=b"USER_ID,TIMESTAMP\nU1,1600000000\n"
    )
    shop.ask(refresh="weekly")
    assert status(shop) == "FAILED"
    assert "ITEM_ID" in row(shop)["failure_reason"]
    assert "dataset_import_job_arn" not in row(shop)


def an_execution_that_is_stopped(shop: Shop) -> None:
    """Its row says so, and a person is told."""
    shop.succeed()
    shop.later(90)
    shop.cloud.client("stepfunctions").stop_execution(
        executionArn=row(shop)["execution_arn"], error="StoppedByOperator", cause="wrong data"
    )
    shop.settle()
    assert status(shop) == "FAILED"
    assert "record_end" not in silent_functions(shop)
    assert len(Told(shop).mails()) == 1


def an_execution_that_can_have_no_row(shop: Shop) -> None:
    """A person is told without one."""
    shop.cloud.client("stepfunctions").start_execution(
        stateMachineArn=shop.outputs["RefreshWorkflowArn"], input="{}"
    )
    shop.settle()
    told = Told(shop)
    assert told.changes() == [("refresh", "FAILED")]
    assert len(told.mails()) == 1


def a_glue_run_that_fails(shop: Shop) -> None:
    """A person is told."""
    shop.send(glue_event(shop.stack.glue_jobs[0], run_id=shop.run_id, state="FAILED"))
    shop.settle()
    told = Told(shop)
    assert "announce_failure" not in silent_functions(shop)
    assert told.changes() == [("glue job", "FAILED")]
    assert len(told.mails()) == 1


def messages_that_get_no_answer(shop: Shop) -> None:
    """What they were about is put aside by each of the tasks that announce."""
    Told(shop).put_aside()
    shop.cloud.faults.add("sns:Publish=lost*3")
    shop.succeed()
    shop.settle()
    forget(shop)
    an_execution_that_can_have_no_row(shop)
    a_glue_run_that_fails(shop)
    assert len(Told(shop).put_aside()) == 3


def a_function_that_cannot_be_called(shop: Shop) -> None:
    """The events for it are kept in the queue of what could not be announced."""
    told = Told(shop)
    told.put_aside()
    functions = shop.cloud.client("lambda")
    every = functions.list_functions()["Functions"]
    (name,) = (f["FunctionName"] for f in every if f["Handler"].startswith("announce_failure."))
    statement = json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"][0]
    functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    try:
        shop.send(glue_event(shop.stack.glue_jobs[0], run_id=shop.run_id, state="FAILED"))
        shop.settle()
        assert len(told.put_aside()) == 1
    finally:
        functions.add_permission(
            FunctionName=name,
            StatementId=statement["Sid"],
            Action=statement["Action"],
            Principal=statement["Principal"]["Service"],
            SourceArn=next(iter(statement["Condition"].values()))["AWS:SourceArn"],
        )


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
    assert row(shop)["estimated_cost_usd"] > 40  # 180 hours


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


def a_campaign_without_any_row(shop: Shop) -> None:
    """Its age is measured within the hour, from its own last change."""
    table, client = shop.outputs["TableName"], shop.cloud.client("dynamodb")
    for item in client.scan(TableName=table)["Items"]:
        key = {name: item[name] for name in ("campaign_name", "base_date")}
        client.delete_item(TableName=table, Key=key)
    began = shop.cloud.clock.time()
    shop.later(HOUR)
    assert len(ages(shop, since=began)) == 1


def a_campaign_whose_row_is_complete(shop: Shop) -> None:
    """Its age counts from the end of its refresh."""
    shop.succeed()
    shop.settle()
    assert status(shop) == "COMPLETE"
    shop.later(HOUR)
    ended = row(shop)["ended_datetime"]
    found = ages(shop, since=ended)
    assert found
    assert found[-1] <= (shop.cloud.clock.time() - ended) / HOUR


def an_alarm(shop: Shop) -> None:
    """A person is told of what lies in the dead-letter queue."""
    sqs, url = shop.cloud.client("sqs"), shop.outputs["UndeliveredEventsUrl"]
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    shop.later(HOUR)
    forget(shop)
    an_event_that_cannot_be_delivered(shop)
    shop.later(HOUR / 6)
    told = [alarm["AlarmName"] for alarm in Told(shop).alarms()]
    assert [each for each in told if "PersonalizeRefresh-prod-events-undelivered" in each]


def a_message_without_tls(shop: Shop) -> None:
    """Both queues refuse it, although its sender may send messages.

    Only the policies are evaluated: the served cloud has no TLS, but reports every call as TLS.
    """
    for name, queue in (
        ("Scheduler sqs:SendMessage", "UndeliveredEventsUrl"),
        ("AnnouncementsAnnounce sqs:SendMessage", "UnannouncedEventsUrl"),
    ):
        assert not may_without_tls(shop, name, queue_policy(shop, queue))


def a_publication_without_tls(shop: Shop) -> None:
    """The topic refuses it, although its publisher may publish."""
    topic = shop.outputs["NotificationsTopicArn"]
    policy = shop.cloud.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    assert not may_without_tls(shop, "AnnouncementsAnnounce sns:Publish", policy)


def may_without_tls(shop: Shop, name: str, resource_policy: str) -> bool:
    """Whether the role of a statement may make its call without TLS."""
    (sender,) = (s for s in statements(shop.cloud, shop.stack) if s.name == name)
    return iam.is_authorized(
        f"arn:aws:iam::{shop.cloud.account}:role/{sender.caller}",
        sender.actions[0],
        sender.grants[0].resource,
        {"aws:securetransport": "false"},
        resource_policy=resource_policy,
    )


REHEARSALS: list[Rehearsal] = [
    a_glue_event,
    no_new_data,
    a_broken_file,
    a_second_glue_run_of_the_day,
    a_failed_refresh_that_is_started_again,
    a_full_quota_of_imports_and_of_trainings,
    a_training_past_its_time_limit,
    a_training_that_another_execution_has_just_started,
    a_lost_glue_event,
    an_event_that_cannot_be_delivered,
    a_schedule_that_cannot_start_anything,
    an_execution_that_is_stopped,
    an_execution_that_can_have_no_row,
    a_glue_run_that_fails,
    messages_that_get_no_answer,
    a_campaign_without_any_row,
    a_campaign_whose_row_is_complete,
    an_alarm,
]

# Those that look at the hourly check of freshness; others take many hours, and need none of them.
OF_FRESHNESS = (a_campaign_without_any_row, a_campaign_whose_row_is_complete)

# Every statement of the synthesised policies, and a rehearsal that fails without it.
NEEDED_FOR: dict[str, Rehearsal] = {
    "AnnouncementsAnnounce dynamodb:DescribeStream dynamodb:GetRecords "
    "dynamodb:GetShardIterator dynamodb:ListStreams": a_glue_event,
    "AnnouncementsAnnounce dynamodb:Query dynamodb:UpdateItem": a_glue_event,
    "AnnouncementsAnnounce events:PutEvents": a_glue_event,
    "AnnouncementsAnnounce logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "AnnouncementsAnnounce personalize:DescribeCampaign": a_glue_event,
    "AnnouncementsAnnounce sns:Publish": a_glue_event,
    "AnnouncementsAnnounce sqs:SendMessage": messages_that_get_no_answer,
    "AnnouncementsAnnounce states:GetExecutionHistory": a_glue_event,
    "AnnouncementsAnnounceFailure events:PutEvents": a_glue_run_that_fails,
    "AnnouncementsAnnounceFailure lambda:InvokeFunction": a_glue_run_that_fails,
    "AnnouncementsAnnounceFailure logs:CreateLogStream logs:PutLogEvents": a_glue_run_that_fails,
    "AnnouncementsAnnounceFailure sns:Publish": a_glue_run_that_fails,
    "AnnouncementsAnnounceFailure sqs:SendMessage": messages_that_get_no_answer,
    "AnnouncementsNotifications sns:Publish": an_alarm,
    "AnnouncementsNotifications sns:Publish denied": a_publication_without_tls,
    "AnnouncementsRecordEnd dynamodb:GetItem dynamodb:UpdateItem": an_execution_that_is_stopped,
    "AnnouncementsRecordEnd events:PutEvents": an_execution_that_can_have_no_row,
    "AnnouncementsRecordEnd lambda:InvokeFunction": an_execution_that_is_stopped,
    "AnnouncementsRecordEnd logs:CreateLogStream logs:PutLogEvents": an_execution_that_is_stopped,
    "AnnouncementsRecordEnd sns:Publish": an_execution_that_can_have_no_row,
    "AnnouncementsRecordEnd sqs:SendMessage": messages_that_get_no_answer,
    "AnnouncementsUnannounced sqs:* denied": a_message_without_tls,
    "AnnouncementsUnannounced sqs:SendMessage": a_function_that_cannot_be_called,
    "CheckCampaign logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "CheckCampaign personalize:DescribeCampaign": a_glue_event,
    "CheckCampaign personalize:DescribeSolution": a_glue_event,
    "CheckData dynamodb:Query": no_new_data,
    "CheckData logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "CheckData personalize:DescribeDataset": a_broken_file,
    "CheckData personalize:DescribeSchema": a_broken_file,
    "CheckData s3:GetObject": a_broken_file,
    "CheckData s3:ListBucket": no_new_data,
    "CreateImport dynamodb:GetItem dynamodb:UpdateItem": a_full_quota_of_imports_and_of_trainings,
    "CreateImport iam:PassRole": a_glue_event,
    "CreateImport logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "CreateImport personalize:CreateDatasetImportJob": a_glue_event,
    "CreateImport s3:ListBucket": a_glue_event,
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
    "FreshnessCheckFreshness dynamodb:Query": a_campaign_whose_row_is_complete,
    "FreshnessCheckFreshness logs:CreateLogStream logs:PutLogEvents": a_campaign_without_any_row,
    "FreshnessCheckFreshness personalize:DescribeCampaign": a_campaign_without_any_row,
    "Heartbeats lambda:InvokeFunction": a_campaign_without_any_row,
    "Import s3:GetObject": a_glue_event,
    "Import s3:ListBucket": a_glue_event,
    "JudgeVersion logs:CreateLogStream logs:PutLogEvents": a_glue_event,
    "JudgeVersion personalize:DescribeCampaign": a_glue_event,
    "JudgeVersion personalize:DescribeSolutionVersion personalize:GetSolutionMetrics": a_glue_event,
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
    "Refresh personalize:DescribeSolutionVersion personalize:GetSolutionMetrics "
    "personalize:StopSolutionVersionCreation": a_glue_event,
    "Refresh states:DescribeExecution": a_second_glue_run_of_the_day,
    "Scheduler sqs:SendMessage": a_schedule_that_cannot_start_anything,
    "Scheduler states:StartExecution": a_lost_glue_event,
    "TriggersUndeliveredEvents sqs:* denied": a_message_without_tls,
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
    Grant("JudgeVersion", "personalize:DescribeSolutionVersion", SOLUTION): EITHER_ARN,
    Grant("JudgeVersion", "personalize:GetSolutionMetrics", SOLUTION): EITHER_ARN,
    Grant("UpdateCampaign", "personalize:DescribeSolutionVersion", SOLUTION): EITHER_ARN,
    Grant("Refresh", "personalize:DescribeSolutionVersion", SOLUTION): EITHER_ARN,
    Grant("Refresh", "personalize:StopSolutionVersionCreation", SOLUTION): EITHER_ARN,
    Grant("Refresh", "personalize:GetSolutionMetrics", SOLUTION): EITHER_ARN,
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
        Told.by(shop)
        shop.pause("CheckFreshness")
        for rehearsal in REHEARSALS:
            rehearse(rehearsal, shop)
        calls = list(shop.cloud.calls)
        rehearse(a_function_that_cannot_be_called, shop)
        calls += [call for call in shop.cloud.calls[len(calls) :] if call.allowed]
        for rehearsal in (a_message_without_tls, a_publication_without_tls):
            rehearse(rehearsal, shop)
        yield Rehearsed(shop, calls, statements(shop.cloud, shop.stack))


def test_no_deployed_role_is_refused_anything_in_any_rehearsal(rehearsed: Rehearsed) -> None:
    callers = {call.caller for call in rehearsed.calls}
    assert {s.caller for s in rehearsed.statements if s.grants} <= callers
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
    if NEEDED_FOR[name] is a_function_that_cannot_be_called:
        refused -= {("events.amazonaws.com", "lambda:InvokeFunction")}
    assert refused <= {(statement.caller, action) for action in statement.actions}
    assert refused or statement.body["Effect"] == "Deny"


def rehearse(rehearsal: Rehearsal, shop: Shop, *, without: Statement | None = None) -> None:
    """Run a rehearsal on its own day; raise AssertionError if it does not go as expected."""
    shop.new_day()
    shorten(shop)
    forget(shop)
    with (
        every_hour(shop) if rehearsal in OF_FRESHNESS else nullcontext(),
        without.removed() if without else nullcontext(),
    ):
        rehearsal(shop)


@contextmanager
def every_hour(shop: Shop) -> Iterator[None]:
    """Let freshness be checked inside the block; a first check is over when it begins."""
    shop.pause("CheckFreshness", state="ENABLED")
    shop.later(MINUTE)
    try:
        yield
    finally:
        shop.pause("CheckFreshness")


def forget(shop: Shop) -> None:
    """Forget what was told on other days."""
    told = Told(shop)
    told.mails()
    told.events()


def row(shop: Shop) -> dict[str, Any]:
    """Return the row of the rehearsal, empty if there is none."""
    return next(iter(shop.rows()), {})


def status(shop: Shop) -> str | None:
    return row(shop).get("refresh_status")


def trainings(shop: Shop) -> list[str]:
    made = resources_since(shop.cloud, shop.began)
    return [version["status"] for version in made["solution_versions"]]


def silent_functions(shop: Shop) -> set[str]:
    """Return the functions that have not written to their log in this rehearsal, by module."""
    logs = shop.cloud.client("logs")
    began = int(shop.began * 1000)
    return {
        function["Handler"].removesuffix(".lambda_handler")
        for function in shop.cloud.client("lambda").list_functions()["Functions"]
        if not logs.filter_log_events(
            logGroupName=function["LoggingConfig"]["LogGroup"], startTime=began
        )["events"]
    }


def ages(shop: Shop, since: float) -> list[float]:
    """Return the ages of the campaign, in hours, that were printed since a time."""
    every = shop.cloud.client("lambda").list_functions()["Functions"]
    (check,) = (f for f in every if f["Handler"].startswith("check_freshness."))
    events = shop.cloud.client("logs").filter_log_events(
        logGroupName=check["LoggingConfig"]["LogGroup"], startTime=int(since * 1000)
    )["events"]
    lines = [json.loads(event["message"]) for event in events]
    return [line["HoursSinceLastComplete"] for line in lines if "HoursSinceLastComplete" in line]


def queue_policy(shop: Shop, output: str) -> str:
    policy: str = shop.cloud.client("sqs").get_queue_attributes(
        QueueUrl=shop.outputs[output], AttributeNames=["Policy"]
    )["Attributes"]["Policy"]
    return policy
