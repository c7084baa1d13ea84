"""Reads YAML by its text: every key once, and numbers as they are written.

PyYAML keeps the last of two equal keys (yaml/pyyaml#165), and reads by YAML 1.1: 010 is 8, 1:30 is
90 and `no` is false. Here the former is a problem, and the latter are quoted as the file has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

Place = tuple[int | str, ...]  # ("refreshes", 0, "name")

TWICE = 2
TAG = "tag:yaml.org,2002:"
# what begins with 0, and sixties such as 1:30; 0x1F and 1_000 mean what they say
MISREAD = re.compile(r"[-+]?(0[0-7_]+|[0-9_]+(:[0-9_.]+)+)")


class NotYaml(Exception):
    """A text that cannot be read at all; the text of the exception says why, in one line."""


class _Loader(yaml.SafeLoader):
    """A date is the text that it is: no setting is a date."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own attribute
        first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{TAG}timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass
class Document:
    """A YAML text: what it says (`raw`), and what is wrong with how it says it."""

    raw: Any = None
    problems: list[str] = field(default_factory=list)  # of keys that stand twice, of bad values
    misread: dict[Place, str] = field(default_factory=dict)  # numbers that are not as written
    root: yaml.Node | None = None

    def written(self, place: Place) -> str | None:
        """Return the scalar at a place as the file has it; None if there is none."""
        node: Any = self.root
        for part in place:
            if isinstance(node, yaml.MappingNode):
                node = next((v for k, v in reversed(node.value) if k.value == part), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
                node = node.value[part]
        return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def field_path(place: Place) -> str:
    """Return a place as people write it: refreshes[0].name."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in place)
    return path.lstrip(".")


def parse(text: str) -> Document:
    """Return what a YAML text says. Raises NotYaml if it says nothing that can be judged."""
    document = Document()
    try:
        loader = _Loader(text)
        document.root = loader.get_single_node()
        if document.root is not None:
            _Walk(loader, document).visit(document.root, ())
            document.raw = loader.construct_document(document.root)
    except yaml.YAMLError as error:
        raise NotYaml(f"is not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise NotYaml("is nested too deeply to be settings; see docs/configuration.md") from error
    return document


@dataclass
class _Walk:
    """One pass over the nodes of a document, before values are made of them."""

    loader: _Loader
    document: Document
    above: list[yaml.Node] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)  # an alias leads to the same node again

    def visit(self, node: yaml.Node, place: Place) -> None:
        if any(node is outer for outer in self.above):
            raise NotYaml(f"{field_path(place)}: is an alias of what contains it; write it out")
        if id(node) in self.seen:
            return
        self.seen.add(id(node))
        self.above.append(node)
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, place)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.visit(item, (*place, index))
        elif node.tag != f"{TAG}str":
            self._scalar(node, place)
        self.above.pop()

    def _mapping(self, node: yaml.MappingNode, place: Place) -> None:
        lines: dict[str, list[int]] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                lines.setdefault(key.value, []).append(key.start_mark.line + 1)
                if key.tag != f"{TAG}merge":
                    key.tag = f"{TAG}str"  # `on` and 1 are names like any other
                self.visit(value, (*place, key.value))
        for name, at in lines.items():
            if len(at) > 1:
                times = "twice" if len(at) == TWICE else f"{len(at)} times"
                self.document.problems.append(
                    f"{field_path((*place, name))}: stands {times}, in {_lines(at)}, and YAML "
                    "would keep the last; keep one"
                )

    def _scalar(self, node: yaml.Node, place: Place) -> None:
        try:
            value = self.loader.construct_object(node)
        except (yaml.YAMLError, ValueError, TypeError, AttributeError):
            self.document.problems.append(
                f"{field_path(place)}: YAML cannot read {node.value!r} as {node.tag}; "
                "put it in quotes, without a tag"
            )
            self.loader.recursive_objects.clear()  # PyYAML would take it up again
            node.tag = f"{TAG}str"
            return
        if isinstance(value, int | float) and MISREAD.fullmatch(node.value):
            self.document.misread[place] = (
                f"YAML reads {node.value} as the number {value}; write the number you mean"
            )


def _lines(numbers: list[int]) -> str:
    distinct = [str(number) for number in dict.fromkeys(numbers)]
    if len(distinct) == 1:
        return f"line {distinct[0]}"
    return f"lines {', '.join(distinct[:-1])} and {distinct[-1]}"


def _key(part: str) -> str:
    return part if re.fullmatch(r"[\w-]+", part) else repr(part)
