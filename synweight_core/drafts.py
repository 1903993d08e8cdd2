"""A project that is being put together: which files were uploaded, and what was chosen so far.

Kept on disk so that a reload of the page, or a closed tab, loses nothing. A draft is a JSON object: under each role a
list of files, each {"sha256", "name", "columns"}, and under "choices" what was chosen.
"""

import secrets
from pathlib import Path
from typing import Any

from synweight_core import storage

ROLES = {
    "synthetic": "Synthetic rows (LLM-generated)",
    "real": "Real labelled rows",
    "test": "Real test rows (optional)",
}


def new_draft() -> str:
    """The id of a new, empty draft."""
    return f"draft-{secrets.token_hex(6)}"


def load_draft(draft_id: str) -> dict[str, Any]:
    """What the draft holds, {} for one that is new."""
    stored = storage.read_json(_path(draft_id))
    return stored if isinstance(stored, dict) else {}


def save_draft(draft_id: str, draft: dict[str, Any]) -> None:
    """Replace what the draft holds."""
    storage.write_json(_path(draft_id), draft)


def delete_draft(draft_id: str) -> None:
    """Forget a draft; one that is gone already stays gone."""
    _path(draft_id).unlink(missing_ok=True)


def files_of(draft: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """The files of a role, in the order in which they came."""
    found = draft.get(role)
    return [file for file in found if _is_file(file)] if isinstance(found, list) else []


def add_file(draft_id: str, role: str, *, sha256: str, name: str) -> None:
    """Add a stored file to a role, unless it is there already."""
    draft = load_draft(draft_id)
    files = files_of(draft, role)
    if any(file["sha256"] == sha256 for file in files):
        return
    save_draft(draft_id, draft | {role: [*files, {"sha256": sha256, "name": name, "columns": None}]})


def remove_file(draft_id: str, role: str, sha256: str) -> None:
    """Take a file out of a role; one that is not there stays out."""
    draft = load_draft(draft_id)
    save_draft(draft_id, draft | {role: [file for file in files_of(draft, role) if file["sha256"] != sha256]})


def choose_columns(draft_id: str, role: str, sha256: str, columns: dict[str, str | None]) -> None:
    """Keep the roles of the columns of a file, as in `Columns`."""
    draft = load_draft(draft_id)
    files = [file | {"columns": columns} if file["sha256"] == sha256 else file for file in files_of(draft, role)]
    save_draft(draft_id, draft | {role: files})


def _is_file(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("sha256", "name"))


def _path(draft_id: str) -> Path:
    return storage.home() / "drafts" / f"{storage.checked_id(draft_id)}.json"
