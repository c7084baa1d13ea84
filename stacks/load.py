"""Reads environment files, and finds every problem of every file in one reading.

pydantic judges each field, problems.py what fields say about each other, on the raw text, so that
one wrong field never hides another.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from stacks.problems import contradictions, faults_in_words, shared_names
from stacks.settings import Environment
from stacks.yaml_text import Document, NotYaml, field_path, parse

if TYPE_CHECKING:
    from collections.abc import Callable

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
    if not folder.is_dir():
        raise SettingsError([f"{folder}: is not a folder; ENVIRONMENTS may name another"])
    environments: dict[str, Environment] = {}
    raws: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in {".yaml", ".yml"}:
            continue
        label = f"{folder.name}/{path.name}"
        if name_problem := _name_problem(path):
            problems.append(f"{label}: {name_problem}")
        if path.suffix != ".yaml":
            continue
        try:
            document = _document(path.read_text(encoding="utf-8"))
            raws[label] = document.raw
            environments[path.stem] = _judged(document, judge, folder)
        except SettingsError as error:
            problems += [f"{label}: {problem}" for problem in error.problems]
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{label}: cannot be read as UTF-8 text: {error}")
    problems += shared_names(raws)
    if not environments and not problems:
        problems.append(f"{folder}: no <name>.yaml here; add one (environments/dev.yaml shows how)")
    if problems:
        raise SettingsError(problems)
    return environments


def read(text: str, judge: Judge | None = None, folder: Path = Path()) -> Environment:
    """Return the environment that a YAML text describes; SettingsError has all its problems.

    The paths of schemas in it begin in `folder`.
    """
    return _judged(_document(text), judge, folder)


def _name_problem(path: Path) -> str | None:
    if path.suffix != ".yaml":
        return f"is not read; rename it to {path.stem}.yaml, or remove it"
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", path.stem):
        return (
            "an environment's name is part of its stack's name; "
            "call the file <name>.yaml with a-z, 0-9 and - (at most 31 characters)"
        )
    return None


def _document(text: str) -> Document:
    try:
        document = parse(text)
    except NotYaml as error:
        raise SettingsError([str(error)]) from error
    if not isinstance(document.raw, dict):
        raise SettingsError(["must be a mapping that begins with account:, region:, table: …"])
    return document


def _judged(document: Document, judge: Judge | None, folder: Path) -> Environment:
    raw: dict[str, Any] = document.raw
    problems = [*document.problems, *contradictions(raw)]
    environment, faults = None, {}
    try:
        environment = Environment.model_validate(raw, context={"folder": folder})
    except ValidationError as error:
        faults = faults_in_words(error, document.written)
    problems = [*faults.values(), *problems]
    problems += [
        f"{field_path(place)}: {misread}"
        for place, misread in document.misread.items()
        if place not in faults
    ]
    if environment and judge:
        problems += judge(environment)
    if environment is None or problems:
        raise SettingsError(problems)
    return environment
