"""Prints how large what is deployed becomes for many campaigns, against AWS's limits: `make sizes`.

Each campaign has a refresh of its own with three datasets, and every name has 63 characters. What
a Glue event makes "Plan refresh" return is computed for one Glue job that starts all of them.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import app
from stacks.plan import plan_settings
from stacks.settings import Environment
from stacks.sizes import (
    LONGEST_ROLE_ARN,
    MOST_DATA,
    Size,
    template_sizes,
)

CAMPAIGNS = (40, 150, 300)
LONGEST_NAME = 63
TYPES = ("INTERACTIONS", "ITEMS", "USERS")
PLAN = '"Plan refresh": '


def many(campaigns: int, *, glue_job: str | None = None) -> Environment:
    """Return an environment of so many campaigns; each has its own Glue job unless one is given."""
    return Environment.model_validate(
        {
            "account": "111122223333",
            "region": "ap-northeast-1",
            "table": {"name": "MANY_PERSONALIZE_DATA_PROCESS"},
            "import_role": {"buckets": ["many-personalize-data"]},
            "refreshes": [_refresh(number, glue_job) for number in range(campaigns)],
        }
    )


def sizes(campaigns: Sequence[int]) -> dict[int, list[Size]]:
    """Return, for each number of campaigns, the largest of each size, and AWS's limit for it."""
    environments = {f"with-{count}": many(count) for count in campaigns}
    with tempfile.TemporaryDirectory() as folder:
        app.synthesise(environments, Path(folder))
        templates = {
            count: app.template_file(Path(folder), f"with-{count}").read_text("utf-8")
            for count in campaigns
        }
    return {
        count: [*largest(template_sizes(template)), *plan_sizes(count)]
        for count, template in templates.items()
    }


def largest(found: Iterable[Size]) -> list[Size]:
    """Return the largest of each kind of size."""
    worst: dict[str, Size] = {}
    for each in found:
        worst[each.of] = max(worst.get(each.of, each), each, key=lambda size: size.size)
    return list(worst.values())


def plan_sizes(campaigns: int) -> list[Size]:
    """Return the size of what "Plan refresh" returns for its first batch of campaigns."""
    sys.path.append(str(app.HERE / "lambdas"))  # as they are deployed: not a package
    os.environ.setdefault("AWS_DEFAULT_REGION", "ap-northeast-1")
    from plan_refresh import plans  # noqa: PLC0415

    environment = many(campaigns, glue_job="glue-job")
    event = {
        "source": "aws.glue",
        "time": "2026-11-25T00:00:00Z",
        "detail": {"jobName": "glue-job", "jobRunId": f"jr_{64 * 'f'}", "state": "SUCCEEDED"},
    }
    settings = plan_settings(environment, import_role_arn=LONGEST_ROLE_ARN)
    every = plans(event, settings, datetime(2026, 11, 25, tzinfo=UTC), NothingHappened())
    planned = [execution for one in every[: settings["batch"]] for execution in one()]
    return [Size(f"{PLAN}result, bytes", "dispatch", len(json.dumps(planned)), MOST_DATA)]


class NothingHappened:
    """The history of an environment that was deployed a moment ago."""

    def execution_arn(self, name: str) -> str:
        """Return an ARN as long as the deployed one."""
        machine = "PersonalizeRefresh-many-refresh"
        return f"arn:aws:states:ap-northeast-1:111122223333:execution:{machine}:{name}"

    def rows(self, _campaign_name: str, _since: int) -> list[Any]:
        """Return no rows."""
        return []

    def status(self, _execution_arn: str) -> None:
        """Return None: there is no execution."""

    def deployment(self) -> Any:
        """Return that it was deployed at the beginning of 1970."""
        return dict.fromkeys(("created", "updated"), datetime.fromtimestamp(0, UTC))

    def last_success(self, _job: str) -> None:
        """Return None: no Glue job has run."""


def table(found: dict[int, list[Size]]) -> list[str]:
    """Return the lines that show the sizes; `!` marks what AWS refuses."""
    counts = list(found)
    lines = ["campaigns".ljust(32) + "".join(f"{count:>12}" for count in counts) + f"{'AWS':>12}"]
    columns = [{each.of: each for each in column} for column in found.values()]
    every = {kind: each for column in columns for kind, each in column.items()}
    for kind, each in every.items():
        cells = [_cell(column[kind]) if kind in column else "-" for column in columns]
        lines.append(kind.ljust(32) + "".join(f"{c:>12}" for c in [*cells, f"{each.limit:,}"]))
    return lines


def _cell(size: Size) -> str:
    return f"{'! ' if size.size > size.limit else ''}{size.size:,}"


def _refresh(number: int, glue_job: str | None) -> dict[str, Any]:
    group = _name("dataset-group", number)
    return {
        "name": f"refresh-{number}",
        "glue_job": glue_job or _name("glue-job", number),
        "datasets": [
            {
                "dataset_group": group,
                "type": kind,
                "location": f"s3://many-personalize-data/{group}/{kind.lower()}/",
            }
            for kind in TYPES
        ],
        "campaigns": [{"name": _name("campaign", number), "solution": _name("solution", number)}],
    }


def _name(kind: str, number: int) -> str:
    # the number comes first: names that differ early share the least
    return f"{number:03}-{kind}-".ljust(LONGEST_NAME, "x")


if __name__ == "__main__":
    print("\n".join(table(sizes([int(count) for count in sys.argv[1:]] or CAMPAIGNS))))
