"""What CreateStateMachine and UpdateStateMachine check, and the parsed definition."""

import copy
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from moto.core.exceptions import AWSError
from moto.stepfunctions.exceptions import ValidationException
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.parse import preprocessor
from moto.stepfunctions.parser.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from statelint.linter import Linter

from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions import jsonata, naming


class InvalidDefinition(AWSError):
    """A definition that the API refuses; moto's own class loses its name in the response."""

    TYPE = "InvalidDefinition"


MAX_DEFINITION = 1_048_576  # characters

# Fields that accept a JSONata expression where the linter requires a value of their type.
_INSTEAD: dict[str, Any] = {
    "Seconds": 1,
    "TimeoutSeconds": 1,
    "HeartbeatSeconds": 1,
    "MaxConcurrency": 1,
    "ToleratedFailureCount": 1,
    "ToleratedFailurePercentage": 1,
    "Timestamp": "2026-11-22T15:30:00Z",
    "Items": [],
    "Arguments": {},
}


@lru_cache(maxsize=64)
def parse(definition: str) -> Program:
    """Return the program of `definition`, which keeps no state of its own between executions.

    Raises InvalidDefinition with a message like AWS's for anything that AWS refuses at creation,
    and ValidationException for a definition that is too long.
    """
    if len(definition) > MAX_DEFINITION:
        raise ValidationException(
            "1 validation error detected: Value at 'definition' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_DEFINITION}"
        )
    problems = list(_problems(definition))
    if problems:
        raise InvalidDefinition(
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "
            + ", ".join(problems)
            + "'"
        )
    try:
        program, _ = AmazonStateLanguageParser.parse(definition)
    except ASLParserException as error:
        raise InvalidDefinition(f"Invalid State Machine Definition: '{error}'") from error
    except Exception as error:  # moto's preprocessor raises many types
        raise InvalidDefinition(
            f"Invalid State Machine Definition: '{type(error).__name__}: {error}'"
        ) from error
    assert isinstance(program, Program)  # noqa: S101 - for the type checker
    return program


@lru_cache(maxsize=64)
def fields(definition: str) -> dict[str, dict[str, str]]:
    """Return, by state, the path of the field that contains each JSONata expression.

    For example {"Wait": {"$poll": "Seconds"}, "Done?": {"$x = 1": "Choices[0]/Condition"}}.
    """
    found: dict[str, dict[str, str]] = {}
    for name, state in _states(json.loads(definition), ""):
        for path, expression in _expressions(state, ""):
            found.setdefault(name.rsplit("/", 1)[-1], {}).setdefault(expression, path)
    return found


def _problems(definition: str) -> Iterator[str]:
    try:
        machine = json.loads(definition)
    except ValueError as error:
        yield f"INVALID_JSON_DESCRIPTION: {error}"
        return
    if not isinstance(machine, dict):
        yield "INVALID_JSON_DESCRIPTION: the definition is not an object"
        return
    yield from Linter.validate(_lintable(machine))
    for name, state in _states(machine, "/States"):
        arguments = state.get("Arguments", state.get("Parameters"))
        for problem in naming.unsupported(str(state.get("Resource")), arguments):
            yield f"{problem} at {name}/Arguments"
        for path, expression in _expressions(state, ""):
            try:
                jsonata.check(expression)
            except jsonata.EvaluationError as error:
                yield f"The JSONata expression '{expression}' {error} at {name}/{path}"


def _lintable(value: Any, name: str = "") -> Any:
    """Copy a definition for the linter, which accepts expressions only in a few fields.

    An expression becomes a value of the type that its field requires; it is checked separately.
    """
    if isinstance(value, dict):
        return {key: _lintable(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_lintable(item) for item in value]
    if name == "BackoffRate" and type(value) is int:
        return float(value)  # AWS accepts any number
    if isinstance(value, str) and value.startswith("{%"):
        return copy.copy(_INSTEAD.get(name, "{% 1 %}"))
    return value


def _states(machine: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every state with its path, including those of branches and processors."""
    states = machine.get("States") if isinstance(machine, dict) else None
    for name, state in states.items() if isinstance(states, dict) else ():
        if not isinstance(state, dict):
            continue
        here = f"{path}/{name}"
        yield here, state
        for number, branch in enumerate(state.get("Branches") or ()):
            yield from _states(branch, f"{here}/Branches[{number}]/States")
        for processor in ("ItemProcessor", "Iterator"):
            yield from _states(state.get(processor), f"{here}/{processor}/States")


def _expressions(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield each JSONata expression of one state with its field's path, without inner states."""
    if isinstance(value, str):
        if value.startswith("{%") and value.endswith("%}"):
            yield path, value[2:-2].strip()
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _expressions(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            if path or name not in ("Branches", "ItemProcessor", "Iterator", "Comment"):
                yield from _expressions(item, f"{path}/{name}" if path else name)


def _text(parser_rule_context: Any) -> Any:
    """Parse a literal of the definition, which is JSON; moto ignores or breaks some escapes."""
    text = parser_rule_context.getText()
    return json.loads(text) if text.startswith('"') or text == "null" else text


def install() -> None:
    """Read and check definitions as AWS does."""
    read = "a definition is JSON, whose strings have JSON's escapes"
    replace(preprocessor.Preprocessor, read, _inner_string_of=staticmethod(_text))
    replace(preprocessor, read, from_string_literal=_text)
    replace(
        StepFunctionsParserBackend,
        "CreateStateMachine refuses definitions that moto accepts",
        _validate_definition=staticmethod(parse),
    )
