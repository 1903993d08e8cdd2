"""A project that is being put together: which files were uploaded, and what was chosen so far.

Kept on disk so that a reload of the page, or a closed tab, loses nothing.
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
    """What the draft holds: {role: {"sha256", "name", "columns"}}. {} for one that is new."""
    return storage.read_json(_path(draft_id)) or {}


def save_draft(draft_id: str, draft: dict[str, Any]) -> None:
    """Replace what the draft holds."""
    storage.write_json(_path(draft_id), draft)


def _path(draft_id: str) -> Path:
    return storage.home() / "drafts" / f"{storage.checked_id(draft_id)}.json"
