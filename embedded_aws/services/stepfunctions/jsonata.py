"""JSONata for moto's interpreter: values are bound to variables, never pasted into expressions."""

import hashlib
import json
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from jsonata import jexception
from jsonata.functions import Functions
from jsonata.jsonata import Jsonata
from jsonata.parser import Parser
from jsonata.utils import Utils
from moto.moto_api._internal import mock_random
from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
from moto.stepfunctions.parser.asl.component.common.string.string_expression import (
    StringJSONata,
    StringVariableSample,
)

from embedded_aws import clock
from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions.errors import QUERY_EVALUATION_ERROR, failure

_ALGORITHMS = ("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512")
_idle: defaultdict[str, list[Jsonata]] = defaultdict(list)  # compiled; one user at a time each


class EvaluationError(Exception):
    """An expression that cannot be parsed, that fails, or that has no value in JSON."""


class UnparsableError(EvaluationError):
    """An expression that is not JSONata 2.0.6, in the parser's words."""


@lru_cache(maxsize=4096)
def check(expression: str) -> frozenset[str]:
    """Return the fields of `$states` that an expression reads, such as {"input", "result"}.

    Raises UnparsableError, and EvaluationError for an expression that uses the context where there
    is none: `$`, `$$` or a field without a variable before it, outside of a path or a predicate.
    """
    compiled = _take(expression)
    _give_back(expression, compiled)
    for name in _context_names(compiled.ast):
        where = "" if name == "$$" else "at the top level "
        raise EvaluationError(f"Reference to '{name}' {where}is not supported.")
    return frozenset(_states_fields(compiled.ast))


def _states_fields(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _states_fields(item)
    elif isinstance(node, Parser.Symbol):
        steps = node.steps if node.type == "path" else ()
        for first, second in pairwise(steps):
            if (first.type, first.value, second.type) == ("variable", "states", "name"):
                yield str(second.value)
        for part, child in vars(node).items():
            if part != "_outer_instance":
                yield from _states_fields(child)


def _context_names(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _context_names(item)
    elif isinstance(node, Parser.Symbol) and node.type != "lambda":
        if node.type == "variable" and node.value in ("", "$"):
            yield f"${node.value}"
        if node.type == "path":
            if node.steps[0].type == "name":
                yield str(node.steps[0].value)
            yield from _context_names(node.steps[0])
        else:
            for part, child in vars(node).items():
                if part not in ("predicate", "stages", "group"):  # these have a context
                    yield from _context_names(child)


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """Return the value of `expression` as JSON data; `variables` maps names without their `$`."""
    compiled = _take(expression)
    Jsonata.CURRENT.jsonata = compiled  # where the library's functions look for their expression
    used = {name: value for name, value in variables.items() if f"${name}" in expression}
    bindings = _FUNCTIONS | {name: _to_jsonata(value) for name, value in used.items()}
    try:
        result = _from_jsonata(compiled.evaluate(None, bindings))
    except EvaluationError:
        raise
    except jexception.JException as error:
        raise EvaluationError(
            f"threw an error during evaluation. {error.get_error()}: {error}"
        ) from error
    except Exception as error:  # the library lets Python's own errors through
        raise EvaluationError(f"threw an error during evaluation. {error}") from error
    _give_back(expression, compiled)
    return result


def _take(expression: str) -> Jsonata:
    try:
        return _idle[expression].pop()
    except IndexError:
        pass
    try:
        compiled = Jsonata(expression)
    except jexception.JException as error:
        raise UnparsableError(str(error)) from error
    compiled.set_output_convert_nulls(output_convert_nulls=False)  # None: nothing; NULL: null
    return compiled


def _give_back(expression: str, compiled: Jsonata) -> None:
    _idle[expression].append(compiled)


def _to_jsonata(value: Any) -> Any:
    """Copy JSON data for the library, in which None is 'nothing' and null is a separate value."""
    if isinstance(value, Mapping):
        return {name: _to_jsonata(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_to_jsonata(item) for item in value]
    return Utils.NULL_VALUE if value is None else value


def _from_jsonata(value: Any, *, nested: bool = False) -> Any:
    if value is None:
        if nested:
            return None
        raise EvaluationError("returned nothing (undefined).")
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {name: _from_jsonata(item, nested=True) for name, item in value.items()}
    if isinstance(value, list):
        return [_from_jsonata(value[index], nested=True) for index in range(len(value))]
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise EvaluationError("returned an unsupported result type.")


# The functions that Step Functions adds to JSONata or redefines, and the one that it removes.


def _partition(items: list[Any], size: int) -> list[Any]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _range(first: int, last: int, step: int) -> list[int]:
    return list(range(first, last + (1 if step > 0 else -1), step))


def _hash(text: str, algorithm: str) -> str:
    if algorithm not in _ALGORITHMS:
        raise EvaluationError(f"threw an error during evaluation. Unknown algorithm {algorithm}")
    return hashlib.new(algorithm.replace("-", ""), text.encode()).hexdigest()


def _millis() -> int:
    """Return the simulated time, not this computer's; it stands still during an evaluation."""
    return int(clock.current().time() * 1000)


def _now(picture: str | None = None, timezone: str | None = None) -> str:
    text: str = Functions.datetime_from_millis(_millis(), picture, timezone)
    return text


def _random(seed: int | None = None) -> float:
    source = mock_random if seed is None else random.Random(seed)  # noqa: S311 - no secret
    return source.random()


def _eval(*_: Any) -> None:
    raise EvaluationError("threw an error during evaluation. $eval is not supported, use $parse")


def _function(call: Callable[..., Any]) -> Any:
    return Jsonata.JLambda(lambda *arguments: _to_jsonata(call(*arguments)))


_FUNCTIONS: dict[str, Any] = {
    "partition": _function(_partition),
    "range": _function(_range),
    "hash": _function(_hash),
    "millis": _function(_millis),
    "now": _function(_now),
    "random": _function(_random),
    "uuid": _function(lambda: str(mock_random.uuid4())),
    "parse": _function(json.loads),
    "eval": _function(_eval),
}


def _of_a_later_version(symbol: str) -> Callable[..., Any]:
    def refuse(self: Any, _left: Any) -> Any:
        raise jexception.JException("S0211", getattr(self, "position", None), symbol)

    return refuse


# How the interpreter calls it.


def _variables(env: Any, expression: str, *, states: bool) -> dict[str, Any]:
    """Collect what `expression` can name; an inner scope overrides its outer one."""
    store = env.variable_store
    scope = {**store._outer_scope, **store._inner_scope}
    if states:
        data = env.states._states_data
        # AWS: undefined if there is none; moto has None.
        absent = [name for name in ("result", "errorOutput") if data.get(name) is None]
        scope["states"] = {name: item for name, item in data.items() if name not in absent}
    return {name: value for name, value in scope.items() if f"${name}" in expression}


def _eval_jsonata(self: StringJSONata, env: Any) -> None:
    variables = _variables(env, self.expression, states=True)
    try:
        env.stack.append(evaluate(self.expression, variables))
    except EvaluationError as error:
        field = env.event_manager.field(env.next_state_name, self.expression)
        cause = f"The JSONata expression '{self.expression}' specified for the field '{field}' "
        raise failure(env, QUERY_EVALUATION_ERROR, f"{cause}{error}", field) from error


def _eval_variable(self: StringVariableSample, env: Any) -> None:
    states = self.query_language_mode == QueryLanguageMode.JSONata
    env.stack.append(evaluate(self.expression, _variables(env, self.expression, states=states)))


def install() -> None:
    """Give moto the evaluator that it does not have itself."""
    version = "AWS has JSONata 2.0.6; these operators are of 2.1"
    replace(Parser.InfixCoalesce, version, led=_of_a_later_version('"?"'))
    replace(Parser.InfixDefault, version, led=_of_a_later_version('":"'))
    as_value = "a variable is a value, whatever quotes it has; moto pastes it in as source text"
    replace(StringJSONata, as_value, _eval_body=_eval_jsonata)
    replace(StringVariableSample, as_value, _eval_body=_eval_variable)
