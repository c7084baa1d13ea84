"""Copies of what states pass on: it is JSON, which needs none of `copy.deepcopy`'s bookkeeping.

moto makes about 300 such copies in a refresh: at each state, of everything that it may name.
"""

import copy
from types import NoneType, SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
)
from moto.stepfunctions.parser.asl.eval import states

from embedded_aws.moto_changes import replace

_ATOMS = frozenset({str, int, float, bool, NoneType})


def copied(value: Any) -> Any:
    """Copy JSON data; anything else that a response may contain is copied as Python does."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is dict:
        return {name: copied(item) for name, item in value.items()}
    if kind is list:
        return [copied(item) for item in value]
    return copy.deepcopy(value)


def install() -> None:
    """Make moto's interpreter copy what goes from state to state in this way."""
    for module in (execute_state, result_path, state_task_service, states):
        replace(
            module,
            "performance: what goes from state to state is JSON, which is copied much faster",
            copy=SimpleNamespace(deepcopy=copied),
        )
