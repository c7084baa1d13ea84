"""`python -m rehearsal.fault_matrix`: every call of a refresh and its ends, failing in every way.

The calls are those that a clean rehearsal makes, each by its number among its caller's calls of the
operation. Each case is a day of its own in a deployed shop: the Glue job succeeds (or fails, or a
person stops the refresh), the call fails, and afterwards a person starts the refresh again. However
it ends, it must end with a row that says so, go on when it is started again, and pay for one import
and one training at most. What was rejected or taken back is never served again without a person's
word. Others must be told of each change by an event and of each end by one message, with true
reasons; the exceptions of decision 0019 are counted. Exits with 1 on any violation.

Which calls fail where: in prod all of a refresh, and those of its other ends; elsewhere those that
are new there, such as a rollback's in careful (rehearsal/environments/).
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from embedded_aws import Fault
from rehearsal.assembly import environments_of, find_stack, synthesise
from rehearsal.fault_cases import Case, begin_day, deployed, every_case
from rehearsal.fault_kinds import is_true
from rehearsal.fault_live import live_problems, wanted_end, wrongly_served
from rehearsal.fault_occasions import BAD_END, ENVIRONMENTS, deliver_again, shorten
from rehearsal.fault_told import ENDED, judge
from rehearsal.result import executions, resources_since
from rehearsal.scenario_names import ENVIRONMENTS as OWN_ENVIRONMENTS
from rehearsal.shop import TODAY, Shop, open_shop
from rehearsal.told import Told
from rehearsal.weekly_files import weekly_files

PIPE_WIDTH = 200
# Which attribute of the row has what the campaign serves at the end.
SERVES = {
    "COMPLETE": "solution_version_arn",
    "ROLLED_BACK": "previous_solution_version_arn",
    "SUPERSEDED": "superseded_by",
}


@dataclass
class CaseResult:
    """How a case ended at first, and what had been made once it was started again."""

    case: str
    outcome: str
    reason: str
    again: str
    imports: int
    trainings: int
    attempts: int
    exceptions: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


def run(case: Case, shop: Shop) -> CaseResult:
    """Rehearse one case on a new day of the shop, and judge it."""
    begin_day(shop, case.on)
    told = Told.by(shop)
    struck = happen(case, shop, told)
    ended, reason = _ended(shop)
    violations = [] if struck else ["the fault did not strike"]
    violations += _problems_of_end(case, ended, reason)
    shop.cloud.faults.clear()
    wanted = wanted_end(case.on, _row(shop), shop)
    again = _started_again(shop)
    row = _row(shop)
    if again != wanted:
        violations.append(f"started again it is {again}, and should be {wanted}")
    violations += wrongly_served(row, SERVES[wanted], shop)
    if again == "ROLLED_BACK" and (once_more := _started_again(shop)) != again:
        violations.append(f"after it was rolled back it is {once_more}")
    violations += live_problems(shop)
    made = resources_since(shop.cloud, shop.began)
    imports, trainings = paid_imports(made), paid_trainings(made)
    if max(imports.values(), default=0) > 1 or max(trainings.values(), default=0) > 1:
        violations.append("paid twice")
    verdict = judge(case, shop, told, struck)
    return CaseResult(
        case=case.name,
        outcome=ended,
        reason=reason,
        again=again,
        imports=sum(imports.values()),
        trainings=sum(trainings.values()),
        attempts=int(row.get("attempt", 0)),
        exceptions=dict(verdict.exceptions),
        violations=violations + verdict.violations,
    )


def _problems_of_end(case: Case, ended: str, reason: str) -> list[str]:
    """Return what is wrong with how a case has ended at first."""
    problems = []
    if case.failure and case.failure.survives and case.on.ends not in {BAD_END, ended}:
        problems.append("it did not survive")
    is_told = ended in {"FAILED", "DISPATCH FAILED", "UNDELIVERED"} and case.on.ends != BAD_END
    if is_told and not is_true(reason, case.caller, case.operation, case.kind):
        problems.append(f"untrue reason: {reason}")
    if ended == "NOTHING" and case.on.has_row:
        problems.append("it ended without a word")
    return problems


def _started_again(shop: Shop) -> str:
    """Let a person start the refresh again, and return how it ends."""
    shop.ask(refresh=shop.settings["refreshes"][0]["name"])
    return _ended(shop)[0]


def happen(case: Case, shop: Shop, told: Told) -> int:
    """Let the occasion of a case pass, with its failure; return how often that has struck."""
    if not case.failure:
        case.on.happen(shop)
        shop.settle()
        (function,) = (
            name
            for name, caller in deployed(shop, "AWS::Lambda::Function").items()
            if caller == case.caller
        )
        again = deliver_again(shop, case.caller, function, told.aws_events())
        shop.settle()
        return again
    shop.cloud.behaviour.awslambda.timeout = case.failure.timeout
    fault = Fault.parse(f"{case.operation}@{case.nth}={case.failure.fault}")
    callers = deployed(shop, "AWS::IAM::Role")
    fault.roles = {role for role in callers if callers[role] == case.caller}
    shop.cloud.faults.add(fault)
    case.on.happen(shop)
    shop.settle()
    return fault.struck


def paid_imports(made: dict[str, list[dict[str, Any]]]) -> Counter[str]:
    """Count the imports that data was read for, by dataset."""
    jobs = made["dataset_import_jobs"]
    return Counter(job["datasetArn"] for job in jobs if job["status"] != "CREATE FAILED")


def paid_trainings(made: dict[str, list[dict[str, Any]]]) -> Counter[str]:
    """Count the trainings that are billed, by solution: all but those stopped before they began."""
    return Counter(
        version["solutionArn"]
        for version in made["solution_versions"]
        if version["status"] not in {"CREATE FAILED", "CREATE STOPPED"}
    )


def _row(shop: Shop) -> dict[str, Any]:
    """Return the row of the case: today's, or nothing."""
    today = int(f"{shop.cloud.clock.now():%Y%m%d}")
    return next(iter(shop.table_rows(today)), {})


def _ended(shop: Shop) -> tuple[str, str]:
    """Return the final status once nothing runs any more, and the reason."""
    row = _row(shop)
    if row.get("refresh_status") in ENDED:
        return row["refresh_status"], row.get("failure_reason", "")
    ran = executions(shop.cloud, shop.machines, since=shop.began)
    for execution in reversed(ran):
        of_dispatch = execution["machine"].endswith("-dispatch")
        if execution["status"] in {"FAILED", "ABORTED", "TIMED_OUT"}:
            status = execution["status"]
            return f"DISPATCH {status}" if of_dispatch else status, execution["cause"] or ""
    reason = _dead_letter(shop)
    return ("UNDELIVERED", reason) if reason else ("NOTHING", "")


def _dead_letter(shop: Shop) -> str:
    """Take the message of the case from the queue, and return why it could not be delivered."""
    queue = {"QueueUrl": shop.outputs["UndeliveredEventsUrl"]}
    sqs = shop.cloud.client("sqs")
    received = sqs.receive_message(**queue, MessageAttributeNames=["ERROR_MESSAGE"])
    for message in received.get("Messages", []):
        sqs.delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])
        return str(message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"])
    return ""


@contextmanager
def shop_with_short_stages(assembly: Path, environment: str) -> Iterator[Shop]:
    """Open a shop on the sample's data."""
    with tempfile.TemporaryDirectory(prefix="fault-matrix-") as folder:
        stack = find_stack(assembly, environment)
        files = weekly_files(Path(folder), TODAY, [], [])
        with open_shop(stack, files) as shop:
            shorten(shop)
            yield shop


_open: list[tuple[Shop, ExitStack]] = []  # in a worker process: its shop, and what closes it


def _open_in_worker(assembly: Path, environment: str) -> None:
    closing = ExitStack()
    shop = closing.enter_context(shop_with_short_stages(assembly, environment))
    shop.pause("CheckFreshness")  # no part of a refresh, and most of what happens on a day
    _open.append((shop, closing))


def _run_in_worker(case: Case) -> CaseResult:
    try:
        return run(case, _open[0][0])
    except Exception as error:  # noqa: BLE001 - hours of other cases must not be lost by one
        violation = f"it could not be judged: {error!r}"
        return CaseResult(case.name, "UNKNOWN", "", "", 0, 0, 0, violations=[violation])


def main(command_line: Sequence[str] | None = None) -> int:
    """Run the matrix by the command line's arguments; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.fault_matrix", description=(__doc__ or "").split("\n\n")[1]
    )
    parser.add_argument(
        "--environment",
        action="append",
        help=f"a file of environments/ or rehearsal/environments/ ({', '.join(ENVIRONMENTS)})",
    )
    parser.add_argument(
        "--assembly",
        type=Path,
        metavar="FOLDER",
        help="what `cdk synth` has written, as cdk.out; by default the environments that are in it",
    )
    parser.add_argument("--only", default="*", metavar="PATTERN", help="cases by name, as *lost*")
    parser.add_argument("--jobs", type=int, default=2, help="processes at work (2)")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    arguments = parser.parse_args(command_line)
    console = Console(stderr=arguments.json, highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    with tempfile.TemporaryDirectory(prefix="fault-matrix-") as folder:
        results = [
            result
            for environment, assembly in _assemblies(arguments, Path(folder))
            for result in _run_all(environment, assembly, arguments, console)
        ]
    if not results:
        parser.error(f"no case is named like {arguments.only!r}")
    if arguments.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    else:
        _show(console, results)
    violated = [result for result in results if result.violations]
    console.print(
        f"{len(results)} cases, {len(violated)} violations; "
        f"ended {dict(Counter(result.outcome for result in results))}"
    )
    exceptions = sum((Counter(result.exceptions) for result in results), Counter[str]())
    for name, count in sorted(exceptions.items()):
        console.print(f"exception (decision 0019): {name}: {count}")
    return 1 if violated else 0


def _assemblies(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each environment with the assembly that it is in, synthesised unless it is given."""
    wanted = arguments.environment or ENVIRONMENTS
    if arguments.assembly:
        known = environments_of(arguments.assembly)
        for name in arguments.environment or [each for each in wanted if each in known]:
            yield name, arguments.assembly
        return
    made: dict[bool, Path] = {}
    for name in wanted:
        ours = (OWN_ENVIRONMENTS / f"{name}.yaml").exists()
        if ours not in made:
            of = OWN_ENVIRONMENTS if ours else None
            made[ours] = synthesise(folder / of.parent.name if of else folder / "cdk.out", of)
        yield name, made[ours]


def _run_all(
    environment: str, assembly: Path, arguments: argparse.Namespace, console: Console
) -> Iterator[CaseResult]:
    """Run the cases of an environment that are wanted, in as many processes as are wanted."""
    with ExitStack() as closing:
        shop = closing.enter_context(shop_with_short_stages(assembly, environment))
        chosen = [case for case in every_case(shop) if fnmatch(case.name, arguments.only)]
        console.print(f"{environment}: {len(chosen)} cases …")
        jobs = min(arguments.jobs, len(chosen))
        progress = closing.enter_context(Progress(console=console, disable=not console.is_terminal))
        running: Iterator[CaseResult] = (run(case, shop) for case in chosen)
        if jobs > 1:
            workers = ProcessPoolExecutor(
                jobs,
                multiprocessing.get_context("spawn"),
                _open_in_worker,
                (assembly, environment),
            )
            running = closing.enter_context(workers).map(_run_in_worker, chosen)
        for done, result in enumerate(progress.track(running, total=len(chosen)), 1):
            yield result
            if not console.is_terminal and done % 100 == 0:
                console.print(f"{done} of {len(chosen)}")


def _show(console: Console, results: list[CaseResult]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("case", "outcome", "again", "imports", "trainings", "attempts", ""):
        table.add_column(column)
    for result in results:
        table.add_row(
            result.case,
            result.outcome,
            result.again,
            str(result.imports),
            str(result.trainings),
            str(result.attempts),
            "; ".join(result.violations),
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
