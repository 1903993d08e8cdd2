"""What people change about a project as a whole: its name, and whether it is archived; and folders that hold none.

The id never changes, so links, runs and cached columns stay as they are. Deleting is `project_trash`.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from synweight_core import kept, storage
from synweight_core.errors import NotFoundError
from synweight_core.projects import Project, load_project, project_of


def lock_path() -> Path:
    """Held by `storage.locked` while a project is changed, moved to the trash, or brought in."""
    return storage.home() / "projects" / ".lock"


def unreadable_projects() -> dict[str, str]:
    """Folders in `projects/` that hold no project which this version can read, and a sentence on each, by name."""
    found = {}
    for path in sorted((storage.home() / "projects").glob("*/")):
        try:
            project_of(storage.checked_id(path.name), storage.read_json(path / "project.json"))
        except (TypeError, KeyError, ValueError, NotFoundError):
            what = "is damaged" if (path / "project.json").exists() else "is absent"
            found[path.name] = (
                f"The folder '{path.name}' in projects/ is passed over: its project.json {what}, or of another "
                "version. Restore it from a copy, or remove the folder."
            )
    return found


def rename_project(project_id: str, name: str) -> Project:
    """Give a project another name; its id stays, and so do links to it. Raises NotFoundError and DataError."""
    return _changed(project_id, name=kept.checked_name(name, "project"))


def archive_project(project_id: str, *, archived: bool = True) -> Project:
    """Put a project away, out of short lists, or take it back. Raises NotFoundError."""
    return _changed(project_id, archived=archived)


def _changed(project_id: str, **changes: Any) -> Project:  # noqa: ANN401 (the fields of Project)
    with storage.locked(lock_path()):  # or one of two tabs would lose what the other changed
        project = replace(load_project(project_id), **changes)
        storage.write_json(project.folder / "project.json", asdict(project))
    return project
