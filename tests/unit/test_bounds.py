"""The most events that an execution can write, from its definition and the settings."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.bounds import (
    MOST_EVENTS,
    UnboundedLoop,
    Worst,
    bound_problems,
    worst_case,
    worst_cases,
)
from stacks.load import SettingsError, load, read

ROOT = Path(__file__).parents[2]


def machine(**states: object) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


DONE = {"Type": "Succeed"}


def test_a_task_writes_five_events_and_three_more_for_each_retry() -> None:
    task = {"Type": "Task", "Retry": [{"MaxAttempts": 4}, {"MaxAttempts": 2}], "Next": "Done"}
    assert worst_case(machine(Try=task, Done=DONE), {}, 0) == Worst(2 + 5 + 6 * 3 + 2, 1 + 6 + 1)


def test_a_loop_counts_as_many_times_as_its_wait_allows() -> None:
    poll = {
        "Begin": {"Type": "Pass", "Next": "Wait"},
        "Wait": {"Type": "Wait", "Next": "Look"},
        "Look": {"Type": "Task", "Next": "Done?"},
        "Done?": {"Type": "Choice", "Choices": [{"Next": "Done"}], "Default": "Wait"},
        "Done": DONE,
    }
    worst = worst_case(machine(**poll), {"Wait": 100}, 0)
    assert worst == Worst(2 + 2 + 101 * (2 + 5 + 2) + 2, 1 + 101 * 3 + 1)


def test_a_state_counts_only_for_the_waits_that_lead_back_to_it() -> None:
    two = {
        "Outer": {"Type": "Pass", "Next": "Inner"},
        "Inner": {"Type": "Choice", "Choices": [{"Next": "Often"}, {"Next": "Seldom"}]},
        "Often": {"Type": "Wait", "Next": "Inner"},
        "Seldom": {"Type": "Wait", "Next": "Outer"},
    }
    worst = worst_case(machine(**two), {"Often": 50, "Seldom": 3}, 0)
    assert worst.transitions == (1 + 3) + (1 + 53) + (1 + 50) + (1 + 3)


def test_a_map_counts_once_for_each_of_its_items() -> None:
    inner = {"StartAt": "Do", "States": {"Do": {"Type": "Task", "End": True}}}
    mapped = {"Type": "Map", "ItemProcessor": inner, "End": True}
    assert worst_case(machine(Each=mapped), {}, 7) == Worst(2 + 4 + 7 * (2 + 5), 1 + 7)


def test_a_loop_in_which_no_time_passes_has_no_bound() -> None:
    spin = {
        "A": {"Type": "Task", "Next": "B", "Catch": [{"Next": "Done"}]},
        "B": {"Type": "Choice", "Choices": [{"Next": "Done"}], "Default": "A"},
        "Done": DONE,
    }
    with pytest.raises(UnboundedLoop, match="A"):
        worst_case(machine(**spin), {}, 0)


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_no_execution_can_write_more_than_24000_events(environment: str) -> None:
    worst = worst_cases(load(ROOT / "environments")[environment])
    assert 5_000 < worst["refresh.asl.yaml"].events <= MOST_EVENTS == 24_000
    assert worst["refresh.asl.yaml"].transitions < 6_500  # as docs/operations.md says
    assert worst["dispatch.asl.yaml"].events <= MOST_EVENTS


def prod(**changes: Any) -> str:
    raw = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text())
    return yaml.safe_dump({**raw, **changes})


def test_settings_that_could_write_more_are_refused_with_the_stage_to_change() -> None:
    hasty = {"solution_version": {"longest_wait_seconds": 60}}
    with pytest.raises(SettingsError) as caught:
        read(prod(stages=hasty), bound_problems)
    (problem,) = caught.value.problems
    assert problem.startswith("stages.solution_version: waited for and polled to the limits, ")
    assert "raise longest_wait_seconds, or lower time_limit_hours" in problem


def test_a_training_of_twenty_hours_may_be_polled_every_minute() -> None:
    often = {"solution_version": {"longest_wait_seconds": 60, "time_limit_hours": 20}}
    environment = read(prod(stages=often), bound_problems)
    assert environment.stages.solution_version.longest_wait_seconds == 60


def test_more_campaigns_than_one_dispatch_can_start_are_refused() -> None:
    raw = yaml.safe_load(prod())
    (refresh,) = raw["refreshes"]
    campaigns = [{"name": f"campaign-{n}", "solution": "s"} for n in range(376)]
    refresh["campaigns"] = campaigns[:375]  # as docs/deploy.md says
    read(yaml.safe_dump(raw), bound_problems)
    refresh["campaigns"] = campaigns
    with pytest.raises(SettingsError, match="divide the campaigns between two environments"):
        read(yaml.safe_dump(raw), bound_problems)


def test_five_datasets_with_a_canary_and_a_bake_time_fit_into_a_history() -> None:
    raw = yaml.safe_load((ROOT / "rehearsal" / "environments" / "complete.yaml").read_text("utf-8"))
    (refresh,) = raw["refreshes"]
    (first, *_) = refresh["datasets"]
    refresh["datasets"] = [
        {**first, "type": kind, "location": f"s3://complete-shop/{kind.lower()}/"}
        for kind in ("INTERACTIONS", "USERS", "ITEMS", "ACTIONS", "ACTION_INTERACTIONS")
    ]
    refresh["campaigns"][0] |= {"canary": {}, "bake": {"minutes": 1440, "alarms": ["shop"]}}
    assert read(yaml.safe_dump(raw), bound_problems)
