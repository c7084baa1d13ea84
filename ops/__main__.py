"""`python -m ops <verb>`: look after a deployed environment with ordinary AWS credentials.

Exits with 0 when all is done, with 1 when something was left undone, with 2 when the command could
not do its work at all.
"""

import argparse
import io
import json
import sys
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from ops import report
from ops.deployment import Deployment, Refusal, find, in_words
from ops.undelivered import replay, undelivered
from stacks.load import SettingsError

DONE, LEFT_UNDONE, NOT_DONE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for terminals that have ASCII only
    asked = _parser().parse_args(arguments)
    try:
        status: int = asked.verb(find(asked.environment), is_json=asked.json)
    except (Refusal, SettingsError) as error:
        return _refused(str(error))
    except (ClientError, BotoCoreError) as error:
        return _refused(in_words(error))
    except ValueError as error:
        if not str(error).startswith("Invalid endpoint"):
            raise
        return _refused(f"{error}; AWS_ENDPOINT_URL must be a URL, or unset")
    except KeyboardInterrupt:
        return _refused("interrupted; what was not done is where it was")
    return status


def _undelivered(deployment: Deployment, *, is_json: bool) -> int:
    found = undelivered(deployment)
    if is_json:
        _print_json(deployment, undelivered=found)
    else:
        report.show_undelivered(_console(), deployment, found)
    return DONE


def _replay(deployment: Deployment, *, is_json: bool) -> int:
    replayed = replay(deployment)
    if is_json:
        _print_json(deployment, replayed=replayed)
    else:
        report.show_replayed(_console(), deployment, replayed)
    return LEFT_UNDONE if any(done["outcome"] == "NOT_REPLAYED" for done in replayed) else DONE


def _console() -> Console:
    # AWS's words may have brackets and colons: they are neither markup nor emoji
    return Console(highlight=False, markup=False, emoji=False)


def _print_json(deployment: Deployment, **found: Any) -> None:
    shown = {"environment": deployment.environment, "stack": deployment.stack, **found}
    print(json.dumps(shown, indent=2))


def _refused(reason: str) -> int:
    print(f"ops: {reason}", file=sys.stderr)
    return NOT_DONE


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--environment", required=True, metavar="NAME", help="a file of environments/"
    )
    common.add_argument("--json", action="store_true", help="print one JSON object")
    parser = argparse.ArgumentParser(
        prog="python -m ops",
        description="Look after a deployed environment, with your AWS credentials. Its account and "
        "region are those of its file in environments/.",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, verb, purpose in (
        ("undelivered", _undelivered, "list the events that could not start the dispatch workflow"),
        ("replay", _replay, "start the dispatch workflow with each of them"),
    ):
        verbs.add_parser(
            name, parents=[common], help=purpose, description=f"{purpose.capitalize()}."
        ).set_defaults(verb=verb)
    return parser


if __name__ == "__main__":
    sys.exit(main())
