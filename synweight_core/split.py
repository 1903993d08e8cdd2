"""Which real rows train, validate and test: stratified by label, and the same for the same seed."""

import numpy as np
import pandas as pd

VALIDATION_SHARE = 0.2
TEST_SHARE = 0.2


def split_real(labels: pd.Series, *, with_test: bool, seed: int) -> np.ndarray:
    """'train', 'validation' (and 'test') per row, stratified: 80/20, or 60/20/20 with test. [n] str

    A class of one row stays in training.
    """
    split = np.full(len(labels), "train", dtype=object)
    random = np.random.default_rng(seed)
    shares = {"validation": VALIDATION_SHARE} | ({"test": TEST_SHARE} if with_test else {})
    order = random.permutation(len(labels))
    shuffled = labels.to_numpy()[order]
    for name, share in shares.items():
        for label, count in _apportion(labels, share).items():
            members = order[shuffled == label]
            free = members[split[members] == "train"]
            split[free[: min(count, len(free) - 1)]] = name
    return split


def _apportion(labels: pd.Series, share: float) -> dict[str, int]:
    """Rows per class that add up to `share` of all rows, by largest remainder."""
    quotas = labels.value_counts().sort_index() * share
    counts = quotas.astype(int)
    missing = round(len(labels) * share) - int(counts.sum())
    for label in (quotas - counts).sort_values(ascending=False, kind="stable").index[:missing]:
        counts[label] += 1
    return {str(label): int(count) for label, count in counts.items()}
