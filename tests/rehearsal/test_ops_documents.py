"""The commands of docs/operations.md, doctor.md and others print what is shown there.

The scenes are played in order: a refresh completes, the next day's training fails, the commands
explain and retry it, another one is stopped, and the doctor looks at all; then an event is lost.
A parameter file is that of its document.
"""

import re
import shlex
from pathlib import Path

import pytest

from ops.__main__ import main
from rehearsal.shop import HOUR, Shop, glue_event
from tests.conftest import ROOT
from tests.rehearsal.conftest import OpenShop

SCENE = re.compile(r"```console\n\$ python -m ops (.+)\n((?:.*\n)*?)```")
DOCUMENTS = ("operations.md", "doctor.md", "coming-from-aws-solution.md")
VERBS = [
    "status", "explain", "retry", "watch", "history", "costs", "stop", "start", "report",
    "adopt", "rollback", "promote", "undelivered", "replay", "doctor", "adopt",
]  # fmt: skip


def scenes() -> list[tuple[str, str]]:
    """Return the commands and their output, in the order in which the documents have them."""
    texts = [(ROOT / "docs" / name).read_text("utf-8") for name in DOCUMENTS]
    return [scene for text in texts for scene in SCENE.findall(text)]


def parameter_file() -> str:
    """Return the parameter file of the document for those who come from AWS's Solution."""
    text = (ROOT / "docs" / DOCUMENTS[-1]).read_text("utf-8")
    (found,) = re.findall(r"```json\n(\s*{\s*\"datasetGroup\".+?)```", text, re.DOTALL)
    return str(found)


def before(shop: Shop, verb: str) -> None:
    """Let happen what a scene begins with."""
    if verb in {"stop", "start"}:
        shop.new_day()
    if verb == "stop":
        shop.succeed()
        shop.later(HOUR / 4)
    elif verb in {"watch", "report", "rollback", "promote", "doctor"}:
        shop.settle()
    elif verb == "undelivered":
        shop.new_day()
        shop.cloud.faults.add("states:StartExecution=denied*always")
        shop.send(glue_event(shop.stack.glue_jobs[0], run_id="jr_" + "0" * 64))
        shop.settle()
        shop.cloud.faults.clear()


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """The second day of a new environment, on which the training fails."""
    opened = open_shop("prod", new=True, freshness=True)
    opened.succeed()
    opened.settle()
    opened.new_day()
    opened.behaviour.planned_failures = {"solution-version": ["An internal error occurred."]}
    opened.succeed()
    opened.settle()
    opened.behaviour.planned_failures = {}
    return opened


@pytest.mark.slow
def test_the_commands_print_what_is_shown(
    shop: Shop,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # where the report is written
    (tmp_path / "config.json").write_text(parameter_file(), "utf-8")
    shown = scenes()
    printed = []
    for command, _ in shown:
        arguments = shlex.split(command)
        before(shop, arguments[0])
        capsys.readouterr()
        assert main(arguments) in {0, 1}, capsys.readouterr().err
        printed.append((command, capsys.readouterr().out))
    assert printed == shown
    assert [command.split()[0] for command, _ in shown] == VERBS
