"""An environment file as text: its settings, with a comment above each field that needs a person.

It is written only if every command could read it.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ops.adopt.draft import LEFT, Note
from ops.deployment import Refusal
from stacks.load import SettingsError, load

COMMAND = re.compile(r"\b(aws|python -m ops) ")
PLAIN = re.compile(r"[A-Za-z0-9_./:][A-Za-z0-9_./:@+=,-]*")
HEADER = (
    "# yaml-language-server: $schema=../docs/environment.schema.json",
    "# Written by `python -m ops adopt`. docs/configuration.md lists every setting.",
)
Line = tuple[str, str]  # the text, and the path of the field that it begins


def compose(settings: dict[str, Any], notes: list[Note]) -> str:
    """Return the file's text, and give each note of a field its line.

    What is noted of no field stands at the end.
    """
    lines: list[str] = list(HEADER)
    seen: dict[str, int] = {}
    for text, path in _fields(settings, "", ""):
        if path in settings and (path == "refreshes" or isinstance(settings[path], dict)):
            lines.append("")
        indent = " " * (len(text) - len(text.lstrip(" ")))
        lines += [line for note in notes if note["where"] == path for line in _said(note, indent)]
        lines.append(text)
        seen.setdefault(path, len(lines))
    others = [note for note in notes if note["where"] not in seen]
    if others:
        lines += ["", "# What is not in this file, or is to be changed in the account:"]
    for note in others:
        lines += ["#", f"# {_one_line(note['where'])}", *_said(note, "")]
    for note in notes:
        if note["where"] in seen:
            note["line"] = seen[note["where"]]
    return "\n".join(lines) + "\n"


def write(path: Path, name: str, text: str) -> None:
    """Write the file. Raises Refusal, with every reason, if a command could not read it."""
    problems = _new_problems(path, text)
    if problems:
        counted = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Refusal(
            "\n".join([f"nothing was written; {path} would have {counted}:", *problems])
            + f"\nchoose with --dataset-group and --location, or another name than {name}; or "
            "change what is named"
        )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}; choose another --output") from (
            error
        )


def _new_problems(path: Path, text: str) -> list[str]:
    """Return what commands would say of the folder with the file, but not without it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / (path.resolve().parent.name or "environments")
        folder.mkdir()
        for other in path.resolve().parent.glob("*.yaml"):
            if other.name != path.name:
                shutil.copy(other, folder)
        before = _problems(folder)
        (folder / path.name).write_text(text, encoding="utf-8")
        return [problem for problem in _problems(folder) if problem not in before]


def _problems(folder: Path) -> list[str]:
    try:
        load(folder)
    except SettingsError as error:
        return error.problems
    return []


def _fields(value: dict[str, Any], path: str, indent: str) -> Iterator[Line]:
    for key, item in value.items():
        place = f"{path}.{key}".lstrip(".")
        if isinstance(item, dict):
            yield f"{indent}{key}:", place
            yield from _fields(item, place, f"{indent}  ")
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            yield f"{indent}{key}:", place
            for index, each in enumerate(item):
                yield from _item(each, f"{place}[{index}]", f"{indent}  ")
        elif isinstance(item, list):
            yield f"{indent}{key}: [{', '.join(map(_scalar, item))}]", place
        else:
            yield f"{indent}{key}: {_scalar(item)}", place


def _item(each: dict[str, Any], place: str, indent: str) -> Iterator[Line]:
    """Yield a list's item: its first field beside the dash, which stands for the item too."""
    (first, _), *others = _fields(each, place, f"{indent}  ")
    yield f"{indent}- {first.lstrip()}", place
    yield from others


def _scalar(value: Any) -> str:
    """Return a value as YAML reads it back, in quotes where it would read something else."""
    if isinstance(value, str):
        plain = (
            PLAIN.fullmatch(value) and not value.endswith(":") and yaml.safe_load(value) == value
        )
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _said(note: Note, indent: str) -> list[str]:
    mark = note["level"] if note["level"] in LEFT else "Note"
    do = _one_line(note["do"])
    said = _wrapped(f"{mark}: {_one_line(note['what'])}.", f"{indent}# ")
    # a command stays in one line, so that it can be copied
    return said + ([f"{indent}#   {do}"] if COMMAND.search(do) else _wrapped(do, f"{indent}#   "))


def _wrapped(text: str, prefix: str) -> list[str]:
    return textwrap.wrap(
        text,
        100,
        initial_indent=prefix,
        subsequent_indent=prefix,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _one_line(text: str) -> str:
    """Return a text as a comment may have it: AWS's reasons may have several lines."""
    return " ".join(text.split())
