"""`read_apart`: a hostile file is read by a child process that has only so much memory and time.

A reader that runs away, crashes or eats memory ends with the child, and what it did is told in a sentence. What the
child found is kept by the file's content, so that a second read starts no child:

    cache/tables/<hash>.parquet    the texts by column, its notes in the schema's metadata
    cache/tables/<hash>.json       {"refused": what was said of the file, after its name}

It reads no format itself (`reading`).
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synweight_core import storage
from synweight_core.errors import DataError, WorkspaceError, file_sentence
from synweight_core.tables.reading import checked_source, to_frame
from synweight_core.tables.source import LIMITS, Limits, Source, Table

READER_VERSION = 1  # another one makes all files be read again
NOTES = b"synweight notes"
OUT_OF_MEMORY = 3  # exit code of the child
CHILD = (sys.executable, "-m", "synweight_core.tables.child")
_COMPRESSED = (".xlsx", ".parquet")
# No bytecode, which a child that is ended might leave half written; one thread; and memory that goes back to the
# system, since the limit is on what the child holds.
_ENVIRONMENT = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


@dataclass(frozen=True)
class Bounds:
    """What a child may use: bytes of memory beside its libraries, and seconds of one processor."""

    memory_bytes: int
    cpu_seconds: int

    @property
    def wall_seconds(self) -> int:
        """After so many seconds it is ended, whatever it waited for; a busy machine is given time."""
        return 3 * self.cpu_seconds + 30


def bounds(source: Source) -> Bounds:
    """What reading a file of this size may take, measured on honest files with room to spare.

    The smallest cells cost most: 40 bytes of memory a byte. Memory is at most three quarters of the machine's.
    """
    size = source.path.stat().st_size
    factor = 8 if source.name.lower().endswith(_COMPRESSED) else 1
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
    return Bounds(min(machine, 1_000_000_000 + 40 * factor * size), 8 + factor * size // 2_000_000)


def read_apart(path: Path, *, name: str | None = None, limits: Limits = LIMITS) -> Table:
    """`read_table` by a child process with limits, or what it found the last time.

    Raises:
        DataError: the file is refused, or its reader crashed or took too much memory or time.
        WorkspaceError: what was read cannot be kept: the disk is full, for instance.
    """
    source = checked_source(path, name=name, limits=limits)
    try:
        kept = _kept_path(source)
        _check_refused(source, kept)
        if (table := _load(kept)) is None:
            storage.write_atomically(kept, lambda temporary: _read(source, kept, into=temporary))
            storage.remove_abandoned(kept.parent)
            table = _load(kept)
    except OSError as error:
        raise WorkspaceError(file_sentence(error)) from error
    if table is None:
        raise WorkspaceError("What was read of the file is gone again. Look after the disk, then read it again.")
    return table


def _kept_path(source: Source) -> Path:
    """Where what is found in this content by this reader is kept; of refusals with another suffix."""
    reader = [READER_VERSION, Path(source.name).suffix.lower(), asdict(source.limits), sha256_of(source.path)]
    key = hashlib.sha256(json.dumps(reader).encode()).hexdigest()[:32]
    return storage.home() / "cache" / "tables" / f"{key}.parquet"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load(kept: Path) -> Table | None:
    """What was kept, None when it is absent or damaged; a damaged file is removed."""
    try:
        with pq.ParquetFile(kept, page_checksum_verification=True) as file:
            table = file.read()
        notes = json.loads((table.schema.metadata or {})[NOTES])
        return Table(to_frame(table), tuple(notes))
    except FileNotFoundError:
        return None
    except (pa.ArrowException, OSError, ValueError, KeyError):
        kept.unlink(missing_ok=True)
        return None


def _check_refused(source: Source, kept: Path) -> None:
    """Raise the refusal of this content that was kept, if any."""
    found = storage.read_json(kept.with_suffix(".json"))
    if isinstance(found, dict) and isinstance(found.get("refused"), str):
        raise DataError(source.name + found["refused"])


def _read(source: Source, kept: Path, *, into: Path) -> None:
    """Let a child write the file's table to `into`. Raises DataError, OSError."""
    answer = _ask_child(source, bounds(source), into=into)
    if refused := answer.get("refused"):
        after_name = str(refused).removeprefix(source.name)
        storage.write_json(kept.with_suffix(".json"), {"refused": after_name})
        raise DataError(source.name + after_name)
    if number := answer.get("errno"):
        raise OSError(number, os.strerror(number), str(into))


def _ask_child(source: Source, most: Bounds, *, into: Path) -> dict[str, Any]:
    """What the child says: {}, {"refused": sentence} or {"errno": number}. Raises DataError when it says nothing."""
    question = {
        "path": str(source.path), "name": source.name, "limits": asdict(source.limits), "into": str(into),
        "memory_bytes": most.memory_bytes, "cpu_seconds": most.cpu_seconds,
    }  # fmt: skip
    try:
        done = subprocess.run(
            CHILD, input=json.dumps(question).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=most.wall_seconds, env=os.environ | _ENVIRONMENT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise _too_slow(source, most) from error
    if done.returncode == 0:
        return dict(json.loads(done.stdout))
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _too_slow(source, most)
    if done.returncode == OUT_OF_MEMORY:
        raise source.error(
            f"needs more than the {most.memory_bytes / 1e9:.1f} GB of memory that its reader may use",
            "Split it, keep only the columns that you need, or save it as CSV.",
        )
    raise source.error("could not be read: its reader crashed on it", "Export it again, or save it as CSV in UTF-8.")


def _too_slow(source: Source, most: Bounds) -> DataError:
    return source.error(
        f"takes its reader more than the {most.cpu_seconds:,} seconds that a file of this size is given",
        "Split it, or save it as CSV in UTF-8.",
    )
