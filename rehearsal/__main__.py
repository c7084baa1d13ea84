"""`python -m rehearsal`: deploy the synthesised app to the embedded cloud and run a refresh.

Exits with 0 only when every refresh is COMPLETE, with 1 when one is not, with 2 when it could not
be rehearsed at all.
"""

import argparse
import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rehearsal import supervision
from rehearsal.assembly import Synthesis, environment_problem
from rehearsal.scenario_names import ENVIRONMENTS, NAMES
from rehearsal.terminal import make_printable

NOT_REHEARSED = 2
LARGEST_PORT = 65535


def main(command_line: Sequence[str] | None = None) -> int:
    """Run a rehearsal by the command line's arguments; return the exit status."""
    make_printable(sys.stdout, sys.stderr)
    arguments = _arguments(command_line)
    try:
        # An interrupted synthesis may still be writing there; the supervisor removes what is left.
        with tempfile.TemporaryDirectory(prefix="rehearsal-", ignore_cleanup_errors=True) as folder:
            what = f"Taking {arguments.assembly}" if arguments.assembly else "Synthesising the app"
            line = f"{what} (environment {arguments.environment}) …"
            print(line, file=sys.stderr if arguments.json else sys.stdout, flush=True)
            if arguments.assembly:
                return _session(arguments, Path(folder), None)
            with Synthesis(Path(folder) / "cdk.out") as synthesis:
                return _session(arguments, Path(folder), synthesis)
    except OSError as error:  # a full disk, or no folder for temporary files
        print(f"rehearsal: {error}", file=sys.stderr)
        return NOT_REHEARSED


def _command() -> int:
    """Run `main` without the person's own AWS files, profile and proxy.

    They lead elsewhere, or nowhere, and moto reads them as soon as it is imported.
    """
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)
    around = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    no_proxy = f"{around},localhost,127.0.0.1" if around else "localhost,127.0.0.1"
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        NO_PROXY=no_proxy,
        no_proxy=no_proxy,
    )
    return main()


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
        epilog="SPEC is SERVICE:OPERATION[@N]=KIND[:ARGUMENT][*TIMES], for example "
        "personalize:CreateSolutionVersion=lost. KIND is one of throttle, error, denied, "
        "slow:SECONDS, lost, hung:SECONDS, killed, aborted. It strikes the Nth such call (else "
        "the first) and those after it, TIMES in all (1).",
    )
    parser.add_argument("--environment", default="dev", help="a file of environments/ (dev)")
    parser.add_argument(
        "--assembly",
        type=Path,
        metavar="FOLDER",
        help="what `cdk synth` has written, such as cdk.out, instead of synthesising the app",
    )
    for option, metavar, purpose in (
        ("data", "CSV", "this week's Interactions, instead of a sample; several parts may follow"),
        ("previous", "CSV", "last week's (without it: the rows of --data before its last 7 days)"),
        ("items", "CSV", "your Items (without it: made from --data)"),
        ("users", "CSV", "your Users (without it: made from --data)"),
        ("schema", "AVSC", "your Avro schemas, one for each dataset type (else: as the files say)"),
    ):
        parser.add_argument(
            f"--{option}",
            type=Path,
            nargs="+",
            action="extend",
            default=[],
            metavar=metavar,
            help=purpose,
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
        help="let a call fail, as described below",
    )
    parser.add_argument(
        "--scenario",
        metavar="NAME",
        help="play a week that does not go as it should, in an environment of its own: "
        + ", ".join(NAMES),
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--serve", action="store_true", help="keep the cloud on a port afterwards")
    parser.add_argument("--port", type=int, default=0, help="the port (any free one)")
    arguments = parser.parse_args(command_line)
    if arguments.scenario in NAMES:
        os.environ["ENVIRONMENTS"] = str(ENVIRONMENTS)
        arguments.environment = NAMES[arguments.scenario]
    _check(arguments)
    return arguments


def _check(arguments: argparse.Namespace) -> None:
    """Parse the arguments' texts; exit with everything that is wrong with them."""
    problems = [*_file_problems(arguments), *_port_problems(arguments.port)]
    if arguments.scenario is not None:
        problems += _scenario_problems(arguments)
    if arguments.assembly and not (arguments.assembly / "manifest.json").is_file():
        problems.append(
            f"{arguments.assembly} is not a cloud assembly; name what `cdk synth` wrote"
        )
    if not arguments.assembly and (unknown := environment_problem(arguments.environment)):
        problems.append(unknown)
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
        print("rehearsal: " + "\n  ".join(problems), file=sys.stderr)
        sys.exit(NOT_REHEARSED)
    arguments.fault = faults


def _scenario_problems(arguments: argparse.Namespace) -> list[str]:
    if arguments.scenario not in NAMES:
        return [f"there is no scenario {arguments.scenario!r}; there is {', '.join(NAMES)}"]
    others = ("data", "fault", "json", "serve", "assembly")
    return [
        f"--{option} does not go with --scenario, which has its own"
        for option in others
        if getattr(arguments, option)
    ]


def _file_problems(arguments: argparse.Namespace) -> list[str]:
    given = {
        "previous": arguments.previous,
        "items": arguments.items,
        "users": arguments.users,
        "schema": arguments.schema,
    }
    problems = [
        f"--{option} needs --data: a sample is not mixed with files of your own"
        for option, files in given.items()
        if files and not arguments.data
    ]
    for option, files in {"data": arguments.data, **given}.items():
        kind = "a CSV file" if option != "schema" else "an Avro schema"
        problems += [
            f"{file} cannot be read; name {kind}"
            for file in files
            if not file.is_file() or not os.access(file, os.R_OK)
        ]
    return problems


def _port_problems(port: int) -> list[str]:
    if not 0 <= port <= LARGEST_PORT:
        return [f"--port {port} is not between 0 and {LARGEST_PORT}"]
    try:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(("127.0.0.1", port))
    except OSError as error:
        return [f"--port {port} cannot be used ({error.strerror}); choose another, or 0"]
    return []


if __name__ == "__main__":
    supervision.run(_command)
