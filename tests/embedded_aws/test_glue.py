"""Glue: job runs that take simulated time, and the events that report their end, or get lost."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from embedded_aws.services.glue.models import JobRunState
from tests.embedded_aws.small_stack import ECHO, allow, arn, deployed, function, physical_id, role
from tests.embedded_aws.small_stack import state_machine as machine

JOB = "nightly"
BEGAN = datetime(2020, 9, 28, 0, 30, tzinfo=UTC)
RULE = {
    "Type": "AWS::Events::Rule",
    "Properties": {
        "EventPattern": {"source": ["aws.glue"], "detail-type": ["Glue Job State Change"]},
        "Targets": [{"Id": "machine", "Arn": arn("Machine"), "RoleArn": arn("Sender")}],
    },
}


def create_job(cloud: Cloud, **settings: Any) -> None:
    command = {"Name": "glueetl", "ScriptLocation": "s3://scripts/nightly.py"}
    cloud.client("glue").create_job(Name=JOB, Role="any", Command=command, **settings)


def run(cloud: Cloud) -> dict[str, Any]:
    """Start a run, let it end, and return it."""
    glue = cloud.client("glue")
    run_id = glue.start_job_run(JobName=JOB)["JobRunId"]
    assert cloud.clock.wait_until_idle(30)
    found: dict[str, Any] = glue.get_job_run(JobName=JOB, RunId=run_id)["JobRun"]
    return found


def listen(cloud: Cloud, folder: Path) -> Callable[[], list[dict[str, Any]]]:
    """Deploy a rule that starts a machine for each Glue event; return a function to read them."""
    resources = {
        "Runner": role("states.amazonaws.com"),
        "Machine": machine(ECHO, "Runner"),
        "Sender": role("events.amazonaws.com", allow("states:StartExecution", arn("Machine"))),
        "Rule": RULE,
    }
    deployed(cloud, folder, resources)

    def events() -> list[dict[str, Any]]:
        assert cloud.clock.wait_until_idle(30)
        api = cloud.client("stepfunctions")
        found = api.list_executions(stateMachineArn=physical_id(cloud, "Machine"))["executions"]
        inputs = (api.describe_execution(executionArn=e["executionArn"])["input"] for e in found)
        return sorted((json.loads(text) for text in inputs), key=lambda event: event["time"])

    return events


def test_a_run_is_running_until_its_time_has_passed(cloud: Cloud) -> None:
    create_job(cloud)
    glue = cloud.client("glue")
    with cloud.clock.running():
        run_id = glue.start_job_run(JobName=JOB, Arguments={"--week": "39"})["JobRunId"]
        cloud.clock.sleep(599)
        for _ in range(3):
            running = glue.get_job_run(JobName=JOB, RunId=run_id)["JobRun"]
    assert running["JobRunState"] == "RUNNING"
    assert running["StartedOn"] == BEGAN
    assert "CompletedOn" not in running
    assert running["ExecutionTime"] == 599
    assert running["Arguments"] == {"--week": "39"}
    assert cloud.clock.wait_until_idle(30)
    assert cloud.clock.now() == BEGAN + timedelta(seconds=600)
    ended = glue.get_job_run(JobName=JOB, RunId=run_id)["JobRun"]
    assert ended["JobRunState"] == "SUCCEEDED"
    assert ended["StartedOn"] == BEGAN
    assert ended["CompletedOn"] == ended["LastModifiedOn"] == BEGAN + timedelta(seconds=600)
    assert ended["ExecutionTime"] == 600
    assert "ErrorMessage" not in ended


def test_the_end_of_a_run_is_sent_to_eventbridge_in_the_format_of_glue(
    cloud: Cloud, tmp_path: Path
) -> None:
    events = listen(cloud, tmp_path)
    create_job(cloud)
    run_id = run(cloud)["Id"]
    (event,) = events()
    assert (event["source"], event["detail-type"]) == ("aws.glue", "Glue Job State Change")
    assert event["time"] == "2020-09-28T00:40:00Z"
    assert event["detail"] == {
        "jobName": JOB,
        "severity": "INFO",
        "state": "SUCCEEDED",
        "jobRunId": run_id,
        "message": "Job run succeeded",
    }
    assert len(run_id) == len("jr_") + 64


@pytest.mark.parametrize(
    ("state", "severity", "message"),
    [
        ("FAILED", "ERROR", "Job run failed"),
        ("TIMEOUT", "WARN", "Job run timed out"),
        ("STOPPED", "INFO", "Job run stopped"),
    ],
)
def test_the_next_run_may_end_in_another_state(
    cloud: Cloud, tmp_path: Path, state: JobRunState, severity: str, message: str
) -> None:
    events = listen(cloud, tmp_path)
    create_job(cloud)
    behaviour = cloud.glue.behaviour
    behaviour.outcomes.append(state)
    behaviour.job_run_seconds = 60
    first = run(cloud)
    assert first["JobRunState"] == state
    assert first.get("ErrorMessage") == (None if state == "STOPPED" else message)
    assert run(cloud)["JobRunState"] == "SUCCEEDED"
    sent = events()[0]
    assert sent["time"] == "2020-09-28T00:31:00Z"
    assert (
        sent["detail"] | {"state": state, "severity": severity, "message": message}
        == (sent["detail"])
    )


def test_a_lost_event_leaves_a_run_that_has_ended(cloud: Cloud, tmp_path: Path) -> None:
    events = listen(cloud, tmp_path)
    create_job(cloud)
    cloud.glue.behaviour.lost_events = 1
    assert run(cloud)["JobRunState"] == "SUCCEEDED"
    assert events() == []
    second = run(cloud)
    assert [event["detail"]["jobRunId"] for event in events()] == [second["Id"]]


def test_a_start_that_is_throttled_when_a_run_ends_is_retried(cloud: Cloud, tmp_path: Path) -> None:
    events = listen(cloud, tmp_path)
    create_job(cloud)
    cloud.faults.add("states:StartExecution=throttle")
    run(cloud)
    assert len(events()) == 1
    assert cloud.clock.now() == BEGAN + timedelta(seconds=605)


def test_runs_are_listed_newest_first_and_in_pages(cloud: Cloud) -> None:
    create_job(cloud)
    began = cloud.clock.time()
    for name, hours in (("b", 2), ("d", 4), ("a", 1), ("c", 3), ("e", 4)):
        cloud.glue.record_run(
            JOB,
            run_id=f"jr_{name}",
            completed=began - 18_000 + 3600 * hours,
        )
    glue = cloud.client("glue")
    pages = list(
        glue.get_paginator("get_job_runs").paginate(JobName=JOB, PaginationConfig={"PageSize": 2})
    )
    assert [[found["Id"] for found in page["JobRuns"]] for page in pages] == [
        ["jr_e", "jr_d"],  # these began at the same time
        ["jr_c", "jr_b"],
        ["jr_a"],
    ]
    assert len(glue.get_job_runs(JobName=JOB)["JobRuns"]) == 5


def test_a_recorded_run_has_its_times_and_no_event(cloud: Cloud, tmp_path: Path) -> None:
    events = listen(cloud, tmp_path)
    create_job(cloud)
    run_id = cloud.glue.record_run(
        JOB,
        state="FAILED",
        completed=BEGAN.timestamp() - 86_400.5,
        seconds=60,
    )
    (found,) = cloud.client("glue").get_job_runs(JobName=JOB)["JobRuns"]
    assert found["Id"] == run_id
    assert found["JobRunState"] == "FAILED"
    assert found["CompletedOn"] == BEGAN - timedelta(days=1, milliseconds=500)
    assert found["StartedOn"] == found["CompletedOn"] - timedelta(seconds=60)
    assert events() == []


def test_a_run_may_end_now_with_its_event(cloud: Cloud, tmp_path: Path) -> None:
    events = listen(cloud, tmp_path)
    create_job(cloud)
    with cloud.clock.running():
        run_id = cloud.glue.end_run(JOB, seconds=30)
    (event,) = events()
    assert event["detail"]["jobRunId"] == run_id
    assert event["time"] == "2020-09-28T00:30:00Z"
    (found,) = cloud.client("glue").get_job_runs(JobName=JOB)["JobRuns"]
    assert found["CompletedOn"] == BEGAN
    assert found["StartedOn"] == BEGAN - timedelta(seconds=30)


def test_one_run_at_a_time_unless_the_job_allows_more(cloud: Cloud) -> None:
    create_job(cloud)
    glue = cloud.client("glue")
    with cloud.clock.running():
        glue.start_job_run(JobName=JOB)
        with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
            glue.start_job_run(JobName=JOB)
    assert cloud.clock.wait_until_idle(30)
    glue.start_job_run(JobName=JOB)


def test_what_does_not_exist_is_not_found(cloud: Cloud) -> None:
    glue = cloud.client("glue")
    for call in (glue.start_job_run, glue.get_job_runs):
        with pytest.raises(glue.exceptions.EntityNotFoundException):
            call(JobName=JOB)
    create_job(cloud)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job_run(JobName=JOB, RunId="jr_0")


def test_the_creation_time_of_a_job_comes_from_the_clock(cloud: Cloud) -> None:
    create_job(cloud)
    job = cloud.client("glue").get_job(JobName=JOB)["Job"]
    assert job["CreatedOn"] == job["LastModifiedOn"] == BEGAN


def test_a_deployed_role_sees_the_runs_of_the_jobs_that_it_may_see(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = """
import boto3
def handler(event, context):
    return [r["Id"] for r in boto3.client("glue").get_job_runs(JobName=event)["JobRuns"]]
"""
    job = f"arn:aws:glue:{cloud.region}:{cloud.account}:job/{JOB}"
    deployed(
        cloud,
        tmp_path,
        {
            "Role": role("lambda.amazonaws.com", allow("glue:GetJobRuns", job)),
            "Task": function(code, "Role"),
        },
    )
    create_job(cloud)
    cloud.glue.record_run(JOB, run_id="jr_1")

    def ask(name: str) -> Any:
        response = cloud.client("lambda").invoke(
            FunctionName=physical_id(cloud, "Task"), Payload=json.dumps(name)
        )
        return json.loads(response["Payload"].read())

    assert ask(JOB) == ["jr_1"]
    assert "AccessDenied" in ask("another")["errorMessage"]


def test_a_recorded_run_needs_its_job(cloud: Cloud) -> None:
    with pytest.raises(Exception, match=f"Job {JOB} not found"):
        cloud.glue.record_run(JOB)
    with pytest.raises(ClientError):
        cloud.client("glue").get_job(JobName=JOB)
