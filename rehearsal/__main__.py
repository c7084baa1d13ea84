"""`python -m rehearsal`: deploy the synthesised app to the embedded cloud and run a refresh.

Exits with 0 only when every refresh is COMPLETE, with 1 when one is not, with 2 when it could not
be rehearsed at all.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from rehearsal import cloud as cloud_module
from rehearsal import marketplace, report
from rehearsal.assembly import SynthesisedStack, SynthesisError, find_stack, synthesise
from rehearsal.clock import Clock, use
from rehearsal.deploy import deploy
from rehearsal.faults import Fault
from rehearsal.refresh import Refresh

# The article's week: the Glue job ends on Monday, 28 September 2020, at ten in Seoul.
TODAY = datetime(2020, 9, 28, 1, tzinfo=UTC)
LAST_WEEK = TODAY.timestamp() - 7 * 24 * 3600
PACE_FOR_A_TERMINAL = 2.0  # minutes per second: half an hour in a quarter of a minute
WATCH_SECONDS = 0.1
COMPLETE, NOT_COMPLETE, NOT_REHEARSED = 0, 1, 2


def main() -> int:
    """Run a rehearsal by the command line's arguments; return the exit status."""
    arguments = _arguments()
    console = Console(stderr=arguments.json, highlight=False)
    try:
        with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
            return _rehearse(arguments, console, Path(folder))
    except (SynthesisError, marketplace.PreparationError) as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return NOT_REHEARSED
    except KeyboardInterrupt:
        print("rehearsal: interrupted; nothing is left behind", file=sys.stderr)
        return NOT_REHEARSED


def _rehearse(arguments: argparse.Namespace, console: Console, folder: Path) -> int:
    console.print(f"Synthesising the app (environment {arguments.environment}) …")
    stack = find_stack(synthesise(folder / "cdk.out"), arguments.environment)
    clock = Clock(LAST_WEEK)
    use(clock)
    with cloud_module.start(
        account=stack.account, region=stack.region, clock=clock, port=arguments.port
    ) as cloud:
        console.print("Making the shop as it was last week, and training its campaigns …")
        last_week, this_week = marketplace.deliveries(
            folder, TODAY, arguments.data, arguments.previous
        )
        usual = marketplace.prepare(cloud, stack.settings, last_week)
        console.print(f"Deploying {stack.name} …")
        outputs = deploy(stack.assembly, stack.name, cloud)
        with clock.running():
            clock.sleep(TODAY.timestamp() - clock.time())
        for fault in arguments.fault:
            cloud.faults.add(fault)
        pace = arguments.pace or (PACE_FOR_A_TERMINAL if console.is_terminal else None)
        clock.pace = pace and pace * 60
        console.print("This week's file is in S3; the Glue job has succeeded.\n")
        refresh = Refresh(cloud, stack, outputs, last_week, this_week)
        refresh.start()
        with report.Progress(console, clock, usual) as progress:
            refresh.follow(progress.watch, WATCH_SECONDS)
        result = refresh.outcome()
        complete = refresh.is_complete()
        if arguments.json:
            print(json.dumps(result, default=str, indent=2))
        else:
            report.show(console, result)
            _verdict(console, cloud, complete=complete)
        if arguments.serve:
            _serve(console, cloud, stack)
    return COMPLETE if complete else NOT_COMPLETE


def _verdict(console: Console, cloud: cloud_module.Cloud, *, complete: bool) -> None:
    for fault in cloud.faults.unused:
        console.print(f"[yellow]The fault {fault} never struck: no such call was made.[/]")
    if complete:
        console.print("\n[bold green]COMPLETE[/]: every campaign serves its new solution version.")
    else:
        console.print(
            "\n[bold red]NOT COMPLETE[/]: the reason is in the row; the old version serves on."
        )


def _serve(console: Console, cloud: cloud_module.Cloud, stack: SynthesisedStack) -> None:
    console.print()
    console.print("Serving the cloud until Ctrl-C. In another terminal:", soft_wrap=True)
    for name, value in cloud.environment.items():
        console.print(f"  export {name}={value}", soft_wrap=True)
    console.print(
        f"Then, for example:\n"
        f"  npx cdk bootstrap aws://{stack.account}/{stack.region}\n"
        f"  npx cdk deploy {stack.name}\n"
        f"  aws stepfunctions start-execution --state-machine-arn arn:aws:states:{stack.region}:"
        f"{stack.account}:stateMachine:{stack.name}-dispatch "
        f"""--input '{{"refresh": "{stack.settings["refreshes"][0]["name"]}"}}'""",
        soft_wrap=True,
    )
    threading.Event().wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description="Deploy the synthesised app to an embedded cloud and run one refresh there, "
        "from the Glue event to the moved campaign. Needs no AWS account.",
    )
    parser.add_argument("--environment", default="dev", help="a file of environments/ (dev)")
    parser.add_argument(
        "--data",
        type=_file,
        nargs="+",
        default=[],
        metavar="CSV",
        help="this week's Interactions, instead of a sample",
    )
    parser.add_argument(
        "--previous",
        type=_file,
        nargs="+",
        default=[],
        metavar="CSV",
        help="last week's (without it: what --data held seven days before its end)",
    )
    parser.add_argument(
        "--pace",
        type=_positive,
        metavar="MINUTES_PER_SECOND",
        help=f"simulated minutes per second ({PACE_FOR_A_TERMINAL:g} in a terminal, "
        "else as fast as possible)",
    )
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="SPEC",
        help="SERVICE:OPERATION=KIND[:ARGUMENT][*TIMES], KIND one of throttle, error, denied, "
        "slow:SECONDS, lost; for example personalize:CreateSolutionVersion=lost",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--serve", action="store_true", help="keep the cloud on a port afterwards")
    parser.add_argument("--port", type=int, default=0, help="the port (any free one)")
    return parser.parse_args()


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text} is no file; name a CSV file")
    if not os.access(path, os.R_OK):
        raise argparse.ArgumentTypeError(f"{text} cannot be read")
    return path


def _positive(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0 < pace < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return pace


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
