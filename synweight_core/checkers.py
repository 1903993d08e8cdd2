"""The two checkers: calibrated log-probabilities of every class for every row.

The quality checker is trained on the checker's real rows, the diversity checker on the synthetic rows. Both
are the same procedure with the roles exchanged, one row of CHECKERS: rows that it trains on are scored out
of fold (cross-fitting), because a checker that has memorised a row says nothing about it; all other rows
by the model of all training rows; both divided by one temperature that was fitted out of fold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from synweight_core.calibration import calibrated_cross_entropy, expected_calibration_error, fit_temperature
from synweight_core.checker_rows import Rows
from synweight_core.sampling import pieces, rows_of_fit
from synweight_core.tuning import PROBE, Tuning

Progress = Callable[[int, int], None]  # done, total
Logits = Callable[[np.ndarray], np.ndarray]  # features [n, d] -> logits of all classes [n, K]

FOLDS = 5
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # inverse regularisation C, tried out of fold
TOLERANCE = 1e-3  # of the gradient; 1e-2 stops before the first step when there are many classes
SMALL_FIT = 1_000_000  # numbers in the features below which one processor is quicker than two
ROWS_FOR_STRENGTH = 2_000  # a seeded sample of this size chooses the strength
DEFAULT_TUNING = Tuning()
_ABSENT = -30.0  # logit of a class that a fold's training rows lack


def _quiet(done: int, total: int) -> None:
    """Nobody waits."""


@dataclass(frozen=True)
class CheckerScores:
    """What a checker says, in nats; NaN in the columns of classes that its training rows lack.

    `trained` are the rows it was trained on, out of fold [n, K] (in sample for rows of rare classes, see
    `cross_fitting_folds`); `other` all other rows [m, K]. Accuracy and expected calibration error are out
    of fold and leave rare classes out.
    """

    trained: np.ndarray
    other: np.ndarray
    temperature: float
    accuracy: float
    calibration_error: float


class Checker(Protocol):
    """One row of CHECKERS.

    Args:
        rows: to train on, n.
        labels: of these rows, [n] int below `n_classes`.
        other: rows to score only, m.
        groups: near-duplicate groups, [n] int; a group never stands on both sides of a fold.
        seed: of the folds.
        tuning: how to fine-tune; linear checkers do not read it.
        progress: gets done and total from checkers that take long.
    """

    def __call__(
        self,
        rows: Rows,
        labels: np.ndarray,
        other: Rows,
        *,
        n_classes: int,
        groups: np.ndarray | None = None,
        seed: int = 0,
        tuning: Tuning = DEFAULT_TUNING,
        progress: Progress = _quiet,
    ) -> CheckerScores: ...


def probe_checker(
    rows: Rows,
    labels: np.ndarray,
    other: Rows,
    *,
    n_classes: int,
    groups: np.ndarray | None = None,
    seed: int = 0,
    tuning: Tuning = DEFAULT_TUNING,
    progress: Progress = _quiet,
) -> CheckerScores:
    """A regularised linear classifier on cached vectors. Arguments as in `Checker`.

    Of very many rows it is fitted on a sample (see `sampling`), and the others are out of fold, too: a row is told by
    the model that has not seen its near-duplicates. Figures are those of the sample.
    """
    fitted = rows_of_fit(labels, seed=seed)
    features, own, of_fitted = rows.take(fitted).features, labels[fitted], None if groups is None else groups[fitted]
    with threadpool_limits(1 if features.size < SMALL_FIT else None):  # many small products: threads only wait
        folds = cross_fitting_folds(own, of_fitted, seed=seed)
        strength = choose_strength(features, own, folds, n_classes, seed)
        models = _models_of_folds(features, own, folds, n_classes, strength)
        counted = np.zeros(len(labels), dtype=bool)
        counted[fitted] = folds >= 0
        all_folds = folds_of_all(folds, fitted, np.arange(len(labels)) if groups is None else groups)
        out_of_fold = _told_by_folds(models, rows, all_folds, n_classes)
        of_others = _told(fit_logits(features, own, n_classes, strength), other, n_classes)
        return _calibrated(out_of_fold, of_others, labels, counted, n_classes)


def finetuned_checker(
    rows: Rows,
    labels: np.ndarray,
    other: Rows,
    *,
    n_classes: int,
    groups: np.ndarray | None = None,
    seed: int = 0,
    tuning: Tuning = DEFAULT_TUNING,
    progress: Progress = _quiet,
) -> CheckerScores:
    """A fine-tuned transformers classifier on the texts; pairs as the tokenizer's pairs. Arguments as in `Checker`.

    Raises:
        ModelError: the backbone cannot be loaded, or the device is not there.
    """
    from synweight_core.finetuned import cross_fit

    folds = cross_fitting_folds(labels, groups, seed=seed)
    found = cross_fit(
        rows.labelled(labels), folds, other.labelled(), n_classes=n_classes, tuning=tuning, seed=seed,
        progress=progress,
    )  # fmt: skip
    return _calibrated(found.trained, found.other, labels, folds >= 0, n_classes)


def _calibrated(
    out_of_fold: np.ndarray, other: np.ndarray, labels: np.ndarray, counted: np.ndarray, n_classes: int
) -> CheckerScores:
    """Logits [n, K] and [m, K] -> what the checker says, by one temperature that was fitted on `counted` rows."""
    absent = np.bincount(labels, minlength=n_classes) == 0
    out_of_fold, other = (np.where(absent, _ABSENT, logits) for logits in (out_of_fold, other))
    has_two = len(np.unique(labels[counted])) > 1
    temperature = fit_temperature(out_of_fold[counted], labels[counted]) if has_two else 1.0
    trained = _log_probs(out_of_fold / temperature, absent)
    calibrated = np.nan_to_num(trained[counted], nan=_ABSENT)
    return CheckerScores(
        trained=trained,
        other=_log_probs(other / temperature, absent),
        temperature=temperature,
        accuracy=float((calibrated.argmax(axis=1) == labels[counted]).mean()),
        calibration_error=expected_calibration_error(calibrated, labels[counted]),
    )


CHECKERS: Mapping[str, Checker] = {PROBE: probe_checker, "finetuned": finetuned_checker}


def cross_fitting_folds(labels: np.ndarray, groups: np.ndarray | None, *, seed: int) -> np.ndarray:
    """The fold of each row, stratified, whole groups together; -1 for rows that train in every fold. [n]

    Rows of a class with fewer rows than folds always train: a fold without them could not know the class.
    There are FOLDS folds, or as few as two when hardly any class has that many rows. A class whose rows
    are all one group is split all the same, and so is everything when there are fewer groups than folds:
    else a fold would know nothing of that class.
    """
    folds = np.full(len(labels), -1)
    n_folds = fold_count(labels)
    countable = np.flatnonzero(np.bincount(labels)[labels] >= n_folds)
    own = _usable_groups(labels, groups)
    if len(np.unique(own[countable])) < n_folds:
        own = np.arange(len(labels))
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(countable, labels[countable], own[countable])):
        folds[countable[held_out]] = fold
    return folds


def fold_count(labels: np.ndarray) -> int:
    """How many folds rows with these labels allow, 2 to FOLDS; classes with fewer rows are not held out."""
    counts = np.bincount(labels)
    second_largest = int(np.sort(counts)[-2]) if len(counts) > 1 else 0
    return min(FOLDS, max(2, second_largest))


def _usable_groups(labels: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Groups, but one of its own for each row of a class that is a single group. [n] int"""
    alone = np.arange(len(labels))
    if groups is None:
        return alone
    usable = groups.copy()
    for label in np.unique(labels):
        members = labels == label
        if len(np.unique(groups[members])) == 1:
            usable[members] = groups.max() + 1 + alone[members]
    return usable


def fit_logits(features: np.ndarray, labels: np.ndarray, n_classes: int, strength: float) -> Logits:
    """A function from features to logits of all classes."""
    present = np.unique(labels)
    if len(present) == 1:
        only = np.where(np.arange(n_classes) == present[0], 0.0, _ABSENT)
        return lambda rows: np.tile(only, (len(rows), 1))
    model = LogisticRegression(C=strength, max_iter=1000, tol=TOLERANCE)
    model.fit(features, labels)

    def logits(rows: np.ndarray) -> np.ndarray:
        result = np.full((len(rows), n_classes), _ABSENT)
        if len(rows) == 0:
            return result
        scores = model.decision_function(rows)
        if len(present) == 2:
            scores = np.stack([-scores / 2, scores / 2], axis=1)
        result[:, present] = scores
        return result

    return logits


def _cross_fit(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray, n_classes: int, strength: float
) -> np.ndarray:
    """Logits of each row by a model that has not seen it. [n, K]"""
    models = _models_of_folds(features, labels, folds, n_classes, strength)
    return _told_by_folds(models, Rows.of_features(features), folds, n_classes)


def _models_of_folds(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray, n_classes: int, strength: float
) -> dict[int, Logits]:
    """For each fold the model that has not seen it; for -1, where there is such a row, that of all rows."""
    models = {int(fold): folds != fold for fold in range(folds.max() + 1)}
    if (folds == -1).any():
        models[-1] = np.ones(len(folds), dtype=bool)
    return {fold: fit_logits(features[trains], labels[trains], n_classes, strength) for fold, trains in models.items()}


def _told_by_folds(models: Mapping[int, Logits], rows: Rows, folds: np.ndarray, n_classes: int) -> np.ndarray:
    """Logits of each row by the model of its fold. [n, K]"""
    result = np.empty((len(folds), n_classes))
    for fold, model in models.items():
        held_out = folds == fold
        result[held_out] = _told(model, rows.take(held_out), n_classes)
    return result


def _told(model: Logits, rows: Rows, n_classes: int) -> np.ndarray:
    """Logits of the rows, read in pieces. [n, K]"""
    result = np.empty((len(rows), n_classes))
    for piece in pieces(len(rows)):
        result[piece] = model(rows.take(piece).features)
    return result


def folds_of_all(folds: np.ndarray, fitted: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Rows that no model is fitted on take the fold of their group, or any where the group has none. [n]

    Args:
        folds: of the fitted rows, [f] int.
        fitted: their positions.
        groups: near-duplicate groups of all rows, [n] int.
    """
    of_group = np.arange(groups.max() + 1) % (folds.max() + 1)
    of_group[groups[fitted]] = folds
    result = of_group[groups]
    result[fitted] = folds
    return result


def choose_strength(features: np.ndarray, labels: np.ndarray, folds: np.ndarray, n_classes: int, seed: int) -> float:
    """The strength with the lowest out-of-fold cross-entropy after its own temperature."""
    sample = np.arange(len(labels))
    if len(sample) > ROWS_FOR_STRENGTH:
        sample = np.sort(np.random.default_rng(seed).choice(sample, ROWS_FOR_STRENGTH, replace=False))
    features, labels, folds = features[sample], labels[sample], folds[sample]
    scored = folds >= 0

    def cross_entropy(strength: float) -> float:
        logits = _cross_fit(features, labels, folds, n_classes, strength)[scored]
        return calibrated_cross_entropy(logits, labels[scored])

    best, lowest = STRENGTHS[0], cross_entropy(STRENGTHS[0])
    for strength in STRENGTHS[1:]:  # one valley: the first rise ends the search, before the slow fits
        found = cross_entropy(strength)
        if found > lowest:
            break
        best, lowest = strength, found
    return best


def _log_probs(logits: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """Log-probabilities over the classes that are not `absent` [K] bool, NaN for those that are. [n, K]"""
    result = log_softmax(np.where(absent, -np.inf, logits), axis=1)
    result[:, absent] = np.nan
    return result.astype(np.float64)
