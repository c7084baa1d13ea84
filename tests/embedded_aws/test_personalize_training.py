"""The recommender: what it learns, correct metrics, and the same result every time."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from embedded_aws.services.personalize import training
from embedded_aws.services.personalize.evaluation import Fold, folds, measure
from embedded_aws.services.personalize.training_rules import EventChoice, TrainingRules
from rehearsal import sample_data

DAY = 24 * 3600
NEWEST = 1_600_000_000


def interactions(path: Path, rows: list[tuple[str, str, int]]) -> Path:
    frame = pl.DataFrame(rows, schema=["USER_ID", "ITEM_ID", "TIMESTAMP"], orient="row")
    frame.with_columns(EVENT_TYPE=pl.lit("view")).write_parquet(path)
    return path


def of_type(event_type: str) -> TrainingRules:
    return TrainingRules(choices=(EventChoice(event_type),))


def two_styles() -> list[tuple[str, str, int]]:
    """Sixty customers: even ones had coats c0…c9, odd ones dresses d0…d9; two lack item 9."""
    rows = []
    for user in range(60):
        style = "dc"[user % 2 == 0]
        for number in range(20):
            item = (user // 2 + number) % 9 if number < 18 else 9 * (user > 1)
            rows.append((f"u{user:02}", f"{style}{item}", NEWEST - number * DAY))
    return rows


@pytest.fixture
def trained(tmp_path: Path) -> training.Trained:
    outcome = training.train([interactions(tmp_path / "data.parquet", two_styles())])
    assert outcome.trained, outcome.failure
    return outcome.trained


def test_a_user_is_recommended_items_that_go_together_with_their_earlier_items(
    trained: training.Trained,
) -> None:
    assert "c9" not in trained.history["u00"]
    assert trained.recommend("u00", 1)[0][0] == "c9"
    assert trained.recommend("u01", 1)[0][0] == "d9"


def test_earlier_items_of_a_user_come_only_after_all_others(trained: training.Trained) -> None:
    had = set(trained.history["u00"])
    ranking = [item for item, _ in trained.recommend("u00", 100)]
    assert len(ranking) == len(trained.items)
    assert set(ranking[-len(had) :]) == had


def test_an_unknown_user_gets_popular_items(trained: training.Trained) -> None:
    assert [item for item, _ in trained.recommend("nobody", 5)] == list(trained.items)[:5]


def test_similar_items_are_those_that_go_together(trained: training.Trained) -> None:
    assert {item[0] for item, _ in trained.related("c3", 5)} == {"c"}
    assert "c3" not in [item for item, _ in trained.related("c3", 5)]


def test_scores_decrease_and_add_up_to_one(trained: training.Trained) -> None:
    scores = [score for _, score in trained.recommend("u00", 100)]
    known = len(trained.history["u00"])
    assert scores[:-known] == sorted(scores[:-known], reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-4)


def test_items_popular_weeks_ago_count_less_than_items_popular_now(tmp_path: Path) -> None:
    rows = [(f"u{n % 30:02}", "old", NEWEST - 60 * DAY - n) for n in range(700)]
    rows += [(f"u{n % 30:02}", "new", NEWEST - n) for n in range(400)]
    trained = training.train([interactions(tmp_path / "data.parquet", rows)]).trained
    assert trained
    assert list(trained.items) == ["new", "old"]


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    rows = two_styles()
    one = training.train([interactions(tmp_path / "one.parquet", rows)])
    two = training.train([interactions(tmp_path / "two.parquet", rows[::-1])])
    assert one == two
    assert one.trained
    assert two.trained
    assert one.trained.recommend("u07", 25) == two.trained.recommend("u07", 25)


def test_equal_interactions_count_once(tmp_path: Path) -> None:
    rows = [(f"u{n % 30:02}", f"i{n % 7}", NEWEST - n) for n in range(600)]
    files = [interactions(tmp_path / f"{name}.parquet", rows) for name in ("one", "two")]
    assert training.train(files).failure == (
        "Dataset has fewer than 1000 interactions after filtering."
    )
    more = interactions(tmp_path / "more.parquet", [(u, i, t - DAY) for u, i, t in rows])
    once, twice = training.train([files[0], more]), training.train([*files, more])
    assert (once.interactions, once.trained) == (1200, twice.trained)


def test_only_the_event_type_of_the_solution_is_trained_on(tmp_path: Path) -> None:
    path = interactions(tmp_path / "data.parquet", two_styles())
    assert training.train([path], of_type("view")).trained
    assert training.train([path], of_type("purchase")).failure == (
        "Dataset has fewer than 1000 interactions after filtering by event type: purchase"
    )


def test_every_user_is_tested_once_on_their_latest_items_if_there_are_few() -> None:
    history = {f"u{n:02}": [f"i{k}" for k in range(12)] for n in range(20)} | {"u99": ["i1"]}
    chosen = folds(history)
    assert [list(fold.hidden) for fold in chosen] == [[f"u0{n}", f"u1{n}"] for n in range(10)]
    assert chosen[3].hidden["u03"] == ["i10", "i11"]
    assert chosen[3].given["u03"] == [f"i{k}" for k in range(10)]


@pytest.mark.parametrize(("users", "tests", "tested"), [(5000, 4, 500), (30_000, 1, 2000)])
def test_of_many_users_enough_are_tested(users: int, tests: int, tested: int) -> None:
    chosen = folds({f"u{n}": ["i1", "i2"] for n in range(users)})
    assert [len(fold.hidden) for fold in chosen] == [tested] * tests


def test_a_tested_model_has_not_seen_the_tested_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[str], set[str], set[str]]] = []

    def look(tests: Iterable[tuple[training.Trained, Fold[str]]]) -> dict[str, float]:
        for model, fold in tests:
            seen.append((set(model.history), set(model.items), set(fold.hidden)))
        return {}

    monkeypatch.setattr(training, "measure", look)
    rows = [(f"u{n % 50:02}", f"own{n % 50:02}", NEWEST - n) for n in range(1000)]
    rows += [(f"u{n:02}", "all", NEWEST) for n in range(50)]
    training.train([interactions(tmp_path / "data.parquet", rows)])
    assert len(seen) == 10
    for users, items, tested in seen:
        assert users == {f"u{n:02}" for n in range(50)} - tested
        assert items == {"all"} | {user.replace("u", "own") for user in users}


@pytest.mark.parametrize("name", ["ITEM_ID", "rows"])
def test_worse_data_makes_a_model_with_worse_metrics(tmp_path: Path, name: str) -> None:
    path = tmp_path / "week.csv"
    sample_data.write_week(path, week_ending=date(2020, 9, 20), new_items=False)
    good = pl.read_csv(path)
    shuffled = good.with_columns(pl.col("ITEM_ID").shuffle(seed=1))
    bad = shuffled if name == "ITEM_ID" else good.head(1200)
    measured = []
    for number, rows in enumerate((good, good, bad)):
        data = tmp_path / f"{number}.parquet"
        rows.write_parquet(data)
        trained = training.train([data]).trained
        assert trained
        measured.append(trained.metrics)
    assert measured[0] == measured[1]
    for metric in ("mean_reciprocal_rank_at_25", "precision_at_10"):
        assert measured[2][metric] < 0.75 * measured[0][metric]


def test_the_metrics_follow_their_definitions() -> None:
    class Fixed:
        items = dict.fromkeys("abcdefgh", 1.0)

        def ranked(self, had: object, most: int) -> list[tuple[str, float]]:
            del had
            return [(item, 1.0) for item in "abcdef"][:most]

    metrics = measure([(Fixed(), Fold({"u": []}, {"u": ["b", "x"]}))])
    best = 1 + 0.6309
    assert metrics == {
        "coverage": pytest.approx(6 / 9, abs=1e-4),  # x is an item, too
        "mean_reciprocal_rank_at_25": 0.5,
        "normalized_discounted_cumulative_gain_at_5": pytest.approx(0.6309 / best, abs=1e-4),
        "normalized_discounted_cumulative_gain_at_10": pytest.approx(0.6309 / best, abs=1e-4),
        "normalized_discounted_cumulative_gain_at_25": pytest.approx(0.6309 / best, abs=1e-4),
        "precision_at_5": 0.2,
        "precision_at_10": 0.1,
        "precision_at_25": 0.04,
    }
