"""The one weight formula, and what weights amount to. Which loss uses what of it is in `losses.py`.

    log w = alpha * log_quality - beta * log_reference        (then scaled to mean 1 within the caps)
    loss  = mean(w * cross_entropy(model(x), y))              (no gradient through w)

from "Not All LLM-Generated Data Are Equal" (Kuo et al., ICLR 2025). The same code serves sliders (NumPy,
a million rows) and the loss (torch, a batch on any device). It knows no files, models or pages.

Further terms, each off by default: relevance (how much more at home a text is among the real rows) joins the log
weight with an exponent of its own; class balance gives each class the mean weight that brings its share of the
weight to a target.

A row whose `log_quality` is NaN was not judged (the real set lacks its label): its weight is 1. People may
set a factor for a row: its log, `log_prior`, is added to the log weight before it is scaled and clipped, and
is all that the weight of a row that was not judged is made of.
"""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from synweight_core.losses import LOSSES
from synweight_core.scaling import clip_and_scale, scale_factors

Array = Any  # np.ndarray or torch.Tensor, [n]

WIDE_SPAN_NATS = 100.0  # exp(100) is 1e43: beyond any honest ratio of two probabilities
_LOG_OF_ZERO = -1e4


class ExtremeWeightsWarning(UserWarning):
    """The raw weights span more than any honest ratio; the caps decide nearly everything."""


BALANCES = {"none": "As generated", "real": "As in the real rows", "uniform": "All classes alike"}
_RANGES = {"temperature": (0.05, 20.0), "drop_share": (0.0, 0.95), "real_mass": (0.0, 0.95), "soft_share": (0.0, 1.0)}


@dataclass(frozen=True)
class WeightSettings:
    """What the sliders set. Raises ValueError when a value is out of its range.

    `alpha`, `beta` and `relevance` are exponents. `temperature` is a factor on the calibrated temperature of the
    quality checker (1: as calibrated). `balance` is a key of BALANCES. The `drop_share` of the rows with the
    lowest quality is left out. `real_mass` is the share of the weight that real rows hold which join the training
    (see `real_visits`). `soft_share` is the share of what a row teaches that the quality checker says instead of its
    label.
    """

    alpha: float = 1.0
    beta: float = 0.0
    min_weight: float = 0.0
    max_weight: float = 10.0
    relevance: float = 0.0
    temperature: float = 1.0
    balance: str = "none"
    drop_share: float = 0.0
    real_mass: float = 0.0
    soft_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_weight <= 1 <= self.max_weight:
            raise ValueError(
                f"min_weight {self.min_weight} and max_weight {self.max_weight} were given; expected "
                "0 <= min_weight <= 1 <= max_weight, so that the mean weight can be 1."
            )
        if not all(map(math.isfinite, (self.alpha, self.beta, self.relevance))):
            raise ValueError(
                f"alpha {self.alpha}, beta {self.beta} and relevance {self.relevance} must be finite numbers."
            )
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; expected {low:g} to {high:g}.")
        if self.balance not in BALANCES:
            raise ValueError(f"balance is {self.balance!r}; expected one of {', '.join(BALANCES)}.")


def loss_settings(loss: str, tuned: WeightSettings) -> WeightSettings:
    """The settings that a loss uses: the person's where it leaves them open, else its exponents and their caps.

    Raises:
        ValueError: `loss` is not in LOSSES.
    """
    if loss not in LOSSES:
        raise ValueError(f"Loss {loss!r} is not known. Known: {', '.join(LOSSES)}.")
    row = LOSSES[loss]
    if row.alpha is None or row.beta is None:
        return tuned
    return WeightSettings(row.alpha, row.beta, tuned.min_weight, tuned.max_weight, soft_share=row.soft_share)


def log_weights(
    log_quality: Array,
    log_reference: Array,
    *,
    alpha: float,
    beta: float,
    relevance: float = 0.0,
    log_relevance: Array | float = 0.0,
) -> Array:
    """alpha * log_quality - beta * log_reference + relevance * log_relevance, in nats, not yet scaled. [n]

    A probability of exactly 0 counts as e^-10000, so that the result is finite. With beta 0 the reference
    plays no part, not even where it is NaN.
    """
    xp = array_namespace(log_quality, log_reference)
    result = alpha * xp.clip(log_quality, min=_LOG_OF_ZERO)
    if beta:
        result = result - beta * xp.clip(log_reference, min=_LOG_OF_ZERO)
    return result + relevance * log_relevance if relevance else result


def focal_weights(log_p: Array, *, gamma: float) -> Array:
    """(1 - p)^gamma of the focal loss, from the model's log-probability of the label. [n]"""
    xp = array_namespace(log_p)
    return (-xp.expm1(log_p)) ** gamma


def moving_average(previous: Array, current: Array, *, decay: float) -> Array:
    """decay * previous + (1 - decay) * current; `current` where `previous` is NaN, at the first visit. [n]"""
    xp = array_namespace(previous, current)
    return xp.where(xp.isnan(previous), current, decay * previous + (1 - decay) * current)


def shuffle_order(n: int, *, seed: int, classes: np.ndarray | None = None) -> np.ndarray:
    """A random order of `n` rows; with `classes` [n] each row's place goes to a row of its class. [n] int"""
    random = np.random.default_rng(seed)
    if classes is None:
        return random.permutation(n)
    order = np.empty(n, dtype=int)
    by_class, by_chance = np.argsort(classes, kind="stable"), np.lexsort((random.random(n), classes))
    order[by_class] = by_chance
    return order


def weights(
    log_quality: Array,
    log_reference: Array,
    settings: WeightSettings,
    *,
    log_prior: Array | None = None,
    log_relevance: Array | float = 0.0,
    labels: Array | None = None,
    real_shares: np.ndarray | None = None,
) -> Array:
    """Weights of all rows, mean 1 over the judged rows, each within the caps. [n], dtype as given.

    `drop_share` and `real_mass` are about which rows take part (see `quality_filter` and `pooled`), `soft_share` about
    what a row teaches (see `soft_targets`).

    Args:
        log_quality: of each row's label by the quality checker, nats; NaN not judged. [n]
        log_reference: of each row's label by the diversity checker, nats. [n]
        settings: exponents, caps, balance.
        log_prior: the log of a factor that somebody set for each row, nats. [n]
        log_relevance: log P(x)/Q(x) of each text, nats. [n]
        labels: class codes, for a balance of classes. [n] int
        real_shares: of the classes among the real rows, for the balance "real". [K]

    Warns:
        ExtremeWeightsWarning: the raw weights span more than e^100.
    """
    log_w = log_weights(
        log_quality, log_reference, alpha=settings.alpha, beta=settings.beta, relevance=settings.relevance,
        log_relevance=log_relevance,
    )  # fmt: skip
    warn_of_extremes(log_w, settings)
    if log_prior is not None:
        log_w = log_w + log_prior
    factor = scale_factors(log_w, settings, labels=labels, real_shares=real_shares)
    return clip_and_scale(log_w, log_factor=factor, caps=settings, log_prior=log_prior)


def warn_of_extremes(log_w: Array, settings: WeightSettings) -> bool:
    """Issue an ExtremeWeightsWarning when the raw weights span more than e^100; whether it was issued."""
    span = _span(log_w)
    if span > WIDE_SPAN_NATS:
        warnings.warn(
            f"The raw weights span e^{span:.0f}; the caps {settings.min_weight:g} and "
            f"{settings.max_weight:g} decide nearly everything. Lower alpha and beta.",
            ExtremeWeightsWarning,
            stacklevel=3,
        )
    return span > WIDE_SPAN_NATS


def quality_filter(log_quality: np.ndarray, drop_share: float) -> np.ndarray:
    """Which rows stay when the `drop_share` with the lowest quality is left out; not judged rows stay. [n] bool"""
    judged = np.flatnonzero(~np.isnan(log_quality))
    worst = np.argsort(log_quality[judged], kind="stable")[: int(drop_share * len(judged))]
    kept = np.ones(len(log_quality), dtype=bool)
    kept[judged[worst]] = False
    return kept


def pooled(weights: np.ndarray, n_real: int, real_mass: float) -> np.ndarray:
    """Weights of the synthetic rows [n], then of `n_real` real rows that hold `real_mass` of the total; mean 1.

    Real rows count the same. [n + n_real]
    """
    n, total = len(weights) + n_real, weights.sum()
    synthetic = weights * ((1 - real_mass) * n / total) if total else weights
    return np.concatenate([synthetic, np.full(n_real, real_mass * n / max(n_real, 1))])


def real_visits(n: int, n_real: int, real_mass: float) -> int:
    """How many times a pass over `n` synthetic rows sees each of `n_real` real ones that hold `real_mass` of the total.

    As often as brings the weight of a visit nearest to that of a synthetic row: a mass made of visits moves a model
    more steadily than one made of a few heavy steps. The visits are at most about as many as there are synthetic rows,
    so that a pass takes at most about twice as long; what is missing then is weight. Without a mass none joins: 0.
    """
    if not real_mass:
        return 0
    for_volume = n / max(n_real, 1)
    return max(1, round(for_volume * min(1.0, real_mass / (1 - real_mass))))


def weight_terms(
    log_quality: float,
    log_reference: float,
    settings: WeightSettings,
    *,
    log_factor: float,
    log_prior: float = 0.0,
    log_relevance: float = 0.0,
) -> list[tuple[str, float]]:
    """How the weight of one row comes about: named steps in nats, whose sum is the log of its weight.

    `log_factor` is that of the row (see `scale_factors`). A row that was not judged has neither quality,
    reference nor scale.
    """
    exponents = {"alpha × log quality": (settings.alpha, 0.0), "−beta × log reference": (0.0, settings.beta)}
    row = np.array([log_quality]), np.array([log_reference])
    parts = {name: float(log_weights(*row, alpha=a, beta=b)[0]) + 0.0 for name, (a, b) in exponents.items()}
    if settings.relevance:
        parts["relevance × log P/Q"] = settings.relevance * log_relevance
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
