"""The quality gate at its default, on metrics that the emulated Personalize computes from data."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from judge_version import judge
from plan_types import Gate

from embedded_aws.services.personalize import training
from rehearsal import sample_data
from stacks.refresh_settings import Gate as GateSettings
from tests.slow import slow_but

DEFAULT = GateSettings()
GATE: Gate = {
    "largest_drop": dict(DEFAULT.largest_drop),
    "floor": dict(DEFAULT.floor),
    "unknown": DEFAULT.unknown,
}
WEEK = date(2020, 9, 28)
LAST_WEEK = date(2020, 9, 21)


def rejection(old: dict[str, float], new: dict[str, float]) -> str:
    return judge(GATE, new, {"arn": "arn:old", "metrics": old, "why_not": "-"})["rejection"]


def metrics(rows: pl.DataFrame, folder: Path) -> dict[str, float]:
    path = folder / "data.parquet"
    rows.write_parquet(path)
    trained = training.train([path]).trained
    assert trained is not None
    return trained.metrics


def week(folder: Path, ending: date, weeks: int, seed: int) -> pl.DataFrame:
    path = folder / "week.csv"
    new_items = ending == WEEK
    sample_data.write_week(path, week_ending=ending, new_items=new_items, weeks=weeks, seed=seed)
    return pl.read_csv(path)


@pytest.mark.parametrize("seed", slow_but(range(20), 1, 2, 3, 4))
def test_ordinary_weeks_pass_and_broken_ones_are_rejected(tmp_path: Path, seed: int) -> None:
    served = metrics(week(tmp_path, LAST_WEEK, 8, seed), tmp_path)
    rows = week(tmp_path, WEEK, 9, seed)
    assert rejection(served, metrics(rows, tmp_path)) == ""
    assert rejection(served, served) == ""
    shuffled = rows.with_columns(pl.col("ITEM_ID").shuffle(seed=seed))
    assert "fell from" in rejection(served, metrics(shuffled, tmp_path))
    truncated = rows.head(1350)
    assert "fell from" in rejection(served, metrics(truncated, tmp_path))
