"""Claims about alignment: how close weighted synthetic rows are to the real rows."""

import math
from dataclasses import astuple
from itertools import combinations
from time import perf_counter

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from synweight_core import alignment as module
from synweight_core import two_sample
from synweight_core.alignment import Alignment, build_alignment
from synweight_core.two_sample import fourier_features

FLOORS = ("floor_median", "floor", "auc_floor")
ESTIMATES = ("mmd2", "mmd2_low", "mmd2_high", "auc")


def unit_rows(count: int, *, shift: float = 0.0, seed: int = 0) -> np.ndarray:
    """Directions in 16 dimensions around the first axis, pushed `shift` towards the second."""
    vectors = np.random.default_rng(seed).normal(size=(count, 16), scale=0.3)
    vectors[:, 0] += 1
    vectors[:, 1] += shift
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def aligned(synthetic: np.ndarray, real: np.ndarray, labels: np.ndarray | None = None, seed: int = 0) -> Alignment:
    """Relevance is the share of the second axis, towards which synthetic rows are pushed."""
    vectors = np.concatenate([synthetic, real])
    labels = np.zeros(len(vectors), dtype=int) if labels is None else labels
    return build_alignment(vectors, labels, -vectors[:, 1], n_synthetic=len(synthetic), seed=seed)


def values(line, names: tuple[str, ...]) -> list[float]:
    return [getattr(line, name) for name in names]


def test_mmd_is_the_weighted_mean_kernel_between_different_rows():
    synthetic, real = unit_rows(4, shift=0.5), unit_rows(10, seed=1)
    built = aligned(synthetic, real)
    weights = np.array([1.0, 2.0, 0.0, 3.0])
    points = [fourier_features(v, np.arange(len(v)), built.frequencies).astype(float) for v in (synthetic, real)]

    def mean_kernel(a, b, wa, wb, *, same):
        pairs = [(i, j) for i in range(len(a)) for j in range(len(b)) if not (same and i == j)]
        return sum(wa[i] * wb[j] * (a[i] @ b[j]) for i, j in pairs) / sum(wa[i] * wb[j] for i, j in pairs)

    s, r = points
    ones = np.ones(10)
    expected = mean_kernel(s, s, weights, weights, same=True) + mean_kernel(r, r, ones, ones, same=True)
    expected -= 2 * mean_kernel(s, r, weights, ones, same=False)
    found = built.measure(weights)[-1]
    assert found.mmd2 == pytest.approx(expected, abs=1e-6)
    assert found.effective_sample_size == pytest.approx(36 / 14)


def test_features_give_the_kernel_with_the_median_distance():
    rows = unit_rows(300)
    frequencies = [aligned(rows[:2], rows, seed=seed).frequencies for seed in range(8)]
    points = fourier_features(rows, np.arange(300), np.concatenate(frequencies))
    squared = ((rows[:150] - rows[150:]) ** 2).sum(axis=1)
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    width = np.median(distances[distances > 0])
    assert np.linalg.norm(points, axis=1) == pytest.approx(1, abs=1e-5)
    assert (points[:150] * points[150:]).sum(axis=1) == pytest.approx(np.exp(-squared / (2 * width**2)), abs=0.12)


def test_the_bootstrap_is_centred_on_the_estimate():
    rows = unit_rows(12)
    points = fourier_features(rows, np.arange(12), aligned(rows, rows).frequencies)
    draws = [two_sample._bootstrap(points, np.random.default_rng(seed))[1] for seed in range(30)]
    resampled = np.concatenate([draw[1:] for draw in draws])
    assert abs(resampled.mean() - draws[0][0]) < 3 * resampled.std() / math.sqrt(len(resampled))


def test_the_interval_holds_the_true_distance_nineteen_times_in_twenty():
    synthetic = unit_rows(300, shift=0.3, seed=99)
    truth = aligned(synthetic, unit_rows(3000, seed=100)).measure(np.ones(300))[-1].mmd2
    found = [aligned(synthetic, unit_rows(100, seed=seed)).measure(np.ones(300))[-1] for seed in range(20)]
    assert sum(line.mmd2_low <= truth <= line.mmd2_high for line in found) >= 17


def test_the_real_rows_themselves_reach_the_floor():
    real = unit_rows(300)
    found = aligned(real, real).measure(np.ones(300))[-1]
    assert found.is_aligned and found.mmd2 <= found.floor and found.auc == pytest.approx(0.5)


def test_another_sample_of_the_same_distribution_reaches_the_floors():
    found = [aligned(unit_rows(600, seed=s), unit_rows(300, seed=50 + s)).measure(np.ones(600))[-1] for s in range(10)]
    assert all(line.is_aligned for line in found)
    assert sum(line.mmd2 <= line.floor for line in found) >= 8
    assert sum(abs(line.auc - 0.5) <= line.auc_floor for line in found) >= 8
    assert abs(np.mean([line.mmd2 for line in found])) < 0.002  # unbiased
    assert abs(np.mean([line.floor_median for line in found])) < 0.002


def test_a_planted_shift_is_seen_and_grows():
    real = unit_rows(300, seed=1)
    found = [aligned(unit_rows(600, shift=shift), real).measure(np.ones(600))[-1] for shift in (0.1, 0.3, 0.6)]
    assert found[0].mmd2 < found[1].mmd2 < found[2].mmd2
    assert 0.5 < found[0].auc < found[1].auc < found[2].auc
    assert not found[1].is_aligned and not found[2].is_aligned


def test_weight_zero_for_planted_rows_brings_the_floor_back():
    synthetic = np.concatenate([unit_rows(500), unit_rows(100, shift=2.0, seed=2)])
    built = aligned(synthetic, unit_rows(300, seed=1))
    planted = np.arange(600) >= 500
    before, between, after = (built.measure(np.where(planted, weight, 1.0))[-1] for weight in (1.0, 0.3, 0.0))
    assert before.mmd2 > between.mmd2 > after.mmd2
    assert not before.is_aligned and after.is_aligned


def test_classes_are_measured_apart():
    synthetic = np.concatenate([unit_rows(200), unit_rows(200, shift=0.6, seed=2)])
    labels = np.repeat([3, 7, 3, 7], [200, 200, 100, 100])
    near, far, overall = aligned(synthetic, unit_rows(200, seed=1), labels).measure(np.ones(400))
    assert [line.label for line in (near, far, overall)] == [3, 7, None]
    assert near.is_aligned and not far.is_aligned
    assert near.mmd2 < overall.mmd2 < far.mmd2
    assert (far.synthetic_rows, far.real_rows, overall.real_rows) == (200, 100, 200)


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_that_of_sklearn_with_weights_and_ties(seed):
    random = np.random.default_rng(seed)
    labels, scores = random.integers(2, size=90), random.integers(6, size=90) / 2
    weights = random.exponential(size=60) * (random.random(60) > 0.2)
    built = build_alignment(unit_rows(90), labels, scores, n_synthetic=60)
    is_real, everyone = np.arange(90) >= 60, np.concatenate([weights, np.ones(30)])
    for line, rows in zip(built.measure(weights), [labels == 0, labels == 1, labels >= 0], strict=True):
        expected = roc_auc_score(is_real[rows], scores[rows], sample_weight=everyone[rows])
        assert line.auc == pytest.approx(expected, abs=1e-6)


def test_halves_are_compared_with_each_other():
    rows, scores = unit_rows(4), np.array([1.0, 2.0, 2.0, 4.0])
    points = fourier_features(rows, np.arange(4), aligned(rows, rows).frequencies)
    gram = (points @ points.T).astype(float)
    distances, gaps = set(), set()
    for i, j in combinations(range(4), 2):
        m, n = sorted({0, 1, 2, 3} - {i, j})
        distances.add(round(gram[i, j] + gram[m, n] - gram[[i, i, j, j], [m, n, m, n]].sum() / 2, 4))
        gaps.add(round(abs(roc_auc_score(np.isin(np.arange(4), [i, j]), scores) - 0.5), 4))
    found = two_sample._halves(points, scores, np.random.default_rng(0))
    assert [set(values.round(4).tolist()) for values in found] == [distances, gaps]
    assert sum(distances) == pytest.approx(0, abs=1e-3)  # so the floor is centred on 0


def test_three_real_rows_are_not_enough_data():
    labels = np.repeat([0, 1, 0, 1], [50, 50, 50, 3])
    enough, few, overall = aligned(unit_rows(100), unit_rows(53, seed=1), labels).measure(np.ones(100))
    assert np.isnan(values(few, ESTIMATES + FLOORS)).all() and few.effective_sample_size == pytest.approx(50)
    assert not few.is_measured and not few.is_aligned
    for line in (enough, overall):
        assert line.is_measured and np.isfinite(values(line, ESTIMATES + FLOORS)).all()


@pytest.mark.parametrize("of_class_1", [np.zeros(50), np.eye(50)[0]], ids=["no row", "one row"])
def test_a_class_without_weight_has_floors_only(of_class_1):
    labels = np.repeat([0, 1, 0, 1], [50, 50, 50, 50])
    built = aligned(unit_rows(100), unit_rows(100, seed=1), labels)
    full, empty, overall = built.measure(np.concatenate([np.ones(50), of_class_1]))
    assert np.isnan(values(empty, ESTIMATES)).all() and np.isfinite(values(empty, FLOORS)).all()
    assert empty.effective_sample_size == pytest.approx(of_class_1.sum()) and not empty.is_aligned
    assert full.is_measured and overall.is_measured


def test_no_weight_at_all_is_not_enough_data():
    for line in aligned(unit_rows(50), unit_rows(50, seed=1)).measure(np.zeros(50)):
        assert not line.is_measured and math.isnan(line.auc) and line.effective_sample_size == 0


def test_one_class_is_all_rows():
    own, overall = aligned(unit_rows(80), unit_rows(60, seed=1)).measure(np.ones(80))
    assert own.mmd2 == pytest.approx(overall.mmd2) and own.auc == pytest.approx(overall.auc)


@pytest.mark.parametrize(("n", "m"), [(0, 30), (30, 0), (0, 0)])
def test_a_missing_side_is_not_enough_data(n, m):
    lines = aligned(unit_rows(n), unit_rows(m)).measure(np.ones(n))
    assert not any(line.is_measured for line in lines)


def test_equal_rows_have_no_distance():
    found = aligned(np.ones((20, 4), dtype=np.float32), np.ones((20, 4), dtype=np.float32)).measure(np.ones(20))[-1]
    assert found.mmd2 == pytest.approx(0, abs=1e-6) and found.auc == 0.5


def test_scale_of_weights_does_not_matter():
    built = aligned(unit_rows(80, shift=0.3), unit_rows(60, seed=1))
    weights = np.random.default_rng(0).exponential(size=80)
    expected = astuple(built.measure(weights)[-1])[3:]
    for scale in (1e-30, 1e30):
        assert astuple(built.measure(weights * scale)[-1])[3:] == pytest.approx(expected, abs=1e-6)


def test_same_seed_same_result():
    first, again, other = (
        aligned(unit_rows(80, shift=0.3), unit_rows(60, seed=1), seed=seed).measure(np.ones(80)) for seed in (1, 1, 2)
    )
    assert first == again and first != other


def test_a_sample_keeps_the_shares_of_classes(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 1000)
    labels = np.concatenate([np.repeat([0, 1], [4500, 1500]), np.arange(200) % 2])
    built = aligned(unit_rows(6000, shift=0.3), unit_rows(200, seed=1), labels)
    weights = np.where(np.isin(np.arange(6000), built.sampled), 1.0, 99.0)  # rows that are not sampled do not count
    large, small, overall = built.measure(weights)
    assert len(built.sampled) == overall.synthetic_rows == large.synthetic_rows + small.synthetic_rows == 1000
    assert small.synthetic_rows == pytest.approx(250, abs=50)
    assert overall.effective_sample_size == pytest.approx(1000)


def test_a_memory_map_gives_the_same_as_an_array(tmp_path):
    vectors = unit_rows(140)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    built = [build_alignment(v, np.zeros(140, dtype=int), vectors[:, 1], n_synthetic=80) for v in (vectors, mapped)]
    assert built[0].measure(np.ones(80)) == built[1].measure(np.ones(80))


def test_another_number_of_weights_is_refused():
    with pytest.raises(ValueError, match="3 weights were given; expected one for each of 80 rows"):
        aligned(unit_rows(80), unit_rows(60)).measure(np.ones(3))


def test_a_hundred_thousand_rows_are_measured_while_a_slider_moves():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(102_000, 8)).astype(np.float32)
    built = build_alignment(vectors, random.integers(5, size=102_000), vectors[:, 0], n_synthetic=100_000)
    weights, seconds = random.exponential(size=100_000), []
    for _ in range(3):
        start = perf_counter()
        assert len(built.measure(weights)) == 6
        seconds.append(perf_counter() - start)
    assert min(seconds) <= 0.3
