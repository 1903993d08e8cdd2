"""The device of this workspace: one job at a time holds it, the others wait in the order of `run_queue`.

runs/device.lock    held by the job that has the device, whose id is in it
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from synweight_core import run_queue, runs, storage

_ORDER: tuple[runs.Kind, ...] = ("score", "train")  # scoring takes a minute and goes before runs that wait


def waiting() -> list[runs.Run]:
    """Training runs of the workspace that wait for the device, in the order of the queue."""
    has_it = holder()
    found = {run.id: run for run in runs.active_runs() if run.kind == "train" and run.id != has_it}
    return [found[run_id] for run_id in run_queue.in_order(found)]


def move(run_id: str, *, to: str) -> None:
    """Move a waiting training run as `run_queue.MOVES` says. Raises NotFoundError when it does not wait."""
    run_queue.move(run_id, [run.id for run in waiting()], to=to)


def holder() -> str | None:
    """The id of the run that has the device, if one has."""
    lock = _lock()
    return (lock.read_text().strip() or None) if runs.is_held(lock) else None


@contextmanager
def turn(path: Path, *, poll_seconds: float = 0.5) -> Iterator[bool]:
    """Wait until this job is the first in the queue for the device and the device is free; hold the device.

    Scoring goes before training; training runs go in the order of `run_queue`.

    Yields False when the run was asked to stop while it waited.
    """
    with _lock().open("a") as lock:
        while not runs.stop_requested(path):
            # whether it is free comes first: it is all that most looks of most waiting workers ask
            if not runs.is_held(_lock()) and _is_first(path) and runs.try_lock(lock.fileno()):
                lock.truncate(0)
                lock.write(path.name)
                lock.flush()
                yield True
                return
            time.sleep(poll_seconds)
        yield False


def _lock() -> Path:
    return storage.home() / "runs" / "device.lock"


def _is_first(path: Path) -> bool:
    found = {run.id: run for run in runs.active_runs() if run.kind in _ORDER}
    order = sorted(run_queue.in_order(found), key=lambda run_id: _ORDER.index(found[run_id].kind))
    return not order or order[0] == path.name
