"""Files of the workspace: where it is, safe ids, atomic writes, append-only JSON lines.

This module knows no project, run or model. Everything that is replaced is written to a temporary file in
the same folder and renamed, so that a crash or a full disk leaves the old file as it was.
"""

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

from synweight_core.errors import NotFoundError, WorkspaceError

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


UNFINISHED = "." + "[0-9a-f]" * 16 + "*"  # what `write_atomically` has not renamed yet


def home() -> Path:
    """The workspace folder: `SYNWEIGHT_HOME`, or the platform's data folder for the app. A new one is its owner's.

    Raises:
        WorkspaceError: it cannot be made.
    """
    configured = os.environ.get("SYNWEIGHT_HOME")
    path = Path(configured).expanduser() if configured else platformdirs.user_data_path("synweight")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"The workspace '{path}' cannot be made: {error.strerror}. Name a folder that you may write, by the "
            "environment variable SYNWEIGHT_HOME."
        ) from error
    return path


def checked_id(value: str) -> str:
    """`value`, when it can only name a direct child of a workspace folder.

    Ids come from URLs and command lines, so they are checked before they touch a path.

    Raises:
        NotFoundError: it has other characters than a-z, 0-9 and '-', or more than 100.
    """
    if not _ID.fullmatch(value):
        raise NotFoundError("This id is not valid: ids have only a-z, 0-9 and '-'. Choose an entry from the list.")
    return value


def slug(name: str, *, max_chars: int = 40) -> str:
    """A name as a part of an id: lower case, '-' for everything else, never empty."""
    cleaned = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return cleaned[:max_chars].strip("-") or "unnamed"


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a temporary file beside `path`, then rename it to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, made where there is none: of several processes one at a time is within."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # falls when the file is closed
        yield


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder; what another process removes meanwhile counts nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(root, name)).st_size
    return total


def remove_unfinished(folder: Path, *suffixes: str) -> None:
    """Remove what killed processes were writing by `write_atomically`, of files that nobody else writes now."""
    for path in folder.glob(UNFINISHED):
        if path.suffix in suffixes:
            path.unlink(missing_ok=True)


def remove_abandoned(folder: Path, *, seconds: float = 86_400.0) -> None:
    """Remove what killed processes were writing into `folder`, whoever else writes there: it is that old."""
    for path in folder.glob(UNFINISHED):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > seconds:
                path.unlink()


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 (any JSON value)
    """Replace `path` by `value` as JSON."""
    text = json_text(value)
    # half a character can be no part of a file: it comes from a broken name, and becomes "?"
    write_atomically(path, lambda temporary: temporary.write_bytes(text.encode("utf-8", "replace")))


def json_text(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    """A JSON value as files of the workspace hold it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def read_json(path: Path) -> Any:  # noqa: ANN401 (any JSON value)
    """The JSON value in `path`, or None when there is no such file or it is not whole."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError):
        return None


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Append one whole JSON line, or none. Several processes may append to the same file.

    A line that somebody left unfinished is ended first, so that it spoils no other.

    Raises:
        OSError: the line could not be written; the file is as it was.
    """
    line = json.dumps(record).encode() + b"\n"
    with path.open("ab+", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # falls when the file is closed
        size = file.seek(0, os.SEEK_END)
        if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
            line = b"\n" + line
        if file.write(line) != len(line):
            file.truncate(size)
            raise OSError(f"{path.name}: the disk took only a part of a line. Free some space.")


def read_lines(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The complete JSON lines after byte `offset`, and the offset to go on from.

    An unfinished last line is left for the next call; a damaged line (or one cut by `offset`) is skipped.
    """
    if not path.exists():
        return [], offset
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    complete = data[: data.rfind(b"\n") + 1]
    records = (_parsed(line) for line in complete.split(b"\n"))
    return [record for record in records if record is not None], offset + len(complete)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
