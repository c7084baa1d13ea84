"""New items in a campaign's recommendations: its recipe takes them in without a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from embedded_aws.services.personalize.resources import Answer, Campaign, Dataset

WEIGHT = 0.3  # the default of explorationWeight
AGE_CUT_OFF = 30.0  # the default of explorationItemAgeCutOff, in days
_DAY = 24 * 3600.0


def last_update(campaign: Campaign, now: float, seconds: float) -> float | None:
    """Return when the deployed version last took in new items: every so many seconds.

    Only the solution's latest fully trained version is updated, and none once a version has been
    trained with UPDATE.
    """
    version = campaign.version
    later = version.solution.versions[version.solution.versions.index(version) :]
    if any(v.training_mode == "UPDATE" for v in later):
        return None
    if any(v.status == "ACTIVE" for v in later[1:]):
        return None
    return last_time(campaign, now, seconds)


def last_time(campaign: Campaign, now: float, seconds: float) -> float | None:
    """Return the last time of something that happens every so many seconds while deployed."""
    times = (now - campaign.deployed) // seconds
    return campaign.deployed + times * seconds if times >= 1 else None


def arrivals(datasets: Iterable[Dataset], until: float) -> dict[str, float]:
    """Return when each item of these datasets came, those until this time; created, if known."""
    found: dict[str, float] = {}
    for dataset in datasets:
        for path in dataset.files:
            if (at := dataset.came.get(path, until)) <= until:
                for item, created in _items(pl.scan_parquet(path)):
                    found[item] = at if created is None else created
        for at, row in dataset.streamed:
            if at <= until:
                created = row.get("CREATION_TIMESTAMP")
                found[row["ITEM_ID"]] = (
                    found.get(row["ITEM_ID"], at) if created is None else created
                )
    return found


def explore(
    best: Sequence[tuple[str, float]],
    new: dict[str, float],
    most: int,
    config: Answer,
    now: float,
) -> list[tuple[str, float]]:
    """Put new items among the best ones: a share of `explorationWeight`, the newest first.

    `most` of the result will be returned. With a weight of 0, and for items older than
    `explorationItemAgeCutOff` days, there are none.
    """
    weight = float(config.get("explorationWeight", WEIGHT))
    oldest = now - float(config.get("explorationItemAgeCutOff", AGE_CUT_OFF)) * _DAY
    young = sorted((item for item in new if new[item] >= oldest), key=lambda i: (-new[i], i))
    if weight <= 0 or not young:
        return list(best)
    count = min(len(young), max(1, round(weight * most)))
    mixed, step = list(best), max(1, most // count)
    for number, item in enumerate(young[:count]):
        mixed.insert(min(number * step + step - 1, len(mixed)), (item, 0.0))
    return mixed


def _items(rows: pl.LazyFrame) -> Iterable[tuple[str, float | None]]:
    known = rows.collect_schema().names()
    created = pl.col("CREATION_TIMESTAMP") if "CREATION_TIMESTAMP" in known else pl.lit(None)
    return rows.select("ITEM_ID", created=created).unique("ITEM_ID").collect().iter_rows()
