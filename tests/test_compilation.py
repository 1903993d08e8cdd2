"""Claims about compiling ahead, and about the map that follows."""

import time

import numpy as np
import pytest

from synweight_core import compilation
from synweight_core.compilation import compiled_map


def test_block_runs_meanwhile_and_ends_when_all_is_compiled(monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(compilation, "_draw_a_small_map", lambda: (time.sleep(0.1), told.append("compiled")))
    with compiled_map():
        told.append("block")
    assert told == ["block", "compiled"]


def test_failure_to_compile_does_not_end_the_block(monkeypatch):
    monkeypatch.setattr(compilation, "_draw_a_small_map", lambda: 1 / 0)
    with compiled_map():
        done = True
    assert done


def test_error_of_the_block_is_raised(monkeypatch):
    monkeypatch.setattr(compilation, "_draw_a_small_map", lambda: None)
    with pytest.raises(ValueError, match="texts"), compiled_map():
        raise ValueError("texts")


@pytest.mark.filterwarnings("ignore:Tensorflow not installed")  # umap tells at its import
def test_small_map_can_be_drawn_and_leaves_other_maps_as_they_are():
    from synweight_core.neighbors import nearest
    from synweight_core.projection import project

    rows = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    before = project(rows, *nearest(rows))
    compilation._draw_a_small_map()
    assert np.array_equal(project(rows, *nearest(rows)), before)


@pytest.mark.filterwarnings("ignore:Tensorflow not installed")  # umap tells at its import
def test_small_map_compiles_for_the_types_of_real_rows():
    from umap.layouts import rdist

    from synweight_core.neighbors import nearest
    from synweight_core.projection import project

    compilation._draw_a_small_map()
    compiled = list(rdist.signatures)
    rows = np.random.default_rng(1).normal(size=(40, 8)).astype(np.float32)
    project(rows, *nearest(rows))
    assert rdist.signatures == compiled
