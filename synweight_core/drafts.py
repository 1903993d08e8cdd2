"""A project that is being put together: which files were uploaded, and what was chosen so far.

Kept on disk so that a reload of the page, or a closed tab, loses nothing.
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


_COLUMNS = {field.name for field in fields(Columns)}


def new_draft() -> str:
    """The id of a new, empty draft."""
    return f"draft-{secrets.token_hex(6)}"


def load_draft(draft_id: str) -> dict[str, Any]:
    """What the draft holds: {role: {"sha256", "name", "columns"}, "choices"}. {} for one that is new.

    What is damaged is left out.
    """
    stored = storage.read_json(_path(draft_id))
    if not isinstance(stored, dict):
        return {}
    files = {role: entry for role in ROLES if (entry := _entry(stored.get(role)))}
    choices = stored.get("choices")
    return files | ({"choices": _choices(choices)} if isinstance(choices, dict) else {})


def save_draft(draft_id: str, draft: dict[str, Any]) -> None:
    """Replace what the draft holds."""
    storage.write_json(_path(draft_id), draft)


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
    label_map = {name: same for name, same in named.items() if is_text(same)} if isinstance(named, dict) else {}
    return {name: value for name, value in stored.items() if is_text(value)} | {"label_map": label_map}


def _is_text_or_none(value: object) -> bool:
    return value is None or is_text(value)


def _path(draft_id: str) -> Path:
    return storage.home() / "drafts" / f"{storage.checked_id(draft_id)}.json"
