"""The fault matrix: a part of it (`make faults` runs all), and what it reports."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.fault_cases import AGAIN, Case, every_case
from rehearsal.fault_kinds import gives_up, is_true, kinds, may_be_unanswered
from rehearsal.fault_live import live_problems, wanted_end
from rehearsal.fault_matrix import main, paid_imports, paid_trainings, run
from rehearsal.fault_occasions import ENVIRONMENTS, OCCASIONS, Occasion, occasions_of, shorten
from rehearsal.fault_told import judge
from rehearsal.shop import Shop
from rehearsal.told import Told
from tests.rehearsal.conftest import Kept, OpenShop
from tests.slow import slow_but

PARTS = 4
OTHERS = ["domain", *(e for e in ENVIRONMENTS if e not in {"prod", "domain"})]


@pytest.mark.parametrize("part", slow_but(range(PARTS)))
def test_every_operation_task_and_kind_of_failure_is_rehearsed(
    open_shop: OpenShop, part: int
) -> None:
    shop = open_shop()
    every = every_case(shop)
    some = each_once(every)
    assert {case.kind for case in some} == {case.kind for case in every}
    assert {case.caller for case in some} == {case.caller for case in every}
    assert {case.operation for case in some} == {case.operation for case in every}
    for case in some[part::PARTS]:
        result = run(case, shop)
        assert result.violations == [], result


@pytest.mark.parametrize("environment", slow_but(OTHERS))
def test_every_other_occasion_is_rehearsed_with_a_failure_of_each_operation(
    open_shop: OpenShop, environment: str
) -> None:
    shop = open_shop(environment, new=True)
    every = every_case(shop)
    assert {case.occasion for case in every} == set(occasions_of(shop))
    some = {(case.occasion, case.operation): case for case in every if case.kind == "lost answer"}
    for case in some.values():
        result = run(case, shop)
        assert result.violations == [], result


def test_what_was_taken_back_is_live_again_only_by_a_persons_word(open_shop: OpenShop) -> None:
    shop = open_shop("careful", new=True)
    shorten(shop)
    OCCASIONS["taken back"].happen(shop)
    shop.settle()
    (row,) = shop.rows()
    version = row["solution_version_arn"]
    assert live_problems(shop) == []
    assert wanted_end(OCCASIONS["trial"], row, shop) == "ROLLED_BACK"
    shop.cloud.client("personalize").update_campaign(
        campaignArn=shop.campaigns[0]["campaign_arn"], solutionVersionArn=version
    )
    shop.settle()
    (problem,) = live_problems(shop)
    assert (
        problem == f"campaign home-page-careful serves {version}, which was rejected or taken back"
    )
    shop.ask(refresh="weekly", solution_version_arn=version)
    assert live_problems(shop) == []


def test_an_occasion_fails_the_calls_that_are_new_and_of_a_loops_the_first_two() -> None:
    write, poll = ("Refresh", "dynamodb:UpdateItem"), ("Refresh", "monitoring:DescribeAlarms")
    calls = [write, ("Check", "s3:GetObject"), write, ("Announce", "sns:Publish"), *[poll] * 3]
    trial = Occasion(
        Shop.succeed,
        frozenset({"Refresh"}),
        since=poll[1],
        also=frozenset({("Check", "s3:GetObject")}),
    )
    assert trial.failing(calls) == [False, True, True, False, True, True, False]
    assert Occasion(Shop.succeed).failing(calls) == [True] * 7


def test_the_call_that_runs_a_function_belongs_to_the_function() -> None:
    calls = [("Refresh", "lambda:Invoke"), ("Choose", "s3:GetObject"), ("Refresh", "lambda:Invoke")]
    choosing = Occasion(Shop.succeed, frozenset({"Choose"}))
    assert choosing.failing(calls) == [True, True, False]


def test_of_polls_whose_number_differs_only_the_first_are_failed() -> None:
    calls = [("Make", "personalize:DescribeDataset")] * 4 + [("Make", "personalize:CreateDataset")]
    make = Occasion(Shop.succeed, frozenset({"Make"}), first=2)
    assert make.failing(calls) == [True, True, False, False, True]


def each_once(every: list[Case]) -> list[Case]:
    """Choose cases until each kind, each task and each operation is among them."""
    missing = {of for case in every for of in _of(case)}
    some = []
    while missing:
        best = max(every, key=lambda case: len(_of(case) & missing))
        some.append(best)
        missing -= _of(best)
    return some


def _of(case: Case) -> set[tuple[str, str]]:
    return {("task", case.caller), ("kind", case.kind), ("operation", case.operation)}


def test_a_call_has_the_errors_of_its_operation_and_a_function_more_ways_to_end() -> None:
    create = kinds("CreateSolutionVersion", "personalize:CreateSolutionVersion")
    assert create["own LimitExceededException"].survives
    assert "out of memory" in create
    describe = kinds("Refresh", "personalize:DescribeSolutionVersion")
    assert "own LimitExceededException" not in describe
    assert not describe["own ValidationException"].survives
    assert "out of memory" not in describe


def test_a_reason_of_another_failure_is_untrue() -> None:
    unanswered = "Connection was closed before we received a valid response"
    call = ("CreateImport", "personalize:CreateDatasetImportJob", "timed out ×9")
    assert is_true("Task timed out after 120 seconds", *call)
    assert not is_true(unanswered, *call)
    assert is_true(unanswered, "CreateImport", "dynamodb:UpdateItem", "timed out ×9")
    missing = "Campaign … does not exist. Create it: …"
    assert is_true(missing, "CheckCampaign", "personalize:D", "own ResourceNotFoundException")
    assert not is_true(missing, "CheckCampaign", "personalize:D", "own InvalidInputException")
    assert not is_true("", "Refresh", "dynamodb:Query", "5xx")


def _publish_again(shop: Shop, told: Told) -> None:
    (subject, text), *_ = told.mails()
    topic = shop.outputs["NotificationsTopicArn"]
    for _ in range(2):
        shop.cloud.client("sns").publish(TopicArn=topic, Subject=subject, Message=text)


def _publish_of_nothing(shop: Shop, _told: Told) -> None:
    shop.cloud.client("sns").publish(
        TopicArn=shop.outputs["NotificationsTopicArn"], Subject="COMPLETE", Message="Event: 1"
    )


def _send_without_reason(shop: Shop, told: Told) -> None:
    event = {**told.events()[-1], "status": "FAILED", "reason": "The row gives no reason."}
    entry = {"Source": "personalize-refresh", "DetailType": "-", "Detail": json.dumps(event)}
    shop.cloud.client("events").put_events(Entries=[entry])
    shop.settle()


@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        (lambda _, told: told.mails(), "0 messages, and 0 put aside, of "),
        (_publish_again, "2 messages, and 0 put aside, of "),
        (_publish_of_nothing, "a message of no end: "),
        (lambda _, told: told.events(), "the events are [], but should be "),
        (_send_without_reason, "untrue reason of refresh: The row gives no reason."),
    ],
)
def test_what_was_told_wrongly_is_a_violation(
    open_shop: OpenShop, mistake: Callable[[Shop, Told], object], found: str
) -> None:
    shop = open_shop()
    shorten(shop)
    told = Told.by(shop)
    shop.succeed()
    shop.settle()
    mistake(shop, told)
    verdict = judge(Case("Announce", "", 0, AGAIN), shop, told, struck=1)
    assert any(violation.startswith(found) for violation in verdict.violations), verdict
    assert not verdict.exceptions


def test_only_calls_of_the_tasks_that_announce_may_keep_an_end_from_people() -> None:
    assert gives_up("Announce", "events:PutEvents", "access denied")
    assert not gives_up("Announce", "events:PutEvents", "throttle ×5")
    assert not gives_up("Refresh", "dynamodb:UpdateItem", "access denied")
    assert may_be_unanswered("AnnounceFailure", "sns:Publish", "lost answer")
    assert not may_be_unanswered("AnnounceFailure", "sns:Publish", "5xx")


def test_a_fault_that_does_not_strike_is_a_violation(open_shop: OpenShop) -> None:
    shop = open_shop()
    never = Case("CreateImport", "personalize:CreateDatasetImportJob", 99, "lost answer")
    assert run(never, shop).violations == ["the fault did not strike"]


def test_what_was_paid_for_twice_is_counted() -> None:
    made = {
        "dataset_import_jobs": [
            {"datasetArn": "interactions", "status": "CREATE FAILED"},
            {"datasetArn": "interactions", "status": "ACTIVE"},
            {"datasetArn": "interactions", "status": "CREATE IN_PROGRESS"},
        ],
        "solution_versions": [
            {"solutionArn": "for-you", "status": "CREATE STOPPED"},
            {"solutionArn": "for-you", "status": "ACTIVE"},
        ],
    }
    assert paid_imports(made) == {"interactions": 2}
    assert paid_trainings(made) == {"for-you": 1}


def test_the_command_prints_each_case_and_exits_with_0_without_violations(
    kept: Kept, assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.stack.close()  # one cloud runs in a process
    only = ("--only", "* personalize:CreateSolutionVersion@1 lost answer")
    assert main(["--assembly", str(assembly), "--jobs", "1", "--json", *only]) == 0
    shown = capsys.readouterr()
    (result,) = json.loads(shown.out)
    assert (result["outcome"], result["imports"], result["trainings"]) == ("COMPLETE", 1, 1)
    assert "1 cases, 0 violations" in shown.err
