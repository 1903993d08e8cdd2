"""Runs that were deleted: their folders wait in the workspace's trash until they are restored, or it is emptied.

    trash/<run id>/    as it was in runs/
    trash/projects/    see `project_trash`

It ends no process: what a worker holds cannot be deleted.
"""

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from synweight_core import runs, storage
from synweight_core.errors import NotFoundError, RunError

PROJECTS = "projects"  # the folder of deleted projects in the trash


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
    put_away(runs.load_run(run_id), _folder(run_id))


def put_away(run: runs.Run, target: Path) -> None:
    """Move the folder of a run to `target`. Raises RunError when a worker holds it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (run.folder / "lock").open("a") as lock:
        if run.is_active or not runs.try_lock(lock.fileno()):
            raise RunError(f"Run '{run.id}' ({run.name}) is still {run.status}. Stop it first, then delete it.")
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
    paths = sorted(_root().glob("*/"), reverse=True)
    return [found for path in paths if (found := _read(path))]


def empty_trash() -> int:
    """Remove the deleted runs for good, and nothing else; how many bytes that frees."""
    return sum(remove_for_good(path) for path in _root().glob("*/") if path.name != PROJECTS)


def remove_for_good(path: Path) -> int:
    """Remove a folder; its bytes. What is half removed when the process is killed cannot be restored."""
    freed, gone = storage.folder_size(path), _root() / f".{secrets.token_hex(8)}"
    path.rename(gone)
    shutil.rmtree(gone)
    return freed


def _root() -> Path:
    return storage.home() / "trash"


def _folder(run_id: str) -> Path:
    return _root() / storage.checked_id(run_id)


def _read(path: Path) -> DeletedRun | None:
    config = storage.read_json(path / "config.json")
    try:
        n_bytes = storage.folder_size(path)
        return DeletedRun(storage.checked_id(path.name), str(config["name"]), str(config["project"]), n_bytes)
    except (TypeError, KeyError, NotFoundError):
        return None
