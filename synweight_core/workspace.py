"""The format of the workspace: which version of the app it was made by, and how older ones become the present one.

    workspace.json    {"format"}    absent in workspaces of format 1 and in new ones

`check` is called by pages and commands, `found_format` by what must write nothing. It knows no project and no run.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from synweight_core import storage
from synweight_core.errors import WorkspaceError

FORMAT = 2
FILE = "workspace.json"
_BEFORE_FILE = 1  # the format of workspaces that have rows, and no file that names it
_HELD = ("projects", "runs", "drafts")


def check() -> None:
    """Bring the workspace to the present format; one that has it already costs one look at a small file.

    Raises:
        WorkspaceError: a newer version made it, its format cannot be read, or it cannot be brought forward.
    """
    home = storage.home()
    if (home / FILE).exists() and found_format() == FORMAT:
        return
    try:
        with storage.locked(home / "workspace.lock"):
            while (found := found_format()) < FORMAT:
                _one_forward(home, found)
            storage.write_json(home / FILE, {"format": FORMAT})
    except OSError as error:
        raise WorkspaceError(
            f"The workspace '{home}' could not be brought to format {FORMAT}: {error.strerror}. Free some space or "
            "give this user the right to write it, and open it again; nothing was lost."
        ) from error


def found_format() -> int:
    """The format of the workspace; one without rows is of the present format. Writes nothing.

    Raises:
        WorkspaceError: a newer version made it, or its format cannot be read.
    """
    home = storage.home()
    if not (home / FILE).exists():
        return _BEFORE_FILE if any((home / name).exists() for name in _HELD) else FORMAT
    stored = storage.read_json(home / FILE)
    found = stored.get("format") if isinstance(stored, dict) else None
    if type(found) is not int:
        raise WorkspaceError(
            f"The file {FILE} of the workspace '{home}' is damaged: expected its format, as in "
            f"{json.dumps({'format': FORMAT})}. Restore it from a copy, or write that into it."
        )
    if found > FORMAT:
        raise WorkspaceError(
            f"The workspace '{home}' was made by a newer version: it has format {found}, and this version reads "
            f"{FORMAT}. Update SynWeight Studio, or name another folder by the environment variable SYNWEIGHT_HOME."
        )
    return found


def _one_forward(home: Path, found: int) -> None:
    """From one format to the next; what a killed process has half migrated is migrated again."""
    if found not in MIGRATIONS:
        raise WorkspaceError(
            f"The workspace '{home}' has format {found}, and this version reads {min(MIGRATIONS)} to {FORMAT}. Name "
            "another folder by the environment variable SYNWEIGHT_HOME."
        )
    MIGRATIONS[found](home)
    storage.write_json(home / FILE, {"format": found + 1})


def _drafts_hold_lists(home: Path) -> None:
    """1 to 2: a role of a draft holds a list of files, each with its columns, where it held one file."""
    for path in (home / "drafts").glob("*.json"):
        draft = storage.read_json(path)
        if not isinstance(draft, dict):
            continue
        for role in ("synthetic", "real", "test"):
            if isinstance(draft.get(role), dict):
                draft[role] = [draft[role]]
        storage.write_json(path, draft)


MIGRATIONS: Mapping[int, Callable[[Path], None]] = {1: _drafts_hold_lists}
