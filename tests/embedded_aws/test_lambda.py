"""Functions run from their deployed zip, under their role, as AWS runs them."""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.cloud import Cloud
from embedded_aws.faults import Fault
from tests.embedded_aws.small_stack import allow, arn, deployed, function, physical_id, role

LAMBDA = "lambda.amazonaws.com"
MAY_LOG = allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn("Log"))
LOG = {"Type": "AWS::Logs::LogGroup", "Properties": {}}
JSON_LOG = {"LogFormat": "JSON", "LogGroup": {"Ref": "Log"}}


def deploy_function(cloud: Cloud, folder: Path, code: str, *statements: Any, **more: Any) -> str:
    resources = {
        "Log": LOG,
        "Role": role(LAMBDA, MAY_LOG, *statements),
        "Task": function(code, "Role", LoggingConfig=JSON_LOG, **more),
    }
    deployed(cloud, folder, resources)
    return physical_id(cloud, "Task")


def invoke(cloud: Cloud, name: str, event: Any = None) -> tuple[Any, str | None]:
    response = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(response["Payload"].read()), response.get("FunctionError")


def test_a_function_sees_the_variables_of_the_template_and_of_lambda_and_no_others(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_THE_DEVELOPER", "must not be seen")
    code = "import os\ndef handler(event, context): return dict(os.environ)"
    name = deploy_function(
        cloud, tmp_path, code, Environment={"Variables": {"TABLE": "rows"}}, MemorySize=256
    )
    variables, _ = invoke(cloud, name)
    assert variables["TABLE"] == "rows"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["AWS_REGION"] == "ap-northeast-1"
    assert variables["AWS_ENDPOINT_URL"] == cloud.endpoint
    assert variables["AWS_LAMBDA_LOG_GROUP_NAME"] == physical_id(cloud, "Log")
    assert variables["AWS_ACCESS_KEY_ID"] != "root"
    assert "FROM_THE_DEVELOPER" not in variables


def test_a_function_calls_as_its_role(cloud: Cloud, tmp_path: Path) -> None:
    code = """
import boto3
def handler(event, context):
    return boto3.client("sts").get_caller_identity()["Arn"]
"""
    identity, _ = invoke(cloud, deploy_function(cloud, tmp_path, code))
    assert f":assumed-role/{physical_id(cloud, 'Role')}/" in identity


def test_an_error_carries_the_name_of_its_class_and_its_message(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = """
class RetryLater(Exception): pass
def handler(event, context): raise RetryLater("quota is full")
"""
    payload, kind = invoke(cloud, deploy_function(cloud, tmp_path, code))
    assert kind == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("RetryLater", "quota is full")


def test_a_warm_environment_is_reused(cloud: Cloud, tmp_path: Path) -> None:
    code = "import os\ndef handler(event, context): return os.getpid()"
    name = deploy_function(cloud, tmp_path, code)
    assert invoke(cloud, name) == invoke(cloud, name)


def test_concurrent_invocations_have_environments_of_their_own(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = "import time\ndef handler(event, context):\n    time.sleep(0.05)\n    return event"
    name = deploy_function(cloud, tmp_path, code)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: invoke(cloud, name, n)[0], range(8)))
    assert results == list(range(8))


def test_a_function_that_takes_too_long_is_killed_and_the_next_one_starts_in_a_new_environment(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = """
import os, time
def handler(event, context):
    time.sleep(60 if event == "slow" else 0)
    return os.getpid()
"""
    name = deploy_function(cloud, tmp_path, code, Timeout=1)
    first, _ = invoke(cloud, name)
    began = cloud.clock.time()
    payload, kind = invoke(cloud, name, "slow")
    assert kind == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert cloud.clock.time() == began + 1
    assert invoke(cloud, name)[0] != first


def test_a_call_slower_than_the_function_timeout_ends_the_function_at_the_simulated_second(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = """
import boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=event, MessageBody="sent")
"""
    resources = {
        "Log": LOG,
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "Role": role(LAMBDA, MAY_LOG, allow("sqs:SendMessage", arn("Queue"))),
        "Task": function(code, "Role", Timeout=20),
    }
    deployed(cloud, tmp_path, resources)
    cloud.faults.add(Fault.parse("sqs:SendMessage=slow:90"))
    began, queue = cloud.clock.time(), physical_id(cloud, "Queue")
    payload, _ = invoke(cloud, physical_id(cloud, "Task"), queue)
    assert payload["errorType"] == "Sandbox.Timedout"
    assert cloud.clock.time() == began + 20
    # The call was completed; only its response was late.
    messages = cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert [message["Body"] for message in messages] == ["sent"]


def test_a_function_that_exits_reports_its_exit_status(cloud: Cloud, tmp_path: Path) -> None:
    code = "import os\ndef handler(event, context): os._exit(3)"
    payload, _ = invoke(cloud, deploy_function(cloud, tmp_path, code))
    assert payload["errorType"] == "Runtime.ExitError"
    assert re.fullmatch(
        "RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3",
        payload["errorMessage"],
    )


def test_a_function_that_cannot_be_imported_says_so(cloud: Cloud, tmp_path: Path) -> None:
    payload, kind = invoke(cloud, deploy_function(cloud, tmp_path, "import no_such_module"))
    assert kind == "Unhandled"
    assert payload["errorType"] == "Runtime.ImportModuleError"


def test_logs_are_json_in_the_configured_group_at_simulated_time(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = """
import logging
logging.getLogger().setLevel("INFO")
def handler(event, context): logging.getLogger().info("imported %s", event)
"""
    name = deploy_function(cloud, tmp_path, code)
    invoke(cloud, name, "INTERACTIONS")
    logged = cloud.client("logs").filter_log_events(logGroupName=physical_id(cloud, "Log"))
    start, event, report = logged["events"]
    assert json.loads(event["message"])["message"] == "imported INTERACTIONS"
    assert event["timestamp"] == int(cloud.clock.time() * 1000)
    assert json.loads(start["message"])["type"] == "platform.start"
    assert json.loads(report["message"])["type"] == "platform.report"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("def handler(event, context): pass", "success"),
        ("def handler(event, context): return event['missing']", "failure"),
        ("import os\ndef handler(event, context): os._exit(3)", "error"),
        ("import time\ndef handler(event, context): time.sleep(60)", "timeout"),
    ],
)
def test_lambda_itself_logs_how_each_invocation_ended(
    cloud: Cloud, tmp_path: Path, code: str, status: str
) -> None:
    invoke(cloud, deploy_function(cloud, tmp_path, code, Timeout=1, MemorySize=256))
    logged = cloud.client("logs").filter_log_events(logGroupName=physical_id(cloud, "Log"))
    start, report = (json.loads(logged["events"][n]["message"]) for n in (0, -1))
    assert start["record"]["version"] == "$LATEST"
    assert report["record"]["requestId"] == start["record"]["requestId"]
    assert report["record"]["status"] == status
    assert report["record"]["metrics"]["durationMs"] == (1000 if status == "timeout" else 0)
    assert report["record"]["metrics"]["memorySizeMB"] == 256


def test_a_log_in_the_text_format_has_lines_for_the_start_and_the_end_of_an_invocation(
    cloud: Cloud, tmp_path: Path
) -> None:
    resources = {
        "Log": LOG,
        "Role": role(LAMBDA, MAY_LOG),
        "Task": function(
            "def handler(event, context): print('sold')",
            "Role",
            LoggingConfig={"LogGroup": {"Ref": "Log"}},
        ),
    }
    deployed(cloud, tmp_path, resources)
    invoke(cloud, physical_id(cloud, "Task"))
    logged = cloud.client("logs").filter_log_events(logGroupName=physical_id(cloud, "Log"))
    lines = [event["message"].split(" RequestId: ")[0] for event in logged["events"]]
    assert lines == ["START", "sold", "END", "REPORT"]


def test_a_function_whose_role_may_not_write_logs_runs_without_logs(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = "def handler(event, context):\n    print('unseen')\n    return 1"
    resources = {
        "Log": LOG,
        "Role": role(LAMBDA),
        "Task": function(code, "Role", LoggingConfig=JSON_LOG),
    }
    deployed(cloud, tmp_path, resources)
    assert invoke(cloud, physical_id(cloud, "Task")) == (1, None)
    log = physical_id(cloud, "Log")
    assert cloud.client("logs").filter_log_events(logGroupName=log)["events"] == []
    assert ("logs:CreateLogStream", False) in {(c.action, c.allowed) for c in cloud.calls}


def test_a_role_that_does_not_trust_lambda_fails_the_deployment(
    cloud: Cloud, tmp_path: Path
) -> None:
    resources = {"Role": role("states.amazonaws.com"), "Task": function("", "Role")}
    with pytest.raises(Exception, match=r"Task .*cannot be assumed by Lambda"):
        deployed(cloud, tmp_path, resources)


def test_redeployed_code_and_variables_replace_the_warm_environments(
    cloud: Cloud, tmp_path: Path
) -> None:
    old = "import os\ndef handler(event, context): return 'old', os.environ.get('XX')"
    name = deploy_function(cloud, tmp_path, old, Environment={"Variables": {"XX": "1"}})
    assert invoke(cloud, name)[0] == ["old", "1"]
    assert deploy_function(cloud, tmp_path, old.replace("old", "new")) == name
    assert invoke(cloud, name)[0] == ["new", None]


def test_an_asynchronous_invocation_returns_at_once_and_runs_later(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = "def handler(event, context): print('ran with', event)"
    name = deploy_function(cloud, tmp_path, code)
    response = cloud.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=b'"sale"'
    )
    assert response["StatusCode"] == 202
    assert cloud.clock.wait_until_idle(30)
    log = cloud.client("logs").filter_log_events(logGroupName=physical_id(cloud, "Log"))
    assert [event["message"] for event in log["events"]][1:-1] == ["ran with sale"]


def test_an_event_over_six_megabytes_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    name = deploy_function(cloud, tmp_path, "def handler(event, context): return len(event)")
    assert invoke(cloud, name, "x" * (6 * 1024 * 1024 - 2))[0] == 6 * 1024 * 1024 - 2
    with pytest.raises(ClientError, match="RequestTooLargeException"):
        invoke(cloud, name, "x" * (6 * 1024 * 1024))


def test_a_response_over_six_megabytes_is_an_error(cloud: Cloud, tmp_path: Path) -> None:
    code = "def handler(event, context): return 'x' * (7 * 1024 * 1024)"
    payload, kind = invoke(cloud, deploy_function(cloud, tmp_path, code))
    assert kind == "Unhandled"
    assert payload["errorType"] == "Function.ResponseSizeTooLarge"


def test_the_deadline_in_the_context_is_the_timeout_of_the_function(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = "def handler(event, context): return context.get_remaining_time_in_millis()"
    remaining, _ = invoke(cloud, deploy_function(cloud, tmp_path, code, Timeout=30))
    assert 0 < remaining <= 30_000


def test_no_child_process_remains_after_the_cloud_stops(cloud: Cloud, tmp_path: Path) -> None:
    code = "import os\ndef handler(event, context): return os.getpid()"
    pid, _ = invoke(cloud, deploy_function(cloud, tmp_path, code))
    assert Path(f"/proc/{pid}").exists()
    cloud.stop()
    assert not Path(f"/proc/{pid}").exists()


def test_a_function_that_is_still_running_ends_when_the_cloud_stops(
    cloud: Cloud, tmp_path: Path
) -> None:
    code = """
import os, pathlib, time
def handler(event, context):
    pathlib.Path(event).write_text(str(os.getpid()))
    time.sleep(600)
"""
    name = deploy_function(cloud, tmp_path, code, Timeout=900)
    written = tmp_path / "pid"
    os.mkfifo(written)
    cloud.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(str(written))
    )
    pid = written.read_text()  # waits until the function writes
    cloud.stop()
    assert not Path(f"/proc/{pid}").exists()
