"""The report of one refresh: a page of HTML that needs no other file and asks for none.

`facts.gather` reads what AWS knows of an execution, `page.page` makes the page of it.
"""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

from costs import estimate, transitions_of

from ops.act import describe
from ops.advice import next_commands
from ops.deployment import CONFIG, Deployment, Refusal
from ops.page.facts import Facts, gather
from ops.page.page import page
from ops.refreshes import campaigns, row_of

__all__ = ["Facts", "gather", "page", "with_costs", "write"]


def write(deployment: Deployment, whose: str, base_date: int | None, output: Path | None) -> Path:
    """Write the report of an execution, or of a campaign's refresh; return where it is."""
    if whose in campaigns(deployment):
        arn = str(row_of(deployment, whose, base_date)["execution_arn"])
    else:
        arn = str(describe(deployment, whose)["executionArn"])
    if ":execution:" not in arn or arn.split(":")[6] != _machine(deployment):
        raise Refusal(f"{arn} is not of the refresh workflow; `explain` says what it did")
    facts = gather(
        lambda service: deployment.session.client(service, config=CONFIG),  # type: ignore[call-overload]
        arn,
        deployment.output("TableName"),
        datetime.fromtimestamp(deployment.now(), UTC),
    )
    commands = next_commands(facts.own_row, deployment.environment) if facts.own_row else []
    facts = with_costs(dataclasses.replace(facts, next_command=next(iter(commands), None)))
    path = output or Path(f"{arn.rsplit(':', 1)[-1]}.html")
    try:
        path.write_text(page(facts), encoding="utf-8")
    except OSError as error:
        raise Refusal(
            f"{path} cannot be written: {error.strerror}; name another --output"
        ) from error
    return path


def with_costs(facts: Facts) -> Facts:
    """Return the facts with an estimate of what the run has cost."""
    if not facts.own_row:
        return facts
    transitions = transitions_of(len(facts.events))
    parts = estimate(facts.own_row, transitions=transitions)
    return dataclasses.replace(facts, cost_usd=dict(parts.items()))  # type: ignore[arg-type]


def _machine(deployment: Deployment) -> str:
    return deployment.output("RefreshWorkflowArn").rsplit(":", 1)[-1]
