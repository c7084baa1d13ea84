"""What happens in the shop of the tests of permissions, each on a day of its own.

Each needs some permissions, and raises AssertionError if it does not go as expected.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from costs import estimate

from embedded_aws.services import iam
from rehearsal.fault_occasions import shorten
from rehearsal.result import resources_since
from rehearsal.shop import DAY, HOUR, MINUTE, Shop, glue_event
from rehearsal.told import Told
from tests.rehearsal.policies import Statement, statements

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
    shop.succeed()
    shop.settle()
    assert status(shop) == "COMPLETE"
    succeed_without_files(shop, "jr_e" + shop.run_id[4:])
    assert status(shop) == "NO_NEW_DATA"


def a_broken_file(shop: Shop) -> None:
    """It is refused by its own content, and by the schema, before anything is imported."""
    shop.send()
    (dataset,) = shop.settings["refreshes"][0]["datasets"]
    bucket, _, folder = dataset["location"].removeprefix("s3://").partition("/")
    shop.cloud.client("s3").put_object(
        Bucket=bucket, Key=f"{folder}part-00001.csv", Body=b"USER_ID,TIMESTAMP\nU1,1600000000\n"
    )
    succeed_without_files(shop, shop.run_id)
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


def succeed_without_files(shop: Shop, run_id: str) -> None:
    """Send the success of a run of the Glue job that has written nothing, and wait for the end.

    A person's start would go on with a refresh that another rehearsal has left unfinished.
    """
    event = glue_event(shop.stack.glue_jobs[0], run_id=run_id)
    shop.cloud.client("events").put_events(Entries=[event])
    shop.settle()


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
