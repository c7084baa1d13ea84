"""The short forms of statemachine/ written out as Amazon States Language (states-language.net).

- `Like: <name>` begins with what shared.yaml has under that name; the state's own keys win, and
  variables are added to those that it assigns. A Retry may name its entries alone.
- A state that names no Next goes on to the one below it, and so does a Catch. Its Type follows from
  Resource (Task), Choices (Choice), Seconds (Wait) or Error (Fail). A Resource is written without
  `arn:<partition>:states:::`.
- `<what they do>: {States: <name>}` stands for the states of <name>.asl.yaml, in their order.
- `Stage: <name>` is the body of a Map or of a Parallel's one branch, from stages/<name>.asl.yaml.
  There `${stage}` is the name, and `${stage_attempts}` the value `<name>_attempts`. Where the same
  body stands again, `Suffix: (again)` ends its states' names, which a machine may have only once.
- `Write own row` sets attributes of the row only while this execution owns it; `Write own or new
  row` also if no execution has claimed it. An attribute is text, {N: a number}, {N: now},
  {N: …, Once: true} if it is not there yet, {S: …, When: a condition} only then, or {Value: an
  expression} whose value DynamoDB's type is part of, such as {'NULL': true}. Null removes it.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

STATEMACHINE = Path(__file__).parent.parent / "statemachine"
OWNED = "execution_arn = :me"
OWNED_OR_NEW = f"attribute_not_exists(execution_arn) OR {OWNED}"
NOW = "$floor($millis() / 1000)"

Json = dict[str, Any]


class DefinitionError(Exception):
    """A workflow file that cannot be written out; the text names the state and what is wrong."""


def written_out(file: str, partition: str) -> Json:
    """Return a file of statemachine/ with its stages and all short forms written out.

    Raises DefinitionError for a short form that shared.yaml does not know.
    """
    return _machine(_read(file), partition)


def retried_errors() -> set[str]:
    """Return the errors that any retry of shared.yaml names: those that pass with time."""
    shared = map(_liked, _read("shared.yaml").values())
    return {error for entry in shared if "BackoffRate" in entry for error in entry["ErrorEquals"]}


def _machine(machine: Json, partition: str) -> Json:
    """Write out the states of a machine, of a branch or of an iteration."""
    states = dict(_with_other_files(machine["States"]))
    below = dict(pairwise(states))
    return {
        **machine,
        "States": {
            name: _state(name, short, below.get(name), partition) for name, short in states.items()
        },
    }


def _with_other_files(states: Json) -> Iterator[tuple[str, Json]]:
    for name, short in states.items():
        if "States" in short:
            yield from _read(f"{short['States']}.asl.yaml")["States"].items()
        else:
            yield name, short


def _state(name: str, short: Json, below: str | None, partition: str) -> Json:
    state = _liked(short)
    if "Write own row" in state:
        state = _write(name, state, state.pop("Write own row"), OWNED)
    elif "Write own or new row" in state:
        state = _write(name, state, state.pop("Write own or new row"), OWNED_OR_NEW)
    state = {"Type": state.get("Type") or _type(name, state), **state}
    if "Stage" in state:
        body = _stage(state.pop("Stage"), state.pop("Suffix", None), partition)
        if state["Type"] == "Map":
            state["ItemProcessor"] = {"ProcessorConfig": {"Mode": "INLINE"}, **body}
        else:
            state["Branches"] = [body]
    if "Resource" in state:
        state["Resource"] = f"arn:{partition}:states:::{state['Resource']}"
    if retries := state.pop("Retry", None):
        state["Retry"] = [_liked({"Like": r}) if isinstance(r, str) else r for r in retries]
    if state["Type"] not in {"Choice", "Succeed", "Fail"} and "End" not in state:
        state.setdefault("Next", below)
        if state["Next"] is None:
            raise DefinitionError(f"{name} is the last state: it needs a Next or End")
    for catch in state.get("Catch", []):
        catch.setdefault("Next", state.get("Next"))
    return state


def _stage(stage: str, suffix: str | None, partition: str) -> Json:
    body = _named(_machine(_read(f"stages/{stage}.asl.yaml"), partition), stage)
    if suffix is None:
        return dict(body)
    return _renamed(body, {name: f"{name} {suffix}" for name in body["States"]})


def _type(name: str, state: Json) -> str:
    for key, kind in (
        ("Resource", "Task"),
        ("Choices", "Choice"),
        ("Seconds", "Wait"),
        ("Error", "Fail"),
    ):
        if key in state:
            return kind
    raise DefinitionError(f"{name} has no Type, and nothing that tells it")


def _write(name: str, state: Json, attributes: Json, condition: str) -> Json:
    """Return the UpdateItem that sets attributes of the row, on the condition that it is ours."""
    always: list[str] = []
    sometimes: list[str] = []
    removed = [attribute for attribute, value in attributes.items() if value is None]
    names: Json = {}
    values: Json = {":me": {"S": "{% $me %}"}}
    for number, (attribute, value) in enumerate(attributes.items(), 1):
        if value is None:
            continue
        path, placeholder = attribute, f":{attribute}"
        if attribute.startswith("{%"):
            path, placeholder = f"#{number}", f":v{number}"
            names[path] = attribute
        when, typed = _value(name, attribute, value)
        if when:  # DynamoDB refuses a value that no expression uses: this one is another's, too
            same = next((p for p, v in values.items() if v == typed), None)
            if same is None:
                raise DefinitionError(f"{name}: no attribute is always set to {typed}")
            sometimes.append(f"({when} ? ', {path} = {same}' : '')")
            continue
        values[placeholder] = typed
        once = isinstance(value, dict) and "Once" in value
        always.append(
            f"{path} = if_not_exists({path}, {placeholder})" if once else f"{path} = {placeholder}"
        )
    update = f"SET {', '.join(always)}"
    remove = f" REMOVE {', '.join(removed)}" if removed else ""
    if sometimes:
        parts = [f"'{update}'", *sometimes, *([f"'{remove}'"] if remove else [])]
        update = f"{{% {' & '.join(parts)} %}}"
    else:
        update += remove
    arguments = {
        "TableName": "${table_name}",
        "Key": "{% $row_key %}",
        "UpdateExpression": update,
        "ConditionExpression": condition,
        **({"ExpressionAttributeNames": names} if names else {}),
        "ExpressionAttributeValues": values,
        **state.get("Arguments", {}),
    }
    return {
        **state,
        "Resource": "dynamodb:updateItem",
        "Arguments": arguments,
        "Retry": ["table_unavailable", "table_refuses"],
    }


def _value(name: str, attribute: str, value: Any) -> tuple[str | None, Any]:
    """Return when a short form's attribute is set (None: always), and its value as DynamoDB's."""
    if isinstance(value, str):
        return None, {"S": value}
    if isinstance(value, dict) and value.keys() <= {"N", "Once"}:
        number = NOW if value["N"] == "now" else value["N"]
        return None, {"N": f"{{% $string({number}) %}}"}
    if isinstance(value, dict) and value.keys() == {"Value"}:
        return None, value["Value"]
    if isinstance(value, dict) and value.keys() == {"S", "When"}:
        return value["When"], {"S": value["S"]}
    raise DefinitionError(f"{name}: {attribute} cannot be {value!r}")


def _liked(node: Any) -> Any:
    """Return a copy of a node in which every `Like` is replaced by what it names."""
    if isinstance(node, list):
        return [_liked(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    own = {key: _liked(value) for key, value in node.items() if key != "Like"}
    if "Like" not in node:
        return own
    shared = _read("shared.yaml")
    if node["Like"] not in shared:
        raise DefinitionError(f"Like: {node['Like']}: shared.yaml has {', '.join(shared)}")
    return _merged(_liked(shared[node["Like"]]), own)


def _merged(base: Json, own: Json) -> Json:
    merged = {**base, **own}
    if "Assign" in base and "Assign" in own:
        merged["Assign"] = {**base["Assign"], **own["Assign"]}
    return merged


def _named(node: Any, stage: str) -> Any:
    """Put a stage's name into its body."""
    if isinstance(node, dict):
        return {key: _named(value, stage) for key, value in node.items()}
    if isinstance(node, list):
        return [_named(value, stage) for value in node]
    if isinstance(node, str):
        return node.replace("${stage}", stage).replace(
            "${stage_attempts}", f"${{{stage}_attempts}}"
        )
    return node


def _renamed(body: Json, names: dict[str, str]) -> Json:
    """Give the states of a body other names, and lead to them by these."""

    def state(old: Json) -> Json:
        new: Json = {k: names[v] if k in ("Next", "Default") else v for k, v in old.items()}
        for branches in ("Choices", "Catch"):
            if branches in new:
                new[branches] = [{**each, "Next": names[each["Next"]]} for each in new[branches]]
        return new

    return {
        **body,
        "StartAt": names[body["StartAt"]],
        "States": {names[name]: state(old) for name, old in body["States"].items()},
    }


@cache
def _read(file: str) -> Any:
    return yaml.safe_load((STATEMACHINE / file).read_text(encoding="utf-8"))
