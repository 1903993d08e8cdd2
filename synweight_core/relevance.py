"""Relevance: whether a text like this one is more at home among the real or the synthetic rows.

log P(x) / Q(x), P real and Q synthetic, by a cross-fitted linear classifier that tells the two apart
(density ratio estimation by classification; Sugiyama et al. 2012, "Density Ratio Estimation in Machine
Learning", ch. 4). It judges texts, never labels, and knows no files.
"""

import numpy as np

from synweight_core.calibration import fit_temperature
from synweight_core.checkers import choose_strength, cross_fitting_folds, fit_logits, folds_of_all
from synweight_core.pairs import Features
from synweight_core.sampling import pieces

MAX_NATS = 10.0
SYNTHETIC_PER_REAL = 10  # rows to fit on; further ones cost time and tell little
FIT_ROWS = (5_000, 20_000)  # synthetic rows to fit on, at least (where there are) and at most


def relevance(
    features: np.ndarray | Features, *, n_synthetic: int, groups: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, float]:
    """log P(x)/Q(x) of each row in nats, 0 where it is as frequent in both, and the AUC of real rows.

    Every row is scored by a model that has seen neither it nor its near-duplicates. The temperature is
    fitted to the corrected scores on as many rows of each kind, where the log ratio is the logit.

    Args:
        features: synthetic rows (n), then real rows (m), [n + m, d].
        n_synthetic: n.
        groups: near-duplicate groups, [n + m] int.
        seed: of folds and samples.

    Returns:
        float32 [n + m] within 10 nats, and the area under the curve of real against synthetic, out of fold.
    """
    from sklearn.metrics import roc_auc_score

    is_real = (np.arange(len(features)) >= n_synthetic).astype(int)
    fitted = _rows_to_fit(n_synthetic, len(features) - n_synthetic, seed)
    folds = cross_fitting_folds(is_real[fitted], groups[fitted], seed=seed)
    strength = choose_strength(features[fitted], is_real[fitted], folds, 2, seed)
    all_folds = folds_of_all(folds, fitted, groups)
    logits = _out_of_fold(features, is_real, all_folds, fitted, strength)
    n_fitted = len(fitted) - is_real.sum()
    log_ratio = logits + np.log(n_fitted / is_real.sum())
    auc = float(roc_auc_score(is_real, log_ratio))
    calibrated = log_ratio / _temperature(log_ratio, is_real, seed)
    return calibrated.clip(-MAX_NATS, MAX_NATS).astype(np.float32), auc


def _rows_to_fit(n_synthetic: int, n_real: int, seed: int) -> np.ndarray:
    """All real rows and a sample of the synthetic ones, in order. [f] int"""
    wanted = int(np.clip(SYNTHETIC_PER_REAL * n_real, *FIT_ROWS))
    synthetic = np.arange(n_synthetic)
    if n_synthetic > wanted:
        synthetic = np.sort(np.random.default_rng(seed).choice(n_synthetic, wanted, replace=False))
    return np.concatenate([synthetic, np.arange(n_synthetic, n_synthetic + n_real)])


def _out_of_fold(
    features: np.ndarray | Features, is_real: np.ndarray, folds: np.ndarray, fitted: np.ndarray, strength: float
) -> np.ndarray:
    """log P(real | x) / P(synthetic | x) at the shares of the fitted rows, by a model of the other folds. [n + m]"""
    result = np.empty(len(features))
    for fold in np.unique(folds):
        training = fitted if fold == -1 else fitted[folds[fitted] != fold]
        held_out, model = np.flatnonzero(folds == fold), fit_logits(features[training], is_real[training], 2, strength)
        for piece in pieces(len(held_out)):
            logits = model(features[held_out[piece]])
            result[held_out[piece]] = logits[:, 1] - logits[:, 0]
    return result


def _temperature(log_ratio: np.ndarray, is_real: np.ndarray, seed: int) -> float:
    """Of the log ratio as the logit between equally many real and synthetic rows."""
    random = np.random.default_rng(seed)
    kinds = [np.flatnonzero(is_real == kind) for kind in (0, 1)]
    count = min(len(rows) for rows in kinds)
    rows = np.concatenate([random.choice(rows, count, replace=False) for rows in kinds])
    logits = np.stack([np.zeros(len(rows)), log_ratio[rows]], axis=1)
    return fit_temperature(logits, is_real[rows])
