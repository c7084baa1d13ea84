"""The unpacked code of functions."""

import io
import zipfile

import pytest

from embedded_aws.services.awslambda.code import unpacked


def archive(**modules: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for name, text in modules.items():
            opened.writestr(f"{name}.py", text)
    return packed.getvalue()


def test_the_same_code_is_unpacked_once_and_other_code_elsewhere() -> None:
    folder = unpacked(archive(task="x = 1"))
    assert unpacked(archive(task="x = 1")) == folder
    assert (folder / "task.py").read_text("utf-8") == "x = 1"
    other = unpacked(archive(task="x = 2"))
    assert (other / "task.py").read_text("utf-8") == "x = 2"


def test_code_that_cannot_be_unpacked_whole_is_never_used_in_part() -> None:
    broken = archive(first="whole", second="marker").replace(b"marker", b"MARKER")
    for _ in range(2):
        with pytest.raises(zipfile.BadZipFile, match="CRC"):
            unpacked(broken)
