"""Sets of map rows: ways to combine them, and named ones kept in a project's folder.

    projects/<id>/selections/<slug>.json    name, created, n, rows (packed)

It knows positions only, not what the rows hold; how a set becomes a short text is `rowsets`.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synweight_core import kept, rowsets
from synweight_core.errors import DataError, NotFoundError
from synweight_core.projects import Project

MAX_NAME_CHARS = kept.MAX_NAME_CHARS


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
    content = {"n": n, "rows": rowsets.pack(rows, n)}
    return kept.keep(_folder(project), name, content, created=time.time(), noun="selection")


def list_selections(project: Project) -> list[Selection]:
    """All selections of a project, newest first. Damaged files are left out."""
    found = (_parsed(file) for file in kept.list_kept(_folder(project)))
    return [selection for selection in found if selection]


def load_selection(project: Project, slug: str) -> Selection:
    """One selection. Raises NotFoundError when it is absent, damaged, or `slug` is no id."""
    file = kept.load_kept(_folder(project), slug)
    selection = _parsed(file) if file else None
    if selection is None:
        raise NotFoundError(f"There is no selection '{slug}' in this project. Choose one from the list.")
    return selection


def delete_selection(project: Project, slug: str) -> None:
    """Forget a selection; one that is gone already stays gone. Raises NotFoundError when `slug` is no id."""
    kept.delete_kept(_folder(project), slug)


def _folder(project: Project) -> Path:
    return project.folder / "selections"


def _parsed(file: kept.KeptFile) -> Selection | None:
    """The selection in a file; None for one that holds none, so that one bad file breaks no page."""
    try:
        n, rows = int(file.content["n"]), rowsets.unpack(file.content["rows"])
    except (TypeError, KeyError, ValueError, OverflowError, DataError):
        return None
    return Selection(file.slug, file.name, file.created, n, rows) if not len(rows) or rows[-1] < n else None
