"""Alignment: how close the weighted synthetic rows are to the real rows, per class and overall.

Two measures, each beside its floor, which is what two random halves of the real rows score against each other:

    MMD^2   0 where the distributions are the same, and then negative about half of the time
    AUC     of scores of `relevance`: 0.5 where they are the same

All that does not depend on weights is computed once. It knows no files, models or names of classes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import nan

import numpy as np
import pandas as pd

from synweight_core.two_sample import (
    RealSample,
    describe_real,
    fourier_features,
    median_distance,
    share_above,
    unbiased,
)

MAX_ROWS = 100_000  # of each kind, synthetic and real; of more, a sample is measured
FREQUENCIES = 64
MIN_REAL = 10  # rows; fewer say nothing about a distribution
MIN_EFFECTIVE = 2.0  # effective synthetic rows; below, the unbiased estimate is no estimate


@dataclass(frozen=True)
class ClassAlignment:
    """Weighted synthetic rows of a class against its real rows. `label` None means all rows.

    `mmd2_low` and `mmd2_high` are the 95 % interval over which real rows were collected; the synthetic rows
    are taken as given. `floor_median` and `floor` are the median and the 95 % quantile of MMD^2 between halves
    of the real rows, `auc_floor` is the 95 % quantile of |AUC - 0.5|. Halves are smaller than the whole, so the
    floors are lenient: a shift that so few real rows cannot show passes. `auc` is the chance that a real row
    scores above a synthetic one.

    Not enough data is NaN: everything with fewer than MIN_REAL real rows, and all but the floors where the
    weights are worth fewer than MIN_EFFECTIVE synthetic rows. `synthetic_rows` and `real_rows` are those
    measured, and `effective_sample_size` is 0 where no row has weight.
    """

    label: int | None
    synthetic_rows: int
    real_rows: int
    effective_sample_size: float
    mmd2: float = nan
    mmd2_low: float = nan
    mmd2_high: float = nan
    floor_median: float = nan
    floor: float = nan
    auc: float = nan
    auc_floor: float = nan

    @property
    def is_measured(self) -> bool:
        """Whether there was enough data."""
        return not np.isnan(self.mmd2)

    @property
    def is_aligned(self) -> bool:
        """Whether the interval of MMD^2 reaches down to the floor. False where there is not enough data."""
        return self.mmd2_low <= self.floor


@dataclass(frozen=True)
class _Moments:
    """Weighted sums over synthetic rows: of weights, their squares, features [f], and shares of real rows above."""

    weight: float
    squares: float
    features: np.ndarray
    above: float

    @property
    def effective_sample_size(self) -> float:
        return self.weight**2 / self.squares if self.squares else 0.0


@dataclass(frozen=True)
class Alignment:
    """All that `measure` needs to know besides the weights. Made by `build_alignment`.

    `sampled` are the positions of the synthetic rows that are measured, ascending. `order` are the same ordered
    by class, as are the rows of `features` [s, f] and `above` [s, 2]: the share of real rows of the same class,
    and of all classes, with a higher relevance (ties half). `blocks` are the classes' slices of them.
    """

    n_synthetic: int
    sampled: np.ndarray
    order: np.ndarray
    features: np.ndarray
    above: np.ndarray
    frequencies: np.ndarray  # [FREQUENCIES, d] float32
    labels: tuple[int, ...]
    blocks: tuple[slice, ...]
    real_counts: tuple[int, ...]
    targets: tuple[RealSample | None, ...]  # one a class, then that of all rows

    def measure(self, weights: np.ndarray) -> list[ClassAlignment]:
        """Each class by its label, then all rows (whose weighted class shares count too).

        Args:
            weights: of every synthetic row, sampled or not, [n], 0 or more, on any scale.

        Raises:
            ValueError: if there are not n weights.
        """
        if len(weights) != self.n_synthetic:
            raise ValueError(f"{len(weights)} weights were given; expected one for each of {self.n_synthetic} rows.")
        scaled = np.asarray(weights, dtype=np.float64)[self.order]
        scaled = (scaled / (scaled.max(initial=0.0) or 1.0)).astype(np.float32)
        parts = [_moments(scaled[block], self.features[block], self.above[block, 0]) for block in self.blocks]
        overall = _Moments(
            sum(part.weight for part in parts),
            sum(part.squares for part in parts),
            np.sum([part.features for part in parts], axis=0),
            float(scaled @ self.above[:, 1].astype(np.float64)),
        )
        sizes = [block.stop - block.start for block in self.blocks] + [len(self.order)]
        rows = zip((*self.labels, None), sizes, self.real_counts, (*parts, overall), self.targets, strict=True)
        return [_compare(*row) for row in rows]


def alignment_table(lines: Sequence[ClassAlignment], names: Sequence[str]) -> pd.DataFrame:
    """The lines of `measure` with the names of the classes, "all rows" last, and which can be told apart."""
    return pd.DataFrame(
        [
            {"class": "all rows" if line.label is None else names[line.label]}
            | {name: value for name, value in asdict(line).items() if name != "label"}
            | {"told_apart": line.is_measured and not line.is_aligned}
            for line in lines
        ]
    )


def build_alignment(
    vectors: np.ndarray, labels: np.ndarray, relevance: np.ndarray, *, n_synthetic: int, seed: int = 0
) -> Alignment:
    """Everything about the rows that no weight changes; about a second at 100,000 rows.

    Args:
        vectors: of synthetic rows (n), then real rows (m), [n + m, d] float32, finite; may be a memory map.
        labels: [n + m] int.
        relevance: log P/Q of each row, out of fold, [n + m]. See `relevance`.
        n_synthetic: n.
        seed: of samples, frequencies, resamples and splits.
    """
    random = np.random.default_rng(seed)
    sampled = _sample(n_synthetic, random)
    real = n_synthetic + _sample(len(vectors) - n_synthetic, random)
    frequencies = random.normal(size=(FREQUENCIES, vectors.shape[1])) / median_distance(vectors, real, random)
    frequencies = frequencies.astype(np.float32)
    classes = np.unique(labels)
    order = sampled[np.argsort(labels[sampled], kind="stable")]
    bounds = np.searchsorted(labels[order], [*classes, np.inf])
    blocks = tuple(slice(int(start), int(stop)) for start, stop in pairwise(bounds))
    real_features = fourier_features(vectors, real, frequencies)
    members = [np.flatnonzero(labels[real] == label) for label in classes] + [np.arange(len(real))]
    scores, real_scores = relevance[order], relevance[real]
    above = np.zeros((len(order), 2), dtype=np.float32)
    for block, mine in zip(blocks, members[:-1], strict=True):
        above[block, 0] = share_above(scores[block], real_scores[mine])
    above[:, 1] = share_above(scores, real_scores)
    return Alignment(
        n_synthetic=n_synthetic,
        sampled=sampled,
        order=order,
        features=fourier_features(vectors, order, frequencies),
        above=above,
        frequencies=frequencies,
        labels=tuple(classes.tolist()),
        blocks=blocks,
        real_counts=tuple(len(mine) for mine in members),
        targets=tuple(_target(real_features[mine], real_scores[mine], random) for mine in members),
    )


def _sample(count: int, random: np.random.Generator) -> np.ndarray:
    """Positions of at most MAX_ROWS of so many rows, ascending."""
    return np.arange(count) if count <= MAX_ROWS else np.sort(random.choice(count, MAX_ROWS, replace=False))


def _moments(weights: np.ndarray, features: np.ndarray, above: np.ndarray) -> _Moments:
    exact = weights.astype(np.float64)
    sums = (weights @ features).astype(np.float64)
    return _Moments(float(exact.sum()), float(exact @ exact), sums, float(exact @ above))


def _target(features: np.ndarray, scores: np.ndarray, random: np.random.Generator) -> RealSample | None:
    return describe_real(features, scores, random) if len(features) >= MIN_REAL else None


def _compare(
    label: int | None, synthetic_rows: int, real_rows: int, moments: _Moments, target: RealSample | None
) -> ClassAlignment:
    effective = moments.effective_sample_size
    if target is None:
        return ClassAlignment(label, synthetic_rows, real_rows, effective)
    floors = {"floor_median": target.floor_median, "floor": target.floor, "auc_floor": target.auc_floor}
    if effective < MIN_EFFECTIVE:
        return ClassAlignment(label, synthetic_rows, real_rows, effective, **floors)
    mean = moments.features / moments.weight
    discrepancies = unbiased(mean @ mean, 1 / effective) + target.within - 2 * target.means @ mean
    low, high = np.quantile(discrepancies[1:], [0.025, 0.975])
    return ClassAlignment(
        label,
        synthetic_rows,
        real_rows,
        effective,
        mmd2=float(discrepancies[0]),
        mmd2_low=float(low),
        mmd2_high=float(high),
        auc=moments.above / moments.weight,
        **floors,
    )
