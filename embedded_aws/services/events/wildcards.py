"""The wildcards of event patterns: `*` stands for any text, a backslash before it for itself."""

import re
from functools import cache


def check_wildcard(text: str) -> str | None:
    """Return why EventBridge refuses a wildcard; its positions count the opening quote."""
    position = 0
    while position < len(text):
        if text[position] == "\\":
            if text[position + 1 : position + 2] not in ("*", "\\"):
                return f"Invalid escape character at pos {position + 1}"
            position += 1
        elif text[position : position + 2] == "**":
            return f"Consecutive wildcard characters at pos {position + 1}"
        position += 1
    return None


@cache
def wildcard(text: str) -> re.Pattern[str]:
    """Return the regular expression of a wildcard that has been checked."""
    parts = re.findall(r"\\.|\*|[^\\*]+", text, re.DOTALL)
    return re.compile("".join(map(_expression, parts)), re.DOTALL)


def _expression(part: str) -> str:
    if part == "*":
        return ".*"
    return re.escape(part[1:] if part.startswith("\\") else part)
