"""What the workspace uses of the disk, and the removal of what nobody needs any more.

Needed are: the cached columns of every project, archived ones too; uploads that a draft names; drafts of the last
`DRAFT_DAYS`. All else in `cache/`, `uploads/` and `drafts/`, and what killed processes were writing, can go: the first
is computed again, the last is of no use. Runs, projects and the trash are never touched. What was written a moment ago
stays, since a job or a page may be about to need it.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from synweight_core import drafts, runs, storage
from synweight_core.errors import NotFoundError
from synweight_core.prepare import STAGES, cache_key
from synweight_core.projects import Project, list_projects

DRAFT_DAYS = 30
IMPORTS = "imports"  # the folder in which archives are unpacked
PARTS = {
    "projects": "Projects", "runs": "Runs", "cache": "Cached columns", "uploads": "Uploads", "drafts": "Drafts",
    "trash": "Trash",
}  # fmt: skip
_FRESH_SECONDS = 60.0  # of a file that was just finished
_UNFINISHED_SECONDS = 3600.0  # of a file that somebody may still write


@dataclass(frozen=True)
class Cleaned:
    """What was removed: how many files, and their bytes."""

    files: int
    n_bytes: int


def disk_use() -> dict[str, int]:
    """Bytes by part of the workspace, with the keys of PARTS."""
    return {part: storage.folder_size(storage.home() / part) for part in PARTS}


def project_sizes(projects: Iterable[Project]) -> dict[str, int]:
    """Bytes of each project's folder, of its runs and of its cached columns, by id."""
    sizes = {p.id: storage.folder_size(p.folder) + sum(map(_size, needed_columns(p))) for p in projects}
    for run in runs.list_runs():
        if run.project in sizes:
            sizes[run.project] += storage.folder_size(run.folder)
    return sizes


def needed_columns(project: Project) -> list[Path]:
    """The files of the cache that a project reads, whether they are there or not."""
    return [storage.home() / "cache" / stage / f"{cache_key(project, stage)}.npz" for stage in STAGES]


def unneeded() -> list[Path]:
    """The files that `clean` would remove."""
    now = time.time()
    # what nobody needs is listed before what somebody needs: a project that is made meanwhile keeps its files
    candidates = [path for path in _candidates() if _age(path, now) > _FRESH_SECONDS]
    needed = _needed(now)
    return [path for path in candidates if path not in needed] + list(_unfinished(now))


def clean() -> Cleaned:
    """Remove what nobody needs. Several may clean at once, and jobs may run meanwhile."""
    removed = [size for path in unneeded() if (size := _removed(path)) is not None]
    for folder in (storage.home() / IMPORTS).glob("*/"):
        with suppress(OSError):
            folder.rmdir()  # only an empty one
    return Cleaned(len(removed), sum(removed))


def _candidates() -> Iterator[Path]:
    home = storage.home()
    yield from (home / "cache").glob("*/[0-9a-f]*.npz")
    yield from (home / "uploads").glob("[0-9a-f]*")
    yield from (home / "drafts").glob("[a-z0-9]*.json")


def _needed(now: float) -> set[Path]:
    columns = {path for project in list_projects() for path in needed_columns(project)}
    kept = {path for path in (storage.home() / "drafts").glob("*.json") if _age(path, now) < DRAFT_DAYS * 86_400}
    return columns | kept | {upload for path in kept for upload in _uploads_of(path)}


def _uploads_of(draft: Path) -> Iterator[Path]:
    with suppress(NotFoundError):  # a name that no draft has
        for file in drafts.all_files(drafts.load_draft(draft.stem)):
            yield storage.home() / "uploads" / file["sha256"]


def _unfinished(now: float) -> Iterator[Path]:
    """What killed processes left: temporary files, and archives that were being unpacked."""
    home = storage.home()
    held = {run.folder for run in runs.active_runs()}
    for pattern in ("cache/*/", "uploads/", "drafts/", "projects/*/", "projects/*/*/", "runs/*/", "runs/*/playback/"):
        for path in home.glob(pattern + storage.UNFINISHED):
            if path.is_file() and _age(path, now) > _UNFINISHED_SECONDS and not held & set(path.parents):
                yield path
    for path in (home / IMPORTS).rglob("*"):
        if path.is_file() and _age(path, now) > _UNFINISHED_SECONDS:
            yield path


def _age(path: Path, now: float) -> float:
    """Seconds since a file was written; none for one that is gone."""
    try:
        return now - path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _removed(path: Path) -> int | None:
    """Remove a file; its bytes, or None when somebody else was quicker."""
    try:
        size = path.lstat().st_size
        path.unlink()
    except FileNotFoundError:
        return None
    return size
