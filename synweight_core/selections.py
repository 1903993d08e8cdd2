"""Sets of map rows: ways to combine them, and named ones kept in a project's folder.

    projects/<id>/selections/<slug>.json    name, created, n, rows (packed)

It knows positions only, not what the rows hold; how a set becomes a short text is `rowsets`.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synweight_core import rowsets, storage
from synweight_core.errors import DataError, NotFoundError
from synweight_core.projects import Project

MAX_NAME_CHARS = 80


@dataclass(frozen=True)
class Combination:
    """One way to combine a new set with the current one: `apply(current, new)`, ascending int64 [k] each."""

    label: str
    apply: Callable[[np.ndarray, np.ndarray], np.ndarray]


COMBINE: Mapping[str, Combination] = {
    "replace": Combination("Replace", lambda current, new: new),
    "add": Combination("Add", np.union1d),
    "subtract": Combination("Subtract", lambda current, new: np.setdiff1d(current, new, assume_unique=True)),
    "intersect": Combination("Intersect", lambda current, new: np.intersect1d(current, new, assume_unique=True)),
}


@dataclass(frozen=True, eq=False)
class Selection:
    """A named set of rows, as its file tells. `created` is in seconds since 1970."""

    slug: str
    name: str
    created: float
    n: int  # rows that it chose from
    rows: np.ndarray  # [k] int64, ascending


def save_selection(project: Project, name: str, rows: np.ndarray, n: int) -> str:
    """Keep the positions `rows` (int [k]) of `n` rows under a name; the same name is replaced. Its slug.

    Raises:
        DataError: the name is empty, too long or no valid Unicode, or a position lies outside 0 to n - 1.
    """
    name = _checked_name(name)
    slug = _slug(name)
    stored = {"name": name, "created": time.time(), "n": n, "rows": rowsets.pack(rows, n)}
    storage.write_json(_path(project, slug), stored)
    return slug


def list_selections(project: Project) -> list[Selection]:
    """All selections of a project, newest first. Damaged files are left out."""
    found = (_read(path) for path in (project.folder / "selections").glob("*.json"))
    return sorted((each for each in found if each), key=lambda each: each.created, reverse=True)


def load_selection(project: Project, slug: str) -> Selection:
    """One selection. Raises NotFoundError when it is absent, damaged, or `slug` is no id."""
    selection = _read(_path(project, slug))
    if selection is None:
        raise NotFoundError(f"There is no selection '{slug}' in this project. Choose one from the list.")
    return selection


def delete_selection(project: Project, slug: str) -> None:
    """Forget a selection; one that is gone already stays gone. Raises NotFoundError when `slug` is no id."""
    _path(project, slug).unlink(missing_ok=True)


def _path(project: Project, slug: str) -> Path:
    return project.folder / "selections" / f"{storage.checked_id(slug)}.json"


def _slug(name: str) -> str:
    """The hash keeps names apart that differ only in what an id cannot hold."""
    return f"{storage.slug(name)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        raise DataError(
            f"The name of the selection has {len(name):,} characters; expected 1 to {MAX_NAME_CHARS}. "
            "Choose another name."
        )
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError("The name of the selection holds half a character. Type the name again.") from error
    return name


def _read(path: Path) -> Selection | None:
    """The selection in a file; None for one that holds none, so that one bad file breaks no page."""
    stored = storage.read_json(path)
    try:
        name, created, n = str(stored["name"]), float(stored["created"]), int(stored["n"])
        rows = rowsets.unpack(stored["rows"])
        slug = storage.checked_id(path.stem)
    except (TypeError, KeyError, ValueError, DataError, NotFoundError):
        return None
    return Selection(slug, name, created, n, rows) if not len(rows) or rows[-1] < n else None
