"""A project that is being put together: which files were uploaded, and what was chosen so far.

Kept on disk so that a reload of the page, or a closed tab, loses nothing. A draft is a JSON object: under each role a
list of files, each {"sha256", "name", "columns"}, under "choices" what was chosen, under FETCHING jobs by role.
"""

import secrets
from dataclasses import fields
from pathlib import Path
from typing import Any

from synweight_core import storage
from synweight_core.columns import Columns
from synweight_core.stored import is_text

ROLES = {
    "synthetic": "Synthetic rows (LLM-generated)",
    "real": "Real labelled rows",
    "test": "Real test rows (optional)",
}
MORE = "more"  # the role of rows that are added to a project
FETCHING = "fetching"  # the ids of jobs that fetch, by role

_COLUMNS = {field.name for field in fields(Columns)}


def new_draft() -> str:
    """The id of a new, empty draft."""
    return f"draft-{secrets.token_hex(6)}"


def load_draft(draft_id: str) -> dict[str, Any]:
    """What the draft holds, {} for one that is new; what is damaged is left out."""
    stored = storage.read_json(_path(draft_id))
    if not isinstance(stored, dict):
        return {}
    found: dict[str, Any] = {role: files for role in (*ROLES, MORE) if (files := _files(stored.get(role)))}
    choices, jobs = stored.get("choices"), stored.get(FETCHING)
    found |= {"choices": _choices(choices)} if isinstance(choices, dict) else {}
    return found | ({FETCHING: _texts(jobs)} if isinstance(jobs, dict) else {})


def save_draft(draft_id: str, draft: dict[str, Any]) -> None:
    """Replace what the draft holds."""
    storage.write_json(_path(draft_id), draft)


def delete_draft(draft_id: str) -> None:
    """Forget a draft; one that is gone already stays gone."""
    _path(draft_id).unlink(missing_ok=True)


def files_of(draft: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """The files of a role, in the order in which they came."""
    return list(draft.get(role, []))


def all_files(draft: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of all roles."""
    return [file for role in (*ROLES, MORE) for file in files_of(draft, role)]


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


def _files(stored: Any) -> list[dict[str, Any]]:  # noqa: ANN401 (any JSON value)
    """The files of a role that are whole."""
    return [file for each in stored if (file := _entry(each))] if isinstance(stored, list) else []


def _entry(stored: Any) -> dict[str, Any] | None:  # noqa: ANN401 (any JSON value)
    """One file of a draft; None when it names none."""
    if not isinstance(stored, dict) or not (is_text(stored.get("sha256")) and is_text(stored.get("name"))):
        return None
    columns = stored.get("columns")
    is_whole = isinstance(columns, dict) and columns.keys() == _COLUMNS and all(map(_is_text_or_none, columns.values()))
    return {"sha256": stored["sha256"], "name": stored["name"], "columns": columns if is_whole else None}


def _choices(stored: dict[str, Any]) -> dict[str, Any]:
    """What was chosen beside the files: texts, and the label names that mean the same."""
    named = stored.get("label_map")
    return _texts(stored) | ({"label_map": _texts(named)} if isinstance(named, dict) else {})


def _texts(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if is_text(value)}


def _is_text_or_none(value: object) -> bool:
    return value is None or is_text(value)


def _path(draft_id: str) -> Path:
    return storage.home() / "drafts" / f"{storage.checked_id(draft_id)}.json"
