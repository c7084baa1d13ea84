"""Actions: their data, what Next-Best-Action learns from it, and what it recommends."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from embedded_aws.services.personalize.action_model import ActionModel, learn_actions
from tests.embedded_aws.personalize_shop import HRNN, Shop, csv, record, refusal

RECIPE = "arn:aws:personalize:::recipe/aws-next-best-action"
DAY = 24 * 3600
NEWEST = 1_600_000_000
ACTIONS = record("Actions", ACTION_ID="string", VALUE="long", KIND="string")
EVENTS = record(
    "ActionInteractions",
    USER_ID="string",
    ACTION_ID="string",
    TIMESTAMP="long",
    EVENT_TYPE="string",
)
CATALOGUE = "ACTION_ID,VALUE,KIND\nloyalty,5,club\napp,1,app\nnews,9,mail\n"


def behaviour(users: int = 60) -> list[tuple[str, str, int, str]]:
    """Even users join and do not install, odd ones install and do not join; nobody reads news."""
    rows = []
    for user in range(users):
        for n in range(4):
            at = NEWEST - user - n * DAY
            joins = user % 2 == 0
            rows.append((f"u{user:02}", "loyalty", at, "Taken" if joins else "Not Taken"))
            rows.append((f"u{user:02}", "app", at, "VIEWED" if joins else "TAKEN"))
    return rows


def written(rows: list[tuple[str, str, int, str]]) -> str:
    lines = [",".join(map(str, row)) for row in rows]
    return "\n".join(["USER_ID,ACTION_ID,TIMESTAMP,EVENT_TYPE", *lines, ""])


@pytest.fixture
def group(shop: Shop) -> str:
    """A group with interactions, actions, and an empty dataset of action interactions."""
    shop.imported(shop.dataset(), "items", shop.put("items.csv", csv()))
    shop.imported(
        shop.another_dataset("Actions", ACTIONS), "actions", shop.put("actions.csv", CATALOGUE)
    )
    shop.another_dataset("Action_Interactions", EVENTS)
    return shop.arn("dataset-group/shop")


def imported(shop: Shop, rows: list[tuple[str, str, int, str]], name: str = "events") -> Any:
    dataset = shop.arn("dataset/shop/ACTION_INTERACTIONS")
    return shop.imported(dataset, name, shop.put(f"{name}.csv", written(rows)))


def recommended(shop: Shop, campaign: str, **request: Any) -> dict[str, float]:
    response = shop.client("personalize-runtime").get_action_recommendations(
        campaignArn=campaign, **request
    )
    return {action["actionId"]: action["score"] for action in response["actionList"]}


@pytest.mark.usefixtures("group")
def test_a_campaign_recommends_the_actions_that_a_user_takes_most_likely(shop: Shop) -> None:
    assert imported(shop, behaviour())["status"] == "ACTIVE"
    version = shop.trained(shop.solution(recipe=RECIPE))
    campaign = shop.campaign(version)
    joins, installs = (recommended(shop, campaign, userId=f"u0{n}") for n in (2, 3))
    assert list(joins) == ["loyalty", "app", "news"]
    assert list(installs) == ["app", "loyalty", "news"]
    assert joins["loyalty"] > 0.6
    assert joins["app"] < 0.4
    assert joins["news"] == 0
    assert list(recommended(shop, campaign, userId="unknown", numResults=1)) == ["loyalty"]
    metrics = shop.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
    assert metrics["recall"] == metrics["area_under_the_curve"] == 1
    assert metrics["precision"] == 0.5  # what was hidden is never the app: it is the older one
    assert "mean_reciprocal_rank_at_25" not in metrics


@pytest.mark.usefixtures("group")
def test_without_action_interactions_the_most_valuable_actions_are_first(shop: Shop) -> None:
    campaign = shop.campaign(shop.trained(shop.solution(recipe=RECIPE)))
    assert list(recommended(shop, campaign, userId="u1").items()) == [
        ("news", 0.0),
        ("loyalty", 0.0),
        ("app", 0.0),
    ]


@pytest.mark.usefixtures("group")
def test_an_action_interaction_has_one_of_three_event_types(shop: Shop) -> None:
    rows = [*behaviour(2), ("u1", "app", NEWEST, "Clicked")]
    job = imported(shop, rows)
    assert (job["status"], job["failureReason"]) == (
        "CREATE FAILED",
        "EVENT_TYPE must be one of TAKEN, NOT_TAKEN, VIEWED, but is: Clicked",
    )
    shop.backend.behaviour.other_action_events = "accepted"
    assert imported(shop, rows, "again")["status"] == "ACTIVE"


def test_a_training_needs_actions(shop: Shop) -> None:
    shop.imported(shop.dataset(), "items", shop.put("items.csv", csv()))
    solution = shop.solution(recipe=RECIPE)
    why = f"Dataset group {shop.arn('dataset-group/shop')} needs a dataset of type ACTIONS."
    create = shop.personalize.create_solution_version
    assert refusal(create, solutionArn=solution) == ("InvalidInputException", why)
    shop.backend.behaviour.missing_dataset = "failed"
    assert shop.version(shop.trained(solution))["failureReason"] == why
    shop.another_dataset("Actions", ACTIONS)
    assert shop.version(shop.trained(solution))["failureReason"] == "Dataset ACTIONS has no data."


@pytest.mark.usefixtures("group")
def test_items_and_actions_are_recommended_by_their_own_operations(shop: Shop) -> None:
    runtime = shop.client("personalize-runtime")
    actions = shop.campaign(shop.trained(shop.solution(recipe=RECIPE)))
    items = shop.campaign(shop.trained(shop.solution("hrnn", recipe=HRNN)), "items")
    for call, campaign in (
        (runtime.get_recommendations, actions),
        (runtime.get_action_recommendations, items),
    ):
        refused = refusal(call, campaignArn=campaign, userId="u1")
        assert refused[0] == "InvalidInputException"
    call = runtime.get_action_recommendations
    assert refusal(call, campaignArn=actions)[1].startswith("userId is required")
    assert refusal(call, campaignArn=actions, userId="u1", numResults=101)[0] == (
        "InvalidInputException"
    )


def test_a_domain_dataset_group_has_no_solution_for_actions(shop: Shop) -> None:
    shop.dataset(domain="ECOMMERCE")
    with pytest.raises(shop.personalize.exceptions.InvalidInputException, match="custom"):
        shop.solution(recipe=RECIPE)


# The model


def learnt(
    folder: Path, rows: list[tuple[str, str, int, str]], **columns: list[Any]
) -> ActionModel:
    actions, events = folder / "actions.parquet", folder / "events.parquet"
    pl.DataFrame({"ACTION_ID": ["loyalty", "app"], **columns}).write_parquet(actions)
    names = ["USER_ID", "ACTION_ID", "TIMESTAMP", "EVENT_TYPE"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(events)
    return learn_actions([actions], [events])


def test_an_action_has_a_score_from_fifty_interactions_of_either_kind_in_six_weeks(
    tmp_path: Path,
) -> None:
    enough = [(f"u{n}", "app", NEWEST - n, "Taken") for n in range(50)]
    enough += [(f"v{n}", "app", NEWEST - n, "Viewed") for n in range(50)]
    assert learnt(tmp_path, enough).recommend("new", 5, NEWEST) == [("app", 0.5), ("loyalty", 0.0)]
    old = [(*enough[0][:2], NEWEST - 43 * DAY, "Taken"), *enough[1:]]
    for rows in (enough[1:], enough[:-1], [*old, ("u", "loyalty", NEWEST, "Viewed")]):
        assert dict(learnt(tmp_path, rows).recommend("new", 5, NEWEST))["app"] == 0


def test_expired_actions_and_those_taken_lately_are_left_out(tmp_path: Path) -> None:
    rows = [("u1", "app", NEWEST, "Taken")]
    model = learnt(
        tmp_path, rows, EXPIRATION_TIMESTAMP=[NEWEST + 5 * DAY, None], REPEAT_FREQUENCY=[None, 3]
    )
    names = {
        day: [name for name, _ in model.recommend("u1", 5, NEWEST + day * DAY)] for day in (1, 4, 6)
    }
    assert names == {1: ["loyalty"], 4: ["app", "loyalty"], 6: ["app"]}
    assert [name for name, _ in model.recommend("u2", 5, NEWEST + DAY)] == ["app", "loyalty"]


def test_the_last_row_of_an_action_counts(tmp_path: Path) -> None:
    files = []
    for number in range(2):
        files.append(tmp_path / f"{number}.parquet")
        pl.DataFrame({"ACTION_ID": ["app"], "VALUE": [number]}).write_parquet(files[-1])
    assert learn_actions(files, []).actions["app"].value == 1


def test_shuffled_action_interactions_make_a_worse_model(tmp_path: Path) -> None:
    rows = behaviour()
    good = learnt(tmp_path, rows).metrics
    assert good == learnt(tmp_path, rows[::-1]).metrics
    users = pl.Series([row[0] for row in rows]).shuffle(seed=1).to_list()
    bad = learnt(tmp_path, [(u, *row[1:]) for u, row in zip(users, rows, strict=True)]).metrics
    for name in ("area_under_the_curve", "precision", "recall"):
        assert bad[name] < 0.8 * good[name]


@pytest.mark.usefixtures("group")
def test_new_actions_are_recommended_two_hours_later_without_a_training(shop: Shop) -> None:
    campaign = shop.campaign(shop.trained(shop.solution(recipe=RECIPE)))
    shop.client("personalize-events").put_actions(
        datasetArn=shop.arn("dataset/shop/ACTIONS"),
        actions=[{"actionId": "gift", "properties": '{"value": 2, "kind": "x"}'}],
    )
    shop.wait(3600)
    assert "gift" not in recommended(shop, campaign, userId="u1")
    shop.wait(2 * 3600)
    assert set(recommended(shop, campaign, userId="u1")) == {"app", "gift", "loyalty", "news"}
