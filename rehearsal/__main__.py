"""`python -m rehearsal`: deploy the synthesised app to the embedded cloud and run a refresh.

Exits with 0 only when every refresh is COMPLETE, with 1 when one is not, with 2 when it could not
be rehearsed at all.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rehearsal.assembly import Synthesis

NOT_REHEARSED = 2


def main(command_line: Sequence[str] | None = None) -> int:
    """Run a rehearsal by the command line's arguments; return the exit status."""
    arguments = _arguments(command_line)
    try:
        with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
            what = f"Taking {arguments.assembly}" if arguments.assembly else "Synthesising the app"
            line = f"{what} (environment {arguments.environment}) …"
            print(line, file=sys.stderr if arguments.json else sys.stdout, flush=True)
            if arguments.assembly:
                return _session(arguments, Path(folder), None)
            with Synthesis(Path(folder) / "cdk.out") as synthesis:
                return _session(arguments, Path(folder), synthesis)
    except KeyboardInterrupt:
        print("rehearsal: interrupted; nothing is left behind", file=sys.stderr)
        return NOT_REHEARSED


def _session(arguments: argparse.Namespace, folder: Path, synthesis: Synthesis | None) -> int:
    # Importing the embedded cloud takes as long as the synthesis: both run at the same time, and
    # --help waits for neither.
    from rehearsal.session import rehearse  # noqa: PLC0415

    return rehearse(arguments, folder, synthesis)


def _arguments(command_line: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description="Deploy the synthesised app to an embedded cloud and run one refresh there, "
        "from the Glue event to the moved campaign. Needs no AWS account.",
    )
    parser.add_argument("--environment", default="dev", help="a file of environments/ (dev)")
    parser.add_argument(
        "--assembly",
        type=Path,
        metavar="FOLDER",
        help="what `cdk synth` has written, such as cdk.out, instead of synthesising the app",
    )
    parser.add_argument(
        "--data",
        type=Path,
        nargs="+",
        default=[],
        metavar="CSV",
        help="this week's Interactions, instead of a sample",
    )
    parser.add_argument(
        "--previous",
        type=Path,
        nargs="+",
        default=[],
        metavar="CSV",
        help="last week's (without it: what --data held seven days before its end)",
    )
    parser.add_argument(
        "--pace",
        type=float,
        metavar="MINUTES_PER_SECOND",
        help="simulated minutes per second (2 in a terminal, else as fast as possible)",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="SPEC",
        help="SERVICE:OPERATION[@N]=KIND[:ARGUMENT][*TIMES], KIND one of throttle, error, denied, "
        "slow:SECONDS, lost, hung:SECONDS, killed, aborted; strikes the Nth such call (else the "
        "first) and those after it, TIMES in all (1); for example "
        "personalize:CreateSolutionVersion=lost",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--serve", action="store_true", help="keep the cloud on a port afterwards")
    parser.add_argument("--port", type=int, default=0, help="the port (any free one)")
    arguments = parser.parse_args(command_line)
    _checked(parser, arguments)
    return arguments


def _checked(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Parse the arguments' texts; exit with everything that is wrong with them."""
    problems = [
        f"{file} cannot be read; name a CSV file"
        for file in [*arguments.data, *arguments.previous]
        if not file.is_file() or not os.access(file, os.R_OK)
    ]
    if arguments.assembly and not (arguments.assembly / "manifest.json").is_file():
        problems.append(
            f"{arguments.assembly} is not a cloud assembly; name what `cdk synth` wrote"
        )
    if arguments.pace is not None and not 0 < arguments.pace < float("inf"):
        problems.append(f"--pace {arguments.pace:g} is not a number above 0")
    faults = []
    if arguments.fault:
        from embedded_aws import Fault  # noqa: PLC0415 - takes a second to import
    for spec in arguments.fault:
        try:
            faults.append(Fault.parse(spec))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        parser.error("\n  ".join(problems))
    arguments.fault = faults


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: leave nothing behind
    sys.exit(main())
