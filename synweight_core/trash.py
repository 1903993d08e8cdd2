"""Runs that were deleted: their folders wait in the workspace's trash until they are restored, or it is emptied.

    trash/<run id>/    as it was in runs/

It ends no process: what a worker holds cannot be deleted.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from synweight_core import runs, storage
from synweight_core.errors import NotFoundError, RunError


@dataclass(frozen=True)
class DeletedRun:
    """A run in the trash, with the size of its files in bytes."""

    id: str
    name: str
    project: str
    n_bytes: int


def delete_run(run_id: str) -> None:
    """Move the folder of a run to the trash.

    Raises:
        NotFoundError: there is no such run.
        RunError: a worker holds it.
    """
    run = runs.load_run(run_id)
    target = _folder(run_id)
    target.parent.mkdir(exist_ok=True)
    with (run.folder / "lock").open("a") as lock:
        if run.is_active or not runs.try_lock(lock.fileno()):
            raise RunError(f"Run '{run_id}' ({run.name}) is still {run.status}. Stop it first, then delete it.")
        run.folder.rename(target)


def restore_run(run_id: str) -> None:
    """Bring a run back from the trash.

    Raises:
        NotFoundError: it is not there.
        RunError: a run of this id is among the runs again.
    """
    if not (_folder(run_id) / "config.json").exists():
        raise NotFoundError(f"There is no run '{run_id}' in the trash. Choose one from its list.")
    if runs.folder(run_id).exists():
        raise RunError(f"Run '{run_id}' is among the runs again. Delete that one first, then restore this one.")
    runs.folder(run_id).parent.mkdir(exist_ok=True)
    _folder(run_id).rename(runs.folder(run_id))


def deleted_runs() -> list[DeletedRun]:
    """What the trash holds, newest first."""
    paths = sorted((storage.home() / "trash").glob("*/"), reverse=True)
    return [found for path in paths if (found := _read(path))]


def empty_trash() -> int:
    """Remove what the trash holds for good; how many bytes that frees."""
    freed = 0
    for path in (storage.home() / "trash").glob("*/"):
        freed += _size(path)
        (path / "config.json").unlink(missing_ok=True)  # first: what is half removed cannot be restored
        shutil.rmtree(path)
    return freed


def _folder(run_id: str) -> Path:
    return storage.home() / "trash" / storage.checked_id(run_id)


def _read(path: Path) -> DeletedRun | None:
    config = storage.read_json(path / "config.json")
    try:
        return DeletedRun(storage.checked_id(path.name), str(config["name"]), str(config["project"]), _size(path))
    except (TypeError, KeyError, NotFoundError):
        return None


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
