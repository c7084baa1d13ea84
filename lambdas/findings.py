"""What a check of data has found, told so that a row and a message can hold it."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

MOST_TOLD = 30
MOST_OF_A_KIND = 3
MOST_CHARACTERS = 7_500  # of a row's 8,000 for a reason


class Finding(NamedTuple):
    """One thing that is wrong, as a sentence with the file, the line and what to do.

    `kind` is what the findings of several files have in common. `refused` says whether
    Personalize's documents leave no doubt that the import would fail or read something else.
    """

    kind: str
    text: str
    refused: bool = True


def told(findings: Iterable[Finding]) -> str:
    """Return the findings joined by blanks, and how many are left out; "" if there are none.

    A fault that many files share is told of three of them.
    """
    lines: list[str] = []
    kinds: Counter[str] = Counter()
    left, characters = 0, 0
    for finding in findings:
        kinds[finding.kind] += 1
        characters += len(finding.text) + 1
        if (
            kinds[finding.kind] > MOST_OF_A_KIND
            or len(lines) == MOST_TOLD
            or (lines and characters > MOST_CHARACTERS)
        ):
            left += 1
            characters -= len(finding.text) + 1
            continue
        lines.append(finding.text[:MOST_CHARACTERS])
    if left:
        lines.append(f"And {left} more of these and other kinds.")
    return " ".join(lines)
