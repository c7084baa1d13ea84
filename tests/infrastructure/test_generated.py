"""Generated files are up to date: schema, configuration reference, picture of the workflow."""

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
