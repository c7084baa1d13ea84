"""What the command line prints at the end, in a terminal and in a pipe."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rehearsal.command_line import rehearse

ROOT = Path(__file__).parents[2]
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def rehearse_in_a_terminal(assembly: Path, *arguments: str, columns: int = 200) -> tuple[int, str]:
    """Return the exit status and the whole output in a terminal."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "rehearsal", "--assembly", str(assembly), *arguments]
    variables = {**os.environ, "COLUMNS": str(columns), "LINES": "60", "TERM": "xterm-256color"}
    with subprocess.Popen(
        command, cwd=ROOT, stdout=terminal, stderr=terminal, env=variables
    ) as process:
        os.close(terminal)
        shown = bytearray()
        while True:
            try:
                shown += os.read(controller, 65536)
            except OSError:  # the other end is closed
                break
    os.close(controller)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def result_of(text: str) -> list[str]:
    """Return the lines from the first execution on, without colour."""
    lines = [line.rstrip() for line in COLOURS.sub("", text).splitlines()]
    (first,) = [n for n, line in enumerate(lines) if "-dispatch " in line]
    return lines[first:]


@pytest.mark.slow
def test_a_terminal_and_a_pipe_show_the_same_result(assembly: Path) -> None:
    status, shown = rehearse_in_a_terminal(assembly, "--pace", "300")
    assert status == 0, shown
    assert "\x1b[32m" in shown
    piped = rehearse("--assembly", str(assembly))
    assert result_of(shown) == result_of(piped.stdout)
    assert "\x1b" not in piped.stdout


@pytest.mark.slow
def test_sixty_columns_are_enough(assembly: Path) -> None:
    arguments = ("--pace", "300", "--environment", "prod")
    status, shown = rehearse_in_a_terminal(assembly, *arguments, columns=60)
    assert status == 0, shown
    piped = rehearse("--assembly", str(assembly), "--environment", "prod")
    assert " ".join(result_of(shown)).split() == " ".join(result_of(piped.stdout)).split()
    bars = [line for line in COLOURS.sub("", shown).splitlines() if "━" in line]
    assert {len(line.rstrip()) for line in bars if line.rstrip().endswith("IN_PROGRESS")} == {60}
    assert all(len(line.rsplit("\r")[-1]) <= 60 for line in bars)
    assert "brandi-hrnn-campaign-v2\n  dataset import job  " in COLOURS.sub("", shown)


def test_no_word_of_the_help_is_cut_at_sixty_columns() -> None:
    command = [sys.executable, "-m", "rehearsal", "--help"]
    wide, narrow = (
        subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "COLUMNS": str(columns)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for columns in (200, 60)
    )
    assert narrow == wide


def test_the_message_of_a_service_is_printed_unchanged(variants: Path, tmp_path: Path) -> None:
    last, this = tmp_path / "last.csv", tmp_path / "this.csv"
    rows = [f"u{n % 80},i{n % 60},{1598000000 + n * 1200}" for n in range(3000)]
    last.write_text("USER_ID,ITEM_ID,TIMESTAMP,/price\n" + "".join(f"{r},5\n" for r in rows[:2300]))
    this.write_text("USER_ID,ITEM_ID,TIMESTAMP\n" + "".join(f"{r}\n" for r in rows))
    unchecked = ("--assembly", str(variants), "--environment", "trusting")
    done = rehearse(*unchecked, "--previous", str(last), "--data", str(this))
    assert done.returncode == 1
    assert not done.stderr
    verdict = done.stdout[done.stdout.index("NOT COMPLETE: ") :]
    assert verdict.startswith("NOT COMPLETE: the campaign serves its old solution version.\n")
    assert verdict.endswith("Input CSV is missing the following columns:[/price].\n")


def test_after_an_aborted_run_the_output_says_what_continues_it(assembly: Path) -> None:
    done = rehearse(
        "--assembly", str(assembly), "--fault", "personalize:CreateSolutionVersion=aborted"
    )
    assert done.returncode == 1
    assert not done.stderr
    assert done.stdout.endswith(
        "NOT COMPLETE: the campaign serves its old solution version.\n"
        "  brandi-hrnn-campaign-dev: FAILED, since its execution is ABORTED: "
        "the next start or the reconciliation schedule continues it\n"
    )


def test_a_campaign_that_has_moved_is_not_reported_on_its_old_version(assembly: Path) -> None:
    done = rehearse(
        "--assembly", str(assembly), "--fault", "personalize:DescribeCampaign@4=denied*always"
    )
    assert done.returncode == 1
    assert (
        "NOT COMPLETE: already on a new solution version: brandi-hrnn-campaign-dev.\n"
        in done.stdout
    )
    assert "not authorized to perform: personalize:DescribeCampaign" in done.stdout
