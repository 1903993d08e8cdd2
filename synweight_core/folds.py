"""Repeated folds over the real rows that are not test, the quality checker refitted in each.

A forecast may not use a quality checker that has seen the rows it is scored on. So each fold has a checker of its
own, trained on the other folds and calibrated there; what it says of the synthetic rows is stored once, because no
slider changes it. Synthetic rows beyond MAX_ROWS are a seeded sample.

The checkers of the folds are linear probes, also where a project's own checkers are fine-tuned: ten more checkers, each
with folds of its own to say when to stop, would take the better part of an hour without a GPU. A forecast of such a
project is then one of weights by a probe's quality; the diversity checker in it is the project's own.

Synthetic rows are often written from real rows: a generator is shown one and asked for more. Held out, such a real
row still has its descendants among the synthetic rows, which no new text will have, and a forecast by it is flattered:
by 16 points on one set of tweets (docs/lab-notes.md). So each fold leaves out the synthetic rows that are closer to one
of its held-out rows than most real rows are to any other real row.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from synweight_core.checker_rows import Rows

MAX_ROWS = 20_000
REPEATS = 2
CLOSE_QUANTILE = 0.9  # of real rows are less close to any other real row than a descendant is to its origin
_BLOCK = 1_000  # held-out rows that are compared at once
MIN_PER_CLASS = 4  # rows in the second largest class, below which there are no folds


@dataclass(frozen=True)
class Folds:
    """What the checkers of all folds say, in nats. F = repeats times folds of a repeat.

    `sample` are positions of synthetic rows [s]; `fold` says in which fold each real row is held out, per repeat,
    -1 for rows of rare classes that always train [R, m] (all of them when there are too few for folds). `synthetic`
    is [F, s, K]; `held_out` is what the checker that has not seen a real row says of it [R, m, K]. `derived` says
    which of the sampled rows look written from a row that a fold holds out. bool [F, s]
    """

    sample: np.ndarray
    fold: np.ndarray
    synthetic: np.ndarray
    held_out: np.ndarray
    derived: np.ndarray

    @property
    def derived_share(self) -> float:
        """Share of the sampled rows that look written from a real row."""
        first = [number for number, _ in self.of_repeat(0)]
        return float(self.derived[first].any(axis=0).mean()) if first and len(self.sample) else 0.0

    @property
    def n_repeats(self) -> int:
        """R."""
        return len(self.fold)

    def of_repeat(self, repeat: int) -> list[tuple[int, np.ndarray]]:
        """The folds of a repeat: position in `synthetic`, and which real rows are held out [m] bool."""
        first = sum(int(self.fold[i].max()) + 1 for i in range(repeat))
        return [(first + i, self.fold[repeat] == i) for i in range(int(self.fold[repeat].max()) + 1)]


def cross_fit_quality(
    rows: "Rows",
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    positions: np.ndarray,
    n_synthetic: int,
    n_classes: int,
    checker: str,
    seed: int = 0,
) -> Folds:
    """Train the quality checker once in each fold.

    Args:
        rows: synthetic rows, then known real rows, n + m.
        labels: [n + m] int.
        groups: near-duplicate groups; a group never stands on both sides of a fold. [n + m] int
        positions: unit vectors of what the rows say, [n + m, d].
        n_synthetic: n.
        n_classes: K.
        checker: name in CHECKERS.
        seed: of sample and folds.
    """
    from synweight_core.checkers import CHECKERS, cross_fitting_folds  # scikit-learn: not for pages that only read

    sample = np.arange(n_synthetic)
    if n_synthetic > MAX_ROWS:
        sample = np.sort(np.random.default_rng(seed).choice(n_synthetic, MAX_ROWS, replace=False))
    real = np.arange(n_synthetic, len(labels))
    of_row = np.full((REPEATS, len(real)), -1)
    if np.sort(np.bincount(labels[real], minlength=2))[-2] >= MIN_PER_CLASS:
        of_row = np.stack([cross_fitting_folds(labels[real], groups[real], seed=seed + i) for i in range(REPEATS)])
    synthetic = [np.empty((0, len(sample), n_classes), dtype=np.float32)]
    derived = np.zeros((0, len(sample)), dtype=bool)
    limit = closeness(positions[real], groups[real])
    held_out = np.full((REPEATS, len(real), n_classes), np.nan, dtype=np.float32)
    for repeat, folds in enumerate(of_row):
        for fold in range(folds.max() + 1):
            trains, scored = real[folds != fold], np.concatenate([sample, real[folds == fold]])
            scores = CHECKERS[checker](
                rows.take(trains), labels[trains], rows.take(scored), n_classes=n_classes, groups=groups[trains],
                seed=seed,
            )  # fmt: skip
            synthetic.append(scores.other[None, : len(sample)].astype(np.float32))
            held_out[repeat, folds == fold] = scores.other[len(sample) :]
            close = closest(positions[sample], positions[real[folds == fold]]) > limit
            derived = np.concatenate([derived, close[None]])
    return Folds(sample, of_row, np.concatenate(synthetic), held_out, derived)


def closeness(positions: np.ndarray, groups: np.ndarray) -> float:
    """The cosine that CLOSE_QUANTILE of real rows [m, d] do not reach with any row outside of their own group [m]."""
    if len(np.unique(groups)) < 2:
        return 1.0
    nearest = np.empty(len(positions))
    for first in range(0, len(positions), _BLOCK):
        block = slice(first, first + _BLOCK)
        cosines = np.asarray(positions[block], dtype=np.float32) @ np.asarray(positions, dtype=np.float32).T
        cosines[groups[block, None] == groups[None]] = -1
        nearest[block] = cosines.max(axis=1)
    return float(np.quantile(nearest, CLOSE_QUANTILE))


def closest(positions: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The highest cosine of each row [s, d] with any of the rows `to` [h, d]. [s]"""
    result = np.full(len(positions), -1.0, dtype=np.float32)
    for first in range(0, len(to), _BLOCK):
        block = np.asarray(to[first : first + _BLOCK], dtype=np.float32)
        np.maximum(result, (block @ np.asarray(positions, dtype=np.float32).T).max(axis=0), out=result)
    return result
