"""Least privilege: each role may do what some rehearsal needs, and nothing else.

The rehearsals happen in one deployed shop of `prod`, each on its own day. The permissions of
the deployed roles are always enforced.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded_aws.services import iam
from embedded_aws.services.iam.policy import is_allowed
from rehearsal.fault_matrix import shop_with_short_stages
from rehearsal.shop import Shop
from rehearsal.told import Told
from tests.rehearsal.permission_rehearsals import (
    REHEARSALS,
    Rehearsal,
    a_broken_file,
    a_campaign_whose_row_is_complete,
    a_campaign_without_any_row,
    a_failed_refresh_that_is_started_again,
    a_full_quota_of_imports_and_of_trainings,
    a_function_that_cannot_be_called,
    a_glue_event,
    a_glue_run_that_fails,
    a_lost_glue_event,
    a_message_without_tls,
    a_publication_without_tls,
    a_schedule_that_cannot_start_anything,
    a_second_glue_run_of_the_day,
    an_alarm,
    an_event_that_cannot_be_delivered,
    an_execution_that_can_have_no_row,
    an_execution_that_is_stopped,
    messages_that_get_no_answer,
    no_new_data,
    rehearse,
)
from tests.rehearsal.policies import Grant, Statement, statements

pytestmark = pytest.mark.slow
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
