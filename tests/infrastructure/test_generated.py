"""Generated files are up to date: schema, configuration reference, picture of the workflow."""

import re
from pathlib import Path

import pytest
import yaml

from tools.generate import ROOT, generated

GENERATED = generated()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_a_generated_file_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run `make docs`"


@pytest.mark.parametrize("path", sorted((ROOT / "environments").glob("*.yaml")), ids=str)
def test_each_environment_names_the_schema_for_editors(path: Path) -> None:
    head = path.read_text(encoding="utf-8").splitlines()[0]
    assert head == "# yaml-language-server: $schema=../docs/environment.schema.json"
    assert yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_operators_document_explains_every_outcome_error_and_queue() -> None:
    sources = "".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "statemachine").rglob("*.yaml")
    )
    named = set(re.findall(r"\b(?:outcome|[Ee]rror): ([A-Z]\w+)", sources))
    assert {"NOT_STARTED", "SUPERSEDED", "CheckFailed", "OwnerOverdue", "InvalidInput"} <= named
    named |= {f"ALREADY_{status}" for status in ("COMPLETE", "SUPERSEDED", "FAILED")}
    named |= set(re.findall(r"Wait for (?:owner|\w+ slot)", sources))
    for stage in ("Import", "Training", "Update"):
        assert f"{stage} failed:" in sources
        named |= {f"{stage}{end}" for end in ("Failed", "Overdue", "Unavailable")}
    explained = " ".join((ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split())
    assert sorted(name for name in named if name not in explained) == []
