"""Lines of numbers as a chart can show them: thinned over the whole range, and smoothed on demand. Pure arithmetic."""

from itertools import pairwise

import numpy as np
import pandas as pd

MAX_POINTS = 500  # of one line: more than a chart has pixels to tell apart


def thinned(x: np.ndarray, y: np.ndarray, *, max_points: int = MAX_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """At most `max_points` of the points of a line: the first, the last, and the extremes of each stretch between.

    So that a spike of one step among a million is still seen. NaN is kept where a stretch holds nothing else.

    Args:
        x: ascending. [n]
        y: [n]
        max_points: 4 or more.
    """
    n = len(x)
    if n <= max_points:
        return x, y
    edges = np.linspace(1, n - 1, (max_points - 2) // 2 + 1).astype(int)
    stretches = [*pairwise(edges)]
    low, high = np.nan_to_num(y, nan=np.inf), np.nan_to_num(y, nan=-np.inf)
    lowest = [start + low[start:end].argmin() for start, end in stretches]
    highest = [start + high[start:end].argmax() for start, end in stretches]
    kept = np.unique([0, *lowest, *highest, n - 1])
    return x[kept], y[kept]


def smoothed(y: np.ndarray, *, over: int) -> np.ndarray:
    """The exponentially weighted mean of the values up to each, a span of `over` points. [n]

    The weight of a value halves about every 0.35 * `over` points; the first values are means of what there is, and
    NaN counts for nothing. `over` 1 changes nothing.
    """
    return pd.Series(y, dtype=float).ewm(span=over, ignore_na=True).mean().to_numpy()
