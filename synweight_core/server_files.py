"""Files that lie on the server already: taken in as an upload is, from folders that whoever runs the app allows.

`SYNWEIGHT_FOLDERS` names these folders, separated as in PATH; without it there are none. Links are followed first, so
that nothing outside is read, and what is outside looks like what is not there. Commands read any path.
"""

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from synweight_core.errors import DataError
from synweight_core.findings import listed
from synweight_core.tables import READERS, Limits
from synweight_core.uploads import store_upload

VARIABLE = "SYNWEIGHT_FOLDERS"
MAX_LISTED = 200
_MAX_LOOKED_AT = 20_000  # folders may be deep; a page must not wait for them


def allowed_folders() -> tuple[Path, ...]:
    """The folders that may be read, links followed; those that are absent are left out."""
    named = [name for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name.strip()]
    return tuple(Path(name).expanduser().resolve() for name in named if Path(name).expanduser().is_dir())


def listed_files(*, at_most: int = MAX_LISTED) -> list[Path]:
    """Tables in the allowed folders, in the order of their paths; not below links."""
    found = (path for path in islice(_walked(), _MAX_LOOKED_AT) if _is_table(path))
    return list(islice(found, at_most))


def allowed_file(text: str) -> Path:
    """The table that a path names, absolute or below an allowed folder. Raises DataError."""
    path = _allowed(text)
    if path is None or not path.is_file():
        raise _absent(text, "file")
    if not _is_table(path):
        raise DataError(f"'{text[:200]}' is no table of a known kind. Expected one of {', '.join(READERS)}.")
    return path


def allowed_folder(text: str) -> Path:
    """The folder that a path names, absolute or below an allowed folder. Raises DataError."""
    path = _allowed(text)
    if path is None or not path.is_dir():
        raise _absent(text, "folder")
    return path


def take_file(text: str) -> tuple[str, str]:
    """Copy a file on the server into the workspace as an upload; its SHA-256 and its name.

    Raises:
        DataError: it is not below an allowed folder, no table, or too large.
    """
    path = allowed_file(text)
    size, limit = path.stat().st_size, Limits().max_bytes
    if size > limit:
        raise DataError(f"{path.name} has {size:,} bytes, and at most {limit:,} are expected. Split it.")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise DataError(f"{path.name} could not be opened: {error.strerror}. Check who may read it.") from error
    with os.fdopen(descriptor, "rb") as file:
        opened = os.fstat(descriptor)
        # whoever may write there could have put a link into the path since it was checked
        if not stat.S_ISREG(opened.st_mode) or not os.path.samestat(opened, allowed_file(text).stat()):
            raise _absent(text, "file")
        return store_upload(file), path.name


def is_inside(path: Path, folders: tuple[Path, ...]) -> bool:
    """Whether a path, links followed, lies below one of the folders."""
    return any(path.resolve().is_relative_to(folder) for folder in folders)


def _allowed(text: str) -> Path | None:
    """Where a path leads, None when that is outside of the allowed folders or nowhere."""
    folders = allowed_folders()
    try:
        named = [(folder / text).resolve() for folder in folders]  # an absolute path stays as it is
        return next((path for path in named if path.exists() and is_inside(path, folders)), None)
    except (OSError, ValueError, RuntimeError):  # too long, a null character, links in a circle
        return None


def _absent(text: str, kind: str) -> DataError:
    folders = listed([str(folder) for folder in allowed_folders()]) or f"none; {VARIABLE} names them"
    return DataError(f"There is no {kind} '{text[:200]}' below the folders that may be read here: {folders}.")


def _walked() -> Iterator[Path]:
    for folder in allowed_folders():
        for root, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in READERS and not path.is_symlink() and path.is_file()
