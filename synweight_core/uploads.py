"""Files as they came: kept by content hash in `uploads/`, so that a reload of the page loses nothing.

It reads none of them: that is `tables`.
"""

import hashlib
import shutil
from pathlib import Path
from typing import BinaryIO

from synweight_core import storage
from synweight_core.errors import NotFoundError


def store_upload(stream: BinaryIO) -> str:
    """Copy a file into the workspace; its SHA-256 is its name."""
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    stream.seek(0)

    def copy(path: Path) -> None:
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file)

    storage.write_atomically(storage.home() / "uploads" / digest.hexdigest(), copy)
    storage.remove_abandoned(storage.home() / "uploads")  # of a server that was killed
    return digest.hexdigest()


def upload_path(sha256: str) -> Path:
    """The stored upload. Raises NotFoundError when there is none."""
    path = storage.home() / "uploads" / storage.checked_id(sha256)
    if not path.exists():
        raise NotFoundError("This uploaded file is no longer in the workspace. Upload it again.")
    return path
