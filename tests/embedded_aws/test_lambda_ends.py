"""How functions end that take too long or too much memory, and how Lambda reports it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.cloud import Cloud
from tests.embedded_aws.small_stack import physical_id
from tests.embedded_aws.test_lambda import deploy_function, invoke


def test_a_time_out_may_come_without_an_error_type(cloud: Cloud, tmp_path: Path) -> None:
    code = "import time\ndef handler(event, context): time.sleep(60)"
    name = deploy_function(cloud, tmp_path, code, Timeout=1)
    cloud.behaviour.awslambda.timeout = "Lambda.Unknown"
    payload, kind = invoke(cloud, name)
    assert kind == "Unhandled"
    assert payload.keys() == {"errorMessage"}
    written = r"\d{4}-\d\d-\d\dT[\d:.]{12}Z [0-9a-f-]{36} Task timed out after 1\.00 seconds"
    assert re.fullmatch(written, payload["errorMessage"])
    assert reported(cloud)["status"] == "timeout"


TAKE_MEMORY = """
import time
def handler(event, context):
    taken = bytearray(event * 1024 * 1024)
    for page in range(0, len(taken), 4096):
        taken[page] = 1
    time.sleep(WAIT)
    return "done"
"""


@pytest.mark.parametrize("wait", [0, 60])  # noticed at the response, and while it runs
def test_a_function_that_takes_more_memory_than_its_size_is_killed(
    cloud: Cloud, tmp_path: Path, wait: int
) -> None:
    code = TAKE_MEMORY.replace("WAIT", f"{wait} if event > 100 else 0")
    name = deploy_function(cloud, tmp_path, code, MemorySize=160, Timeout=30)
    assert invoke(cloud, name, 20) == ("done", None)
    began = cloud.clock.time()
    payload, kind = invoke(cloud, name, 200)
    assert kind == "Unhandled"
    assert payload["errorType"] == "Runtime.OutOfMemory"
    assert re.fullmatch(
        "RequestId: [0-9a-f-]{36} Error: Runtime exited with error: signal: killed",
        payload["errorMessage"],
    )
    assert cloud.clock.time() < began + 30
    assert reported(cloud)["status"] == "error"
    assert invoke(cloud, name, 20) == ("done", None)


def test_a_function_without_memory_may_be_reported_like_one_that_exits(
    cloud: Cloud, tmp_path: Path
) -> None:
    name = deploy_function(cloud, tmp_path, TAKE_MEMORY.replace("WAIT", "0"), MemorySize=160)
    cloud.behaviour.awslambda.out_of_memory = "Runtime.ExitError"
    payload, _ = invoke(cloud, name, 200)
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("Runtime exited with error: signal: killed")


def reported(cloud: Cloud) -> Any:
    """What Lambda's log says about the last invocation."""
    logged = cloud.client("logs").filter_log_events(logGroupName=physical_id(cloud, "Log"))
    return json.loads(logged["events"][-1]["message"])["record"]
