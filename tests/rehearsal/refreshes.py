"""What the tests read from a result: the resources made, the executions and the row."""

from typing import Any

from rehearsal.result import Execution, RefreshResult
from rehearsal.shop import Shop

JOB = "Job-Brandi-Commerce-API"
ONCE = {"dataset_import_jobs": 1, "solution_versions": 1, "campaign_updates": 1}


def counts(result: RefreshResult) -> dict[str, int]:
    """Return how many resources of each kind were made in Personalize."""
    return {kind: len(made) for kind, made in result["personalize"].items()}


def dispatches(result: RefreshResult) -> list[Execution]:
    """Return the executions of the dispatch workflow."""
    return [e for e in result["executions"] if e["machine"].endswith("-dispatch")]


def refreshes(result: RefreshResult) -> list[Execution]:
    """Return the executions of the refresh workflow."""
    return [e for e in result["executions"] if e["machine"].endswith("-refresh")]


def only_row(result: RefreshResult) -> dict[str, Any]:
    """Return the only row of the day."""
    (only,) = result["rows"]
    return only


def abort(shop: Shop) -> None:
    """Stop the execution that the day's only row names."""
    (running,) = shop.rows()
    shop.cloud.client("stepfunctions").stop_execution(executionArn=running["execution_arn"])
    shop.settle()


def abort_while_training(shop: Shop) -> dict[str, Any]:
    """Let a refresh begin, stop it while its solution version is trained, and return its row."""
    shop.succeed()
    shop.later(900)
    abort(shop)
    (row,) = shop.rows()
    return row
