"""Planning on a table with one read capacity unit, as in the article."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml

from embedded_aws import Clock, Cloud, deploy, start
from rehearsal.assembly import find_stack, synthesise
from tests.conftest import START
from tools.sizes import many

CAMPAIGNS, DAYS = 20, 90


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A deployed environment of 20 campaigns on one read unit, with 90 rows of each."""
    environments = tmp_path_factory.mktemp("environments")
    settings = many(CAMPAIGNS, glue_job="weekly").model_dump(exclude_defaults=True)
    settings["table"]["capacity"] = {"read": 1, "write": 1, "max_write": 10}
    (environments / "many.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    stack = find_stack(synthesise(tmp_path_factory.mktemp("twenty"), environments), "many")
    with start(account=stack.account, region=stack.region, clock=Clock(START)) as running:
        outputs = deploy(stack.assembly, stack.name, running)
        names = [c["campaign_name"] for r in stack.settings["refreshes"] for c in r["campaigns"]]
        fill(running, outputs["TableName"], names)
        yield running


def fill(cloud: Cloud, table: str, names: list[str]) -> None:
    """Put a COMPLETE row of about a KB in the table, for each campaign and day."""
    days = [f"{cloud.clock.now() - timedelta(days=back):%Y%m%d}" for back in range(1, DAYS + 1)]
    row = {
        "run_key": {"S": "aaaaaaaa"},
        "attempt": {"N": "1"},
        "refresh_status": {"S": "COMPLETE"},
        "triggered_datetime": {"N": str(int(START) - 86_400)},
        "execution_arn": {"S": "arn:aws:states:ap-northeast-1:111122223333:execution:m:gone"},
        "solution_version_arn": {"S": "x" * 700},
    }
    puts = [
        {"PutRequest": {"Item": {**row, "campaign_name": {"S": name}, "base_date": {"N": day}}}}
        for name in names
        for day in days
    ]
    for first in range(0, len(puts), 25):
        cloud.client("dynamodb").batch_write_item(RequestItems={table: puts[first : first + 25]})


SUCCESS = {
    "source": "aws.glue",
    "time": "2020-09-28T00:30:00Z",
    "detail": {"jobName": "weekly", "jobRunId": "jr_" + "a" * 64, "state": "SUCCEEDED"},
}


@pytest.mark.parametrize("trigger", [SUCCESS, {"reconcile": True}], ids=["event", "schedule"])
@pytest.mark.slow
def test_twenty_campaigns_with_ninety_rows_each_are_planned_on_one_read_unit(
    cloud: Cloud, trigger: dict[str, Any]
) -> None:
    with cloud.clock.running():
        cloud.clock.sleep(600)  # the bucket of the table is full
    states = cloud.client("stepfunctions")
    (dispatch,) = (
        machine["stateMachineArn"]
        for machine in states.list_state_machines()["stateMachines"]
        if machine["name"].endswith("-dispatch")
    )
    execution = states.start_execution(stateMachineArn=dispatch, input=json.dumps(trigger))
    assert cloud.clock.wait_until_idle(120)
    arn = execution["executionArn"]
    ended = states.describe_execution(executionArn=arn)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert len(json.loads(ended["output"])) == (CAMPAIGNS if trigger is SUCCESS else 0)
    events = states.get_execution_history(executionArn=arn)["events"]
    assert "TaskFailed" not in {event["type"] for event in events}  # planned by the first attempt
