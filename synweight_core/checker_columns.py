"""Both checkers on the rows of a data set: log-probabilities of all classes, and how good the checkers are.

Imports scikit-learn: for worker processes and notebooks.
"""

import functools
from collections.abc import Callable

import numpy as np

from synweight_core.checker_rows import Rows
from synweight_core.checkers import CHECKERS, Progress
from synweight_core.data import Dataset
from synweight_core.pairs import Features
from synweight_core.sampling import is_many
from synweight_core.tuning import Tuning


def checker_columns(
    dataset: Dataset,
    features: Callable[[], np.ndarray | Features],
    groups: np.ndarray,
    *,
    checker: str,
    tuning: Tuning,
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """What the quality and the diversity checker say of synthetic (n), then known real rows (m).

    Args:
        dataset: its rows; those of the split "train" train the quality checker.
        features: makes what linear checkers read, [n + m, d].
        groups: near-duplicate groups. [n + m] int
        checker: name in CHECKERS.
        tuning: how to fine-tune.
        seed: of the folds.
        progress: gets done and total, over both.

    Returns:
        `labels` [n + m]; `quality` and `diversity` [n + m, K], float32 of very many rows, else float64; scalars
        "quality_accuracy" and so on.
    """
    rows, labels = checker_rows(dataset, features), map_labels(dataset)
    is_synthetic = np.arange(len(labels)) < len(dataset.synthetic)
    is_checker_train = np.zeros(len(labels), dtype=bool)
    is_checker_train[~is_synthetic] = (dataset.known_real["split"] == "train").to_numpy()
    result: dict[str, np.ndarray] = {"labels": labels}
    halves = (("quality", is_checker_train, _first_half), ("diversity", is_synthetic, _second_half))
    for name, trains, half in halves:
        scores = CHECKERS[checker](
            rows.take(trains), labels[trains], rows.take(~trains), n_classes=len(dataset.labels),
            groups=groups[trains], seed=seed, tuning=tuning,
            progress=functools.partial(half, progress),
        )  # fmt: skip
        kind = np.float32 if is_many(len(labels)) else np.float64
        log_probs = np.empty((len(labels), len(dataset.labels)), dtype=kind)
        log_probs[trains], log_probs[~trains] = scores.trained, scores.other
        result[name] = log_probs
        for fact in ("temperature", "accuracy", "calibration_error"):
            result[f"{name}_{fact}"] = np.array(getattr(scores, fact))
    return result


def _first_half(progress: Progress, done: int, total: int) -> None:
    progress(done, 2 * total)


def _second_half(progress: Progress, done: int, total: int) -> None:
    progress(total + done, 2 * total)


def checker_rows(dataset: Dataset, features: Callable[[], np.ndarray | Features]) -> Rows:
    """Synthetic, then known real rows as checkers read them."""

    def texts(column: str) -> Callable[[], list[str]]:
        return lambda: [*dataset.synthetic[column], *dataset.known_real[column]]

    n = len(dataset.synthetic) + len(dataset.known_real)
    second = texts("text_b") if dataset.is_pairs else None
    return Rows(functools.cache(features), texts("text"), second, np.arange(n))


def map_labels(dataset: Dataset) -> np.ndarray:
    """The label codes of synthetic, then known real rows. int [n + m]"""
    return np.concatenate([dataset.label_codes(dataset.synthetic), dataset.label_codes(dataset.known_real)])
