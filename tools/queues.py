"""Rehearses many campaigns behind Personalize's default quotas: `make queues`.

Prints how long they took against the least that the quota allows, and how often Personalize
refused. All imports or all trainings are asked for at the same moment, by one Glue job's event.
"""

import argparse
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from rehearsal.assembly import find_stack, synthesise
from rehearsal.shop import TODAY, Shop, open_shop
from rehearsal.weekly_files import weekly_files

IMPORT_SECONDS, TRAINING_SECONDS, UPDATE_SECONDS = 600, 1500, 300
IMPORT_SLOTS, TRAINING_SLOTS = 5, 20
MOST_OF_BOUND = 1.10


def environment(campaigns: int, *, one_dataset: bool) -> dict[str, Any]:
    """Return settings of so many campaigns, each trained on its own dataset or all on one."""
    everything: list[dict[str, Any]] = [
        {
            "name": f"refresh-{number}",
            "glue_job": "export",
            "datasets": [
                {
                    "dataset_group": f"group-{number}",
                    "type": "INTERACTIONS",
                    "location": f"s3://many-personalize/group-{number}/",
                }
            ],
            "campaigns": [{"name": f"campaign-{number}", "solution": f"solution-{number}"}],
        }
        for number in range(campaigns)
    ]
    if one_dataset:
        every = [campaign for refresh in everything for campaign in refresh["campaigns"]]
        everything = [{**everything[0], "campaigns": every}]
    return {
        "account": "111122223333",
        "region": "ap-northeast-1",
        "table": {"name": "MANY_PERSONALIZE_DATA_PROCESS", "capacity": "on_demand"},
        "import_role": {"buckets": ["many-personalize"]},
        "refreshes": everything,
    }


def least_seconds(campaigns: int, *, one_dataset: bool) -> float:
    """Return what the quota allows at the best."""
    imports = 1 if one_dataset else math.ceil(campaigns / IMPORT_SLOTS)
    trainings = math.ceil(campaigns / TRAINING_SLOTS) if one_dataset else 1
    return imports * IMPORT_SECONDS + trainings * TRAINING_SECONDS + UPDATE_SECONDS


def rehearse(campaigns: int, *, one_dataset: bool) -> bool:
    """Refresh all campaigns at once, print how it went, and return whether it was well."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "environments").mkdir()
        settings = yaml.safe_dump(environment(campaigns, one_dataset=one_dataset))
        (folder / "environments" / "many.yaml").write_text(settings, "utf-8")
        stack = find_stack(synthesise(folder / "cdk.out", folder / "environments"), "many")
        week = folder / "week.csv"
        rows = [f"U{n % 30},P{n * n % 41},{1_600_000_000 + n}\n" for n in range(1000)]
        week.write_text(f"USER_ID,ITEM_ID,TIMESTAMP\n{''.join(rows)}", "utf-8")
        with open_shop(stack, weekly_files(folder, TODAY, [week], [week])) as shop:
            return refresh_all(shop, campaigns, one_dataset=one_dataset)


def refresh_all(shop: Shop, campaigns: int, *, one_dataset: bool) -> bool:
    """Refresh the campaigns of an open shop, print how it went, and return whether it was well."""
    shop.behaviour.import_seconds = IMPORT_SECONDS
    shop.behaviour.training_seconds = TRAINING_SECONDS
    shop.behaviour.campaign_update_seconds = UPDATE_SECONDS
    began = shop.cloud.clock.time()
    shop.deliver()
    with shop.time_passing():
        while not shop.cloud.clock.wait_until_idle(timeout=10):
            hours = (shop.cloud.clock.time() - began) / 3600
            print(f"  … {hours:.1f} hours in", file=sys.stderr, flush=True)
    rows = shop.rows()
    took = max(row["ended_datetime"] for row in rows) - began
    share = took / least_seconds(campaigns, one_dataset=one_dataset)
    statuses = Counter(row["refresh_status"] for row in rows)
    call = "CreateSolutionVersion" if one_dataset else "CreateDatasetImportJob"
    calls = Counter(operation for _, operation in shop.cloud.faults.made)
    refused = calls[f"personalize:{call}"] - campaigns
    print(
        f"{campaigns} {'trainings' if one_dataset else 'imports'}: {dict(statuses)} "
        f"after {took / 3600:.1f} hours, {share:.3f} of what the quota allows; "
        f"Personalize refused {call} {refused} times"
    )
    return statuses == {"COMPLETE": campaigns} and share <= MOST_OF_BOUND


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse what the command line asks for; return 1 if any of it was not well."""
    parser = argparse.ArgumentParser(prog="make queues", description=__doc__)
    parser.add_argument("--imports", type=int, nargs="*", default=[100, 300], metavar="CAMPAIGNS")
    parser.add_argument("--trainings", type=int, nargs="*", default=[100], metavar="CAMPAIGNS")
    chosen = parser.parse_args(arguments)
    well = [rehearse(n, one_dataset=False) for n in chosen.imports]
    well += [rehearse(n, one_dataset=True) for n in chosen.trainings]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
