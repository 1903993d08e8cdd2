"""The one weight formula, the table of losses, and what weights amount to.

    log w = alpha * log_quality - beta * log_reference        (then scaled to mean 1 within the caps)
    loss  = mean(w * cross_entropy(model(x), y))              (no gradient through w)

from "Not All LLM-Generated Data Are Equal" (Kuo et al., ICLR 2025). The same code serves sliders (NumPy,
a million rows) and the loss (torch, a batch on any device). It knows no files, models or pages.

A row whose `log_quality` is NaN was not judged (the real set lacks its label): its weight is 1. People may
set a factor for a row: its log, `log_prior`, is added to the log weight before it is scaled and clipped, and
is all that the weight of a row that was not judged is made of.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace

Array = Any  # np.ndarray or torch.Tensor, [n]

WIDE_SPAN_NATS = 100.0  # exp(100) is 1e43: beyond any honest ratio of two probabilities
_LOG_OF_ZERO = -1e4


class ExtremeWeightsWarning(UserWarning):
    """The raw weights span more than any honest ratio; the caps decide nearly everything."""


@dataclass(frozen=True)
class WeightSettings:
    """What the sliders set. Raises ValueError unless 0 <= min_weight <= 1 <= max_weight."""

    alpha: float = 1.0
    beta: float = 0.0
    min_weight: float = 0.0
    max_weight: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_weight <= 1 <= self.max_weight:
            raise ValueError(
                f"min_weight {self.min_weight} and max_weight {self.max_weight} were given; expected "
                "0 <= min_weight <= 1 <= max_weight, so that the mean weight can be 1."
            )
        if not (math.isfinite(self.alpha) and math.isfinite(self.beta)):
            raise ValueError(f"alpha {self.alpha} and beta {self.beta} must be finite numbers.")


@dataclass(frozen=True)
class Loss:
    """One row of LOSSES.

    `reference` says what stands in the denominator: nothing, the diversity checker (fixed), or the model
    in training (recomputed each step). `alpha` and `beta` are the paper's exponents, None where the
    person's own settings are used. `focal_gamma` above 0 makes it the focal loss: w = (1 - p)^gamma.
    """

    label: str
    help: str
    reference: Literal["none", "diversity", "model"]
    alpha: float | None
    beta: float | None
    focal_gamma: float = 0.0


LOSSES: Mapping[str, Loss] = {
    "ce": Loss("CE", "Plain cross-entropy: every synthetic row counts the same.", "none", 0, 0),
    "focal": Loss(
        "Focal",
        "Rows that the model already gets right count less, whatever their quality: (1 - p)^1.",
        "model",
        0,
        0,
        focal_gamma=1.0,
    ),
    "quality": Loss("Quality only", "Weight = quality: alpha 1, beta 0.", "none", 1, 0),
    "imp": Loss("IMP", "Weight = quality / diversity checker: alpha 1, beta 1.", "diversity", 1, 1),
    "dimp": Loss(
        "DIMP",
        "Weight = quality / the model in training, recomputed at each step: alpha 1, beta 1.",
        "model",
        1,
        1,
    ),
    "tuned": Loss(
        "Your weights",
        "Weight = quality^alpha / diversity checker^beta, with the exponents set on the Weights page.",
        "diversity",
        None,
        None,
    ),
}


def loss_settings(loss: str, tuned: WeightSettings) -> WeightSettings:
    """The settings that a loss uses: its own exponents where it has them, and the person's caps.

    Raises:
        ValueError: `loss` is not in LOSSES.
    """
    if loss not in LOSSES:
        raise ValueError(f"Loss {loss!r} is not known. Known: {', '.join(LOSSES)}.")
    row = LOSSES[loss]
    alpha = tuned.alpha if row.alpha is None else row.alpha
    beta = tuned.beta if row.beta is None else row.beta
    return WeightSettings(alpha, beta, tuned.min_weight, tuned.max_weight)


def log_weights(log_quality: Array, log_reference: Array, *, alpha: float, beta: float) -> Array:
    """alpha * log_quality - beta * log_reference, in nats, neither clipped nor scaled. [n]

    A probability of exactly 0 counts as e^-10000, so that the result is finite. With beta 0 the reference
    plays no part, not even where it is NaN.
    """
    xp = array_namespace(log_quality, log_reference)
    quality_term = alpha * xp.clip(log_quality, min=_LOG_OF_ZERO)
    return quality_term - beta * xp.clip(log_reference, min=_LOG_OF_ZERO) if beta else quality_term


def focal_weights(log_p: Array, *, gamma: float) -> Array:
    """(1 - p)^gamma of the focal loss, from the model's log-probability of the label. [n]"""
    xp = array_namespace(log_p)
    return (-xp.expm1(log_p)) ** gamma


def clip_and_scale(
    log_w: Array, *, log_factor: Array | float, settings: WeightSettings, log_prior: Array | None = None
) -> Array:
    """exp(log_w + log_factor) within [min_weight, max_weight]; exp(log_prior) where `log_w` is NaN. [n]

    `log_w` holds `log_prior` already where it is a number. Without a `log_prior` it is 0.
    """
    xp = array_namespace(log_w)
    unjudged = xp.zeros_like(log_w) if log_prior is None else log_prior
    shifted = xp.where(xp.isnan(log_w), unjudged, log_w + log_factor)
    # exp would overflow where the cap decides anyway
    if math.isfinite(settings.max_weight):
        shifted = xp.clip(shifted, max=math.log(settings.max_weight))
    return xp.clip(xp.exp(shifted), min=settings.min_weight, max=settings.max_weight)


def log_factor(log_w: Array, settings: WeightSettings) -> Array:
    """log c such that mean(clip(c * w, min_weight, max_weight)) = 1 over the judged rows. Scalar.

    The mean is a non-decreasing, piecewise linear function of c. On sorted weights its value at any c
    needs two look-ups and a prefix sum, so bisection is cheap; the linear piece is then solved exactly.
    All of it is in log space: a gap of a thousand nats neither overflows nor vanishes.
    """
    xp = array_namespace(log_w)
    log_w = log_w[~xp.isnan(log_w)]
    n = log_w.shape[0]
    if n == 0:
        return 0.0
    low = -math.inf if settings.min_weight == 0 else math.log(settings.min_weight)
    high = math.log(settings.max_weight)
    peak = xp.max(log_w)
    uncapped = xp.log(n / xp.sum(xp.exp(log_w - peak))) - peak
    if bool(xp.min(log_w) + uncapped >= low) and bool(peak + uncapped <= high):  # the usual case, and a fast one
        return uncapped
    ordered = xp.sort(log_w)
    if math.isinf(high):
        high = 1e30  # a cap that nothing reaches, kept finite for the arithmetic below
    prefix = _log_cumulative_sum(xp, ordered)
    left = xp.reshape(-ordered[-1:] - 1.0, (1,)) + min(0.0, max(low, -700.0))
    right = xp.reshape(-ordered[:1] + 1.0, (1,)) + min(high, math.log(n) + 1.0)
    for _ in range(64):
        middle = (left + right) / 2
        below = xp.searchsorted(ordered, low - middle)
        above = xp.searchsorted(ordered, high - middle)
        mean = (
            below * settings.min_weight
            + _range_sum(xp, prefix, below, above, middle)
            + (n - above) * min(settings.max_weight, 1e30)
        ) / n
        left = xp.where(mean < 1, middle, left)
        right = xp.where(mean < 1, right, middle)
    return _solve_piece(xp, ordered, right[0], low, high, settings)


def weights(
    log_quality: Array, log_reference: Array, settings: WeightSettings, *, log_prior: Array | None = None
) -> Array:
    """Weights of all rows, mean 1 over the judged rows, each within the caps. [n], dtype as given.

    `log_prior` is the log of a factor that somebody set for each row, in nats. [n]

    Warns:
        ExtremeWeightsWarning: the raw weights span more than e^100.
    """
    log_w = log_weights(log_quality, log_reference, alpha=settings.alpha, beta=settings.beta)
    span = _span(log_w)
    if span > WIDE_SPAN_NATS:
        warnings.warn(
            f"The raw weights span e^{span:.0f}; the caps {settings.min_weight:g} and "
            f"{settings.max_weight:g} decide nearly everything. Lower alpha and beta.",
            ExtremeWeightsWarning,
            stacklevel=2,
        )
    if log_prior is not None:
        log_w = log_w + log_prior
    return clip_and_scale(log_w, log_factor=log_factor(log_w, settings), settings=settings, log_prior=log_prior)


def weight_terms(
    log_quality: float, log_reference: float, settings: WeightSettings, *, log_factor: float, log_prior: float = 0.0
) -> list[tuple[str, float]]:
    """How the weight of one row comes about: named steps in nats, whose sum is the log of its weight.

    `log_factor` is that of all rows (see `log_factor`). A row that was not judged has neither quality,
    reference nor scale.
    """
    exponents = {"alpha × log quality": (settings.alpha, 0.0), "−beta × log reference": (0.0, settings.beta)}
    row = np.array([log_quality]), np.array([log_reference])
    parts = {name: float(log_weights(*row, alpha=a, beta=b)[0]) + 0.0 for name, (a, b) in exponents.items()}
    parts |= {"your factor": log_prior, "scale": float(log_factor)}
    if math.isnan(parts["alpha × log quality"] + parts["−beta × log reference"]):
        parts = dict.fromkeys(parts, 0.0) | {"your factor": log_prior}
    raw = sum(parts.values())
    low = math.log(settings.min_weight) if settings.min_weight else -math.inf
    return [*parts.items(), ("clip", min(max(raw, low), math.log(settings.max_weight)) - raw)]


def effective_sample_size(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2: how many equally weighted rows would be as informative (Kish). Rows."""
    total_of_squares = float(np.square(weights, dtype=np.float64).sum())
    return float(weights.sum(dtype=np.float64)) ** 2 / total_of_squares if total_of_squares else 0.0


def rows_carrying(weights: np.ndarray, *, share: float = 0.5) -> int:
    """The smallest number of rows that together hold `share` of the weight."""
    if weights.size == 0:
        return 0
    cumulative = np.cumsum(np.sort(weights)[::-1], dtype=np.float64)
    return int(np.searchsorted(cumulative, share * cumulative[-1])) + 1


def _span(log_w: Array) -> float:
    xp = array_namespace(log_w)
    judged = log_w[~xp.isnan(log_w)]
    return float(xp.max(judged) - xp.min(judged)) if judged.shape[0] else 0.0


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
    settings: WeightSettings,
) -> Array:
    """The exact log c on the linear piece that holds `near`."""
    below = ordered + near < low
    above = ordered + near > high
    between = ~(below | above)
    if not bool(xp.any(between)):
        return near
    capped = int(xp.sum(below)) * settings.min_weight
    if bool(xp.any(above)):
        capped += int(xp.sum(above)) * settings.max_weight
    room = ordered.shape[0] - capped
    if room <= 0:
        return near
    peak = xp.max(ordered[between])
    total = xp.sum(xp.exp(ordered[between] - peak))
    return xp.log(room / total) - peak
