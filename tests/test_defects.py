"""Signs of planted defects: hand-made vectors, and the demo's own planted rows."""

import numpy as np
import pytest

from synweight_core import defects
from synweight_core.defects import boilerplate, off_topic

X, Y, Z, W = np.eye(4, dtype=np.float32)


def unit(*vectors):
    return np.stack([vector / np.linalg.norm(vector) for vector in vectors]).astype(np.float32)


def test_off_topic_is_one_less_the_highest_cosine_with_a_real_row():
    found = off_topic(unit(X, X + Y, Z), unit(X, Y))
    np.testing.assert_allclose(found, [0, 1 - np.sqrt(0.5), 1], atol=1e-6)


def test_what_all_classes_say_and_real_rows_do_not_is_boilerplate():
    synthetic = unit(X, X + Z, X - Z, Y, Y + Z, Y - Z)  # the second and the fifth add the same, as do their opposites
    real = unit(X - Z, Y - Z)
    found = boilerplate(synthetic, np.array([0, 0, 0, 1, 1, 1]), real, np.array([0, 1]))
    assert found[[1, 4]].min() > found[[0, 2, 3, 5]].max()


def test_boilerplate_survives_a_class_of_one_row_and_a_class_without_synthetic_rows():
    found = boilerplate(unit(X, Y, Y + Z), np.array([0, 1, 1]), unit(X, W), np.array([0, 2]))
    assert np.isfinite(found).all()


def test_boilerplate_of_many_rows_is_compared_with_a_sample_that_is_the_same_each_time(monkeypatch):
    monkeypatch.setattr(defects, "MAX_COMPARED", 100)
    drawn, n = np.random.default_rng(0), 300
    vectors, labels = unit(*drawn.normal(size=(n, 8))), drawn.integers(0, 3, n)
    once, again = (boilerplate(vectors, labels, vectors[:50], labels[:50]) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert once.shape == (n,)


def test_planted_rows_of_the_demo_are_found(demo, benchmark):
    for name in ("measuring", "browser", "journey", "lab", "evidence_data", "evidence_methods", "evidence_report",
                 "evidence_drawing"):  # fmt: skip
        benchmark(name)
    found = benchmark("evidence").defect_aucs(demo)
    assert found["mislabelled"] >= 0.99
    assert min(found["off_topic"], found["boilerplate"]) >= 0.85
    assert found == pytest.approx({"mislabelled": 0.996, "off_topic": 0.859, "boilerplate": 0.921}, abs=0.01)
