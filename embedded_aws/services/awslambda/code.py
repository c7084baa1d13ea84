"""The unpacked code of functions: each archive once, for all functions and clouds that have it."""

import hashlib
import io
import threading
import zipfile
from pathlib import Path

from embedded_aws.temporary import temporary_folder

_unpacking = threading.Lock()


def unpacked(archive: bytes) -> Path:
    """Return the folder with an archive's files; it is deleted when this process ends.

    Functions must not write into it, which they cannot on AWS either: others have the same.
    """
    folder = temporary_folder("lambda-code") / hashlib.sha256(archive).hexdigest()
    with _unpacking:
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                opened.extractall(partial)
            partial.rename(folder)
    return folder
