"""How good the quality checker would be with fewer real rows, and so whether more of them would help.

Plain arrays in, a small table out. scikit-learn is imported only inside the function that fits.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synweight_core.calibration import fit_temperature

SIZES = 6
MIN_ROWS = 10
MAX_ROWS = 2_000  # a seeded sample of this size draws the curve
_COLUMNS = ("rows", "accuracy", "accuracy_error", "log_loss", "log_loss_error")


def learning_curve(
    features: np.ndarray, labels: np.ndarray, *, n_classes: int, groups: np.ndarray | None = None, seed: int = 0
) -> pd.DataFrame:
    """How good the quality checker would be with fewer real rows.

    Each of up to five repeats holds another fifth of the rows out (stratified, near-duplicates together) and
    trains on nested, stratified parts of the rest. The regularisation is chosen once, as the checker's is. The
    log loss is divided by the temperature that fits the held-out rows of the other repeats. Pair projects give
    the positions of the map as features, not the longer features of their checkers, so that their curve may
    lie a little lower. It is the curve of linear probes, also where a project's own checkers are fine-tuned.

    Args:
        features: of real rows, [n, d].
        labels: [n] int below `n_classes`.
        groups: near-duplicate groups, [n] int.
        seed: of folds and of the order of rows.

    Returns:
        Columns rows, accuracy, log_loss (nats), and accuracy_error, log_loss_error: standard errors over the
        repeats, which share rows, so that the true ones are somewhat larger. Empty below MIN_ROWS rows.
    """
    from threadpoolctl import threadpool_limits

    from synweight_core.checkers import choose_strength, cross_fitting_folds, fit_logits

    if len(labels) < MIN_ROWS or np.bincount(labels).max() < 2:
        return pd.DataFrame(columns=_COLUMNS, dtype=float)
    random = np.random.default_rng(seed)
    rows = random.permutation(len(labels))[:MAX_ROWS]
    features, labels, groups = np.asarray(features)[rows], labels[rows], None if groups is None else groups[rows]
    folds = cross_fitting_folds(labels, groups, seed=seed)
    parts = [np.flatnonzero(folds == fold) for fold in range(folds.max() + 1)]
    orders = [_stratified_order(labels, np.flatnonzero(folds != fold)) for fold in range(len(parts))]
    largest = min(map(len, orders))
    sizes = np.geomspace(min(max(MIN_ROWS, 2 * len(np.unique(labels))), largest), largest, SIZES)
    points = []
    with threadpool_limits(1):  # the fits are small: threads cost them more than they bring
        strength = choose_strength(features, labels, folds, n_classes, seed)
        for size in np.unique(sizes.round().astype(int)):
            fits = [fit_logits(features[order[:size]], labels[order[:size]], n_classes, strength) for order in orders]
            logits = [fit(features[part]) for fit, part in zip(fits, parts, strict=True)]
            points.append({"rows": size} | _curve_point(logits, [labels[part] for part in parts]))
    return pd.DataFrame(points, columns=_COLUMNS)


def gain_of_doubling(curve: pd.DataFrame) -> tuple[float, float, float]:
    """Half of the real rows, the accuracy that the other half brought, and its standard error.

    Between sizes the curve is read on a log scale; when it begins above the half, from where it begins.
    """
    rows = curve["rows"].to_numpy(dtype=float)
    half = max(rows[-1] / 2, rows[0])
    before, before_error = (np.interp(np.log(half), np.log(rows), curve[name]) for name in _COLUMNS[1:3])
    last = curve.iloc[-1]
    return half, float(last["accuracy"] - before), float(np.hypot(last["accuracy_error"], before_error))


def _stratified_order(labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """These rows so that every first part of them is stratified, beginning with one row of each class."""
    own = pd.Series(labels[rows])
    by_label = own.groupby(own)
    return rows[np.argsort(by_label.cumcount() / by_label.transform("size"), kind="stable")]


def _curve_point(logits: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> dict[str, float]:
    """Mean and standard error of accuracy and log loss over the repeats."""
    from scipy.special import log_softmax

    figures = []
    for i, (scores, truth) in enumerate(zip(logits, labels, strict=True)):
        others = [j for j in range(len(logits)) if j != i]
        temperature = fit_temperature(*(np.concatenate([part[j] for j in others]) for part in (logits, labels)))
        log_probs = log_softmax(scores / temperature, axis=1)
        figures.append([(scores.argmax(axis=1) == truth).mean(), -log_probs[np.arange(len(truth)), truth].mean()])
    mean, error = np.mean(figures, axis=0), np.std(figures, axis=0, ddof=1) / np.sqrt(len(figures))
    names = ("accuracy", "log_loss")
    return dict(zip(names, mean, strict=True)) | {f"{name}_error": e for name, e in zip(names, error, strict=True)}
