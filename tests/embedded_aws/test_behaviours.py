"""BEHAVIOURS.md says what is known of each behaviour; its tests, switches and services exist."""

import ast
import dataclasses
import re
from functools import cache

from tests.conftest import ROOT
from tests.embedded_aws.test_readme_of_the_package import SWITCHES, rows

KNOWN = {"recorded", "documented", "inferred", "unknown"}
TEXT = (ROOT / "embedded_aws" / "BEHAVIOURS.md").read_text("utf-8")
FIELDS = {
    f"{service}.{field.name}"
    for service, switches in SWITCHES.items()
    for field in dataclasses.fields(switches)
}


def tables() -> dict[str, list[list[str]]]:
    """The cells of each row of each service's table."""
    found: dict[str, list[list[str]]] = {}
    for section in TEXT.split("\n## ")[1:]:
        name, _, body = section.partition("\n")
        lines = [line for line in body.splitlines() if line.startswith("|")][2:]
        found[name] = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return found


ROWS = [row for table in tables().values() for row in table]


@cache
def functions_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / "embedded_aws" / file).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def shown_by(row: list[str]) -> list[str]:
    return re.findall(r"`([^`]+)`", row[2])


def test_each_behaviour_is_known_in_one_of_four_ways_and_has_a_source() -> None:
    assert [row for row in ROWS if len(row) != 4 or row[1] not in KNOWN or not row[3]] == []


def test_each_behaviour_names_a_test_or_a_switch_that_exists() -> None:
    missing = []
    for row in ROWS:
        assert shown_by(row), row[0]
        for name in shown_by(row):
            file, _, test = name.partition("::")
            known = functions_in(file) if test else FIELDS
            if (test or name) not in known:
                missing.append(name)
    assert missing == []


def test_what_is_unknown_is_a_switch() -> None:
    assert [
        row[0] for row in ROWS if row[1] == "unknown" and not FIELDS.intersection(shown_by(row))
    ] == []


def test_every_switch_and_every_service_occurs() -> None:
    assert FIELDS - {name for row in ROWS for name in shown_by(row)} == set()
    assert list(tables()) == [row[0] for row in rows("Services and operations")]
