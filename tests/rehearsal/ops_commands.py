"""`python -m ops`, run in a separate process or in this one."""

import os
import subprocess
import sys

import pytest

from ops.__main__ import main
from tests.conftest import ROOT


def ops(verb: str, *more: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a verb for prod in a separate process, with the variables of this one."""
    return subprocess.run(
        [sys.executable, "-m", "ops", verb, "--environment", "prod", *more],
        cwd=ROOT,
        env={**os.environ, "AWS_EC2_METADATA_DISABLED": "true", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command line that is refused; return its only line on stderr."""
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    return line
