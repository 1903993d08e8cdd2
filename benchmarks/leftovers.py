"""What is there of a run whose process has ended: processes, held locks, unfinished files. It removes nothing.

A process that ends gives its memory back before its locks: what goes within GRACE_SECONDS is not left over.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from synweight_core import runs, storage

GRACE_SECONDS = 1.0


@dataclass(frozen=True)
class Left:
    """What should not be there: process ids, names of held locks and of unfinished files."""

    orphans: list[int]
    locks: list[str]
    unfinished: list[str]

    @property
    def is_clean(self) -> bool:
        """Whether there is none of them."""
        return not (self.orphans or self.locks or self.unfinished)


def processes_of(run_id: str) -> list[psutil.Process]:
    """Live processes whose command line names the folder of the run."""
    folder = str(runs.folder(run_id))
    return [one for one in psutil.process_iter() if folder in command_of(one)]


def command_of(process: psutil.Process) -> list[str]:
    """Its words, none when it is gone."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def children(process: psutil.Process) -> list[psutil.Process]:
    """All that a process has started, none when it is gone."""
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def left(run_id: str, family: list[psutil.Process]) -> Left:
    """What is there of a run that has ended, and should not be."""
    locks = [runs.folder(run_id) / "lock", storage.home() / "runs" / "device.lock"]

    def found() -> Left:
        alive = {*processes_of(run_id), *(one for one in family if is_alive(one))}
        return Left([one.pid for one in alive], [path.name for path in locks if is_held(path)], unfinished(run_id))

    deadline = time.monotonic() + GRACE_SECONDS
    while not (now := found()).is_clean and time.monotonic() < deadline:
        time.sleep(0.05)
    return now


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs: a process that has ended and that nobody has asked for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def is_held(lock: Path) -> bool:
    """Whether another process has locked this file."""
    with lock.open("a") as file:
        return not runs.try_lock(file.fileno())


def unfinished(run_id: str) -> list[str]:
    """Files that only an active run or one to go on with has."""
    folder = runs.folder(run_id)
    names = [str(path.relative_to(folder)) for path in folder.rglob(".*")]
    return sorted([*names, *(name for name in (runs.CHECKPOINT, runs.WAITING) if (folder / name).exists())])


def metrics_are_readable(run_id: str) -> bool:
    """Whether each whole line of the events is read."""
    path = runs.folder(run_id) / "metrics.jsonl"
    return not path.exists() or len(storage.read_lines(path)[0]) == path.read_bytes().count(b"\n")
