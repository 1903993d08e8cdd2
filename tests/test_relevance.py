"""Claims about relevance: log P(x)/Q(x) of real against synthetic texts."""

import numpy as np
import pytest

from synweight_core import relevance as module
from synweight_core.checkers import folds_of_all
from synweight_core.relevance import MAX_NATS, relevance


def shifted(n_synthetic: int, n_real: int, shift: float) -> np.ndarray:
    """Unit Gaussians in two dimensions, real ones `shift` to the right: log P/Q = shift * x - shift^2 / 2."""
    features = np.random.default_rng(0).normal(size=(n_synthetic + n_real, 2))
    features[n_synthetic:, 0] += shift
    return features


@pytest.mark.parametrize("n_synthetic", [400, 4000])
def test_known_log_ratio_is_found_whatever_the_sizes(n_synthetic):
    features = shifted(n_synthetic, 400, 1.0)
    found, auc = relevance(features, n_synthetic=n_synthetic, groups=np.arange(len(features)))
    assert np.abs(found - (features[:, 0] - 0.5)).mean() < 0.25
    assert auc == pytest.approx(0.76, abs=0.04)  # Phi(1 / sqrt(2))


def test_a_sample_of_many_synthetic_rows_gives_the_same_ratio(monkeypatch):
    monkeypatch.setattr(module, "FIT_ROWS", (500, 1000))
    features = shifted(8000, 200, 1.0)
    found, _ = relevance(features, n_synthetic=8000, groups=np.arange(8200))
    assert np.abs(found - (features[:, 0] - 0.5)).mean() < 0.35


def test_rows_of_one_distribution_have_no_relevance():
    features = shifted(300, 300, 0.0)
    found, auc = relevance(features, n_synthetic=300, groups=np.arange(600))
    assert np.abs(found).mean() < 0.3 and auc == pytest.approx(0.5, abs=0.08)


def test_separated_rows_are_finite_and_within_the_limit():
    features = shifted(60, 30, 1000.0)
    found, auc = relevance(features, n_synthetic=60, groups=np.arange(90))
    assert found.dtype == np.float32 and np.abs(found).max() <= MAX_NATS
    assert (found[60:] > 3).all() and (found[:60] < -3).all() and auc == 1


def test_every_row_is_scored_by_a_model_without_its_group():
    folds = np.array([0, 1, -1, -1])
    groups = np.array([0, 1, 1, 2])
    assert folds_of_all(folds[:2], np.array([0, 1]), groups).tolist() == [0, 1, 1, 0]


def test_demo_relevance_is_finite_and_tells_real_rows(demo):
    from synweight_core.prepare import need_prepared

    prepared = need_prepared(demo)
    assert prepared.relevance.shape == (1460,) and np.isfinite(prepared.relevance).all()
    assert 0.5 < prepared.facts["relevance_auc"] < 1
    assert prepared.relevance[1200:].mean() > prepared.relevance[:1200].mean()
