"""`python -m rehearsal` in the test's own process, which has imported what takes it seconds."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from rehearsal.__main__ import main


@dataclass(frozen=True)
class Done:
    """How the command ended, and what it printed, as `subprocess.CompletedProcess` has it."""

    returncode: int | str | None
    stdout: str
    stderr: str


def rehearse(*arguments: str) -> Done:
    """Run the command; any exception but its own exit is the test's."""
    stdout, stderr = io.StringIO(), io.StringIO()
    status: int | str | None
    with redirect_stdout(stdout), redirect_stderr(stderr):
        try:
            status = main(arguments)
        except SystemExit as ended:
            status = ended.code
    return Done(status, stdout.getvalue(), stderr.getvalue())
