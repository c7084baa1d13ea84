"""Text for terminals and pipes that have ASCII only."""

import codecs
import io
from typing import IO

_PLAIN = {"…": "...", "→": "->", "×": "x"}


def make_printable(*streams: IO[str]) -> None:
    """Let streams write characters that their encoding lacks as their nearest, or as `\\u2026`."""
    codecs.register_error("plain", _plain)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    plain = "".join(_PLAIN.get(character, character) for character in missing)
    return plain.encode("ascii", "backslashreplace").decode(), error.end
