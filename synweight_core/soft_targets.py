"""What a row teaches beside its label: a share of what the quality checker says of its text.

A weight can only make a wrong label count less; a soft target says what the label should have been. The checker is
trained on few real rows and judges texts of another kind, where it may favour a class throughout. So when the classes
are balanced, its distributions are aligned first: one factor a class brings what it says of all rows together to the
shares that are wanted (distribution alignment, Berthelot et al. 2020; the factors are those of Sinkhorn's algorithm).
"""

from typing import Protocol

import numpy as np
from scipy.special import logsumexp

_ITERATIONS = 200
_TOLERANCE = 1e-4  # of a log share


class Teaching(Protocol):
    """How much of a target the checker decides, and which class shares are wanted: "none", "real" or "uniform"."""

    @property
    def soft_share(self) -> float: ...

    @property
    def balance(self) -> str: ...


def soft_targets(
    log_probs: np.ndarray,
    labels: np.ndarray,
    *,
    share: float,
    weights: np.ndarray | None = None,
    shares: np.ndarray | None = None,
) -> np.ndarray:
    """`share` of the checker's distribution, the rest on the label; the label alone where it was not judged. [n, K]

    Args:
        log_probs: of all classes by the quality checker, nats; NaN for classes that it does not know. [n, K]
        labels: [n] int.
        share: 0 to 1.
        weights: of the rows, for the alignment; all alike without. [n]
        shares: of the classes, to which the checker's distributions are aligned; None leaves them as they are. [K]
    """
    result = np.eye(log_probs.shape[1], dtype=log_probs.dtype)[labels]
    judged = ~np.isnan(log_probs[np.arange(len(labels)), labels])
    said = log_probs[judged]
    if shares is not None:
        said = aligned(said, shares, weights=None if weights is None else weights[judged])
    result[judged] = share * np.exp(np.nan_to_num(said, nan=-np.inf)) + (1 - share) * result[judged]
    return result


def taught(
    log_probs: np.ndarray,
    labels: np.ndarray,
    settings: Teaching,
    *,
    weights: np.ndarray,
    real_shares: np.ndarray | None,
) -> np.ndarray:
    """`soft_targets` as these settings have it, aligned where they balance the classes. [n, K]

    `real_shares` are those of the classes among the real rows. [K]
    """
    shares = wanted_shares(settings.balance, n_classes=log_probs.shape[1], real_shares=real_shares)
    return soft_targets(log_probs, labels, share=settings.soft_share, weights=weights, shares=shares)


def aligned(log_probs: np.ndarray, shares: np.ndarray, *, weights: np.ndarray | None = None) -> np.ndarray:
    """log softmax(log_probs + b), with b such that its weighted mean over the rows is `shares`. [n, K]

    A class whose share is 0 gets nothing; one that the checker does not know stays NaN.

    Args:
        log_probs: nats; NaN for classes that it does not know. [n, K]
        shares: of the classes. [K]
        weights: of the rows; all alike without. [n]
    """
    known = ~np.isnan(log_probs).all(axis=0) & (shares > 0)
    log_w = _log_shares(np.ones(len(log_probs)) if weights is None else weights)
    if not known.any() or not np.isfinite(log_w).any():
        return log_probs
    wanted = np.log(shares[known] / shares[known].sum())
    said = log_probs[:, known].astype(np.float64)
    said -= logsumexp(said, axis=1, keepdims=True)
    for _ in range(_ITERATIONS):
        step = wanted - logsumexp(said + log_w[:, None], axis=0)
        said += step
        said -= logsumexp(said, axis=1, keepdims=True)
        if np.abs(step).max() < _TOLERANCE:
            break
    result = np.full_like(log_probs, -np.inf)
    result[:, np.isnan(log_probs).all(axis=0)] = np.nan
    result[:, known] = said
    return result


def wanted_shares(balance: str, *, n_classes: int, real_shares: np.ndarray | None) -> np.ndarray | None:
    """The shares of the classes that a balance asks for, None where it asks for none. [K]"""
    return {"none": None, "real": real_shares, "uniform": np.ones(n_classes)}[balance]


def _log_shares(weights: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(weights / weights.sum())
