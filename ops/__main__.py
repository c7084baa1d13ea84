"""`personalize-refresh <verb>`, or `python -m ops <verb>`: look after a deployed environment.

Works with boto3's ordinary configuration and credentials. Exits with 0 when all is done and well,
with 1 when something was left undone or is not well, with 2 when the command could not do its work.
"""

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from typer.exceptions import TyperException

from ops import act, costs, explain, moves, refreshes, report, shown, watch
from ops.adopt import Request, adopt, is_left
from ops.advice import UNWELL
from ops.deployment import Deployment, Refusal, find, in_words
from ops.doctor import examine
from ops.page import write
from ops.undelivered import replay_events, undelivered_events
from stacks.load import SettingsError

DONE, LEFT_UNDONE, NOT_DONE = 0, 1, 2

app = typer.Typer(
    name="personalize-refresh",
    help="Look after a deployed environment, with your AWS credentials. Its account and region are "
    "those of its file in environments/.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

EnvironmentName = Annotated[
    str, typer.Option("--environment", "-e", metavar="NAME", help="A file of environments/.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="A campaign's name.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; the row keeps it.")]
BaseDate = Annotated[
    int | None, typer.Option("--base-date", metavar="DATE", help="The row's date, as 20200928.")
]


@app.command()
def status(environment: EnvironmentName, as_json: Json = False) -> int:
    """Show what each campaign serves, and where its last refresh stands.

    Exits with 1 if the last refresh of a campaign has failed, was rejected or rolled back.

    Example: python -m ops status --environment prod
    """
    deployment = find(environment)
    found = refreshes.status(deployment)
    if as_json:
        _print_json(deployment, campaigns=found)
    else:
        shown.show_status(_console(), deployment, found)
    return LEFT_UNDONE if any(each["status"] in UNWELL for each in found) else DONE


@app.command()
def history(
    campaign: Campaign,
    environment: EnvironmentName,
    last: Annotated[int, typer.Option("--last", min=1, help="How many rows.")] = 10,
    as_json: Json = False,
) -> int:
    """List the refreshes of a campaign, the newest first.

    Example: python -m ops history brandi-hrnn-campaign-v2 --environment prod
    """
    deployment = find(environment)
    found = refreshes.history(deployment, campaign, last)
    if as_json:
        _print_json(deployment, refreshes=found)
    else:
        shown.show_history(_console(), campaign, found)
    return DONE


@app.command(name="watch")
def watch_(
    environment: EnvironmentName,
    campaign: Annotated[
        list[str] | None, typer.Option("--campaign", help="Only this one; may be repeated.")
    ] = None,
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between looks.")] = 10,
    as_json: Json = False,
) -> int:
    """Follow the refreshes that run until all have ended.

    Exits with 1 if one of them has failed, was rejected or rolled back.

    Example: python -m ops watch --environment prod
    """
    deployment = find(environment)
    ended = watch.follow(deployment, campaign or [], every, None if as_json else _console())
    if as_json:
        _print_json(deployment, campaigns=ended)
    return LEFT_UNDONE if any(each["status"] in UNWELL for each in ended) else DONE


@app.command()
def start(
    refresh: Annotated[str, typer.Argument(metavar="REFRESH", help="A refresh's name.")],
    environment: EnvironmentName,
    campaign: Annotated[
        list[str] | None, typer.Option("--campaign", help="Only this one; may be repeated.")
    ] = None,
    base_date: BaseDate = None,
    run: Annotated[
        str | None,
        typer.Option("--run", help="A word that makes it a new run: all is paid for again."),
    ] = None,
    training_mode: Annotated[str | None, typer.Option(help="FULL or UPDATE.")] = None,
    import_mode: Annotated[str | None, typer.Option(help="FULL or INCREMENTAL.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Start a refresh by hand, of all its campaigns or of some.

    Example: python -m ops start weekly --environment prod --yes
    """
    deployment = find(environment)
    request = act.request(
        deployment,
        refresh,
        campaigns=campaign,
        base_date=base_date,
        run=run,
        training_mode=training_mode,
        import_mode=import_mode,
    )
    return _started(deployment, request, yes=yes, as_json=as_json)


@app.command()
def retry(
    campaign: Campaign,
    environment: EnvironmentName,
    base_date: BaseDate = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Start a campaign's failed refresh again; what it has imported and trained is adopted.

    Example: python -m ops retry brandi-hrnn-campaign-v2 --environment prod --yes
    """
    deployment = find(environment)
    request = act.retry_request(deployment, campaign, base_date)
    return _started(deployment, request, yes=yes, as_json=as_json)


@app.command()
def promote(
    campaign: Campaign,
    environment: EnvironmentName,
    base_date: BaseDate = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="ARN", help="Another solution version.")
    ] = None,
    reason: Reason = "no reason given",
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Let a version go live that was rejected or rolled back; nothing is trained again.

    Example: python -m ops promote brandi-hrnn-campaign-v2 --environment prod --reason "sale week"
    """
    deployment = find(environment)
    request = moves.promotion(
        deployment, campaign, base_date=base_date, version=version, reason=reason
    )
    return _started(deployment, request, yes=yes, as_json=as_json)


@app.command()
def rollback(
    campaign: Campaign,
    environment: EnvironmentName,
    reason: Reason = "no reason given",
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Move a campaign back onto the version that it served before; once more undoes that.

    Example: python -m ops rollback brandi-hrnn-campaign-v2 --environment prod --reason "bad sales"
    """
    deployment = find(environment)
    request = moves.rollback(deployment, campaign, reason=reason)
    return _started(deployment, request, yes=yes, as_json=as_json)


@app.command()
def stop(
    campaign: Annotated[
        str, typer.Argument(metavar="CAMPAIGN|EXECUTION", help="A campaign, or an execution.")
    ],
    environment: EnvironmentName,
    reason: Reason,
    training: Annotated[
        bool, typer.Option("--training", help="Stop its training too, which goes on otherwise.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Stop a refresh that runs; nothing starts it again but you.

    Example: python -m ops stop brandi-hrnn-campaign-v2 --environment prod --reason "wrong data"
    """
    deployment = find(environment)
    plan = act.plan_stop(deployment, campaign, reason, training=training)
    _confirm(plan.words, yes=yes)
    stopped = act.stop(deployment, plan)
    if as_json:
        _print_json(deployment, stopped=stopped)
    else:
        _say(f"Stopped {plan.execution_arn}.", *stopped["remarks"])
    return DONE


@app.command()
def undelivered(environment: EnvironmentName, as_json: Json = False) -> int:
    """List the events that could not start the dispatch workflow, or could not be announced.

    Example: python -m ops undelivered --environment prod
    """
    deployment = find(environment)
    found = undelivered_events(deployment)
    if as_json:
        _print_json(deployment, undelivered=found)
    else:
        report.show_undelivered(_console(), deployment, found)
    return DONE


@app.command()
def replay(environment: EnvironmentName, yes: Yes = False, as_json: Json = False) -> int:
    """Start the dispatch workflow with each undelivered event, and announce what was not.

    Safe to repeat: an event never starts the same refresh twice.

    Example: python -m ops replay --environment prod --yes
    """
    deployment = find(environment)
    waiting = undelivered_events(deployment)
    if waiting:
        _confirm(f"Replay {report.count(len(waiting))} of {deployment.stack}.", yes=yes)
    replayed = replay_events(deployment) if waiting else []
    if as_json:
        _print_json(deployment, replayed=replayed)
    else:
        report.show_replayed(_console(), deployment, replayed)
    return LEFT_UNDONE if any(done["outcome"] == "NOT_REPLAYED" for done in replayed) else DONE


@app.command(name="explain")
def explain_(
    execution: Annotated[
        str,
        typer.Argument(
            metavar="EXECUTION|CAMPAIGN", help="An execution's name or ARN, or a campaign."
        ),
    ],
    environment: EnvironmentName,
    base_date: BaseDate = None,
    as_json: Json = False,
) -> int:
    """Say why a refresh ended as it did, what that means, and what to do next.

    Exits with 1 if it has failed.

    Example: python -m ops explain brandi-hrnn-campaign-v2 --environment prod
    """
    deployment = find(environment)
    found = explain.explain(deployment, execution, base_date)
    if as_json:
        _print_json(deployment, explanation=found)
    else:
        shown.show_explanation(_console(), found)
    return LEFT_UNDONE if found["status"] in UNWELL else DONE


@app.command()
def doctor(environment: EnvironmentName, as_json: Json = False) -> int:
    """Look for everything that would keep refreshes from working; change nothing.

    For before the first deployment, and after it. Exits with 1 if there is a problem.

    Example: python -m ops doctor --environment prod
    """
    found = examine(environment)
    if as_json:
        print(json.dumps({"environment": environment, "findings": found}, indent=2))
    else:
        shown.show_findings(_console(), found)
    return LEFT_UNDONE if any(each["level"] == "PROBLEM" for each in found) else DONE


@app.command(name="report")
def report_(
    execution: Annotated[
        str,
        typer.Argument(
            metavar="EXECUTION|CAMPAIGN", help="An execution's name or ARN, or a campaign."
        ),
    ],
    environment: EnvironmentName,
    base_date: BaseDate = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="By default named by the execution.")
    ] = None,
) -> int:
    """Write a page about a refresh: its path, times, metrics and failures, in one HTML file.

    Example: python -m ops report brandi-hrnn-campaign-v2 --environment prod
    """
    deployment = find(environment)
    written = write(deployment, execution, base_date, output)
    _say(f"The report is in {written}.")
    return DONE


@app.command(name="costs")
def costs_(
    environment: EnvironmentName,
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="By default this month.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Estimate what the refreshes of a month have cost, by campaign.

    Example: python -m ops costs --environment prod --month 2020-09
    """
    deployment = find(environment)
    found = costs.of_month(deployment, month)
    if as_json:
        _print_json(deployment, **found)
    else:
        shown.show_costs(_console(), found)
    return DONE


@app.command(name="adopt")
def adopt_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the environment is called.")],
    region: Annotated[str | None, typer.Option(help="By default that of your profile.")] = None,
    dataset_group: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP", help="Only this one; may be repeated."),
    ] = None,
    location: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE=S3", help="As ITEMS=s3://bucket/items/; may be repeated."),
    ] = None,
    glue_job: Annotated[
        str | None, typer.Option(metavar="JOB", help="The Glue job that delivers the data.")
    ] = None,
    keep_import_role: Annotated[
        bool, typer.Option("--keep-import-role", help="Import with the role of the last import.")
    ] = False,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="As Asia/Seoul; UTC by default.")
    ] = None,
    from_parameters: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read a parameter file of AWS's Solution Maintaining Personalized Experiences.",
        ),
    ] = None,
    bucket: Annotated[
        str | None, typer.Option(help="With --from-parameters: the bucket of the Solution.")
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(metavar="ID", help="With --from-parameters: write for it, and ask no AWS."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="By default environments/NAME.yaml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: Json = False,
) -> int:
    """Write an environment file from what the account has in Personalize; change nothing there.

    Exits with 1 if it was written and something is left for you to fill in or to change.

    Example: python -m ops adopt prod --region ap-northeast-1 --glue-job Job-Brandi-Commerce-API
    """
    adopted = adopt(
        Request(
            name=name,
            region=region,
            dataset_groups=dataset_group or [],
            locations=location or [],
            glue_job=glue_job,
            keep_import_role=keep_import_role,
            parameters=from_parameters,
            bucket=bucket,
            account=account,
            time_zone=time_zone,
            output=output,
            force=force,
        )
    )
    if as_json:
        print(json.dumps({"environment": name, **adopted}, indent=2))
    else:
        shown.show_adopted(_console(), adopted)
    return LEFT_UNDONE if is_left(adopted) else DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for terminals that have ASCII only
    try:
        done = app(list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        if (words := _in_words(error)) is None:
            raise
        print(f"ops: {words}", file=sys.stderr)
        return NOT_DONE
    return done if isinstance(done, int) else DONE


def _in_words(error: BaseException) -> str | None:
    """Return why the command could not do its work; None for a fault of ours."""
    if isinstance(error, (Refusal, SettingsError)):
        return str(error)
    if isinstance(error, (ClientError, BotoCoreError)):
        return in_words(error)
    if isinstance(error, TyperException):
        text = error.format_message()
        return f"{text.splitlines()[0]} (--help says what there is)" if text else None
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return "interrupted; what was not done is where it was"
    if isinstance(error, ValueError) and str(error).startswith("Invalid endpoint"):
        return f"{error}; AWS_ENDPOINT_URL must be a URL, or unset"
    return None


def run() -> NoReturn:
    """Run the installed command."""
    sys.exit(main())


def _started(deployment: Deployment, request: dict[str, Any], *, yes: bool, as_json: bool) -> int:
    _confirm(act.words_of(deployment, request), yes=yes)
    outcome = act.start(deployment, request)
    if as_json:
        _print_json(deployment, **outcome)
    else:
        shown.show_started(_console(), deployment, outcome)
    return DONE if outcome["status"] == "SUCCEEDED" else LEFT_UNDONE


def _confirm(words: str, *, yes: bool) -> None:
    """Say what is about to be done, and ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refusal(f"{words} This asks first, and there is no terminal: add --yes")
    print(words, file=sys.stderr)
    if not typer.confirm("Go on?", err=True):
        raise Refusal("nothing was done")


def _say(*sentences: str) -> None:
    for sentence in sentences:
        _console().print(sentence, soft_wrap=True)


def _console() -> Console:
    # AWS's words may have brackets and colons: they are neither markup nor emoji
    return Console(highlight=False, markup=False, emoji=False)


def _print_json(deployment: Deployment, **found: Any) -> None:
    shown = {"environment": deployment.environment, "stack": deployment.stack, **found}
    print(json.dumps(shown, indent=2))


if __name__ == "__main__":
    run()
