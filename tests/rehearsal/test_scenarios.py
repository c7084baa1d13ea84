"""Each scenario ends as it should, and the documents show what it says."""

import re
from pathlib import Path

import pytest

from rehearsal.scenario_names import NAMES
from rehearsal.scenarios import SCENARIOS, play
from tests.conftest import ROOT
from tests.rehearsal.conftest import OpenShop
from tests.slow import slow_but

DOCUMENT = (ROOT / "docs" / "rehearsal.md").read_text("utf-8")
COMMAND = r"\$ make rehearse ARGS='--scenario ([\w-]+)'\n```\n\n"
COMMAND = r"\$ make rehearse ARGS='--scenario ([\w-]+)'\n```\n\n"
SHOWN = dict(re.findall(COMMAND + r"```text\n(.*?)```", DOCUMENT, re.DOTALL))


def test_every_scenario_is_documented() -> None:
    assert SHOWN.keys() == NAMES.keys() == SCENARIOS.keys()


@pytest.mark.parametrize("name", slow_but(NAMES, "worse-model", "no-new-data"))
def test_a_scenario_ends_as_it_should_and_says_what_the_document_shows(
    open_shop: OpenShop, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = open_shop(NAMES[name], new=True)
    ended = play(name, shop, tmp_path, print)
    print(f"As it should be: {', then '.join(ended)}.")
    assert capsys.readouterr().out == SHOWN.get(name)
