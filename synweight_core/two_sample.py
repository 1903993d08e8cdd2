"""Two samples of rows: how far apart their distributions are, by a kernel and by scores of a classifier.

    MMD^2   squared maximum mean discrepancy, the unbiased estimate, weighted (Gretton et al. 2012, "A Kernel
            Two-Sample Test", JMLR 13), with an RBF kernel by random Fourier features (Rahimi and Recht 2007)
    AUC     of a classifier two-sample test (Lopez-Paz and Oquab 2017)

The real sample is known early and whole, so that all about it is computed once. Arrays only, no classes.
"""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 200  # of the bootstrap, and splits of the real rows into halves
_BLOCK = 8192  # rows of a memory map read at once
_PAIRS = 5000  # of rows, for the width of the kernel


@dataclass(frozen=True)
class RealSample:
    """What the real rows say before any weight of the others is known.

    Row 0 of `means` [1 + RESAMPLES, f] and `within` [1 + RESAMPLES] is the rows as they are, the others are
    bootstrap resamples; `within` is the real rows' own term of MMD^2.
    """

    means: np.ndarray
    within: np.ndarray
    floor_median: float
    floor: float
    auc_floor: float


def fourier_features(vectors: np.ndarray, rows: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """cos and sin of each row's phases, of length 1: dot products approximate the kernel. [r, 2 F] float32"""
    count = len(frequencies)
    result = np.empty((len(rows), 2 * count), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        phases = np.asarray(vectors[rows[start : start + _BLOCK]], dtype=np.float32) @ frequencies.T
        np.cos(phases, out=result[start : start + _BLOCK, :count])
        np.sin(phases, out=result[start : start + _BLOCK, count:])
    result /= np.sqrt(count, dtype=np.float32)
    return result


def median_distance(vectors: np.ndarray, rows: np.ndarray, random: np.random.Generator) -> float:
    """Between random pairs of these rows that differ: the usual width of an RBF kernel. 1 if there are none."""
    if not len(rows):
        return 1.0
    first, second = random.choice(rows, (2, _PAIRS))
    distances = np.linalg.norm(np.asarray(vectors[first], dtype=np.float32) - vectors[second], axis=1)
    return float(np.median(distances[distances > 0])) if distances.any() else 1.0


def share_above(scores: np.ndarray, real_scores: np.ndarray) -> np.ndarray:
    """Share of real scores above each score, ties half; its weighted mean is the AUC. 0 without real rows."""
    ordered = np.sort(real_scores)
    below_twice = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return 1 - below_twice / (2 * len(ordered)) if len(ordered) else np.zeros(len(scores))


def unbiased(lengths: np.ndarray, repeated: float) -> np.ndarray:
    """Mean kernel between different rows, from squared lengths of mean features of rows of length 1.

    `repeated` is the chance to draw a row twice, sum w^2 / (sum w)^2.
    """
    return (lengths - repeated) / (1 - repeated)


def describe_real(features: np.ndarray, scores: np.ndarray, random: np.random.Generator) -> RealSample:
    """From the real rows' features [m, f] and scores [m], where m is at least 4: halves need two rows each."""
    means, within = _bootstrap(features, random)
    halves, auc_gaps = _halves(features, scores, random)
    median, high = np.quantile(halves, [0.5, 0.95])
    return RealSample(means, within, float(median), float(high), float(np.quantile(auc_gaps, 0.95)))


def _bootstrap(features: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean features and the real rows' own term of MMD^2, of the rows and of their resamples.

    A resample repeats rows, so that its squared mean is |mean|^2 (1 - 1/m) + 1/m on average. `unbiased` takes
    that to |mean|^2, which is still (1 - |mean|^2) / (m - 1) above the estimate of the rows themselves.
    """
    m = len(features)
    draws = [np.bincount(random.integers(m, size=m), minlength=m).astype(np.float32) for _ in range(RESAMPLES)]
    means = np.stack([np.ones(m, dtype=np.float32), *draws]) @ features / np.float64(m)
    lengths = (means**2).sum(axis=1)
    within = unbiased(lengths, 1 / m)
    within[1:] -= (1 - lengths[0]) / (m - 1)
    return means, within


def _halves(features: np.ndarray, scores: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """MMD^2 and |AUC - 0.5| between random halves of the real rows. Both [RESAMPLES]"""
    m = len(features)
    a, b = m // 2, m - m // 2
    chosen = np.stack([random.permutation(m) < a for _ in range(RESAMPLES)]).astype(np.float32)
    sums = (chosen @ features).astype(np.float64)
    first, second = sums / a, (features.sum(axis=0, dtype=np.float64) - sums) / b
    within = unbiased((first**2).sum(axis=1), 1 / a) + unbiased((second**2).sum(axis=1), 1 / b)
    centred_ranks = (m * (0.5 - share_above(scores, scores))).astype(np.float32)
    return within - 2 * (first * second).sum(axis=1), np.abs(chosen @ centred_ranks) / (a * b)
