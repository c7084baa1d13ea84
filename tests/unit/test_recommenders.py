"""Recommenders: what settings may ask for, what a run gets, and what is asked of Personalize."""

import json
from datetime import UTC, datetime
from typing import Any

import check_freshness
import pytest
import triggers
import update_recommender
import yaml
from messages import message_of_end
from plan_refresh import plan
from recommender_problems import (
    columns_of,
    problem_of_status,
    problems_of_columns,
    problems_of_recommender,
    training_data_config,
    wanted_columns,
)
from record_end import ended, run_of, stage_of
from retry_later import RetryLater
from row_changes import details_of

from ops.advice import meaning_of
from stacks.announce_settings import announce_settings
from stacks.bounds import MOST_EVENTS, bound_problems, rounds_of_refresh, worst_cases
from stacks.freshness import freshness_settings
from stacks.load import SettingsError, read
from stacks.plan import plan_settings
from stacks.problems import contradictions
from stacks.settings import Environment
from tests.unit.announced import IMPORTED, NOON, SETTINGS, record
from tests.unit.made_up_history import MadeUpHistory

NOW = datetime(2020, 9, 28, 12, tzinfo=UTC)
SINCE = int(NOW.timestamp())
ARN = "arn:aws:personalize:eu-west-1:111122223333:recommender/for-you"
GROUP = "arn:aws:personalize:eu-west-1:111122223333:dataset-group/shop"
COLUMNS = {"excluded": {"ITEMS": ["WEIGHT", "COLOUR"]}}
CAMPAIGN = {"name": "home", "solution": "home"}


def environment(*entries: dict[str, Any], kind: str = "INTERACTIONS") -> Environment:
    """Settings whose one refresh has these campaigns and recommenders."""
    dataset = {"dataset_group": "shop", "type": kind, "location": "s3://shop-data/a/"}
    refresh = {"name": "weekly", "glue_job": "export", "datasets": [dataset], "campaigns": entries}
    raw = {
        "account": "111122223333",
        "region": "eu-west-1",
        "table": {"name": "SHOP"},
        "import_role": {"buckets": ["shop-data"]},
        "refreshes": [refresh | {"campaigns": list(entries)}],
    }
    return read(yaml.safe_dump(raw), bound_problems)


def problems(*entries: dict[str, Any], kind: str = "INTERACTIONS") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        environment(*entries, kind=kind)
    return caught.value.problems


FOR_YOU = {"recommender": "for-you"}
BOTH = environment(CAMPAIGN, FOR_YOU | {"training_columns": COLUMNS, "fresh_within_hours": 192})


# Settings


def test_all_that_a_recommender_cannot_have_is_refused_at_once_with_what_to_do() -> None:
    wrong = {
        "name": "n", "solution": "s", "recipe": "aws-sims", "min_provisioned_tps": 2,
        "training_mode": "FULL", "full_every": {"days": 7},
        "gate": {}, "canary": {}, "bake": {"minutes": 1, "alarms": ["a"]}, "colour": 1,
    }  # fmt: skip
    found = problems(FOR_YOU | wrong)
    assert len(found) == len(wrong)
    told = dict(each.split(": ", 1) for each in found)
    at = "refreshes[0].campaigns[0]."
    assert told.keys() == {f"{at}{name}" for name in wrong}
    assert all("remove" in each for each in told.values())
    assert "every 7 days" in told[f"{at}training_mode"]
    assert "no version before" in told[f"{at}canary"]
    assert told[f"{at}colour"] == "is not a known setting; remove it, or check its spelling"


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([FOR_YOU, FOR_YOU], "[1].recommender: 'for-you' is already at"),
        ([FOR_YOU, CAMPAIGN | {"name": "for-you"}], "[1].name: 'for-you' is already at"),
        ([{"recommender": "-"}], "[0].recommender: '-' does not have the form"),
        ([{"recommender": None}], "[0].recommender: "),
        ([{"solution": "s"}], "[0].name: is missing; add it"),
        (["for-you"], "[0]: "),
        ([FOR_YOU | {"training_columns": {}}], "[0].training_columns: names no column; write"),
        (
            [FOR_YOU | {"training_columns": {"excluded": {"INTERACTIONS": ["EVENT_TYPE"]}}}],
            "EVENT_TYPE cannot be excluded",
        ),
        (
            [FOR_YOU | {"training_columns": COLUMNS | {"included": {"ITEMS": ["X"]}}}],
            "ITEMS in both excluded and included",
        ),
        ([FOR_YOU | {"training_columns": {"excluded": {"ACTIONS": ["X"]}}}], "'INTERACTIONS', "),
        (
            [FOR_YOU | {"training_columns": {"excluded": {"ITEMS": [150 * "x"] * 21}}}],
            "3,150 characters together",
        ),
    ],
)
def test_another_wrong_entry_is_refused_with_its_place(entries: list[Any], said: str) -> None:
    (only,) = problems(*entries)
    assert only.startswith("refreshes[0].campaigns[")
    assert said in only


def test_actions_are_refused_beside_a_recommender() -> None:
    (only,) = problems(FOR_YOU, kind="ACTIONS")
    assert only.startswith("refreshes[0].datasets[0].type: ACTIONS is not in a domain dataset gr")


def test_a_domain_dataset_group_is_not_made_by_a_refresh() -> None:
    with_schema = {"dataset_group": "shop", "type": "INTERACTIONS", "schema": "a.avsc"}
    raw = {"refreshes": [{"datasets": [with_schema], "campaigns": [FOR_YOU]}]}
    found = [each for each in contradictions(raw) if ".schema: " in each]
    assert [each.split(": ")[0] for each in found] == ["refreshes[0].datasets[0].schema"]
    assert "make the dataset by hand" in found[0]


def test_campaigns_and_recommenders_are_told_apart() -> None:
    assert [c.name for c in BOTH.campaigns] == ["home"]
    assert [r.name for r in BOTH.recommenders] == ["for-you"]
    assert [e.name for e in BOTH.entries] == ["home", "for-you"]
    assert BOTH.recommender_arn(BOTH.recommenders[0]) == ARN
    assert read(yaml.safe_dump(BOTH.model_dump(exclude_defaults=True)), None) == BOTH


# The plan


def test_a_run_of_a_recommender_has_imports_and_no_training() -> None:
    settings = plan_settings(BOTH, import_role_arn="arn:role")
    campaign, recommender = plan({"refresh": "weekly"}, settings, NOW, MadeUpHistory())
    given: Any = recommender["input"]
    assert recommender["name"].startswith("for-you-20200928-")
    assert given["recommender"] == {"arn": ARN, "training_columns": COLUMNS}
    assert given["stages"].keys() == {"dataset_import", "recommender_update"}
    assert not given.keys() & {"solution_name", "solution_version", "campaign_arn", "gate"}
    other: Any = campaign["input"]
    assert other["datasets"] == given["datasets"]
    assert "recommender_update" not in other["stages"]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"training_mode": "FULL"}, "does not go with for-you: Personalize trains recommenders"),
        (
            {"campaigns": ["for-you"], "solution_version_arn": "arn:x"},
            "for-you is a recommender, which has no versions",
        ),
    ],
)
def test_what_no_recommender_allows_is_refused_in_a_request(
    request_: dict[str, Any], said: str
) -> None:
    settings = plan_settings(BOTH, import_role_arn="")
    with pytest.raises(triggers.InvalidTrigger, match=said):
        plan({"refresh": "weekly", **request_}, settings, NOW, MadeUpHistory())


def test_a_training_mode_may_be_asked_for_the_campaigns_beside_it() -> None:
    settings = plan_settings(BOTH, import_role_arn="")
    request = {"refresh": "weekly", "training_mode": "FULL", "campaigns": ["home"]}
    (only,) = plan(request, settings, NOW, MadeUpHistory())
    assert only["name"].startswith("home-")


@pytest.mark.parametrize("entries", [[FOR_YOU], [CAMPAIGN, FOR_YOU]])
def test_an_execution_is_of_the_one_or_the_other_and_fits_into_a_history(entries: Any) -> None:
    found = environment(*entries)
    assert worst_cases(found)["refresh.asl.yaml"].events <= MOST_EVENTS
    for recommender, absent in (
        (True, ["Wait for training", "Wait for update", "Wait in bake time"]),
        (False, ["Wait for recommender"]),
    ):
        rounds = rounds_of_refresh(found, recommender=recommender)
        assert [wait for wait in absent if rounds[wait]] == []
        assert rounds["Wait for import"] > 100


# What is looked at before anything is paid


def described(**changes: Any) -> Any:
    return {
        "name": "for-you",
        "recommenderArn": ARN,
        "datasetGroupArn": GROUP,
        "recipeArn": "arn:aws:personalize:::recipe/aws-ecomm-recommended-for-you",
        "recommenderConfig": {"minRecommendationRequestsPerSecond": 4},
        "status": "ACTIVE",
        **changes,
    }


RUN: Any = {
    "campaign_name": "for-you",
    "recommender": {"arn": ARN},
    "datasets": [{"dataset_arn": GROUP.replace("-group", "") + "/INTERACTIONS"}],
}


@pytest.mark.parametrize(
    ("recommender", "said"),
    [
        (None, ["does not exist", f"--name for-you --dataset-group-arn {GROUP} "]),
        (described(status="INACTIVE"), ["aws personalize start-recommender"]),
        (described(status="STOP IN_PROGRESS"), ["aws personalize start-recommender"]),
        (described(status="CREATE IN_PROGRESS"), ["Wait until it is ACTIVE"]),
        (described(status="DELETE PENDING"), ["delete-recommender", "create-recommender"]),
        (
            described(status="CREATE FAILED", failureReason="too few"),
            ["CREATE FAILED (too few)", "delete-recommender", "create-recommender"],
        ),
        (described(datasetGroupArn="arn:other"), [f"this refresh imports into {GROUP}"]),
    ],
)
def test_a_recommender_that_does_not_serve_is_refused_with_the_command(
    recommender: Any, said: list[str]
) -> None:
    (only,) = problems_of_recommender(RUN, recommender)
    assert [part for part in said if part not in only] == []


def test_a_recommender_that_serves_has_no_problem() -> None:
    assert problems_of_recommender(RUN, described()) == []
    assert problem_of_status(described()) == ""


def test_columns_that_do_not_exist_are_named_with_their_dataset() -> None:
    wanted = wanted_columns({"excluded": {"ITEMS": ["A", "B"]}, "included": {"USERS": ["C"]}})
    assert problems_of_columns(wanted, {"ITEMS": ["A", "B"], "USERS": ["C", "D"]}, GROUP) == []
    one, two = problems_of_columns(wanted, {"ITEMS": ["B"], "USERS": None}, GROUP)
    assert "has no columns A. Correct training_columns.excluded" in one
    assert "no dataset of type USERS" in two


def test_columns_are_compared_whatever_their_order_and_the_types_spelling() -> None:
    config = {"trainingDataConfig": {"excludedDatasetColumns": {"Items": ["COLOUR", "WEIGHT"]}}}
    assert columns_of(config) == wanted_columns(COLUMNS)  # type: ignore[arg-type]
    assert columns_of({"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": []}}}) == {}


# The update


class Service:
    """One recommender, which changes as Personalize would: the update is seen afterwards."""

    def __init__(self, recommender: Any, *, updates: bool = True) -> None:
        self.recommender, self.updates = recommender, updates
        self.asked: list[Any] = []

    def describe_recommender(self, **_: Any) -> Any:
        return {"recommender": {**self.recommender}}

    def update_recommender(self, **request: Any) -> None:
        self.asked.append(request)
        if self.updates:
            self.recommender["latestRecommenderUpdate"] = update(request["recommenderConfig"])


def update(config: Any, status: str = "CREATE PENDING", minutes: int = 5) -> Any:
    created = datetime.fromtimestamp(SINCE + 60 * minutes, UTC)
    return {"recommenderConfig": config, "status": status, "creationDateTime": created}


def run_with(
    monkeypatch: pytest.MonkeyPatch, service: Service, columns: Any = COLUMNS
) -> update_recommender.RecommenderUpdate:
    monkeypatch.setattr(update_recommender, "personalize", service)
    wanted: Any = {"arn": ARN} | ({"training_columns": columns} if columns else {})
    return update_recommender.find_or_update({"recommender": wanted, "triggered": SINCE})


WANTED: Any = {"trainingDataConfig": training_data_config(COLUMNS)}  # type: ignore[arg-type]


def test_other_columns_are_asked_for_and_nothing_else_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service(described())
    found = run_with(monkeypatch, service)
    assert found["created"] == SINCE + 300
    assert found["retraining"].startswith("Personalize has retrained for-you on the imported data")
    (asked,) = service.asked
    assert asked["recommenderConfig"] == {"minRecommendationRequestsPerSecond": 4} | WANTED


@pytest.mark.parametrize(
    ("recommender", "columns"),
    [
        (described(), None),
        (described(recommenderConfig=WANTED), COLUMNS),
        # by an earlier run, or a person
        (
            described(
                recommenderConfig=WANTED, latestRecommenderUpdate=update(WANTED, "ACTIVE", -5)
            ),
            COLUMNS,
        ),
    ],
)
def test_without_other_columns_nothing_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, recommender: Any, columns: Any
) -> None:
    service = Service(recommender)
    found = run_with(monkeypatch, service, columns)
    assert (found["created"], service.asked) == (0, [])
    assert found["retraining"] == (
        "Personalize retrains for-you by itself every 7 days; the next time on the imported data. "
        "Every two hours it also takes in new items."
    )


@pytest.mark.parametrize("status", ["CREATE PENDING", "CREATE IN_PROGRESS", "ACTIVE"])
def test_an_update_of_this_run_whose_response_was_lost_is_found(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    config = WANTED if status == "ACTIVE" else {}
    service = Service(
        described(recommenderConfig=config, latestRecommenderUpdate=update(WANTED, status))
    )
    assert run_with(monkeypatch, service)["created"] == SINCE + 300
    assert service.asked == []


@pytest.mark.parametrize(
    "latest", [update(WANTED, "CREATE FAILED"), update({}, "ACTIVE", -60), update({}, "ACTIVE")]
)
def test_an_update_that_failed_or_was_to_other_columns_is_followed_by_ours(
    monkeypatch: pytest.MonkeyPatch, latest: Any
) -> None:
    service = Service(described(latestRecommenderUpdate=latest))
    run_with(monkeypatch, service)
    assert len(service.asked) == 1


def test_an_update_that_does_not_occur_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(described(), updates=False)
    found = run_with(monkeypatch, service)
    assert (found["created"], len(service.asked)) == (0, 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("START IN_PROGRESS", RetryLater),
        ("CREATE PENDING", RetryLater),
        ("INACTIVE", update_recommender.NotServing),
        ("STOP IN_PROGRESS", update_recommender.NotServing),
        ("DELETE PENDING", update_recommender.NotServing),
    ],
)
def test_a_recommender_that_does_not_serve_any_more_is_waited_for_or_told(
    monkeypatch: pytest.MonkeyPatch, status: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"Recommender {ARN} is {status}"):
        run_with(monkeypatch, Service(described(status=status)), None)


# What others are told

ROW = {
    **{name: value for name, value in IMPORTED.items() if name != "solution_name"},
    "recommender_arn": ARN,
}
UPDATED = {
    **ROW,
    "recommender_update_status": "ACTIVE",
    "recommender_update_datetime": NOON + 400,
    "recommender_update_ended_datetime": NOON + 1600,
}
DONE = {
    **UPDATED,
    "refresh_status": "COMPLETE",
    "recommender_retraining": "Personalize retrains for-you by itself.",
    "ended_datetime": NOON + 1600,
}


def test_the_end_of_a_recommenders_refresh_says_what_comes_next_and_not_what_serves() -> None:
    asked, end = details_of(record(ROW, DONE), SETTINGS)
    assert (asked["stage"], asked["status"]) == ("recommender update", "ACTIVE")
    assert end["reason"] == DONE["recommender_retraining"]
    assert end["durations_seconds"]["recommender_update"] == 1200
    message = message_of_end(
        end,
        {
            "is_recommender": True, "failed_stage": None, "serves": None, "serves_since": None,
            "last": None,
        },
        SETTINGS,
    )["text"]  # fmt: skip
    assert "What comes next: Personalize retrains for-you by itself.\n" in message
    assert "recommender update 20 min" in message
    assert "Serves now" not in message
    assert "trains it by itself" in meaning_of(DONE)


def test_a_superseded_refresh_names_the_newer_one() -> None:
    row = {**ROW, "refresh_status": "SUPERSEDED", "superseded_by": "arn:newer"}
    (end,) = details_of(record(ROW, row), SETTINGS)
    assert end["reason"] == "The newer refresh arn:newer has imported its data."


def test_the_tasks_that_tell_know_recommenders_by_their_arns() -> None:
    told = announce_settings(BOTH, "shop")["campaigns"]
    assert [("campaign_arn" in told[name]) for name in ("home", "for-you")] == [True, False]
    (watched,) = freshness_settings(BOTH, "shop")["campaigns"]
    assert watched == {"campaign_name": "for-you", "recommender_arn": ARN}


def test_a_recommender_without_rows_is_as_fresh_as_when_it_was_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = described(creationDateTime=NOW, lastUpdatedDateTime=NOW.replace(year=2021))
    monkeypatch.setattr(check_freshness, "personalize", Service(made))
    watched: Any = {"campaign_name": "for-you", "recommender_arn": ARN}
    assert check_freshness.last_change(watched) == NOW


@pytest.mark.parametrize(
    ("row", "stage"),
    [
        ({"recommender_arn": ARN}, "claim"),
        (ROW, "recommender update"),
        (UPDATED, "recommender update"),
        ({**ROW, "dataset_import_job_status": "IN_PROGRESS"}, "dataset import"),
    ],
)
def test_an_execution_that_ended_without_a_word_is_recorded(row: Any, stage: str) -> None:
    given = {
        "campaign_name": "for-you", "base_date": 20200928, "run_key": "1a2b3c4d", "attempt": 1,
        "triggered": 1,
    }  # fmt: skip
    assert run_of({"input": json.dumps(given)}) is None
    run = {**given, "recommender": {"arn": ARN}}
    assert run_of({"input": json.dumps(run)}) == run
    execution: Any = {"executionArn": "arn:x", "status": "ABORTED", "stopDate": 1_601_290_860_999}
    written = ended(execution, run, row)
    assert written["solution_name"] == {"NULL": True}
    assert written["failed_stage"] == {"S": stage}
    assert stage_of(row) == stage
