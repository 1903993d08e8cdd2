"""Things kept under a name: one JSON file each in a folder. It knows no project and not what a file holds.

    <folder>/<slug>.json    name, created, and what is kept

The slug is made of the name and its hash, so that names that look alike in an id do not share a file.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synweight_core import storage
from synweight_core.errors import DataError, NotFoundError

MAX_NAME_CHARS = 80


@dataclass(frozen=True)
class KeptFile:
    """One file. `created` is in seconds since 1970; `content` is what was kept, not checked."""

    slug: str
    name: str
    created: float
    content: Mapping[str, Any]


def keep(folder: Path, name: str, content: Mapping[str, Any], *, created: float, noun: str) -> str:
    """Write JSON values under a name; the same name is replaced. Its slug. `noun` says what it is in messages.

    Raises:
        DataError: the name is empty, too long or no valid Unicode.
    """
    name = checked_name(name, noun)
    slug = f"{storage.slug(name)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    storage.write_json(_path(folder, slug), {"name": name, "created": created} | dict(content))
    return slug


def list_kept(folder: Path) -> list[KeptFile]:
    """All whole files of a folder, newest first."""
    found = (_read(path) for path in folder.glob("*.json"))
    return sorted((each for each in found if each), key=lambda each: each.created, reverse=True)


def load_kept(folder: Path, slug: str) -> KeptFile | None:
    """One file, None when it is absent or not whole. Raises NotFoundError when `slug` is no id."""
    return _read(_path(folder, slug))


def exists(folder: Path, slug: str) -> bool:
    """Whether there is such a file, whole or not. Raises NotFoundError when `slug` is no id."""
    return _path(folder, slug).exists()


def delete_kept(folder: Path, slug: str) -> None:
    """Remove a file; one that is gone already stays gone. Raises NotFoundError when `slug` is no id."""
    _path(folder, slug).unlink(missing_ok=True)


def checked_name(name: str, noun: str) -> str:
    """A name without spaces around it. `noun` says of what, in messages. Raises DataError as `keep`."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        raise DataError(
            f"The name of the {noun} has {len(name):,} characters; expected 1 to {MAX_NAME_CHARS}. Choose another name."
        )
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"The name of the {noun} holds half a character. Type the name again.") from error
    return name


def _path(folder: Path, slug: str) -> Path:
    return folder / f"{storage.checked_id(slug)}.json"


def _read(path: Path) -> KeptFile | None:
    """The file's fields; None for one that has none, so that one bad file breaks no page."""
    stored = storage.read_json(path)
    try:
        name, created = str(stored["name"]), float(stored["created"])
        slug = storage.checked_id(path.stem)
    except (TypeError, KeyError, ValueError, OverflowError, NotFoundError):
        return None
    return KeptFile(slug, name, created, {k: v for k, v in stored.items() if k not in ("name", "created")})
