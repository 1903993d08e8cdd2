"""How far the two checkers can be trusted: figures on rows that they have not seen, and leakage.

Shares are from 0 to 1. Nothing here reads files. The sentence about it is in `trust_words`, the learning curve
in `trust_curve`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from synweight_core.calibration import expected_calibration_error, reliability
from synweight_core.data import Dataset
from synweight_core.findings import RARE_CLASS_ROWS, pair_keys
from synweight_core.prepare import Prepared

MIN_CLASS_ROWS = RARE_CLASS_ROWS  # below this the recall of a class is not told
MAX_EXAMPLES = 5
_Z = 1.959964  # the 97.5th percentile of the normal distribution

CheckerName = Literal["quality", "diversity"]


@dataclass(frozen=True)
class CheckerTrust:
    """What one checker is worth on rows that it has not seen.

    `bins` has confidence, accuracy, share, rows, low and high of each tenth of confidence that has rows;
    `classes` has label, rows, recall, low and high, NaN where a class has fewer than MIN_CLASS_ROWS rows;
    `confusion` counts rows by true (first) and predicted class, int64 [K, K]. `in_sample` rows belong to
    classes that are too rare to be held out, and are not in any figure. Without rows the figures are NaN.
    """

    checker: CheckerName
    rows: int
    in_sample: int
    accuracy: float
    low: float  # 95 % Wilson interval of the accuracy
    high: float
    mean_confidence: float
    calibration_error: float
    majority_share: float  # accuracy of always predicting the most frequent class of these rows
    bins: pd.DataFrame
    classes: pd.DataFrame
    confusion: np.ndarray


@dataclass(frozen=True)
class TrustReport:
    """The quality checker on the known real rows, the diversity checker on the synthetic rows."""

    quality: CheckerTrust
    diversity: CheckerTrust


@dataclass(frozen=True)
class Leak:
    """Rows to judge a checker by that also stand among its training rows: `count` of `total` rows.

    `examples` are pairs of positions in `Dataset.real`: a training row, and its copy.
    """

    kind: Literal["same text", "near-duplicate"]
    split: Literal["validation", "test"]
    count: int
    total: int
    examples: tuple[tuple[int, int], ...]

    @property
    def share(self) -> float:
        """Of the rows of this split."""
        return self.count / self.total if self.total else 0.0


def trust_report(prepared: Prepared, dataset: Dataset) -> TrustReport:
    """Both checkers on the rows whose labels they were meant to know.

    Real rows of the split "train" and all synthetic rows are judged out of fold, validation rows by the
    checker itself. Training rows of a class with fewer rows than folds are left out: their scores are in
    sample.
    """
    n, labels = prepared.n_synthetic, prepared.labels
    is_trained = (dataset.known_real["split"] == "train").to_numpy()
    real_held_out = np.ones(len(labels) - n, dtype=bool)
    real_held_out[is_trained] = _held_out_once(labels[n:][is_trained])
    return TrustReport(
        quality=checker_trust("quality", prepared.quality[n:], labels[n:], real_held_out, names=dataset.labels),
        diversity=checker_trust(
            "diversity", prepared.diversity[:n], labels[:n], _held_out_once(labels[:n]), names=dataset.labels
        ),
    )


def checker_trust(
    checker: CheckerName, log_probs: np.ndarray, labels: np.ndarray, held_out: np.ndarray, *, names: Sequence[str]
) -> CheckerTrust:
    """The figures of one checker.

    Args:
        log_probs: of all classes, [n, K] nats; a NaN column is a class that the checker cannot predict.
        labels: [n] int below K.
        held_out: whether the checker had not seen the row, bool [n]; the other rows are only counted.
        names: of the K classes.
    """
    known = np.nan_to_num(log_probs[held_out], nan=-np.inf)
    truth = labels[held_out]
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (truth, known.argmax(axis=1)), 1)
    rows, right = len(truth), np.diag(confusion)
    low, high = wilson_interval(right.sum(), np.array(rows))
    bins = pd.DataFrame(reliability(known, truth), columns=["confidence", "accuracy", "share"], dtype=float)
    bins["rows"] = (bins["share"] * rows).round().astype(int)
    right_in_bins = (bins["accuracy"] * bins["rows"]).to_numpy()
    bins["low"], bins["high"] = wilson_interval(right_in_bins, bins["rows"].to_numpy())
    return CheckerTrust(
        checker=checker,
        rows=rows,
        in_sample=len(labels) - rows,
        accuracy=float(right.sum() / rows) if rows else np.nan,
        low=float(low),
        high=float(high),
        mean_confidence=float(np.exp(known.max(axis=1)).mean()) if rows else np.nan,
        calibration_error=expected_calibration_error(known, truth) if rows else np.nan,
        majority_share=float(confusion.sum(axis=1).max() / rows) if rows else np.nan,
        bins=bins,
        classes=_recalls(confusion, names),
        confusion=confusion,
    )


def wilson_interval(right: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of the share right / rows (Wilson 1927), 0 to 1 where there are no rows."""
    centre = (right + _Z**2 / 2) / (rows + _Z**2)
    reach = _Z / (rows + _Z**2) * np.sqrt(right * (rows - right) / np.maximum(rows, 1) + _Z**2 / 4)
    return np.maximum(centre - reach, 0), np.minimum(centre + reach, 1)


def confusions(confusion: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """The cells that have rows: label, predicted, rows; mistakes first, then the most frequent."""
    truth, predicted = np.nonzero(confusion)
    rows = confusion[truth, predicted]
    order = np.lexsort((-rows, truth == predicted))
    cells = {"label": truth[order], "predicted": predicted[order]}
    table = pd.DataFrame({column: [names[c] for c in codes] for column, codes in cells.items()})
    return table.assign(rows=rows[order])


def most_confused(confusion: np.ndarray, *, at_most: int) -> np.ndarray:
    """The classes with the most mistakes from or to them, in order of class. [<= at_most] int"""
    mistakes = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * np.diag(confusion)
    return np.sort(np.argsort(-mistakes, kind="stable")[:at_most])


def leakage(dataset: Dataset, prepared: Prepared) -> tuple[Leak, ...]:
    """Validation and test rows that stand among the quality checker's training rows too.

    The same text is meant as the checks of uploads mean it (`findings.pair_keys`: case, spaces and punctuation
    do not count), and such rows have been left out by them: more than none means a damaged split. Near-duplicate
    groups are those of the map, and include the same texts; test rows take no part in them.
    """
    real = dataset.real
    split = real["split"].to_numpy()
    groups = np.full(len(real), -1)
    groups[split != "test"] = prepared.groups[prepared.n_synthetic :]
    texts = pd.factorize(pair_keys(real))[0]
    return (
        _leak("same text", "validation", texts, split),
        _leak("near-duplicate", "validation", groups, split),
        _leak("same text", "test", texts, split),
    )


def _leak(
    kind: Literal["same text", "near-duplicate"],
    into: Literal["validation", "test"],
    keys: np.ndarray,
    split: np.ndarray,
) -> Leak:
    first = {keys[i]: int(i) for i in np.flatnonzero(split == "train")[::-1]}
    judged = np.flatnonzero(split == into)
    found = [(first[keys[i]], int(i)) for i in judged if keys[i] in first]
    return Leak(kind, into, len(found), len(judged), tuple(found[:MAX_EXAMPLES]))


def _held_out_once(labels: np.ndarray) -> np.ndarray:
    """Whether cross-fitting held a row with this label out. bool [n]"""
    from synweight_core.checkers import fold_count

    return np.bincount(labels)[labels] >= fold_count(labels)


def _recalls(confusion: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    rows, right = confusion.sum(axis=1), np.diag(confusion)
    low, high = wilson_interval(right, rows)
    table = pd.DataFrame({"recall": right / np.maximum(rows, 1), "low": low, "high": high})
    table[rows < MIN_CLASS_ROWS] = np.nan
    return pd.DataFrame({"label": list(names), "rows": rows}).join(table)
