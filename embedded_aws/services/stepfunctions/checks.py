"""What CreateStateMachine, UpdateStateMachine and ValidateStateMachineDefinition refuse.

The codes are those of ValidateStateMachineDefinitionDiagnostic. The texts are AWS's where a public
report quotes them; the others are this module's or statelint's.
"""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from statelint.linter import Linter

from embedded_aws.services.stepfunctions import jsonata, naming

SCHEMA: Final = "SCHEMA_VALIDATION_FAILED"
_MAX_NAME: Final = 80  # of a state or a variable
_MAX_SECONDS: Final = 99_999_999
_MAX_DELAY: Final = 31_622_400

# Fields that accept a JSONata expression where the linter requires a value of their type.
_INSTEAD: Final[dict[str, Any]] = {
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


@dataclass(frozen=True)
class Diagnostic:
    """One reason why a definition is refused; `location` is like /States/A/Catch[0]/Next."""

    code: str
    message: str
    location: str | None

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.location or 'null'}"


@dataclass(frozen=True)
class State:
    """One state of a definition, of the machine itself or of a branch or a processor in it."""

    name: str
    path: str  # /States/All/Branches[0]/States/A
    fields: dict[str, Any]
    is_jsonata: bool

    @property
    def kind(self) -> str:
        """The type, such as Task."""
        return str(self.fields.get("Type"))

    def entries(self, field: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the objects in the list `field` (Retry, Catch, Choices) with their paths."""
        listed = self.fields.get(field)
        for number, entry in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(entry, dict):
                yield f"{self.path}/{field}[{number}]", entry


def problems(definition: str) -> list[Diagnostic]:
    """Return why AWS refuses `definition`; nothing if it does not."""
    try:
        machine = json.loads(definition)
    except ValueError as error:
        if not definition:
            return [Diagnostic(SCHEMA, "Definition must be a valid JSON object", None)]
        return [Diagnostic("INVALID_JSON_DESCRIPTION", str(error), None)]
    if not isinstance(machine, dict):
        return [Diagnostic(SCHEMA, "Definition must be a valid JSON object", None)]
    missing = [name for name in ("States", "StartAt") if name not in machine]
    if missing:
        message = f"These fields are required: [{', '.join(missing)}]"
        return [Diagnostic(SCHEMA, message, "/")]
    found = [*_linted(machine)]
    for state in states(machine):
        for check in _CHECKS:
            found += check(state)
    if machine.get("QueryLanguage") == "JSONata":
        found += [
            Diagnostic(
                SCHEMA,
                "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
                state.path,
            )
            for state in states(machine)
            if state.fields.get("QueryLanguage") == "JSONPath"
        ]
    return list(dict.fromkeys(found))


def states(machine: dict[str, Any]) -> Iterator[State]:
    """Yield every state; those without a QueryLanguage of their own have the machine's."""
    yield from _states(machine, "/States", str(machine.get("QueryLanguage")))


def _states(part: Any, path: str, language: str) -> Iterator[State]:
    listed = part.get("States") if isinstance(part, dict) else None
    for name, fields in listed.items() if isinstance(listed, dict) else ():
        if not isinstance(fields, dict):
            continue
        here = f"{path}/{name}"
        yield State(name, here, fields, fields.get("QueryLanguage", language) == "JSONata")
        branches = fields.get("Branches")
        for number, branch in enumerate(branches if isinstance(branches, list) else ()):
            yield from _states(branch, f"{here}/Branches[{number}]/States", language)
        for processor in ("ItemProcessor", "Iterator"):
            yield from _states(fields.get(processor), f"{here}/{processor}/States", language)


def texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield each text of one state with the path of its field, without inner states' texts."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from texts(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            if path or name not in ("Branches", "ItemProcessor", "Iterator", "Comment"):
                yield from texts(item, f"{path}/{name}" if path else name)


def is_expression(text: str) -> bool:
    """Return whether a JSONata state evaluates this text."""
    return text.startswith("{%") and text.endswith("%}")


# One function for each kind of fault in a state.


def _name(state: State) -> Iterator[Diagnostic]:
    if len(state.name) > _MAX_NAME:
        message = (
            f"Invalid State name: State '{state.name}' exceeds the {_MAX_NAME}-character limit "
            "allowed by the service"
        )
        yield Diagnostic("INVALID_STATE_NAME", message, state.path)


def _resource(state: State) -> Iterator[Diagnostic]:
    resource = str(state.fields.get("Resource"))
    field = "Arguments" if "Arguments" in state.fields else "Parameters"
    unknown = naming.unrecognised(resource)
    if unknown:
        yield Diagnostic(SCHEMA, unknown, f"{state.path}/Resource")
        return
    for message in naming.unsupported(resource, state.fields.get(field)):
        yield Diagnostic(SCHEMA, message, f"{state.path}/{field}")


def _error_names(state: State) -> Iterator[Diagnostic]:
    for field in ("Retry", "Catch"):
        entries = list(state.entries(field))
        for number, (path, entry) in enumerate(entries):
            errors = entry.get("ErrorEquals")
            if not isinstance(errors, list) or "States.ALL" not in errors:
                continue
            if len(errors) > 1 or number < len(entries) - 1:
                yield Diagnostic(
                    SCHEMA,
                    "States.ALL must appear alone and at end of list",
                    f"{path}/ErrorEquals[{errors.index('States.ALL')}]",
                )


def _delays(state: State) -> Iterator[Diagnostic]:
    for path, entry in state.entries("Retry"):
        delay, interval = entry.get("MaxDelaySeconds"), entry.get("IntervalSeconds", 1)
        if isinstance(delay, int) and isinstance(interval, int) and delay <= interval:
            message = "MaxDelaySeconds must be greater than IntervalSeconds"
            yield Diagnostic(SCHEMA, message, f"{path}/MaxDelaySeconds")
        elif isinstance(delay, int) and delay >= _MAX_DELAY:
            message = f"MaxDelaySeconds must be less than {_MAX_DELAY}"
            yield Diagnostic(SCHEMA, message, f"{path}/MaxDelaySeconds")


def _times(state: State) -> Iterator[Diagnostic]:
    for field in ("Seconds", "TimeoutSeconds", "HeartbeatSeconds"):
        seconds = state.fields.get(field)
        if isinstance(seconds, int) and seconds > _MAX_SECONDS:
            message = f"Maximum value is {_MAX_SECONDS}"
            yield Diagnostic(SCHEMA, message, f"{state.path}/{field}")
    if state.kind in ("Map", "Parallel") and "TimeoutSeconds" in state.fields:
        yield Diagnostic(SCHEMA, "Field 'TimeoutSeconds' is not supported", state.path)


def _variable_names(state: State) -> Iterator[Diagnostic]:
    places = [(state.path, state.fields), *state.entries("Choices"), *state.entries("Catch")]
    for path, entry in places:
        assign = entry.get("Assign")
        for key in assign if isinstance(assign, dict) else ():
            name = key if state.is_jsonata else key.removesuffix(".$")
            # "The first character … must be a Unicode ID_Start character, and the second and
            # subsequent characters must be Unicode ID_Continue": no underscore in front.
            is_valid = name.isidentifier() and name[0] != "_" and len(name) <= _MAX_NAME
            if name == "states" or not is_valid:
                why = "it is reserved" if name == "states" else "it is not a valid identifier"
                message = f"The variable name '{name}' is not supported: {why}"
                yield Diagnostic(SCHEMA, message, f"{path}/Assign/{key}")


def _expressions(state: State) -> Iterator[Diagnostic]:
    if not state.is_jsonata:
        return
    for field, text in texts(state.fields, ""):
        if text.startswith("{%") != text.endswith("%}"):
            # "Improperly opening or closing the expression will result in a validation error."
            message = f"The JSONata expression '{text}' is not enclosed in {{% and %}}"
            yield Diagnostic(SCHEMA, message, f"{state.path}/{field}")
        elif is_expression(text):
            for code, message in _in_expression(text[2:-2].strip(), state.kind, field):
                yield Diagnostic(code, message, f"{state.path}/{field}")


def _in_expression(expression: str, kind: str, field: str) -> Iterator[tuple[str, str]]:
    try:
        read = jsonata.check(expression)
    except jsonata.UnparsableError as error:
        yield "INVALID_JSONATA_EXPRESSION", str(error)
        return
    except jsonata.EvaluationError as error:
        yield "UNSUPPORTED_JSONATA_EXPRESSION", str(error)
        return
    top = field.partition("/")[0]
    available = {"input", "context"}
    if kind in ("Task", "Map", "Parallel") and top in ("Output", "Assign"):
        available.add("result")
    if re.match(r"Catch\[\d+\]/(Output|Assign)", field):
        available.add("errorOutput")
    for name in sorted(read - available):
        yield "UNSUPPORTED_JSONATA_EXPRESSION", f"Field '$states.{name}' does not exist."


_CHECKS: Final = (
    _name,
    _resource,
    _error_names,
    _delays,
    _times,
    _variable_names,
    _expressions,
)


# The linter, and what it does not know of AWS.


def _linted(machine: dict[str, Any]) -> Iterator[Diagnostic]:
    for text in Linter.validate(_lintable(machine)):
        if "States.ALL can only appear" in text:
            continue  # `_error_names` has AWS's words
        for pattern, code, message, place in _AWS_WORDS:
            if match := re.fullmatch(pattern, text, re.DOTALL):
                found = match.groupdict()
                at = found.get("path", "").removeprefix("State Machine").replace(".", "/")
                if code == "MISSING_END_STATE":
                    if at == "/States":  # AWS accepts such a branch or iteration
                        yield Diagnostic(code, message, None)
                else:
                    location = (at + place.format(**found)) or "/"
                    yield Diagnostic(code, message.format(**found), location)
                break
        else:
            yield Diagnostic(SCHEMA, text, None)


_TARGET: Final = "MISSING_TRANSITION_TARGET"
_OTHER_LANGUAGE: Final = (
    "The QueryLanguage is set to '{}', but field '{{field}}' is only supported for the '{}' "
    "QueryLanguage"
)
# What the linter says, as a pattern, and what AWS says: code, message, end of the location.
_AWS_WORDS: Final = (
    (
        r'Field "(?P<field>Output|Arguments)" not allowed in (?P<path>.*)',
        SCHEMA,
        _OTHER_LANGUAGE.format("JSONPath", "JSONata"),
        "",
    ),
    (
        r'Field "(?P<field>(Input|Output|Result|Items)Path|Parameters|ResultSelector)" '
        r"not allowed in (?P<path>.*)",
        SCHEMA,
        _OTHER_LANGUAGE.format("JSONata", "JSONPath"),
        "",
    ),
    (
        r'Field "(?P<field>[^"]*)" not allowed in (?P<path>.*)',
        SCHEMA,
        "Field '{field}' is not supported",
        "",
    ),
    (
        r'(?P<path>.*) does not have required field "(?P<field>[^"]*)"',
        SCHEMA,
        "These fields are required: [{field}]",
        "",
    ),
    (
        r"No terminal state found in machine at (?P<path>.*)",
        "MISSING_END_STATE",
        "Workflow has no terminal state",
        "",
    ),
    (
        r'No state found named "(?P<name>.*)", referenced at (?P<path>.*)',
        _TARGET,
        "Missing 'Next' target: {name}",
        "",
    ),
    (
        r"StartAt value (?P<name>.*) not found in States field at (?P<path>.*)",
        _TARGET,
        "Missing 'Next' target: {name}",
        "/StartAt",
    ),
    (
        r"No transition found to state (?P<path>.*)\.(?P<name>[^.]*)",
        _TARGET,
        'State "{name}" is not reachable.',
        "/States/{name}",
    ),
    (
        r'State "(?P<name>.*)", defined at (?P<path>.*), is also defined at .*',
        "DUPLICATE_STATE_NAME",
        "The state name '{name}' appears more than once",
        "/{name}",
    ),
)


def _lintable(value: Any, name: str = "", language: str | None = None) -> Any:
    """Copy a definition for the linter, which accepts expressions and variables in few fields.

    An expression becomes a value of the type that its field requires, and `$variable` becomes a
    path; what the linter does not know of JSONPath states is left out. All are checked separately.
    """
    if isinstance(value, dict):
        language = value.get("QueryLanguage", language)
        left_out = {"Label", "ReaderConfig"} if "Type" in value or name == "ItemReader" else set()
        if language != "JSONata" and isinstance(value.get("Assign"), dict):
            left_out.add("Assign")
        return {
            key: _lintable(item, key, language)
            for key, item in value.items()
            if key not in left_out
        }
    if isinstance(value, list):
        return [_lintable(item, name, language) for item in value]
    if name == "BackoffRate" and type(value) is int:
        return float(value)  # AWS accepts any number
    if isinstance(value, str) and value.startswith("{%") and language == "JSONata":
        return copy.copy(_INSTEAD.get(name, "{% 1 %}"))
    if isinstance(value, str) and (name.endswith("Path") or name == "Variable"):
        return re.sub(r"^\$\$?(?=[^\W\d])|^\$\$(?=\.)", lambda m: _dotted(m[0], name), value)
    return value


def _dotted(start: str, name: str) -> str:
    """Return `$.` for a variable, and `$` for the context object where the linter refuses it."""
    if start == "$":
        return "$."
    return "$" if name in ("ErrorPath", "CausePath") else start
