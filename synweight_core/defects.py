"""Signs of well-known defects of generated rows, from sentence vectors and labels alone: each a score, high is bad.

They sort rows for a person to look at. They are no part of any weight, judge no label (the quality checker does), and
know no files. Real rows are the yardstick: what they say too is no defect.
Beyond some 10,000 rows `boilerplate` takes seconds: it is for worker processes, not for a page.
"""

import numpy as np

from synweight_core.folds import closest

MAX_COMPARED = 5_000  # rows that each row is compared with at most, a seeded sample: 0.1 ms of one core a row
NEIGHBOURS = 5
_BLOCK = 2_000  # rows that are compared at once


def off_topic(synthetic: np.ndarray, real: np.ndarray) -> np.ndarray:
    """1 - the highest cosine with any real row: how far a text is from all that real texts are about. [n]

    Args:
        synthetic: unit vectors, [n, d].
        real: unit vectors, [m, d], m of at least 1.
    """
    return 1 - closest(synthetic, real)


def boilerplate(
    synthetic: np.ndarray, labels: np.ndarray, real: np.ndarray, real_labels: np.ndarray, *, seed: int = 0
) -> np.ndarray:
    """How much a row says what rows of other classes say too, and real rows do not. [n]

    What a class is about is its mean vector; what is left of a row without it is what it says besides. Phrases of the
    generator itself ("Here are five more examples") are left alike in all classes: the score is the mean cosine with
    the NEIGHBOURS nearest such remainders of other classes, less the highest one with any real row's.

    Args:
        synthetic: unit vectors, [n, d].
        labels: class codes, [n] int.
        real: unit vectors, [m, d], m of at least 1.
        real_labels: class codes, [m] int.
        seed: of the sample of rows to compare with.
    """
    means = _class_means(synthetic, labels, max(labels.max(), real_labels.max()) + 1)
    others = np.arange(len(synthetic))
    if len(others) > MAX_COMPARED:
        others = np.sort(np.random.default_rng(seed).choice(others, MAX_COMPARED, replace=False))
    rest_of_others = _unit(synthetic[others] - means[labels[others]])
    rest_of_real = _unit(real - means[real_labels])
    found = np.empty(len(synthetic), dtype=np.float32)
    for first in range(0, len(synthetic), _BLOCK):
        rows = slice(first, first + _BLOCK)
        rest = _unit(synthetic[rows] - means[labels[rows]])
        cosines = rest @ rest_of_others.T
        cosines[labels[rows, None] == labels[others]] = -1
        found[rows] = _mean_of_highest(cosines) - closest(rest, rest_of_real)
    return found


def _class_means(vectors: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """The mean vector of each class, 0 for one without rows. [K, d]"""
    return np.stack([vectors[labels == code].mean(axis=0) if (labels == code).any() else 0 * vectors[0]
                     for code in range(n_classes)])  # fmt: skip


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Of length 1; a vector of zeros stays so. [n, d] float32"""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _mean_of_highest(cosines: np.ndarray) -> np.ndarray:
    """Of the NEIGHBOURS highest values in each row. [b]"""
    k = min(NEIGHBOURS, cosines.shape[1])
    return np.partition(cosines, -k, axis=1)[:, -k:].mean(axis=1)
