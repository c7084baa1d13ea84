"""What a training needs of the data, and which events it takes."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from embedded_aws.services.personalize import training
from embedded_aws.services.personalize.avro import parse_schema
from embedded_aws.services.personalize.behaviour import PersonalizeBehaviour
from embedded_aws.services.personalize.solution_versions import _choices
from embedded_aws.services.personalize.training_rules import EventChoice, TrainingRules
from tests.embedded_aws.personalize_shop import INTERACTIONS, Shop, csv, record, refusal


def data(path: Path, rows: int = 1200, users: int = 60, **columns: Any) -> list[Path]:
    """Write interactions; a column's value is a function of an interaction's number."""
    frame = pl.DataFrame(
        {
            "USER_ID": [f"u{n % users}" for n in range(rows)],
            "ITEM_ID": [f"i{n % 40}" for n in range(rows)],
            "TIMESTAMP": [1_600_000_000 + n for n in range(rows)],
            **{name: [value(n) for n in range(rows)] for name, value in columns.items()},
        },
        schema_overrides={"EVENT_VALUE": pl.Float32} if "EVENT_VALUE" in columns else {},
    )
    target = path / "data.parquet"
    frame.write_parquet(target)
    return [target]


def rules_for(behaviour: PersonalizeBehaviour, *names: str) -> TrainingRules:
    columns = dict.fromkeys(names, "string")
    return behaviour.training_rules(
        parse_schema(record("Interactions", **INTERACTIONS, EVENT_TYPE="string", **columns))
    )


def test_exact_duplicates_do_not_count(shop: Shop) -> None:
    header, *rows = csv(rows=400).splitlines()
    body = "\n".join([header, *rows * 3])
    assert shop.imported(shop.dataset(), "one", shop.put("one.csv", body))["status"] == "ACTIVE"
    version = shop.version(shop.trained(shop.solution()))
    assert version["failureReason"] == "Dataset has fewer than 1000 interactions after filtering."


@pytest.mark.parametrize(
    ("types", "columns", "fails"),
    [(10, (), False), (11, (), True), (8, ("A", "B"), False), (9, ("A", "B"), True)],
)
def test_event_types_and_metadata_columns_are_ten_at_most(
    tmp_path: Path, types: int, columns: tuple[str, ...], fails: bool
) -> None:
    files = data(tmp_path, EVENT_TYPE=lambda n: f"e{n % types}" if n else None)
    behaviour = PersonalizeBehaviour()
    result = training.train(files, rules_for(behaviour, *columns))
    most = 10 - len(columns)
    expected = f"Dataset has {types} distinct event types, more than the {most} beside its columns."
    assert result.failure == (expected if fails else None)
    behaviour.too_many_event_types = "accepted"
    assert training.train(files, rules_for(behaviour, *columns)).trained


def test_event_type_itself_may_count_among_the_ten(tmp_path: Path) -> None:
    files = data(tmp_path, EVENT_TYPE=lambda n: f"e{n % 10}")
    behaviour = PersonalizeBehaviour(
        event_types_counted_with="metadata, EVENT_TYPE and EVENT_VALUE"
    )
    assert "more than the 9 beside" in str(training.train(files, rules_for(behaviour)).failure)


def test_a_hundredth_of_all_users_must_have_two_interactions(tmp_path: Path) -> None:
    rules = PersonalizeBehaviour().training_rules({})
    rows = [(f"u{n}", "i1", n) for n in range(3000)] + [(f"u{n}", "i2", n) for n in range(29)]
    frame = pl.DataFrame(rows, schema=["USER_ID", "ITEM_ID", "TIMESTAMP"], orient="row")
    frame.write_parquet(tmp_path / "few.parquet")
    assert training.train([tmp_path / "few.parquet"], rules).failure == (
        "Dataset has fewer than 1% of users with at least 2 interactions each."
    )
    more = pl.DataFrame([("u29", "i2", 29)], schema=frame.schema, orient="row")
    pl.concat([frame, more]).write_parquet(tmp_path / "enough.parquet")
    assert training.train([tmp_path / "enough.parquet"], rules).trained


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({}, 4000),
        ({"eventType": "watch"}, 2000),
        ({"solutionConfig": {"eventValueThreshold": "0.7"}}, 2000),
        ({"eventType": "watch", "solutionConfig": {"eventValueThreshold": "0.7"}}, 1000),
        (
            {
                "solutionConfig": {
                    "eventsConfig": {
                        "eventParametersList": [
                            {"eventType": "watch", "eventValueThreshold": 0.7},
                            {"eventType": "click", "weight": 0.5},
                        ]
                    }
                }
            },
            3000,
        ),
        ({"eventType": "buy"}, 0),
    ],
)
def test_a_solution_chooses_events_by_type_and_least_value(
    tmp_path: Path, settings: dict[str, Any], count: int
) -> None:
    files = data(
        tmp_path,
        4000,
        EVENT_TYPE=lambda n: ("watch", "click")[n % 2],
        EVENT_VALUE=lambda n: (0.7, 0.69, 0.7, None)[n // 2 % 4],
    )
    rules = TrainingRules(choices=_choices(settings))
    assert training.train(files, rules).interactions == count


def test_without_event_values_none_reaches_a_threshold(tmp_path: Path) -> None:
    rules = TrainingRules(choices=(EventChoice(least_value=0.5),))
    assert training.train(data(tmp_path), rules).failure == (
        "Dataset has fewer than 1000 interactions after filtering."
    )


def test_a_threshold_that_is_no_number_is_refused(shop: Shop) -> None:
    shop.dataset()
    assert refusal(shop.solution, solutionConfig={"eventValueThreshold": "many"}) == (
        "InvalidInputException",
        "eventValueThreshold must be a number, and is: many",
    )
