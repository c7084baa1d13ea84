"""Refreshes that go on after they failed, or while another version of this app is deployed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedded_aws import deploy
from rehearsal.shop import Shop
from tests.conftest import ROOT
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.refreshes import ONCE, counts, only_row, refreshes


def test_a_failed_refresh_continues_when_a_person_starts_it_again(open_shop: OpenShop) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"solution-version": ["out of capacity"]}
    shop.succeed()
    failed = shop.result()
    assert failed["rows"][0]["refresh_status"] == "FAILED"
    assert shop.ask(refresh="weekly")["status"] == "SUCCEEDED"
    result = shop.result()
    (row,) = result["rows"]
    assert row["refresh_status"] == "COMPLETE"
    assert row["attempt"] == 2
    assert "failure_reason" not in row
    assert row["run_key"] == failed["rows"][0]["run_key"]
    assert counts(result) == {**ONCE, "solution_versions": 2}
    assert [run["status"] for run in refreshes(result)] == ["FAILED", "SUCCEEDED"]


def test_after_a_failed_import_the_next_attempt_imports_under_a_new_name(
    open_shop: OpenShop,
) -> None:
    shop = open_shop()
    shop.behaviour.planned_failures = {"dataset-import-job": ["no capacity"]}
    shop.succeed()
    failed = shop.result()
    assert only_row(failed)["failed_stage"] == "dataset import"
    shop.ask(refresh="weekly")
    result = shop.result()
    first, second = result["personalize"]["dataset_import_jobs"]
    assert second["jobName"] == f"{first['jobName']}-2"
    assert only_row(result)["attempt"] == 2
    assert counts(result) == {**ONCE, "dataset_import_jobs": 2}
    assert "failure_reason" not in only_row(result)


@pytest.mark.slow
def test_a_refresh_continues_after_another_definition_was_deployed(
    open_shop: OpenShop, assembly: Path, tmp_path: Path
) -> None:
    shop = open_shop(new=True)
    shop.behaviour.planned_failures = {"campaign-update": ["no capacity"]}
    shop.succeed()
    assert only_row(shop.result())["failed_stage"] == "campaign update"
    changed = tmp_path / "changed"
    shutil.copytree(assembly, changed)
    template = changed / "PersonalizeRefresh-prod.template.json"
    template.write_text(template.read_text().replace("Record intent", "Note intent"))
    deploy(changed, "PersonalizeRefresh-prod", shop.cloud)
    shop.ask(refresh="weekly")
    result = shop.result()
    assert only_row(result)["refresh_status"] == "COMPLETE"
    assert "Note intent" in refreshes(result)[1]["states"]
    assert counts(result) == ONCE
    shop.cloud.stop()


APP = ("app.py", "environments", "lambdas", "stacks", "statemachine")
ANOTHER_CONTRACT = """

_unchecked = lambda_handler


def lambda_handler(event, context):
    if event.get("contract") != 2:
        raise TypeError("the event has another contract")
    return _unchecked(event, context)
"""


def app_of_another_contract(folder: Path) -> Path:
    """Synthesise this app as it might be next year: two tasks refuse the payloads of now."""
    folder.mkdir()
    for name in APP:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for module in ("create_solution_version", "update_campaign"):
        with (folder / "lambdas" / f"{module}.py").open("a", encoding="utf-8") as task:
            task.write(ANOTHER_CONTRACT)
    for stage, now in {
        "solution_version": "$merge([$training, {",
        "campaign_update": "{campaign_arn: ",
    }.items():
        definition = folder / "statemachine" / "stages" / f"{stage}.asl.yaml"
        before, payload, after = definition.read_text("utf-8").partition(now)
        contract = "'contract': 2, " if payload.startswith("$") else "contract: 2, "
        start, brace, rest = payload.rpartition("{")
        definition.write_text(f"{before}{start}{brace}{contract}{rest}{after}", "utf-8")
    subprocess.run(
        [sys.executable, folder / "app.py"],
        env={**os.environ, "CDK_OUTDIR": str(folder / "out"), "CDK_VALIDATION": "false"},
        check=True,
    )
    return folder / "out"


def versions_run(shop: Shop) -> set[str]:
    """Return the versions of the workflows' tasks that have run since the day began."""
    logs = shop.cloud.client("logs")
    events = [
        json.loads(event["message"])
        for function in shop.cloud.client("lambda").list_functions()["Functions"]
        if "Announcements" not in function["FunctionName"]  # events call the newest of these
        for event in logs.filter_log_events(
            logGroupName=function["LoggingConfig"]["LogGroup"], startTime=shop.began * 1000
        )["events"]
    ]
    return {event["record"]["version"] for event in events if event.get("type") == "platform.start"}


@pytest.mark.slow
def test_a_refresh_ends_with_the_functions_that_were_deployed_when_it_started(
    open_shop: OpenShop, tmp_path: Path
) -> None:
    shop = open_shop(new=True)
    shop.succeed()
    shop.later(120)
    (waiting,) = shop.rows()
    assert waiting["dataset_import_job_status"] == "IN_PROGRESS"
    deploy(app_of_another_contract(tmp_path / "changed"), "PersonalizeRefresh-prod", shop.cloud)
    result = shop.result()
    assert (only_row(result)["refresh_status"], counts(result)) == ("COMPLETE", ONCE)
    assert versions_run(shop) == {"1"}

    shop.new_day()
    shop.succeed()
    assert only_row(shop.result())["refresh_status"] == "COMPLETE"
    assert versions_run(shop) == {"2"}
    shop.cloud.stop()
