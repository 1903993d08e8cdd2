"""Claims about the quick probe: it is scikit-learn's model, weights count as copies, and few warm steps are enough."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from synweight_core import probe

CLASSES = 3


def problem(n, *, seed=0, d=12):
    """Unit vectors around three centres, a fifth of the labels wrong."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, n)
    centres = np.random.default_rng(99).normal(size=(CLASSES, d))
    features = centres[labels] + 1.2 * random.normal(size=(n, d))
    wrong = random.random(n) < 0.2
    said = np.where(wrong, random.integers(0, CLASSES, n), labels)
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32), said, labels


def fit(features, labels, weights, **options):
    rounded = probe.rounding(features)
    return probe.fit(features, labels, weights[None], n_classes=CLASSES, rounded=rounded, **options)[0]


def test_probe_finds_the_coefficients_of_scikit_learn():
    features, labels, _ = problem(400)
    weights = np.random.default_rng(1).exponential(size=400)
    found = fit(features, labels, weights, steps=500)
    expected = LogisticRegression(C=probe.STRENGTH, max_iter=5000, tol=1e-8).fit(
        features, labels, sample_weight=weights / weights.mean()
    )
    logits = features @ found[:-1] + found[-1]
    want = expected.decision_function(features)
    centred = logits - logits.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(centred, want - want.mean(axis=1, keepdims=True), atol=0.02)


def test_weight_of_two_is_a_copy(monkeypatch):
    features, labels, _ = problem(60)
    doubled = fit(features, labels, np.where(np.arange(60) < 20, 2.0, 1.0), steps=300)
    copied = np.concatenate([np.arange(60), np.arange(20)])
    monkeypatch.setattr(probe, "STRENGTH", probe.STRENGTH * 60 / 80)  # the penalty is on the mean row
    np.testing.assert_allclose(doubled, fit(features[copied], labels[copied], np.ones(80), steps=300), atol=1e-3)


def test_few_steps_from_a_similar_problem_are_as_accurate_as_many_from_nothing():
    features, labels, _ = problem(2_000)
    test, _, truth = problem(3_000, seed=5)
    start = fit(features, labels, np.ones(2_000))
    weights = np.random.default_rng(2).exponential(size=2_000)
    warm = fit(features, labels, weights, start=start)
    cold = fit(features, labels, weights, steps=500)
    assert (probe.predict(warm, test) == truth).mean() == pytest.approx(
        (probe.predict(cold, test) == truth).mean(), abs=0.005
    )


def test_only_the_ratios_of_weights_count():
    features, labels, _ = problem(100)
    one = fit(features, labels, np.full(100, 0.01))
    np.testing.assert_allclose(one, fit(features, labels, np.ones(100)), atol=1e-4)


def test_a_class_without_rows_is_never_predicted():
    features, labels, _ = problem(100)
    found = fit(features[labels < 2], labels[labels < 2], np.ones((labels < 2).sum()))
    assert set(probe.predict(found, features)) <= {0, 1}


def test_many_sets_of_weights_at_once_are_fitted_as_one_by_one():
    features, labels, _ = problem(300)
    sets = np.random.default_rng(3).exponential(size=(4, 300))
    rounded = probe.rounding(features)
    together = probe.fit(features, labels, sets, n_classes=CLASSES, rounded=rounded, steps=300)
    for weights, found in zip(sets, together, strict=True):
        np.testing.assert_allclose(found, fit(features, labels, weights, steps=300), atol=0.02)


def test_a_row_of_weight_zero_is_as_if_it_were_not_there():
    features, labels, _ = problem(200)
    weights = np.r_[np.ones(120), np.zeros(80)]
    found = fit(features, labels, weights, steps=300)
    np.testing.assert_allclose(found, fit(features[:120], labels[:120], np.ones(120), steps=300), atol=0.02)


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="0 rows"):
        probe.rounding(np.empty((0, 3), dtype=np.float32))
