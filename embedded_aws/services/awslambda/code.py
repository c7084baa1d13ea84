"""The unpacked code of functions: each archive once, for all functions and clouds that have it."""

import atexit
import hashlib
import io
import shutil
import tempfile
import threading
import zipfile
from functools import cache
from pathlib import Path

_unpacking = threading.Lock()


def unpacked(archive: bytes) -> Path:
    """Return the folder with an archive's files; it is deleted when this process ends."""
    folder = _scratch() / hashlib.sha256(archive).hexdigest()
    with _unpacking:
        if not folder.exists():
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                opened.extractall(folder)
    return folder


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lambda-code-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
