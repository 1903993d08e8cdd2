"""Repeated folds over the real rows that are not test, the quality checker refitted in each.

A forecast may not use a quality checker that has seen the rows it is scored on. So each fold has a checker of its
own, trained on the other folds and calibrated there; what it says of the synthetic rows is stored once, because no
slider changes it. Synthetic rows beyond MAX_ROWS are a seeded sample.

The checkers of the folds are linear probes, also where a project's own checkers are fine-tuned: ten more checkers, each
with folds of its own to say when to stop, would take the better part of an hour without a GPU. A forecast of such a
project is then one of weights by a probe's quality; the diversity checker in it is the project's own.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from synweight_core.checker_rows import Rows

MAX_ROWS = 20_000
REPEATS = 2
MIN_PER_CLASS = 4  # rows in the second largest class, below which there are no folds


@dataclass(frozen=True)
class Folds:
    """What the checkers of all folds say, in nats. F = repeats times folds of a repeat.

    `sample` are positions of synthetic rows [s]; `fold` says in which fold each real row is held out, per repeat,
    -1 for rows of rare classes that always train [R, m] (all of them when there are too few for folds). `synthetic`
    is [F, s, K]; `held_out` is what the checker that has not seen a real row says of it [R, m, K].
    """

    sample: np.ndarray
    fold: np.ndarray
    synthetic: np.ndarray
    held_out: np.ndarray

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
    return Folds(sample, of_row, np.concatenate(synthetic), held_out)
