"""Reads environment files, and finds every problem of every file in one reading.

pydantic judges each field, problems.py what fields say about each other, on the raw text, so that
one wrong field never hides another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from stacks.problems import contradictions, faults_in_words
from stacks.settings import Environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Judge = Callable[[Environment], list[str]]


class SettingsError(Exception):
    """Environment files that cannot be used; its text lists every problem, one a line."""

    def __init__(self, problems: list[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{count} in the environment settings:", *problems]))
        self.problems = problems


def load(folder: Path, judge: Judge | None = None) -> dict[str, Environment]:
    """Read every environment file of a folder.

    `judge` returns further problems of an environment whose fields are right, such as
    `bounds.bound_problems`: a stack is made only of what it accepts. Returns the environments by
    name (the file's stem), in the order of their names. Raises SettingsError with every problem of
    every file.
    """
    environments: dict[str, Environment] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        label = f"{folder.name}/{path.name}"
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", path.stem):
            problems.append(
                f"{label}: an environment's name is part of its stack's name; "
                "call the file <name>.yaml with a-z, 0-9 and - (at most 31 characters)"
            )
        try:
            environments[path.stem] = read(path.read_text(encoding="utf-8"), judge)
        except SettingsError as error:
            problems += [f"{label}: {problem}" for problem in error.problems]
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{label}: cannot be read as UTF-8 text: {error}")
    if not environments and not problems:
        problems.append(f"{folder}: no <name>.yaml here; add one (environments/dev.yaml shows how)")
    if problems:
        raise SettingsError(problems)
    return environments


def read(text: str, judge: Judge | None = None) -> Environment:
    """Return the environment that a YAML text describes; SettingsError has all its problems."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError([f"is not valid YAML: {' '.join(str(error).split())}"]) from error
    if not isinstance(raw, dict):
        raise SettingsError(["must be a mapping that begins with account:, region:, table: …"])
    problems = list(contradictions(raw))
    try:
        environment = Environment.model_validate(raw)
    except ValidationError as error:
        problems = faults_in_words(error) + problems
    else:
        problems += judge(environment) if judge else []
    if problems:
        raise SettingsError(problems)
    return environment
