"""Rank correlation."""

from collections.abc import Sequence

import numpy as np


def spearman(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> float:
    """The correlation of the ranks of two columns [n], ties with their mean rank; NaN where either is all alike."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    from scipy.stats import spearmanr  # slow to import

    return float(spearmanr(first, second).statistic)
