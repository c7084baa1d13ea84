"""`python -m ops undelivered` and `replay`, as an operator runs them.

The refresh itself is rehearsed in test_refresh.py; here its event is not delivered but replayed.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from ops.__main__ import main
from ops.undelivered import execution_name
from rehearsal import shop as shops
from rehearsal.result import executions
from rehearsal.shop import glue_event
from tests.conftest import ROOT
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.ops_commands import ops, refusal
from tests.rehearsal.refreshes import JOB, ONCE, counts

MISSED, ANOTHER = "jr_" + "0" * 64, "jr_" + "1" * 64


@dataclass
class Shop(shops.Shop):
    """The deployed environment prod, with a way to refuse the start of the dispatch workflow."""

    @property
    def queue(self) -> str:
        return self.outputs["UndeliveredEventsUrl"]

    def deliver(self, *runs: str) -> None:
        """Let Glue's job succeed, with this week's files in S3, and wait until all has ended."""
        self.send(*(glue_event(JOB, run_id=run) for run in runs))
        self.settle()

    def miss(self, *runs: str) -> None:
        """Let the job succeed while the rule's role may not start the dispatch workflow."""
        self.cloud.faults.add("states:StartExecution=denied*always")
        self.deliver(*runs)
        self.cloud.faults.clear()

    def put(self, body: str) -> str:
        """Send a message to the queue as no rule does; return its ID."""
        sent = self.cloud.client("sqs").send_message(QueueUrl=self.queue, MessageBody=body)
        return str(sent["MessageId"])

    def queued(self) -> int:
        """Return the number of messages in the queue, including those in flight."""
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        counted = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=self.queue, AttributeNames=list(counts)
        )["Attributes"]
        return sum(int(counted[name]) for name in counts)

    def dispatches(self) -> list[str]:
        """Return the names of the dispatch workflow's executions of the day."""
        machine = {"dispatch": self.outputs["DispatchWorkflowArn"]}
        return [e["name"] for e in executions(self.cloud, machine, self.began)]

    def made(self) -> dict[str, int]:
        """Return how many resources of each kind were made in Personalize."""
        return counts(self.result())


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """The environment prod, newly deployed."""
    opened = open_shop("prod", new=True)
    return Shop(**vars(opened))


def printed(capsys: pytest.CaptureFixture[str], verb: str, status: int = 0) -> list[dict[str, Any]]:
    """Run a verb for prod in this process; return its JSON object for each message."""
    sure = ["--yes"] if verb == "replay" else []
    assert main([verb, "--environment", "prod", "--json", *sure]) == status
    shown = json.loads(capsys.readouterr().out)
    assert (shown["environment"], shown["stack"]) == ("prod", "PersonalizeRefresh-prod")
    messages: list[dict[str, Any]] = shown["undelivered" if verb == "undelivered" else "replayed"]
    return messages


def output(capsys: pytest.CaptureFixture[str], verb: str, *more: str) -> str:
    """Run a verb for prod in this process; return what it prints."""
    assert main([verb, "--environment", "prod", *more]) == 0
    return capsys.readouterr().out


def test_an_undelivered_event_is_listed_with_its_reason_and_replayed_to_the_end(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.miss(MISSED)
    assert shop.table_rows() == []

    line, conclusion = output(capsys, "undelivered").splitlines()
    assert line.startswith(f"2020-09-28T01:00:00Z  {JOB}  {MISSED}  NO_PERMISSIONS: User: arn:aws:")
    assert "is not authorized to perform: states:StartExecution" in line
    assert conclusion == (
        "1 event could not start the dispatch workflow of PersonalizeRefresh-prod; when the reason "
        "is fixed, `python -m ops replay --environment prod` starts it."
    )

    (done,) = printed(capsys, "replay")
    assert done["outcome"] == "STARTED"
    assert done["execution_name"] == f"replay-{done['event_id']}"
    shop.settle()
    (row,) = shop.table_rows()
    assert (row["base_date"], row["refresh_status"]) == (20200928, "COMPLETE")
    assert shop.made() == ONCE
    assert shop.queued() == 0

    again = output(capsys, "replay", "--yes")
    assert again == "No undelivered event in PersonalizeRefresh-prod.\n"
    assert len(shop.dispatches()) == 1


def test_a_list_is_in_the_order_of_the_events_and_hides_nothing_from_the_next_command(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    day = f"{shop.cloud.clock.now():%Y-%m-%dT%H}"
    shop.miss(MISSED)
    shop.later(60)
    shop.miss(ANOTHER)
    for _ in range(21):  # SQS returns at most ten at once
        shop.put('{"reconcile": true}')
    first = printed(capsys, "undelivered")
    assert len({message["message_id"] for message in first}) == len(first) == 23
    assert printed(capsys, "undelivered") == first
    assert [(m["time"], m["glue_job"], m["job_run_id"]) for m in first[21:]] == [
        (f"{day}:00:00Z", JOB, MISSED),
        (f"{day}:01:00Z", JOB, ANOTHER),
    ]
    assert {m["error_code"] for m in first[21:]} == {"NO_PERMISSIONS"}
    assert {m["retry_attempts"] for m in first[21:]} == {"0"}
    assert {m["exhausted_retry_condition"] for m in first} == {None}
    assert {m["body"] for m in first[:21]} == {'{"reconcile": true}'}


def test_an_event_whose_retries_are_exhausted_is_listed_with_the_reason(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.cloud.faults.add("states:StartExecution=throttle*always")
    shop.deliver(MISSED)
    shop.cloud.faults.clear()
    line = output(capsys, "undelivered").splitlines()[0]
    reason = line.partition(f"{MISSED}  ")[2]
    assert reason.startswith("THROTTLING: Rate exceeded (MaximumEventAgeInSeconds exhausted after ")


def test_a_message_whose_execution_started_but_that_was_not_deleted_is_deleted_by_the_next_replay(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.miss(MISSED)
    call: Any = vars(BaseClient)["_make_api_call"]

    def refuse_to_delete(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "DeleteMessage":
            error = {"Code": "AccessDenied", "Message": "You may not."}
            raise ClientError({"Error": error}, operation)  # type: ignore[typeddict-item]
        return call(client, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", refuse_to_delete)
        (started,) = printed(capsys, "replay", status=1)
    assert started["outcome"] == "NOT_REPLAYED"
    assert started["reason"].startswith("it is done, but the message is still in")
    shop.settle()
    (again,) = printed(capsys, "replay")
    assert again["outcome"] == "ALREADY_STARTED"
    assert again["execution_name"] == started["execution_name"]
    shop.settle()
    assert len(shop.dispatches()) == 1
    assert shop.queued() == 0


def test_an_event_that_the_rule_has_delivered_too_trains_nothing_twice(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.miss(MISSED)
    shop.deliver(MISSED)
    assert [done["outcome"] for done in printed(capsys, "replay")] == ["STARTED"]
    shop.settle()
    assert len(shop.dispatches()) == 2
    assert shop.made() == ONCE


def test_a_broken_message_stays_in_the_queue_and_does_not_stop_the_others(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {shop.put("no JSON \x1b[31m"), shop.put("[1]")}
    reconcile = shop.put('{"reconcile": true}')
    shop.miss(MISSED)
    assert main(["replay", "--environment", "prod", "--yes"]) == 1
    *lines, conclusion = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert any("NOT_REPLAYED  it is not JSON: " in line for line in lines)
    assert any("[1]  -  NOT_REPLAYED  it is not a JSON object" in line for line in lines)
    assert f'{{"reconcile": true}}  -  STARTED  replay-{reconcile}' in "\n".join(lines)
    assert conclusion == "2 events replayed, 2 still in the queue of PersonalizeRefresh-prod."
    assert "\x1b" not in "".join(lines)
    assert {message["message_id"] for message in printed(capsys, "undelivered")} == broken
    shop.settle()
    assert f"replay-{reconcile}" in shop.dispatches()
    assert shop.table_rows()[0]["refresh_status"] == "COMPLETE"


def test_an_event_whose_execution_is_refused_stays_in_the_queue_with_the_reason_from_aws(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.miss(MISSED, ANOTHER)
    machine = shop.outputs["DispatchWorkflowArn"]
    shop.cloud.client("stepfunctions").delete_state_machine(stateMachineArn=machine)
    kept = printed(capsys, "replay", status=1)
    assert [message["outcome"] for message in kept] == ["NOT_REPLAYED"] * 2
    assert {message["execution_name"] for message in kept} == {None}
    assert all("StateMachineDoesNotExist" in message["reason"] for message in kept)
    assert len(printed(capsys, "undelivered")) == 2


def test_a_terminal_shows_a_table(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.miss(MISSED)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    shown = ops("undelivered").stdout
    assert "event time" in shown
    assert "───" in shown
    assert MISSED in shown


def prod_of_another_account(folder: Path) -> Path:
    text = (ROOT / "environments" / "prod.yaml").read_text()
    (folder / "prod.yaml").write_text(text.replace("111122223333", "444455556666"))
    return folder


def test_the_credentials_of_another_account_are_refused_before_any_other_call(
    shop: Shop,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop.put('{"reconcile": true}')
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setenv("ENVIRONMENTS", str(prod_of_another_account(folder)))
    line = refusal(capsys, "replay", "--environment", "prod")
    assert line.startswith("ops: the credentials are of account 111122223333 (arn:aws:")
    assert line.endswith("but elsewhere/prod.yaml is of account 444455556666; use that account's")
    assert shop.dispatches() == []
    (message,) = shop.cloud.client("sqs").receive_message(
        QueueUrl=shop.queue, AttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"id": "d68d2bc2-dac7"}', "replay-d68d2bc2-dac7"),
        ('{"reconcile": true}', "replay-the-message"),
        ('{"id": "a b/c"}', "replay-539138d5"),
        ('{"id": "' + "x" * 100 + '"}', "replay-"),
        ('{"id": 7}', "replay-7"),
    ],
)
def test_an_executions_name_is_valid_and_always_the_same(body: str, expected: str) -> None:
    name = execution_name(body, "the-message")
    assert name == execution_name(body, "the-message")
    assert name.startswith(expected)
    assert len(name) <= 80
    assert not set(name) & set(' <>{}[]?*"#%\\^|~`$&,;:/')


def test_an_ascii_terminal_shows_what_a_job_is_named(shop: Shop) -> None:
    shop.put('{"detail": {"jobName": "Täglich → größer"}}')
    listed = ops("undelivered", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "T\\xe4glich" in listed.stdout
    replayed = ops("replay", "--yes", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (replayed.returncode, replayed.stderr) == (0, "")
    assert replayed.stdout.isascii()
