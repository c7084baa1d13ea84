"""`python -m embedded_aws changes`: list what the embedded cloud changes in moto, and why.

With --pin, write the hashes of the replaced parts to moto_parts.json. Do this after an upgrade of
moto, once you have compared the parts that differ with their replacements.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from embedded_aws import moto_changes
from embedded_aws.cloud import install_services


def main(command_line: Sequence[str] | None = None) -> int:
    """List or pin the changes by the command line's arguments; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m embedded_aws", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB", dest="verb")
    changes = verbs.add_parser("changes", help="list what is changed in moto, and why")
    changes.add_argument("--json", action="store_true", help="print one JSON array")
    changes.add_argument("--pin", action="store_true", help="write moto_parts.json")
    asked = parser.parse_args(command_line)
    install_services()
    made = moto_changes.made()
    hashes = moto_changes.hashes()
    moto_changes.undo_all()
    if asked.pin:
        text = json.dumps(hashes, indent=2, sort_keys=True)
        moto_changes.PINNED.write_text(text + "\n", encoding="utf-8")
    if asked.json:
        print(json.dumps([{"place": c.place, "why": c.why} for c in made], indent=2))
    else:
        _show(made)
    return 0


def _show(made: list[moto_changes.Change]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        for change in made:
            print(f"{change.place}  {change.why}")
        return
    table = Table("what is replaced", "how AWS differs", expand=True)
    for change in made:
        table.add_row(Text(change.place, overflow="fold"), Text(change.why))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
