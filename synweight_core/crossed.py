"""How sure a mean over seeds and test rows is, when both are samples: two-way crossed random effects.

Every seed meets every row. The mean of the values has the variance (MS_seed + MS_row - MS_residual) / (S R); the
mean squares are those of the two-way table without repeats. It knows no run, project or metric.

With few seeds, Satterthwaite's degrees of freedom are wrong on both sides (too narrow where seeds matter, too wide
where they do not), so that the two sources keep a t value each, as in Banerjee (Annals of Mathematical Statistics 31,
1960) for two variances:

    half width^2 = (t_rows^2 MS_row + t_seeds^2 max(MS_seed - c MS_residual, 0) / m) / (S R)

where m is the median that MS_seed / MS_residual has (F distribution) when seeds make no difference: the mean square of
few seeds is most often too small, and m makes up for that. c is m at 95 % confidence, and a lower quantile of the same
distribution above, where doubt about the seeds weighs more. The interval is never narrower than the rows alone would
make it. benchmarks/verdict.py measures its coverage.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import fdtri, stdtrit

CONFIDENCE = 0.95
POWER = 0.8
CROSSED = "t interval over seeds and test rows (two-way crossed random effects)"
ROWS_ALONE = "t interval over test rows; seeds were not assessed"
UNKNOWN_WAY = "no interval: fewer than two test rows"
_DOUBT = 10  # times 1 - confidence is the quantile c: the median at 95 %
_MOST_ROWS, _MOST_SEEDS = 1_000_000, 200


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and rows, its interval, and the method in words. NaN bounds: not known."""

    mean: float
    low: float
    high: float
    seeds: int
    rows: int
    method: str
    confidence: float = CONFIDENCE

    @property
    def half_width(self) -> float:
        """Half of the interval."""
        return (self.high - self.low) / 2

    @property
    def seeds_assessed(self) -> bool:
        """Whether the interval says anything about other seeds."""
        return self.seeds > 1


@dataclass(frozen=True)
class MeanSquares:
    """Of tables [..., S, R]: each field is [...]. With one seed, `seed` and `residual` are 0: `row` holds them."""

    mean: Any
    seed: Any
    row: Any
    residual: Any


def mean_squares(values: np.ndarray) -> MeanSquares:
    """The two-way analysis of variance of tables of seeds by rows, [..., S, R] with R of at least 2."""
    seeds, rows = values.shape[-2:]
    by_seed = values.mean(axis=-1, dtype=np.float64)
    by_row = values.mean(axis=-2, dtype=np.float64)
    mean = by_seed.mean(axis=-1)
    of_seeds = rows * np.square(by_seed - mean[..., None]).sum(axis=-1)
    of_rows = seeds * np.square(by_row - mean[..., None]).sum(axis=-1)
    centred = values - mean[..., None, None].astype(values.dtype)
    total = np.einsum("...sr,...sr->...", centred, centred, dtype=np.float64)
    row = of_rows / (rows - 1)
    if seeds == 1:
        return MeanSquares(mean, np.zeros_like(mean), row, np.zeros_like(mean))
    residual = np.maximum(total - of_seeds - of_rows, 0) / ((seeds - 1) * (rows - 1))
    return MeanSquares(mean, of_seeds / (seeds - 1), row, residual)


def half_width(found: MeanSquares, *, seeds: int, rows: int, confidence: float = CONFIDENCE) -> Any:  # noqa: ANN401
    """Half of the interval of each mean, by the formula above. [...]"""
    squares = _t(rows - 1, confidence) ** 2 * found.row
    if seeds > 1:
        by_chance = partial(fdtri, seeds - 1, (seeds - 1) * (rows - 1))
        c, m = by_chance(min(0.5, _DOUBT * (1 - confidence))), by_chance(0.5)
        squares = squares + _t(seeds - 1, confidence) ** 2 * np.maximum(found.seed - c * found.residual, 0) / m
    return np.sqrt(squares / (seeds * rows))


def interval(values: np.ndarray, *, confidence: float = CONFIDENCE) -> Interval:
    """The mean of a table of seeds by rows and its interval. [S, R]; NaN everywhere without a value."""
    seeds, rows = values.shape
    if rows < 2 or not seeds:
        mean = float(values.mean()) if values.size else math.nan
        return Interval(mean, math.nan, math.nan, seeds, rows, UNKNOWN_WAY, confidence)
    found = mean_squares(values)
    half, mean = float(half_width(found, seeds=seeds, rows=rows, confidence=confidence)), float(found.mean)
    way = CROSSED if seeds > 1 else ROWS_ALONE
    return Interval(mean, mean - half, mean + half, seeds, rows, way, confidence)


def more_needed(values: np.ndarray, effect: float, *, confidence: float = CONFIDENCE) -> tuple[int | None, int | None]:
    """How many more rows, or else how many more seeds, show a difference of `effect` four times in five. [S, R]

    0 where these do already, None where no number up to a million rows or 200 seeds does, or where one seed cannot
    tell. Extrapolated from the variances that were found: of seeds, of rows and what is left.
    """
    seeds, rows = values.shape
    if rows < 2 or not seeds:
        return None, None
    found = mean_squares(values)

    def enough(more_seeds: int, more_rows: int) -> bool:
        return _reach(found, (seeds, rows), (seeds + more_seeds, rows + more_rows), confidence=confidence) <= effect

    more_rows = _fewest(lambda n: enough(0, n), _MOST_ROWS)
    return more_rows, _fewest(lambda n: enough(n, 0), _MOST_SEEDS) if seeds > 1 else None


def _reach(found: MeanSquares, now: tuple[int, int], then: tuple[int, int], *, confidence: float) -> float:
    """The smallest effect that is seen with probability POWER by `then` (seeds, rows), given what was found `now`."""
    (seeds, rows), (more_seeds, more_rows) = now, then
    of_seed = max(found.seed - found.residual, 0) / rows
    of_row = max(found.row - found.residual, 0) / seeds
    by_seed, by_row = found.residual + more_rows * of_seed, found.residual + more_seeds * of_row
    expected = MeanSquares(found.mean, by_seed, by_row, found.residual)
    half = float(half_width(expected, seeds=more_seeds, rows=more_rows, confidence=confidence))
    spread = float(expected.seed + expected.row - expected.residual) / (more_seeds * more_rows)
    return half + _t(1_000_000, 2 * POWER - 1) * math.sqrt(max(spread, 0.0))


def _fewest(enough: Any, most: int) -> int | None:  # noqa: ANN401 (a predicate that stays true once it is)
    """The smallest number from 0 to `most` that is enough, by bisection."""
    if enough(0):
        return 0
    if not enough(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _t(degrees: int, confidence: float) -> float:
    return float(stdtrit(degrees, (1 + confidence) / 2))
