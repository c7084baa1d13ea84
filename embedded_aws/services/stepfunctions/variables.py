"""Variables: what a state assigns is seen from the next state on, and how much they may hold.

https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from typing import Any, Final

from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl
from moto.stepfunctions.parser.asl.component.common.catch.catcher_decl import CatcherDecl
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from embedded_aws.moto_changes import replace
from embedded_aws.services.stepfunctions.errors import DATA_LIMIT_EXCEEDED, failure

# "The maximum size of a single variable is 256 KiB … The maximum combined size for all variables
# in a single Assign field is also 256 KiB … The total size of all stored variables cannot exceed
# 10 MiB per execution." Only the values count here; AWS does not say whether names do.
MAX_ASSIGNED: Final = 262_144  # bytes of UTF-8
MAX_STORED: Final = 10_485_760

_moto_leave = CommonStateField._get_state_exited_event_details
_moto_catch = CatcherDecl._eval_body


def _assign(self: AssignDecl, env: Any) -> None:
    """Evaluate all values with the variables as they are, and keep them until the state ends."""
    values: dict[str, Any] = {}
    for binding in self.declaration_bindings:
        binding.eval(env=env)
        values |= env.stack.pop()
    sizes = {name: _size(value) for name, value in values.items()}
    if sum(sizes.values()) > MAX_ASSIGNED:
        raise _too_large(env, sorted(values), MAX_ASSIGNED)
    store = env.variable_store
    others = (store._outer_scope | store._inner_scope).items()
    stored = sum(_size(value) for name, value in others if name not in values)
    if stored + sum(sizes.values()) > MAX_STORED:
        raise _too_large(env, sorted(values), MAX_STORED)
    store.assigned = values


def _size(value: Any) -> int:
    return len(to_json_str(value, separators=(",", ":")).encode())


def _too_large(env: Any, names: list[str], limit: int) -> Exception:
    return failure(
        env,
        DATA_LIMIT_EXCEEDED,
        f"The variables {', '.join(names)} exceed the maximum number of bytes service limit "
        f"({limit}).",
    )


def _leave(self: CommonStateField, env: Any) -> Any:
    """Store what the state assigned, just before the history tells it."""
    for name, value in vars(env.variable_store).pop("assigned", {}).items():
        env.variable_store.set(name, value)
    return _moto_leave(self, env)


def _catch(self: CatcherDecl, env: Any) -> None:
    """Forget what the failed state assigned before its error; only the Catch assigns."""
    vars(env.variable_store).pop("assigned", None)
    _moto_catch(self, env)


def _assigned(self: VariableStore) -> dict[str, str]:
    """Return what a state assigned, as the history shows it: each value as JSON text."""
    names = sorted(self._declaration_tracing)
    return {name: to_json_str(self.get(name), separators=(",", ":")) for name in names}


def install() -> None:
    """Make variables change between states only, within AWS's limits."""
    replace(
        AssignDecl,
        "the next state is the first that sees what a state assigns, and sizes are limited; "
        "in moto the state's own Output sees it",
        _eval_body=_assign,
    )
    replace(
        CommonStateField,
        "variables change when a state ends",
        _get_state_exited_event_details=_leave,
    )
    replace(CatcherDecl, "a failed state assigns nothing", _eval_body=_catch)
    replace(
        VariableStore, "the history shows variables as JSON text", get_assigned_variables=_assigned
    )
