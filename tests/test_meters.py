"""What a setting of weights amounts to: figures against hand-computed arrays."""

import numpy as np
import pandas as pd
import pytest

from synweight_core import meters


def classes(weights, *, real):
    labels = pd.Series(["a"] * (len(weights) // 2) + ["b"] * (len(weights) - len(weights) // 2))
    return meters.by_class(labels, np.asarray(weights, dtype=float), pd.Series(real))


def test_figures_of_a_class_are_those_of_its_rows():
    table = classes([1, 1, 4, 0], real=["a", "b", "b", "b"]).set_index("label")
    assert table.loc["a"].tolist() == [2, 0.5, pytest.approx(1 / 3), 0.25, 2, 1]
    assert table.loc["b"].tolist() == [2, 0.5, pytest.approx(2 / 3), 0.75, 1, 1]


def test_healthy_classes_need_no_warning():
    assert meters.class_warnings(classes(np.ones(40), real=["a", "b"])) == []


def test_a_class_with_next_to_no_weight_is_named_and_what_to_do():
    (warning,) = meters.class_warnings(classes([1] * 20 + [0.01] * 20, real=["a", "b"]))
    assert warning.startswith("Hardly any weight is left for: b.") and "balance the classes" in warning


def test_a_class_that_no_real_row_has_may_be_without_weight():
    assert meters.class_warnings(classes([1] * 20 + [0.0] * 20, real=["a", "a"])) == []


def test_a_class_whose_weight_sits_on_one_row_is_named():
    (warning,) = meters.class_warnings(classes([1] * 20 + [20] + [0.001] * 19, real=["a", "b"]))
    assert warning.startswith("A few rows carry nearly all of the weight of: b.")


def test_rows_that_changed_most_by_factor_come_first_and_equal_ones_never():
    before, after = np.array([1.0, 1.0, 2.0, 0.001, 3.0]), np.array([2.0, 0.25, 2.0, 0.0, 3.3])
    assert meters.most_changed(before, after, rows=9).tolist() == [1, 0, 4]
    assert meters.most_changed(before, after, rows=1).tolist() == [1]
    assert meters.most_changed(before, before, rows=9).tolist() == []
