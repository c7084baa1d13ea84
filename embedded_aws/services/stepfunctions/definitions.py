"""What CreateStateMachine and UpdateStateMachine check, and the parsed definition."""

import json
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

from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions import checks


class InvalidDefinition(AWSError):
    """A definition that the API refuses; moto's own class loses its name in the response."""

    TYPE = "InvalidDefinition"


MAX_DEFINITION = 1_048_576  # characters


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
    problems = checks.problems(definition)
    if problems:
        listed = ", ".join(str(problem) for problem in problems)
        raise InvalidDefinition(f"Invalid State Machine Definition: '{listed}'")
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
    for state in checks.states(json.loads(definition)):
        for path, text in checks.texts(state.fields, ""):
            if checks.is_expression(text):
                found.setdefault(state.name, {}).setdefault(text[2:-2].strip(), path)
    return found


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
