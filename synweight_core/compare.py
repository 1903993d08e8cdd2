"""Figures of settings over seeds, and the difference between two settings, each with its interval.

Built on `run_groups` (which runs), `contributions` (metrics by row) and `crossed` (how sure a mean is). All shares are
0 to 1. It draws nothing and finds no words: `verdict` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from synweight_core import runs
from synweight_core.contributions import (
    accuracy,
    calibration_error,
    contributions,
    macro_f1,
    precision,
    recall,
)
from synweight_core.crossed import CONFIDENCE, Interval, interval
from synweight_core.errors import DataError
from synweight_core.run_groups import Group


@dataclass(frozen=True)
class Figures:
    """Of one setting, each a mean over its seeds with an interval. `recall` and `precision` by class that occurs."""

    metric: Interval
    accuracy: Interval
    macro_f1: Interval
    calibration_error: Interval
    recall: Mapping[str, Interval]
    precision: Mapping[str, Interval]


@dataclass(frozen=True, eq=False)
class Flipped:
    """Test rows that are right under one setting and wrong under the other: positions and number of seeds. [r] each

    The rows with most seeds come first.
    """

    positions: np.ndarray
    seeds: np.ndarray


@dataclass(frozen=True, eq=False)
class Difference:
    """A minus B in the project's metric, over pairs of runs.

    `pairs` are the seeds of A and of B; they are the same where `same_seeds`, else paired in their order, since a
    seed does not mean the same under two settings anyway. `by_seed` is the difference of each pair [S], `values`
    that of each row that counts [S, rows]. Confusion matrices are counts of test rows, mean over the pairs: rows are
    true, columns predicted classes. [K, K]
    """

    a: Group
    b: Group
    interval: Interval
    pairs: tuple[tuple[int, int], ...]
    same_seeds: bool
    by_seed: np.ndarray
    values: np.ndarray
    confusion_a: np.ndarray
    confusion_b: np.ndarray
    won: Flipped
    lost: Flipped

    @property
    def win_tie_loss(self) -> tuple[int, int, int]:
        """Number of pairs in which A is better, as good, worse."""
        signs = np.sign(np.round(self.by_seed, 12))
        return int((signs > 0).sum()), int((signs == 0).sum()), int((signs < 0).sum())

    @property
    def confusion_change(self) -> np.ndarray:
        """Confusion of A minus that of B. [K, K]"""
        return self.confusion_a - self.confusion_b

    def swapped(self) -> "Difference":
        """B minus A."""
        found = self.interval
        return Difference(
            a=self.b, b=self.a, interval=replace(found, mean=-found.mean, low=-found.high, high=-found.low),
            pairs=tuple((b, a) for a, b in self.pairs), same_seeds=self.same_seeds, by_seed=-self.by_seed,
            values=-self.values, confusion_a=self.confusion_b, confusion_b=self.confusion_a,
            won=self.lost, lost=self.won,
        )  # fmt: skip


def figures(group: Group, *, confidence: float = CONFIDENCE) -> Figures:
    """All figures of a setting. Macro-F1 and precision by delta method, calibration error with its signs as found."""
    predicted, test = group.predicted, group.test

    def sure(values: np.ndarray) -> Interval:
        return interval(values, confidence=confidence)

    present = [(int(code), test.names[code]) for code in np.unique(test.labels)]
    return Figures(
        metric=metric_of(group, confidence=confidence),
        accuracy=sure(accuracy(predicted, test.labels)),
        macro_f1=sure(macro_f1(predicted, test.labels)),
        calibration_error=sure(calibration_error(group.confidence, predicted, test.labels)),
        recall={name: sure(recall(predicted, test.labels, code)) for code, name in present},
        precision={name: sure(precision(predicted, test.labels, code)) for code, name in present},
    )


def metric_of(group: Group, *, confidence: float = CONFIDENCE) -> Interval:
    """The project's metric of a setting."""
    return interval(_contributions(group, group.predicted), confidence=confidence)


def difference(a: Group, b: Group, *, confidence: float = CONFIDENCE) -> Difference:
    """A minus B over their common seeds; in the order of the seeds where fewer than two are common.

    Raises DataError when they were scored on different test rows.
    """
    if not np.array_equal(a.test.labels, b.test.labels):
        raise DataError(f"{a.name} and {b.name} were scored on different test rows. Compare runs of one project.")
    pairs, same_seeds = _pairs(a.seeds, b.seeds)
    of_a, of_b = (_of_seeds(g, [pair[side] for pair in pairs]) for side, g in enumerate((a, b)))
    values = _contributions(a, of_a) - _contributions(b, of_b)
    right_a, right_b = of_a == a.test.labels, of_b == a.test.labels
    return Difference(
        a=a, b=b, interval=interval(values, confidence=confidence), pairs=pairs, same_seeds=same_seeds,
        by_seed=values.mean(axis=1), values=values, confusion_a=_confusion(a, of_a), confusion_b=_confusion(b, of_b),
        won=_flipped(right_a & ~right_b), lost=_flipped(right_b & ~right_a),
    )  # fmt: skip


def learning_curve(group: Group) -> pd.DataFrame:
    """The project's metric on the validation rows, by evaluation, over seeds.

    Columns: step, epoch, mean, low and high (lowest and highest of the seeds), seeds. The files of a run may lack
    evaluations; steps that no seed reports are absent.
    """
    events = [event for run in group.runs for event in runs.read_metrics(run.id)[0]]
    rows = [
        {"step": event["step"], "epoch": event["epoch"], "metric": event["metric"]}
        for event in events
        if event.get("event") == "evaluation" and {"step", "epoch", "metric"} <= event.keys()
    ]
    frame = pd.DataFrame(rows, columns=["step", "epoch", "metric"])
    named = {"epoch": ("epoch", "mean"), "mean": ("metric", "mean"), "low": ("metric", "min"),
             "high": ("metric", "max"), "seeds": ("metric", "size")}  # fmt: skip
    return frame.groupby("step").agg(**named).reset_index()


def _contributions(group: Group, predicted: np.ndarray) -> np.ndarray:
    test = group.test
    return contributions(test.metric, predicted, test.labels, names=test.names)


def _pairs(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[tuple[int, int], ...], bool]:
    """Seeds of A and of B that are compared, and whether they are the same."""
    common = sorted({*a} & {*b})
    if len(common) >= min(2, len(a), len(b)):
        return tuple((seed, seed) for seed in common), True
    return tuple(zip(a, b, strict=False)), False


def _of_seeds(group: Group, seeds: list[int]) -> np.ndarray:
    return group.predicted[[group.seeds.index(seed) for seed in seeds]]


def _confusion(group: Group, predicted: np.ndarray) -> np.ndarray:
    k = len(group.test.names)
    cells = group.test.labels * k + predicted
    return np.bincount(cells.ravel(), minlength=k * k).reshape(k, k) / len(predicted)


def _flipped(rows: np.ndarray) -> Flipped:
    """From a table of seeds by rows. [S, t]"""
    counts = rows.sum(axis=0)
    positions = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    return Flipped(positions, counts[positions])
