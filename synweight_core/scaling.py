"""The factor that brings weights to their mean within the caps; in log space, NumPy or torch.

Clipping first and scaling after would let a cap of 3 become 7, so both happen together.
"""

import math
from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace

Array = Any  # np.ndarray or torch.Tensor, [n]

_FAR_NATS = 1000.0  # below the least of the others: as little as can be


class Caps(Protocol):
    """The smallest and the largest weight."""

    @property
    def min_weight(self) -> float: ...

    @property
    def max_weight(self) -> float: ...


class Balanced(Caps, Protocol):
    """Caps, and which classes hold which share of the weight: "none", "real" or "uniform"."""

    @property
    def balance(self) -> str: ...


def clip_and_scale(log_w: Array, *, log_factor: Array | float, caps: Caps, log_prior: Array | None = None) -> Array:
    """exp(log_w + log_factor) within [min_weight, max_weight]; exp(log_prior) where `log_w` is NaN. [n]

    `log_factor` is one number, or one for each row [n]. `log_w` holds `log_prior` already where it is a number.
    Without a `log_prior` it is 0.
    """
    xp = array_namespace(log_w)
    unjudged = xp.zeros_like(log_w) if log_prior is None else log_prior
    shifted = xp.where(xp.isnan(log_w), unjudged, log_w + log_factor)
    # exp would overflow where the cap decides anyway
    if math.isfinite(caps.max_weight):
        shifted = xp.clip(shifted, max=math.log(caps.max_weight))
    return xp.clip(xp.exp(shifted), min=caps.min_weight, max=caps.max_weight)


def log_factor(log_w: Array, caps: Caps, *, mean: float = 1.0) -> Array:
    """log c such that mean(clip(c * w, min_weight, max_weight)) = `mean` over the judged rows. Scalar.

    A `mean` at or beyond a cap puts every row at that cap: the factor is then infinite.

    The mean is a non-decreasing, piecewise linear function of c. On sorted weights its value at any c
    needs two look-ups and a prefix sum, so bisection is cheap; the linear piece is then solved exactly.
    All of it is in log space: a gap of a thousand nats neither overflows nor vanishes.
    """
    xp = array_namespace(log_w)
    log_w = log_w[~xp.isnan(log_w)]
    n = log_w.shape[0]
    if n == 0:
        return 0.0
    if mean <= caps.min_weight or mean >= caps.max_weight:
        return -math.inf if mean <= caps.min_weight else math.inf
    low = -math.inf if caps.min_weight == 0 else math.log(caps.min_weight)
    high = math.log(caps.max_weight)
    peak = xp.max(log_w)
    uncapped = xp.log(n * mean / xp.sum(xp.exp(log_w - peak))) - peak
    if bool(xp.min(log_w) + uncapped >= low) and bool(peak + uncapped <= high):  # the usual case, and a fast one
        return uncapped
    ordered = xp.sort(log_w, stable=False)  # several times as fast, and equal values are equal
    if math.isinf(high):
        high = 1e30  # a cap that nothing reaches, kept finite for the arithmetic below
    prefix = _log_cumulative_sum(xp, ordered)
    left = xp.reshape(-ordered[-1:] - 1.0, (1,)) + min(0.0, max(low, -700.0))
    right = xp.reshape(-ordered[:1] + 1.0, (1,)) + min(high, math.log(n) + 1.0)
    for _ in range(64):
        middle = (left + right) / 2
        below = xp.searchsorted(ordered, low - middle)
        above = xp.searchsorted(ordered, high - middle)
        found = (
            below * caps.min_weight
            + _range_sum(xp, prefix, below, above, middle)
            + (n - above) * min(caps.max_weight, 1e30)
        ) / n
        left = xp.where(found < mean, middle, left)
        right = xp.where(found < mean, right, middle)
    return _solve_piece(xp, ordered, right[0], low, high, caps, mean)


def scale_factors(
    log_w: Array, settings: Balanced, *, labels: Array | None = None, real_shares: np.ndarray | None = None
) -> Array:
    """The log of the factor of each row that brings the weights to their means; one number without a balance.

    With a balance, each class has a mean weight of its own: (target share) / (share of the rows), as far as the
    caps allow. Raises ValueError when a balance lacks `labels` or `real_shares`.
    """
    if settings.balance == "none":
        return log_factor(log_w, settings)
    if labels is None or (settings.balance == "real" and real_shares is None):
        raise ValueError(f"The balance '{settings.balance}' needs the labels of the rows, and the real shares.")
    xp = array_namespace(log_w)
    judged = ~xp.isnan(log_w)
    shares = np.ones(0) if settings.balance == "uniform" or real_shares is None else real_shares
    counts = np.bincount(np.asarray(labels[judged]), minlength=len(shares))
    targets = np.ones(len(counts)) if settings.balance == "uniform" else np.pad(shares, (0, len(counts) - len(shares)))
    wanted = np.where(counts > 0, targets, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_means = np.log(wanted) - np.log(counts)
    factors = xp.zeros_like(log_w)
    means = _means_within_caps(log_means, counts, settings)
    for label in np.flatnonzero(counts):
        rows = labels == int(label)
        factors[rows] = log_factor(log_w[rows], settings, mean=float(means[label]))
    return factors


def _log_cumulative_sum(xp: Any, ordered: Array) -> Array:  # noqa: ANN401 (array namespaces have no type)
    """log of the sums of exp over the first k values, k = 0 to n. [n + 1]"""
    in_torch = hasattr(xp, "logcumsumexp")
    sums = xp.logcumsumexp(ordered, 0) if in_torch else np.logaddexp.accumulate(ordered)
    return xp.concat([xp.full_like(ordered[:1], -math.inf), sums])


def _range_sum(xp: Any, prefix: Array, start: Array, stop: Array, shift: Array) -> Array:  # noqa: ANN401
    """Sum of exp(value + shift) over sorted positions start to stop. [1]"""
    upper = xp.clip(prefix[stop] + shift, max=700.0)
    lower = xp.clip(prefix[start] + shift, max=700.0)
    return xp.exp(upper) - xp.exp(lower)


def _solve_piece(
    xp: Any,  # noqa: ANN401
    ordered: Array,
    near: Array,
    low: float,
    high: float,
    caps: Caps,
    mean: float,
) -> Array:
    """The exact log c on the linear piece that holds `near`."""
    below = ordered + near < low
    above = ordered + near > high
    between = ~(below | above)
    if not bool(xp.any(between)):
        return near
    capped = int(xp.sum(below)) * caps.min_weight
    if bool(xp.any(above)):
        capped += int(xp.sum(above)) * caps.max_weight
    room = ordered.shape[0] * mean - capped
    if room <= 0:
        return near
    peak = xp.max(ordered[between])
    total = xp.sum(xp.exp(ordered[between] - peak))
    return xp.log(room / total) - peak


def _means_within_caps(log_means: np.ndarray, counts: np.ndarray, caps: Caps) -> np.ndarray:
    """The mean weight of each class, in proportion to exp(log_means) as far as the caps allow. [K]"""
    rows = np.repeat(log_means, counts)
    known = rows[np.isfinite(rows)]
    if not known.size:
        return np.ones(len(counts))
    rows = np.where(np.isfinite(rows), rows, known.min() - _FAR_NATS)  # a share of 0: as little as can be
    found = clip_and_scale(rows, log_factor=log_factor(rows, caps), caps=caps)
    means = np.ones(len(counts))
    means[np.repeat(np.arange(len(counts)), counts)] = found
    return means
