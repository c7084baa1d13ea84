"""The commands of docs/operations.md print what is shown there.

The scenes are played in order: a refresh completes, the next day's training fails, the commands
explain and retry it, and another one is stopped.
"""

import re
import shlex

import pytest

from ops.__main__ import main
from rehearsal.shop import HOUR, Shop
from tests.conftest import ROOT
from tests.rehearsal.conftest import OpenShop

TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
SECTION = TEXT.partition("## The operator's command line\n")[2].partition("\n## ")[0]
SCENE = re.compile(r"```console\n\$ python -m ops (.+)\n((?:.*\n)*?)```")


def before(shop: Shop, verb: str) -> None:
    """Let happen what a scene begins with."""
    if verb == "stop":
        shop.new_day()
        shop.succeed()
        shop.later(HOUR / 4)
    elif verb == "watch":
        shop.settle()


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """The second day of a new environment, on which the training fails."""
    opened = open_shop("prod", new=True)
    opened.succeed()
    opened.settle()
    opened.new_day()
    opened.behaviour.planned_failures = {"solution-version": ["An internal error occurred."]}
    opened.succeed()
    opened.settle()
    opened.behaviour.planned_failures = {}
    return opened


def test_the_commands_print_what_is_shown(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    scenes = SCENE.findall(SECTION)
    printed = []
    for command, _ in scenes:
        arguments = shlex.split(command)
        before(shop, arguments[0])
        capsys.readouterr()
        assert main(arguments) in {0, 1}, capsys.readouterr().err
        printed.append((command, capsys.readouterr().out))
    assert printed == scenes
    assert [command.split()[0] for command, _ in scenes] == [
        "status", "explain", "retry", "watch", "history", "costs", "stop",
    ]  # fmt: skip
