"""What a person looks at on the map outlives the session."""

from types import SimpleNamespace

import numpy as np
import pytest

from synweight_core import storage
from synweight_core.map_view import MapView, load_view, save_view


@pytest.fixture
def project(tmp_path):
    return SimpleNamespace(folder=tmp_path)


def test_view_comes_back_from_disk(project):
    view = MapView(
        selected=np.array([1, 5]), colour="quality", is_sized=True, marks_holes=False, open_row=3,
        look={"camera": {"k": 2.0, "x": 0.1, "y": 0.2}},
    )  # fmt: skip
    save_view(project, view, 10)
    found = load_view(project, 10)
    assert found.selected.tolist() == [1, 5]
    assert (found.colour, found.is_sized, found.marks_holes, found.open_row, found.look) == (
        "quality", True, False, 3, view.look,
    )  # fmt: skip


def test_without_a_file_the_view_is_the_starting_one(project):
    found = load_view(project, 10)
    assert (found.colour, found.open_row, found.selected.size) == ("weight", None, 0)


@pytest.mark.parametrize(
    "stored", [[], {"selected": "damaged"}, {"selected": 5}, {"open_row": "x", "look": []}, {"open_row": 99}]
)
def test_damaged_view_is_left_out(project, stored):
    storage.write_json(project.folder / "view.json", stored)
    found = load_view(project, 10)
    assert (found.selected.size, found.open_row, found.look) == (0, None, {})


def test_rows_beyond_the_map_are_left_out(project):
    save_view(project, MapView(selected=np.array([1, 8])), 10)
    assert load_view(project, 5).selected.tolist() == [1]
