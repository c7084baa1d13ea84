"""`python -m rehearsal`: deploy the synthesised app to the embedded cloud and run a refresh.

Exits with 0 only when every refresh is COMPLETE, with 1 when one is not, with 2 when it could not
be rehearsed at all.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from embedded_aws import DeploymentError, Fault, withdraw_bootstrap
from rehearsal import report
from rehearsal.assembly import SynthesisError, find_stack, synthesise
from rehearsal.shop import TODAY, Shop, open_shop
from rehearsal.weekly_files import PreparationError, weekly_files

PACE_FOR_A_TERMINAL = 2.0  # minutes per second: half an hour in a quarter of a minute
WATCH_SECONDS = 0.1
PIPE_WIDTH = 200
COMPLETE, NOT_COMPLETE, NOT_REHEARSED = 0, 1, 2


def main() -> int:
    """Run a rehearsal by the command line's arguments; return the exit status."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: leave nothing behind
    console = Console(stderr=arguments.json, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH  # what reads a pipe wraps lines itself
    try:
        with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
            return _rehearse(arguments, console, Path(folder))
    except (SynthesisError, PreparationError, DeploymentError, OSError) as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return NOT_REHEARSED
    except KeyboardInterrupt:
        print("rehearsal: interrupted; nothing is left behind", file=sys.stderr)
        return NOT_REHEARSED


def _rehearse(arguments: argparse.Namespace, console: Console, folder: Path) -> int:
    if arguments.assembly:
        assembly: Path = arguments.assembly
        console.print(f"Taking {assembly} (environment {arguments.environment}) …", soft_wrap=True)
    else:
        console.print(f"Synthesising the app (environment {arguments.environment}) …")
        assembly = synthesise(folder / "cdk.out")
    stack = find_stack(assembly, arguments.environment)
    files = weekly_files(folder, TODAY, arguments.data, arguments.previous)
    with open_shop(stack, files, port=arguments.port, say=console.print) as shop:
        for fault in arguments.fault:
            shop.cloud.faults.add(fault)
        pace = arguments.pace or (PACE_FOR_A_TERMINAL if console.is_terminal else None)
        shop.cloud.clock.pace = pace and pace * 60
        console.print("This week's file is in S3; the Glue job has succeeded.\n")
        served = shop.served_versions()
        shop.deliver()
        with report.Progress(console, shop.cloud.clock, shop.usual) as progress:
            shop.follow(progress.watch, WATCH_SECONDS)
        result = shop.result()
        if arguments.json:
            print(json.dumps(result, indent=2), flush=True)
        else:
            report.show(console, result)
        report.show_unused_faults(console, shop.cloud.faults.unused)
        report.show_verdict(console, result, before=served, after=shop.served_versions())
        if arguments.serve:
            _serve(console, shop)
        return COMPLETE if shop.is_complete() else NOT_COMPLETE


def _serve(console: Console, shop: Shop) -> None:
    cloud, stack = shop.cloud, shop.stack
    withdraw_bootstrap(cloud)
    console.print()
    console.print("Serving the cloud until Ctrl-C. In another terminal:", soft_wrap=True)
    for name, value in cloud.environment.items():
        console.print(f"  export {name}={value}", soft_wrap=True)
    console.print(
        f"Then, for example:\n"
        f"  npx cdk bootstrap aws://{stack.account}/{stack.region}\n"
        f"  npx cdk deploy {stack.name}\n"
        f"  aws stepfunctions start-execution "
        f"--state-machine-arn {shop.outputs['DispatchWorkflowArn']} "
        f"""--input '{{"refresh": "{stack.settings["refreshes"][0]["name"]}"}}'""",
        soft_wrap=True,
    )
    with shop.time_passing(), suppress(KeyboardInterrupt):
        threading.Event().wait()


def _arguments() -> argparse.Namespace:
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
        help=f"simulated minutes per second ({PACE_FOR_A_TERMINAL:g} in a terminal, "
        "else as fast as possible)",
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
    arguments = parser.parse_args()
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
    for spec in arguments.fault:
        try:
            faults.append(Fault.parse(spec))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        parser.error("\n  ".join(problems))
    arguments.fault = faults


if __name__ == "__main__":
    sys.exit(main())
