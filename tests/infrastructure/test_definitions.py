"""The definitions of the workflows in the synthesised template."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonata
import pytest
from statelint.linter import Linter

Template = Callable[[str], dict[str, Any]]
WORKFLOWS = ["Dispatch", "Refresh"]


def definition(template: Template, workflow: str) -> dict[str, Any]:
    (text,) = (
        resource["Properties"]["DefinitionString"]
        for name, resource in template("prod")["Resources"].items()
        if resource["Type"] == "AWS::StepFunctions::StateMachine" and name.startswith(workflow)
    )
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state of a machine, including those in Map and Parallel."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from states(inner)


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from texts(inner)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_statelint_finds_nothing(template: Template, workflow: str) -> None:
    # AWS accepts JSONata as Seconds of a Wait; statelint 3.1 does not know that yet
    unknown = re.compile(r"States\.Wait [\w ()]+\.Seconds is \"{%.*%}\" but should be an Integer$")
    found = Linter.validate(json.dumps(definition(template, workflow)))
    assert [problem for problem in found if not unknown.search(problem)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_jsonata_expression_parses(template: Template, workflow: str) -> None:
    expressions = [
        text[2:-2] for text in texts(definition(template, workflow)) if text.startswith("{%")
    ]
    assert len(expressions) > 3
    for expression in expressions:
        jsonata.Jsonata(expression)


def test_a_text_that_looks_like_jsonata_is_jsonata(template: Template) -> None:
    for workflow in WORKFLOWS:
        for text in texts(definition(template, workflow)):
            assert ("{%" in text) == (text.startswith("{%") and text.endswith("%}")), text


POLLS = {
    *("Describe owner", "Describe import", "Describe training", "Describe campaign"),
    *("Describe campaign (rollback)", "Describe alarms", "Describe recommender"),
    "Describe once more",  # it has no loop: by then the refresh has failed, unless it tells better
}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_task_retries_what_passes_with_time_and_a_poll_is_retried_by_its_loop(
    template: Template, workflow: str
) -> None:
    by_their_loops = POLLS | {"Ask for import slot", "Ask for training slot"}
    tasks = [(n, s) for n, s in states(definition(template, workflow)) if s["Type"] == "Task"]
    for name, task in tasks:
        assert bool(task.get("Retry")) is (name not in by_their_loops), name
        for retry in task.get("Retry", []):
            assert retry["JitterStrategy"] == "FULL"
        if name in POLLS:
            assert {catch["Next"] for catch in task["Catch"]} <= {task["Next"]}, name


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_failure_of_a_refresh_is_caught_and_recorded(
    template: Template, workflow: str
) -> None:
    machine = definition(template, workflow)
    for name, state in machine["States"].items():
        if state["Type"] in ("Task", "Map", "Parallel") and name not in POLLS:
            caught = [e for catch in state.get("Catch", []) for e in catch["ErrorEquals"]]
            expected = workflow == "Refresh"  # the dispatch has no row: its execution fails
            assert ("States.ALL" in caught) is expected, name


def test_every_write_of_the_row_is_conditional_on_owning_it(template: Template) -> None:
    own = {
        name: state["Arguments"].get("ConditionExpression", "").strip()
        for name, state in states(definition(template, "Refresh"))
        if str(state.get("Resource")).endswith(("dynamodb:updateItem", "dynamodb:putItem"))
    }
    assert len(own) == 20
    free = "attribute_not_exists(execution_arn) OR execution_arn = :me"
    assert own.pop("Claim refresh").startswith(free)
    assert own.pop("Record failure") == free
    assert set(own.values()) == {"execution_arn = :me"}, own


def test_no_inner_variable_has_the_name_of_an_outer_one(template: Template) -> None:
    machine = definition(template, "Refresh")
    outer = {variable for state in machine["States"].values() for variable in assigned(state)}
    inner = {
        variable
        for name, state in states(machine)
        for variable in assigned(state)
        if name not in machine["States"]
    }
    assert outer & inner == set()


def assigned(state: dict[str, Any]) -> set[str]:
    rules = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {variable for rule in rules for variable in rule.get("Assign", {})}


def test_each_stage_polls_with_the_same_loop(template: Template) -> None:
    found = dict(states(definition(template, "Refresh")))
    for wait, describe, done in (
        ("Wait for import", "Describe import", "Import done?"),
        ("Wait for training", "Describe training", "Trained?"),
        ("Wait for update", "Describe campaign", "Updated?"),
        ("Wait for recommender", "Describe recommender", "Recommender updated?"),
    ):
        assert found[wait]["Next"] == describe
        assert found[describe]["Next"] == done
        assert found[describe]["Resource"].startswith("arn:aws:states:::aws-sdk:personalize:")
        assert wait in [choice["Next"] for choice in found[done]["Choices"]]
