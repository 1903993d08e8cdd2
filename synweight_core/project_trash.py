"""Projects that were deleted, each with its runs: they wait in the workspace's trash until they are restored.

    trash/projects/<time>-<project id>/    project/  runs/<run id>/

`trash` has the runs that were deleted alone. Cached columns stay; they are computed from content, and
`cleaning` removes those that no project needs.
"""

import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from synweight_core import runs, storage, trash
from synweight_core.errors import NotFoundError, RunError
from synweight_core.project_shelf import lock_path
from synweight_core.projects import folder_of, load_project

_LEFT_BY_TABS = {"view.json", "settings.json"}  # what a tab that is still open may write after a deletion
_ENDING_SECONDS = 20.0  # a worker may be importing


@dataclass(frozen=True)
class DeletedProject:
    """A project in the trash. `deleted` is in seconds since 1970, `n_bytes` the size of its files and its runs'."""

    id: str
    name: str
    deleted: float
    n_runs: int
    n_bytes: int


def delete_project(project_id: str) -> None:
    """Move a project and its runs to the trash. The search for its first settings is ended; nobody asked for it.

    Raises:
        NotFoundError: there is no such project.
        RunError: one of its runs or its preparation is active; nothing was moved.
    """
    project = load_project(project_id)
    _end_first_search(project_id)
    found = runs.list_runs(project_id=project_id)
    active = [run.name for run in found if run.is_active]
    if active:
        raise RunError(f"Of project '{project_id}' is still active: {', '.join(active)}. Stop it first, then delete.")
    with storage.locked(lock_path()):
        entry = _root() / f"{datetime.now():%Y%m%d-%H%M%S-%f}-{project_id}"
        try:
            for run in found:
                trash.put_away(run, entry / "runs" / run.id)
            (entry / "project").parent.mkdir(parents=True, exist_ok=True)
            project.folder.rename(entry / "project")
        except (RunError, OSError):
            _bring_runs_back(entry)
            raise


def _end_first_search(project_id: str) -> None:
    search = runs.active_run(project_id, "suggest")
    if search is None or not search.settings.get("is_first"):
        return
    runs.request_stop(search.id)
    deadline = time.monotonic() + _ENDING_SECONDS
    while runs.is_held(search.folder / "lock") and time.monotonic() < deadline:
        time.sleep(0.1)


def restore_project(project_id: str) -> None:
    """Bring a project and its runs back from the trash, those that were deleted last.

    Raises:
        NotFoundError: it is not in the trash.
        RunError: the same project is here again.
    """
    entry = next((path for path in _entries() if _id_of(path) == storage.checked_id(project_id)), None)
    if entry is None:
        raise NotFoundError(f"There is no project '{project_id}' in the trash. Choose one from its list.")
    with storage.locked(lock_path()):
        target = folder_of(project_id)
        if (entry / "project").exists():
            _make_room(target)
            (entry / "project").rename(target)
        _bring_runs_back(entry)


def deleted_projects() -> list[DeletedProject]:
    """The projects in the trash, those that were deleted last first."""
    return [_read(path) for path in _entries()]


def empty_trash() -> int:
    """Remove the deleted projects for good, with their runs; how many bytes that frees."""
    return sum(trash.remove_for_good(entry) for entry in _entries())


def _make_room(target: Path) -> None:
    """Remove what an open tab wrote where the project was. Raises RunError when there is more."""
    if not target.exists():
        return
    if not {path.name for path in target.iterdir()} <= _LEFT_BY_TABS:
        raise RunError(
            f"Project '{target.name}' is here again, made of the same files. Delete that one first, then restore."
        )
    shutil.rmtree(target)


def _bring_runs_back(entry: Path) -> None:
    for path in (entry / "runs").glob("*/"):
        path.rename(runs.folder(path.name))
    shutil.rmtree(entry, ignore_errors=True)


def _root() -> Path:
    return storage.home() / "trash" / trash.PROJECTS


def _entries() -> list[Path]:
    return sorted(_root().glob("[0-9]*-[0-9]*-[0-9]*-*/"), reverse=True)


def _id_of(path: Path) -> str:
    return path.name.split("-", 3)[3]


def _read(path: Path) -> DeletedProject:
    stored = storage.read_json(path / "project" / "project.json")
    name = stored.get("name") if isinstance(stored, dict) else None
    return DeletedProject(
        id=_id_of(path),
        name=str(name or _id_of(path)),
        deleted=time.mktime(time.strptime(path.name[:15], "%Y%m%d-%H%M%S")),
        n_runs=sum(_is_training(run) for run in (path / "runs").glob("*/config.json")),
        n_bytes=storage.folder_size(path),
    )


def _is_training(config: Path) -> bool:
    stored = storage.read_json(config)
    return isinstance(stored, dict) and stored.get("kind") == "train"
