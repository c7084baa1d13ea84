"""The order in which a stack's resources are changed: each after those that it refers to.

moto adds before it modifies: a version would be published before its function has its new code.
"""

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from moto.cloudformation.exceptions import ValidationError


def in_order(resources: Mapping[str, Any]) -> list[str]:
    """Return the logical IDs of a template's resources, each after those that it refers to."""
    needed = {
        name: [n for n in _references(resources[name]) if n in resources] for name in resources
    }
    try:
        return list(TopologicalSorter(needed).static_order())
    except CycleError as error:
        cycle = ", ".join(error.args[1][1:])
        raise ValidationError(
            message=f"Circular dependency between resources: [{cycle}]"
        ) from error


def _references(part: Any) -> Iterator[str]:
    """Yield the names in Ref, Fn::GetAtt, Fn::Sub and DependsOn, parameters included."""
    if isinstance(part, list):
        for item in part:
            yield from _references(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in {"Ref", "DependsOn"}:
                yield from [value] if isinstance(value, str) else value
            elif key == "Fn::GetAtt":
                yield value.split(".")[0] if isinstance(value, str) else value[0]
            else:
                if key == "Fn::Sub":
                    text = value if isinstance(value, str) else value[0]
                    yield from re.findall(r"\$\{([\w:]+)", text)
                yield from _references(value)
