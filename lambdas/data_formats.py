"""Whether bytes are the text of a CSV file, and if not, what they are instead: pure."""

import codecs
from typing import NamedTuple

# How files begin that are often delivered instead of CSV, whatever their names say.
BEGINNINGS = (
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4"),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with Snappy"),
    (b"PAR1", "a Parquet file"),
    (b"PARE", "an encrypted Parquet file"),
    (b"Obj\x01", "an Avro file"),
    (b"ORC", "an ORC file"),
    (b"SEQ\x06", "a Hadoop sequence file"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
    (b"{", "JSON"),
    (b"[", "JSON"),
    (b"<", "XML or HTML"),
)
BYTE_ORDERS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
FIRST = 32  # bytes: less than any header has


class Text(NamedTuple):
    """The lines of a head, without their ends, and what is wrong with its encoding.

    `broken` is the first line, counted from 1, that is not UTF-8; the lines end before it.
    `has_mark` is whether UTF-8's byte order mark comes first; it is in no line.
    """

    lines: list[str]
    broken: int | None = None
    has_mark: bool = False


def other_format(head: bytes) -> str | None:
    """Return what the bytes are instead of text in UTF-8, as in "it is a Parquet file".

    To be asked only if the first line is no header: one may begin with ORC or BZh, too.
    """
    for mark, name in BYTE_ORDERS:
        if head.startswith(mark):
            return f"encoded in {name}"
    if 0 in head[:FIRST] and not (any(head[:FIRST:2]) and any(head[1:FIRST:2])):
        return "encoded in UTF-16"
    beginning = head.lstrip(b" \t\r\n")
    return next((name for mark, name in BEGINNINGS if beginning.startswith(mark)), None)


def text_of(head: bytes, *, is_whole: bool) -> Text:
    """Return the complete lines of a head; the last one may be cut off unless it `is_whole`."""
    has_mark = head.startswith(codecs.BOM_UTF8)
    head = head.removeprefix(codecs.BOM_UTF8)
    end = b"\n" if b"\n" in head else b"\r"
    if not is_whole:
        head = head[: head.rfind(end) + 1]
    broken = None
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        text = head[: head.rfind(end, 0, error.start) + 1].decode()
        broken = head.count(end, 0, error.start) + 1
    lines = text.split(end.decode())
    if lines[-1] == "":
        lines.pop()
    if end == b"\n":
        lines = [line.removesuffix("\r") for line in lines]
    return Text(lines, broken, has_mark)
