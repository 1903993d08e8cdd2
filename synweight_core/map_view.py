"""What a person looks at on a project's map: colour, selection, camera. Kept on disk, so that a reload, a page
switch and a restarted server show the same.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from synweight_core import rowsets, storage
from synweight_core.errors import DataError
from synweight_core.projects import Project


@dataclass(frozen=True)
class MapView:
    """`selected` are sorted row positions; `match` are scores of a search in the same order, or None.

    `look` is the browser's own: camera, hidden classes, names on or off. It is given back as it came.
    """

    selected: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    match: np.ndarray | None = None
    token: str = "none"
    colour: str = "weight"
    is_sized: bool = False
    marks_holes: bool = True
    open_row: int | None = None
    look: dict[str, Any] = field(default_factory=dict)

    def select(self, rows: np.ndarray, *, token: str, match: np.ndarray | None = None) -> "MapView":
        """The view with another selection; `token` says whose it is."""
        return replace(self, selected=rows, match=match, token=token)


def load_view(project: Project, n: int) -> MapView:
    """The stored view of a map of `n` rows; what is damaged or does not fit is left out."""
    stored = storage.read_json(project.folder / "view.json")
    if not isinstance(stored, dict):
        return MapView()
    try:
        selected = rowsets.unpack(str(stored["selected"])) if stored.get("selected") else np.empty(0, dtype=np.int64)
    except DataError:
        selected = np.empty(0, dtype=np.int64)
    opened, look = stored.get("open_row"), stored.get("look")
    return MapView(
        selected=selected[selected < n],
        token="stored" if len(selected) else "none",
        colour=str(stored.get("colour", "weight")),
        is_sized=stored.get("is_sized") is True,
        marks_holes=stored.get("marks_holes") is not False,
        open_row=opened if type(opened) is int and 0 <= opened < n else None,
        look=look if isinstance(look, dict) else {},
    )


def save_view(project: Project, view: MapView, n: int) -> None:
    """Keep the view for the next visit."""
    stored = {
        "selected": rowsets.pack(view.selected, n) if len(view.selected) else "",
        "colour": view.colour, "is_sized": view.is_sized, "marks_holes": view.marks_holes,
        "open_row": view.open_row, "look": view.look,
    }  # fmt: skip
    storage.write_json(project.folder / "view.json", stored)
