"""Claims about what-if changes: each does what it says to the selected rows, and the log then says the same."""

import numpy as np
import pandas as pd
import pytest

from synweight_core import curation, projects, what_if
from synweight_core.columns import Columns
from synweight_core.curation import load_curation
from synweight_core.data import Upload, build_dataset

N = 24
ROWS = np.array([1, 3, 5, N + 2])  # the last one is real


@pytest.fixture
def project():
    rows = pd.DataFrame({"text": [f"text {i}" for i in range(40)], "label": list("ab") * 20})
    columns = Columns("text", "label")
    synthetic = Upload("s.csv", rows[:N].assign(text="made up " + rows["text"]), columns)
    return projects.create_project(build_dataset(synthetic, Upload("r.csv", rows, columns)), "Shop")


def test_drop_leaves_out_the_selected_rows():
    found = what_if.changed(curation.unedited(np.zeros(N, dtype=int)), "drop", ROWS)
    assert np.flatnonzero(~found.kept).tolist() == [1, 3, 5]


def test_keep_leaves_out_all_others_and_brings_no_row_back():
    start = what_if.changed(curation.unedited(np.zeros(N, dtype=int)), "drop", np.array([3]))
    assert np.flatnonzero(what_if.changed(start, "keep", ROWS).kept).tolist() == [1, 5]


@pytest.mark.parametrize(("change", "factor"), [("halve", 0.5), ("double", 2.0)])
def test_factors_multiply_what_somebody_set_before(change, factor):
    start = what_if.changed(curation.unedited(np.zeros(N, dtype=int)), "double", np.array([1]))
    found = np.exp(what_if.changed(start, change, ROWS).log_factor)
    np.testing.assert_allclose(found[[0, 1, 3, 5]], [1, 2 * factor, factor, factor])


def test_a_factor_stays_within_what_the_log_takes():
    found = curation.unedited(np.zeros(N, dtype=int))
    for _ in range(10):
        found = what_if.changed(found, "double", ROWS)
    assert np.exp(found.log_factor.max()) == pytest.approx(curation.MAX_FACTOR)


@pytest.mark.parametrize("change", what_if.CHANGES)
def test_log_then_gives_the_rows_of_the_change_and_undo_takes_it_back(project, change):
    curation.set_factor(project, np.array([1]), factor=0.25)
    before = load_curation(project)
    after = what_if.changed(before, change, ROWS)
    what_if.keep_change(project, before, after, reason="What if")
    found = load_curation(project)
    assert np.array_equal(found.kept, after.kept)
    np.testing.assert_allclose(found.log_factor, after.log_factor, atol=1e-12)
    for _ in range(found.n_edits - before.n_edits):
        curation.undo(project)
    back = load_curation(project)
    assert np.array_equal(back.kept, before.kept) and np.array_equal(back.log_factor, before.log_factor)


def test_meters_before_and_after_are_those_of_the_weights():
    table = what_if.before_and_after(np.ones(4), np.array([2.0, 2.0, 0.0, 0.0])).set_index("figure")
    assert table.loc["Effective sample size (rows)"].tolist() == [4, 2, -2]
    assert table.loc["Rows that have weight"].tolist() == [4, 2, -2]
