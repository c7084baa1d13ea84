"""Others are told what the rows say: events in their order, one message for each end."""

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.fault_occasions import stream_records
from rehearsal.shop import Shop, glue_event
from rehearsal.told import Told
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import ONCE, counts, only_row, refreshes

CAMPAIGN = "brandi-hrnn-campaign-v2"
HEALTHY = [
    ("refresh", "RUNNING"),
    ("dataset import", "IN_PROGRESS"),
    ("dataset import", "ACTIVE"),
    ("solution version", "IN_PROGRESS"),
    ("solution version", "ACTIVE"),
    ("campaign update", "IN_PROGRESS"),
    ("campaign update", "ACTIVE"),
    ("refresh", "COMPLETE"),
]


def announcer(shop: Shop) -> str:
    """Return the name of the function that announces."""
    functions = shop.cloud.client("lambda").list_functions()["Functions"]
    (name,) = (f["FunctionName"] for f in functions if f["Handler"].startswith("announce.lambda"))
    return str(name)


def test_a_refresh_that_completes_is_told_step_by_step_and_in_one_message(
    open_shop: OpenShop,
) -> None:
    shop = open_shop(new=True)
    told = Told.by(shop)
    shop.succeed()
    row = only_row(shop.result())
    events = told.events()
    assert [(event["stage"], event["status"]) for event in events] == HEALTHY
    assert len({event["id"] for event in events}) == len(events)
    end = events[-1]
    assert (end["campaign"], end["base_date"], end["refresh"]) == (CAMPAIGN, 20200928, "weekly")
    assert (end["execution_arn"], end["attempt"]) == (row["execution_arn"], 1)
    assert end["cost_usd"] == row["estimated_cost_usd"] > 0
    assert end["durations_seconds"]["refresh"] == row["ended_datetime"] - row["started_datetime"]
    assert row["announced"] == end["id"]
    assert row["dataset_import_job_bytes"] > 0
    assert row["metrics"]["precision_at_10"] > 0

    subject, text = told.mail()
    assert subject == f"[prod] COMPLETE: {CAMPAIGN} 2020-09-28"
    assert f"Serves now: {shop.served()}, of this refresh\n" in text
    assert told.put_aside() == []
    assert [call for call in shop.calls() if not call.allowed] == []


def test_a_failed_import_is_told_with_personalizes_reason(
    open_shop: OpenShop, tmp_path: Path
) -> None:
    data = tmp_path / "without-timestamp.csv"
    data.write_text("USER_ID,ITEM_ID,EVENT_TYPE\nU00001,P2009-0001,view\n")
    shop = open_shop("trusting", data)
    told = Told.by(shop)
    shop.succeed()
    row = only_row(shop.result())
    reason = "Input CSV is missing the following columns:[TIMESTAMP]"
    *_, failed, end = told.events()
    assert (failed["stage"], failed["dataset_type"]) == ("dataset import", "INTERACTIONS")
    assert reason in failed["reason"] == row["dataset_import_job_reason"]
    assert reason in end["reason"] == row["failure_reason"]
    subject, text = told.mail()
    assert subject.startswith("[trusting] FAILED at dataset import: trusting-home-page ")
    assert f"Why: {row['failure_reason']}\n" in text


def test_a_failed_training_is_told_with_what_a_person_needs_to_act(open_shop: OpenShop) -> None:
    shop = open_shop(new=True)
    shop.succeed()
    before = only_row(shop.result())
    shop.new_day()
    told = Told.by(shop)
    shop.behaviour.planned_failures = {"solution-version": ["out of capacity"]}
    shop.succeed()
    row = only_row(shop.result())
    assert told.changes()[-2:] == [("solution version", "FAILED"), ("refresh", "FAILED")]
    subject, text = told.mail()
    assert subject == f"[prod] FAILED at solution version: {CAMPAIGN} 2020-09-29"
    assert "out of capacity" in text
    assert "\nTook: " in text
    assert f"\nCost: about {row['estimated_cost_usd']:.2f} USD; " in text
    assert "Goes on: nothing starts it again but you.\n" in text
    minutes = (before["ended_datetime"] - before["started_datetime"]) // 60
    assert f"; {minutes} min last time\n" in text
    assert f"; {before['estimated_cost_usd']:.2f} USD last time (2020-09-28)\n" in text
    assert f"Serves now: {shop.served()}, of the refresh of 2020-09-28\n" in text
    assert f"#/v2/executions/details/{row['execution_arn']}\n" in text
    name = row["execution_arn"].rsplit(":", 1)[-1]
    assert f"Next: python -m ops explain {name} --environment prod\n" in text
    assert f"python -m ops retry {CAMPAIGN} --environment prod" in text

    shop.ask(refresh="weekly")
    again = only_row(shop.result())
    assert (again["refresh_status"], again["attempt"]) == ("COMPLETE", 2)
    assert told.changes()[0] == ("refresh", "RUNNING")
    assert told.mail()[0] == f"[prod] COMPLETE: {CAMPAIGN} 2020-09-29"


@pytest.mark.parametrize("error", ["", "StoppedByOperator"])
def test_an_aborted_execution_is_recorded_and_told_and_the_next_attempt_adopts_its_training(
    open_shop: OpenShop, error: str
) -> None:
    shop = open_shop()
    told = Told.by(shop)
    shop.succeed()
    shop.later(900)
    (running,) = shop.rows()
    assert running["solution_version_status"] == "IN_PROGRESS"
    stop = {"error": error, "cause": "the data is wrong"} if error else {}
    shop.cloud.client("stepfunctions").stop_execution(executionArn=running["execution_arn"], **stop)
    shop.later(60)
    (row,) = shop.rows()
    assert (row["refresh_status"], row["execution_status"]) == ("FAILED", "ABORTED")
    assert row["failure_kind"] == ("NEEDS_A_PERSON" if error else "PASSING")
    assert row["failed_stage"] == "solution version"
    assert row["solution_version_status"] == "IN_PROGRESS"  # the training goes on
    assert row["ended_datetime"] >= running["started_datetime"] + 900
    assert told.changes()[-1] == ("refresh", "FAILED")
    subject, text = told.mail()
    assert subject.startswith("[prod] FAILED at solution version: ")
    assert (f"Why: {error}: the data is wrong\n" if error else "Why: ABORTED: Somebody ") in text

    shop.ask(refresh="weekly")
    result = shop.result()
    again = only_row(result)
    assert (again["refresh_status"], again["attempt"]) == ("COMPLETE", 2)
    assert "execution_status" not in again
    assert counts(result) == ONCE
    assert told.mail()[0].startswith("[prod] COMPLETE: ")


def test_a_refresh_that_a_person_has_stopped_is_not_started_again_by_the_schedule(
    open_shop: OpenShop,
) -> None:
    shop = open_shop(new=True)
    shop.succeed()
    shop.later(900)
    (running,) = shop.rows()
    shop.cloud.client("stepfunctions").stop_execution(
        executionArn=running["execution_arn"], error="StoppedByOperator", cause="wrong data"
    )
    shop.settle()
    shop.ask(reconcile=True)
    assert [run["status"] for run in refreshes(shop.result())] == ["ABORTED"]


def test_an_execution_that_is_aborted_before_it_has_a_row_gets_one(open_shop: OpenShop) -> None:
    shop = open_shop(new=True)
    told = Told.by(shop)
    shop.cloud.faults.add("dynamodb:GetItem=aborted")
    shop.succeed()
    row = only_row(shop.result())
    assert (row["refresh_status"], row["failed_stage"]) == ("FAILED", "claim")
    # the fault has aborted the dispatch too
    assert sorted(subject.split(":")[0] for subject, _ in told.mails()) == [
        "[prod] FAILED at claim",
        "[prod] dispatch ABORTED",
    ]
    shop.ask(refresh="weekly")
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"


def test_an_execution_that_can_have_no_row_is_told_without_one(open_shop: OpenShop) -> None:
    shop = open_shop()
    told = Told.by(shop)
    states = shop.cloud.client("stepfunctions")
    states.start_execution(
        stateMachineArn=shop.outputs["RefreshWorkflowArn"], name="by-hand", input="{}"
    )
    shop.settle()
    (event,) = told.events()
    assert (event["stage"], event["status"], event["campaign"]) == ("refresh", "FAILED", None)
    assert event["reason"].startswith("InvalidInput: Missing or wrong in the input: ")
    subject, text = told.mail()
    assert subject == "[prod] refresh FAILED: by-hand"
    assert "Next: python -m ops explain by-hand --environment prod\n" in text


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "STOPPED"])
def test_a_glue_run_that_does_not_succeed_is_told(open_shop: OpenShop, state: Any) -> None:
    shop = open_shop()
    told = Told.by(shop)
    shop.send(
        glue_event("Job-Brandi-Commerce-API", run_id="jr_1", state=state),
        glue_event("another-job", run_id="jr_2", state=state),
    )
    shop.settle()
    (event,) = told.events()
    assert (event["stage"], event["status"], event["refresh"]) == ("glue job", state, "weekly")
    assert event["reason"].startswith("Glue job Job-Brandi-Commerce-API, run jr_1: ")
    subject, text = told.mail()
    assert subject == f"[prod] Glue job {state}: Job-Brandi-Commerce-API"
    assert f"Why: {event['reason']}\n" in text


def test_a_dispatch_that_fails_is_told(open_shop: OpenShop) -> None:
    shop = open_shop()
    told = Told.by(shop)
    execution = shop.ask(refresh="monthly")
    (event,) = told.events()
    assert (event["stage"], event["status"]) == ("dispatch", "FAILED")
    assert event["reason"] == f"InvalidTrigger: {execution['cause']}"
    assert told.mail()[0].startswith("[prod] dispatch FAILED: ")


def test_what_is_delivered_again_has_the_same_ids_and_no_second_message(
    open_shop: OpenShop,
) -> None:
    shop = open_shop(new=True)
    told = Told.by(shop)
    shop.succeed()
    shop.settle()
    first = told.events()
    assert len(told.mails()) == 1
    records = stream_records(shop)
    shop.cloud.client("lambda").invoke(
        FunctionName=announcer(shop), Payload=json.dumps({"Records": records}).encode()
    )
    shop.settle()
    again = told.events()
    assert [event["id"] for event in again] == [event["id"] for event in first]
    assert told.mails() == []


@pytest.mark.parametrize(
    "fault",
    [
        "sns:Publish=throttle*2",
        "sns:Publish=error:503",
        "events:PutEvents@8=error",
        "events:PutEvents@8=lost",
        "states:GetExecutionHistory=denied",
        pytest.param("events:PutEvents=throttle*9", marks=pytest.mark.slow),
        pytest.param("dynamodb:Query=throttle*9", marks=pytest.mark.slow),
    ],
)
def test_while_aws_is_busy_nothing_is_lost_and_nobody_told_twice(
    open_shop: OpenShop, fault: str
) -> None:
    shop = open_shop()
    told = Told.by(shop)
    shop.cloud.faults.add(fault)
    shop.succeed()
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"
    events = {event["id"]: (event["stage"], event["status"]) for event in told.events()}
    assert list(events.values()) == HEALTHY
    assert told.mail()[0].startswith("[prod] COMPLETE: ")
    assert told.put_aside() == []


def test_a_message_whose_answer_was_lost_is_not_sent_again_but_put_aside(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    told = Told.by(shop)
    shop.cloud.faults.add("sns:Publish=lost")
    shop.succeed()
    shop.settle()
    assert len(told.mails()) == 1
    (aside,) = told.put_aside()
    assert aside["reason"].startswith("the message may not have been sent: ")
    assert aside["record"]["dynamodb"]["NewImage"]["refresh_status"] == {"S": "COMPLETE"}
    assert told.changes() == HEALTHY


def test_a_message_is_sent_again_only_if_the_function_dies_before_it_notes_that(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    told = Told.by(shop)
    shop.cloud.faults.add("sns:Publish=killed")
    shop.succeed()
    shop.settle()
    first, second = told.mails()
    assert first == second


def test_a_record_that_can_never_be_announced_is_put_aside_and_holds_nobody_up(
    open_shop: OpenShop,
) -> None:
    shop = open_shop(new=True)
    told = Told.by(shop)
    shop.cloud.client("dynamodb").put_item(
        TableName=shop.outputs["TableName"],
        Item={
            "campaign_name": {"S": CAMPAIGN},
            "base_date": {"N": "20200101"},
            "run_key": {"S": "by hand"},
            "refresh_status": {"S": "FAILED"},
            "attempt": {"S": "two"},
        },
    )
    shop.succeed()
    shop.settle()
    assert told.changes() == HEALTHY
    (aside,) = told.put_aside()
    assert aside["reason"].startswith("the row's execution_arn is None, and should be text")
    assert aside["record"]["dynamodb"]["NewImage"]["attempt"] == {"S": "two"}
    assert len(told.mails()) == 1


def told_shop(open_shop: OpenShop) -> tuple[Shop, Told]:
    """Open the environment that wants every notification, with its bus."""
    shop = open_shop("told", new=True)
    shop.cloud.client("events").create_event_bus(Name="shop-events")
    return shop, Told.by(shop, "shop-events")


def test_a_chat_gets_each_message_in_its_form_and_a_bus_of_its_own_the_events(
    open_shop: OpenShop,
) -> None:
    shop, told = told_shop(open_shop)
    shop.behaviour.planned_failures = {"dataset-import-job": ["no capacity"]}
    shop.succeed()
    row = only_row(shop.result())
    assert told.changes()[-1] == ("refresh", "FAILED")
    assert told.mail()[0].startswith("[told] FAILED at dataset import: home-page ")
    (sent,) = shop.cloud.mailbox  # the environment's own subscriber
    assert (sent.protocol, sent.endpoint) == ("email", "data-team@example.com")
    assert sent.subject.startswith("[told] FAILED at dataset import: home-page ")
    (chat,) = told.chats()
    assert (chat["version"], chat["source"]) == ("1.0", "custom")
    assert f"*Why*: {row['failure_reason']}" in chat["content"]["description"]
    assert chat["metadata"]["threadId"] == f"home-page-20200928-{row['run_key']}"

    # a chat that cannot be told is no reason to tell people twice
    shop.cloud.faults.add("sns:Publish@2=denied")
    shop.ask(refresh="weekly")
    assert told.mail()[0].startswith("[told] COMPLETE: ")
    assert told.chats() == []
    (aside,) = told.put_aside()
    assert aside["reason"].startswith("the message may not have been sent: the chat's topic: ")


def test_a_refresh_that_was_overtaken_is_told_if_that_is_wanted(open_shop: OpenShop) -> None:
    shop, told = told_shop(open_shop)
    shop.succeed()
    shop.settle()
    told.mails()
    shop.ask(refresh="weekly", base_date=20200921)
    end = told.events()[-1]
    assert (end["base_date"], end["status"]) == (20200921, "SUPERSEDED")
    assert end["reason"] == f"The campaign serves {shop.served()} instead."
    assert told.mail()[0] == "[told] SUPERSEDED: home-page 2020-09-21"


def test_an_encrypted_environment_tells_the_same(open_shop: OpenShop) -> None:
    shop = open_shop("guarded", new=True)
    told = Told.by(shop)
    shop.succeed()
    shop.settle()
    assert told.changes() == HEALTHY
    assert told.mail()[0] == "[guarded] COMPLETE: home-page 2020-09-28"
    assert [call for call in shop.calls() if not call.allowed] == []


@pytest.mark.parametrize("stamp", ["1600000000", "1600000000000", "yesterday"])
def test_nothing_of_a_customers_data_is_told_logged_or_kept(
    open_shop: OpenShop, tmp_path: Path, stamp: str
) -> None:
    data = tmp_path / "private.csv"
    rows = [f"CustomerJane{n % 40},GoodsSecret{n % 60},{stamp},view" for n in range(1500)]
    data.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *rows]) + "\n")
    shop = open_shop("prod", data)
    told = Told.by(shop)
    shop.succeed()
    result = shop.result()
    said = [result["rows"], told.events(), told.aws_events(), told.mails(), told.put_aside()]
    logs = shop.cloud.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        said += [
            event["message"]
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        ]
    text = json.dumps(said, default=str)
    assert CAMPAIGN in text
    assert "CustomerJane" not in text
    assert "GoodsSecret" not in text
