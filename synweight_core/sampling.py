"""Which rows are read at once, and which ones a fit reads, when a data set has very many. It computes nothing else.

Up to MANY_ROWS rows everything reads all rows at once. Above, fits read a seeded sample of about so many, whatever
they are fitted for; the other rows are told by what was fitted, a piece of rows at a time, and vectors are kept as
float16. So memory and the time of fits are bounded, and only what must be said of each row grows with the rows.
"""

from collections.abc import Iterator

import numpy as np

MANY_ROWS = 100_000
ROWS_PER_CLASS = 100  # of each class, as far as there are, whatever its share


def is_many(n: int) -> bool:
    """Whether so many rows are sampled and read in pieces."""
    return n > MANY_ROWS


def pieces(n: int, *, size: int | None = None) -> Iterator[slice]:
    """Slices that cover n rows in order, of `size` rows or fewer each; of MANY_ROWS by default."""
    step = size or MANY_ROWS
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def rows_of_map(n_synthetic: int, n_real: int, *, seed: int) -> np.ndarray:
    """Positions of MANY_ROWS of n + m rows, ascending: real rows, half of all at most, and synthetic ones.

    Each kind is drawn uniformly, so that what is dense in the data is as dense in the sample.
    """
    random = np.random.default_rng(seed)
    real = min(n_real, MANY_ROWS // 2)
    synthetic = min(n_synthetic, MANY_ROWS - real)
    kinds = [random.choice(n_synthetic, synthetic, replace=False), n_synthetic + random.choice(n_real, real, False)]
    return np.sort(np.concatenate(kinds))


def rows_of_fit(labels: np.ndarray, *, seed: int) -> np.ndarray:
    """Positions of the rows that a classifier is fitted on, ascending: all, or MANY_ROWS and those of rare classes.

    The sample is uniform, but for ROWS_PER_CLASS of each class, or all that it has: a fit must know every class.
    """
    n = len(labels)
    if not is_many(n):
        return np.arange(n)
    order = np.random.default_rng(seed).permutation(n)
    rare = [order[labels[order] == label][:ROWS_PER_CLASS] for label in np.unique(labels)]
    return np.unique(np.concatenate([order[:MANY_ROWS], *rare]))
