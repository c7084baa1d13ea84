"""The only way to change moto: every change is listed, has a reason, is checked, is undone."""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.component.common.path import result_path

from embedded_aws import moto_changes
from embedded_aws.__main__ import main
from embedded_aws.clock import Clock
from embedded_aws.cloud import start
from tests.conftest import ROOT, START

HERE = ROOT / "embedded_aws"
used_by_moto: Any = result_path


def test_a_replaced_part_of_moto_is_the_one_that_was_compared_with_aws() -> None:
    with start(account="111122223333", region="ap-northeast-1", clock=Clock(START)):
        now = moto_changes.hashes()
    changed = {
        place
        for place in now.keys() | moto_changes.pinned()
        if now.get(place) != moto_changes.pinned().get(place)
    }
    assert changed == set(), (
        "moto has changed these parts: compare each with what replaces it, then "
        "`python -m embedded_aws changes --pin`"
    )


def test_a_part_whose_source_differs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(_path: str) -> None: ...

    parse.__module__ = "moto.changed"
    before = moto_changes._source_hash(used_by_moto.parse, used_by_moto)
    monkeypatch.setattr(used_by_moto, "parse", parse)
    assert moto_changes._source_hash(used_by_moto.parse, used_by_moto) != before


def test_after_the_cloud_stops_moto_is_restored_and_can_be_changed_again() -> None:
    assert moto_changes.made() == []
    originals = []
    for _ in range(2):
        with start(account="111122223333", region="ap-northeast-1", clock=Clock(START)):
            made = moto_changes.made()
            originals.append([(change.place, change.original) for change in made])
            assert len(made) > 50
            assert all(change.why for change in made)
        assert moto_changes.made() == []
    # the second start found the same originals as the first one
    first, second = originals
    for (place, before), (_, after) in zip(first, second, strict=True):
        assert before is after or before == after, place


def test_an_inherited_part_is_inherited_again_after_undo() -> None:
    class Base:
        part = 1

    class Child(Base): ...

    moto_changes.replace(Child, "a reason", part=2)
    assert Child.part == 2
    moto_changes.undo_all()
    assert "part" not in vars(Child)
    assert Child.part == 1


def test_a_part_that_moto_does_not_have_cannot_be_replaced() -> None:
    with pytest.raises(AttributeError):
        moto_changes.replace(used_by_moto, "a reason", no_such_part=1)
    assert moto_changes.made() == []


def from_moto(tree: ast.AST) -> set[str]:
    """The names in a module that were imported from moto."""
    return {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom | ast.Import)
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).startswith("moto")
    }


def root_of(node: ast.AST) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def assigned(node: ast.AST) -> list[Any]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else []


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.py")), ids=lambda p: str(p.relative_to(HERE)))
def test_moto_is_not_changed_in_any_other_way(path: Path) -> None:
    if path.name == inspect.getfile(moto_changes).rsplit("/", 1)[-1]:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    motos = from_moto(tree)
    for node in ast.walk(tree):
        for target in assigned(node):
            if isinstance(target, ast.Attribute):
                assert target.attr != "__class__", ast.unparse(node)
            if isinstance(target, ast.Attribute | ast.Subscript):
                assert root_of(target) not in motos, ast.unparse(node)
        if isinstance(node, ast.Call) and root_of(node.func) == "setattr":
            raise AssertionError(ast.unparse(node))


def test_the_command_lists_each_change_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = [sys.executable, "-m", "embedded_aws", "changes"]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert main(["changes", "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)
    assert [f"{c['place']}  {c['why']}" for c in changes] == lines.splitlines()
    assert {c["place"] for c in changes} == set(moto_changes.pinned())
