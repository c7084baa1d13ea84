"""Temporary folders that end with this process."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def temporary_folder(purpose: str) -> Path:
    """Return this process's folder for a purpose, which is in its name; it is made once."""
    folder = Path(tempfile.mkdtemp(prefix=f"{purpose}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
