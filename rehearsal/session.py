"""One rehearsal of the command line: from the synthesised app to the printed verdict."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from rich.console import Console

from embedded_aws import DeploymentError, withdraw_bootstrap
from rehearsal import report
from rehearsal.assembly import (
    Synthesis,
    SynthesisedStack,
    SynthesisError,
    dataset_type,
    datasets,
    find_stack,
)
from rehearsal.own_files import PreparationError
from rehearsal.page import write_page
from rehearsal.scenarios import NotAsItShould, play
from rehearsal.shop import TODAY, Shop, open_shop
from rehearsal.weekly_files import WeeklyFiles, weekly_files

PACE_FOR_A_TERMINAL = 2.0  # minutes per second: half an hour in a quarter of a minute
WATCH_SECONDS = 0.1
PIPE_WIDTH = 200
COMPLETE, NOT_COMPLETE, NOT_REHEARSED = 0, 1, 2


def rehearse(arguments: argparse.Namespace, folder: Path, synthesis: Synthesis | None) -> int:
    """Run a rehearsal by the command line's arguments; return the exit status.

    `folder` takes the files that it makes. Without a `synthesis`, `arguments.assembly` is taken.
    """
    console = Console(stderr=arguments.json, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH  # what reads a pipe wraps lines itself
    try:
        return _rehearse(arguments, console, folder, synthesis)
    except (SynthesisError, PreparationError, DeploymentError, OSError) as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return NOT_REHEARSED


def _rehearse(
    arguments: argparse.Namespace, console: Console, folder: Path, synthesis: Synthesis | None
) -> int:
    say = partial(console.print, soft_wrap=True)  # a terminal that wraps an ARN leaves it whole
    files = weekly_files(
        folder,
        TODAY,
        arguments.data,
        arguments.previous,
        users=arguments.users,
        items=arguments.items,
        schemas=arguments.schema,
        say=say,
    )
    assembly = synthesis.assembly() if synthesis else arguments.assembly
    stack = find_stack(assembly, arguments.environment)
    _tell_whose_data(arguments, console, stack, files[0])
    if arguments.scenario:
        with open_shop(stack, files, port=arguments.port) as shop:
            return _scenario(arguments.scenario, shop, folder, say)
    with open_shop(stack, files, port=arguments.port, say=say) as shop:
        for fault in arguments.fault:
            shop.cloud.faults.add(fault)
        shop.cloud.clock.pace = _pace(arguments, console)
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
        say(f"\n{write_page(shop, result)}")
        report.show_unused_faults(console, shop.cloud.faults.unused)
        report.show_verdict(console, result, before=served, after=shop.served_versions())
        if arguments.serve:
            with suppress(KeyboardInterrupt):
                _serve(console, shop)
        return COMPLETE if shop.is_complete() else NOT_COMPLETE


def _scenario(name: str, shop: Shop, folder: Path, say: Callable[[str], object]) -> int:
    try:
        ended = play(name, shop, folder, say)
    except NotAsItShould as error:
        say(f"NOT AS IT SHOULD BE: {error}.")
        return NOT_COMPLETE
    say(f"As it should be: {', then '.join(ended)}.")
    return COMPLETE


def _tell_whose_data(
    arguments: argparse.Namespace, console: Console, stack: SynthesisedStack, files: WeeklyFiles
) -> None:
    """Print which datasets get other data than the user's, and which files no dataset takes."""
    kinds = sorted({dataset_type(dataset) for dataset in datasets(stack.settings)})
    for kind in kinds:
        if kind in files.made:
            option = f"; give your own by --{kind.lower()}" if kind in ("ITEMS", "USERS") else ""
            console.print(f"The dataset of type {kind} gets rows made from --data{option}.")
    given = {
        kind
        for kind, own in (("ITEMS", arguments.items), ("USERS", arguments.users))
        if own and kind not in kinds
    }
    for kind in sorted(given):
        console.print(f"--{kind.lower()} is not used: {stack.name} has no dataset of type {kind}.")


def _pace(arguments: argparse.Namespace, console: Console) -> float | None:
    """Return the simulated seconds that pass in a real one; None: as fast as possible."""
    if arguments.pace:
        return float(arguments.pace) * 60
    return PACE_FOR_A_TERMINAL * 60 if console.is_terminal else None


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
    # An interrupt at any moment would leave the clock between two holds.
    interrupts: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    with shop.time_passing():
        while not interrupts:  # the kernel may give a signal to any thread: this one looks for it
            time.sleep(0.2)
