"""The operator's verbs, against a deployed environment in the emulated AWS."""

import json
import shlex
from typing import Any

import pytest
from typer.models import CommandInfo

from ops.__main__ import app, main
from rehearsal.shop import HOUR, Shop
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.ops_commands import refusal
from tests.rehearsal.refreshes import ONCE, counts

CAMPAIGN = "brandi-hrnn-campaign-v2"
HERE = ("--environment", "prod")


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop("prod")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    """Run a verb for prod in this process; return what it prints."""
    capsys.readouterr()
    ended = main([*arguments, *HERE])
    printed = capsys.readouterr()
    assert ended == status, printed.err
    return printed.out


def read(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    """Run a verb for prod in this process; return its JSON object."""
    return json.loads(shown(capsys, *arguments, "--json", status=status))


def run_of_docs(capsys: pytest.CaptureFixture[str], command: str) -> str:
    """Run a command that was printed for a person."""
    assert command.startswith("python -m ops ")
    capsys.readouterr()
    assert main([*shlex.split(command)[3:], "--yes"]) == 0
    return capsys.readouterr().out


def fail_training(shop: Shop, reason: str = "out of capacity") -> None:
    shop.behaviour.planned_failures = {"solution-version": [reason]}
    shop.succeed()
    shop.settle()
    shop.behaviour.planned_failures = {}


def test_a_failed_training_is_explained_and_the_next_command_fixes_it(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_training(shop)
    (before,) = read(capsys, "status", status=1)["campaigns"]
    assert (before["status"], before["stage"]) == ("FAILED", "solution version")
    explained = shown(capsys, "explain", CAMPAIGN, status=1)
    lines = dict(line.split(": ", 1) for line in explained.splitlines())
    assert lines["FAILED at solution version"].startswith(f"the refresh of {CAMPAIGN} of ")
    assert lines["Why"].startswith("TrainingFailed: Solution version arn:aws:personalize:")
    assert "out of capacity" in lines["Why"]
    assert lines["Means"].startswith("The training failed")
    assert lines["Look"].startswith("https://ap-northeast-1.console.aws.amazon.com/states/home?")
    name = before["execution_arn"].rsplit(":", 1)[-1]
    assert shown(capsys, "explain", name, status=1) == explained

    started = run_of_docs(capsys, lines["Next"])
    assert started.startswith("STARTED  ")
    shop.settle()
    (after,) = read(capsys, "status")["campaigns"]
    assert (after["status"], after["base_date"]) == ("COMPLETE", before["base_date"])
    assert after["serves"] != before["serves"]
    assert read(capsys, "explain", CAMPAIGN)["explanation"]["status"] == "COMPLETE"


def test_the_status_of_a_running_refresh_has_its_stage_and_expected_end(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.succeed()
    shop.settle()
    (past,) = read(capsys, "history", CAMPAIGN, "--last", "1")["refreshes"]
    shop.new_day()
    shop.succeed()
    shop.later(HOUR / 4)
    (now,) = read(capsys, "status")["campaigns"]
    assert (now["status"], now["stage"]) == ("RUNNING", "solution version")
    assert now["elapsed_seconds"] == 900
    assert now["serves"] == past["solution_version_arn"]
    assert abs(now["expected_end"] - now["started"] - past["refresh_seconds"]) < HOUR
    assert now["next"] == ["python -m ops watch --environment prod"]
    shop.settle()
    assert read(capsys, "watch", "--every", "0.1")["campaigns"][0]["status"] == "COMPLETE"


def test_a_history_has_durations_and_costs(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.succeed()
    shop.settle()
    (last,) = read(capsys, "history", CAMPAIGN, "--last", "1")["refreshes"]
    assert last["status"] == "COMPLETE"
    stages = ("dataset_import_seconds", "solution_version_seconds", "campaign_update_seconds")
    assert all(last[stage] > 0 for stage in stages)
    assert sum(last[stage] for stage in stages) <= last["refresh_seconds"]
    assert last["cost_usd"] > 0
    line = shown(capsys, "history", CAMPAIGN, "--last", "1").strip()
    assert "COMPLETE" in line
    assert "USD" in line
    month = f"{last['base_date'] // 10000}-{last['base_date'] // 100 % 100:02}"
    costs = read(capsys, "costs", "--month", month)
    (own,) = costs["campaigns"]
    assert own["cost_usd"] == costs["total_usd"] >= last["cost_usd"]
    assert own["refreshes"] >= 1
    assert read(capsys, "costs", "--month", "1999-01")["total_usd"] == 0
    assert read(capsys, "costs")["month"] == month  # by AWS's time, not this computer's
    assert f"{month}: about " in shown(capsys, "costs")


def test_a_refresh_is_started_by_hand_and_followed(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.deliver()
    shop.settle()
    outcome = read(capsys, "start", "weekly", "--run", "again", "--yes")
    assert [each["outcome"] for each in outcome["executions"]] == ["STARTED"]
    shop.settle()
    assert "COMPLETE" in shown(capsys, "watch", "--every", "0.1", "--campaign", CAMPAIGN)
    again = shown(capsys, "start", "weekly", "--run", "again", "--yes")
    assert again.startswith("ALREADY_STARTED  ")


@pytest.mark.parametrize("training", [False, True])
def test_a_refresh_is_stopped_and_waits_for_a_person(
    shop: Shop, capsys: pytest.CaptureFixture[str], *, training: bool
) -> None:
    shop.succeed()
    shop.later(HOUR / 4)
    more = ["--training"] if training else []
    stopped = read(capsys, "stop", CAMPAIGN, "--reason", "wrong data", "--yes", *more)["stopped"]
    assert (stopped["training_arn"] is not None) == training
    assert ("goes on and is billed" in " ".join(stopped["remarks"])) != training
    shop.settle()
    (row,) = read(capsys, "status", status=1)["campaigns"]
    assert row["reason"] == "StoppedByOperator: arn:aws:sts::111122223333:user/moto: wrong data"
    shop.ask(reconcile=True)
    assert read(capsys, "status", status=1)["campaigns"][0]["status"] == "FAILED"
    assert shown(capsys, "retry", CAMPAIGN, "--yes").startswith("STARTED")
    shop.settle()
    assert read(capsys, "status")["campaigns"][0]["status"] == "COMPLETE"
    expected = {**ONCE, "solution_versions": 2} if training else ONCE
    assert counts(shop.result()) == expected


def test_what_could_not_be_announced_is_listed_and_replayed(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.cloud.faults.add("sns:Publish=denied*always")
    shop.succeed()
    shop.settle()
    shop.cloud.faults.clear()
    (found,) = read(capsys, "undelivered")["undelivered"]
    assert found["queue"] == "unannounced"
    assert "not authorized to perform: sns:Publish" in found["error_message"]
    assert "1 event of PersonalizeRefresh-prod could not be announced" in shown(
        capsys, "undelivered"
    )
    (done,) = read(capsys, "replay", "--yes")["replayed"]
    assert done["outcome"] == "ANNOUNCED", done["reason"]
    assert read(capsys, "undelivered")["undelivered"] == []


def test_an_execution_without_a_row_is_explained(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = shop.ask(refresh="monthly")["executionArn"]
    found = read(capsys, "explain", arn, status=1)["explanation"]
    assert found["reason"].startswith("InvalidTrigger: ")
    assert found["meaning"].startswith("The event or the request names nothing")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("history", "none"), "has no campaign 'none'; it has brandi-hrnn-campaign-v2"),
        (("start", "none", "--yes"), "has no refresh 'none'; it has weekly"),
        (("start", "weekly", "--campaign", "none", "--yes"), "has no campaign 'none'"),
        (("start", "weekly"), "This asks first, and there is no terminal: add --yes"),
        (("explain", "none"), "there is no execution 'none'"),
        (("explain", CAMPAIGN, "--base-date", "19990101"), "no row of 19990101"),
        (("costs", "--month", "May"), "'May' is not a month; write it as 2020-09"),
        (("stop", CAMPAIGN, "--reason", "x", "--yes"), "no refresh of brandi"),
        (("watch", "--campaign", "none"), "has no campaign 'none'"),
        (("dance",), "No such command 'dance'"),
        (("status", "--every", "3"), "No such option: --every"),
    ],
)
def test_a_command_that_cannot_work_says_why_in_one_line(
    shop: Shop, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    if not shop.table_rows():
        shop.succeed()
        shop.settle()
    assert said in refusal(capsys, *arguments, *HERE)


def test_a_refresh_that_has_not_failed_is_not_retried(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.succeed()
    shop.settle()
    assert "is COMPLETE, not FAILED" in refusal(capsys, "retry", CAMPAIGN, "--yes", *HERE)


@pytest.mark.parametrize("command", app.registered_commands)
def test_the_help_of_every_verb_has_an_example(command: CommandInfo) -> None:
    assert "Example: python -m ops" in (command.callback.__doc__ or "")
