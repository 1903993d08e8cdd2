"""What each test row contributes to a metric, for each seed: values whose mean over the rows is the metric.

For accuracy they are 0 and 1. For macro-F1 and precision they are the metric plus the row's influence on it (delta
method), so that one formula of uncertainty (`crossed`) serves all metrics. A recall reads only the rows of its class.
Metrics are those of `metrics.score`: classes that do not occur among the labels do not count, nothing predicted is 0.
"""

import numpy as np

from synweight_core.projects import RECALL_PREFIX

BINS = 10  # of the calibration error, as in `calibration`


def contributions(metric: str, predicted: np.ndarray, labels: np.ndarray, *, names: tuple[str, ...]) -> np.ndarray:
    """Of the metric of a project. [S, rows that count]

    Args:
        metric: "accuracy", "macro_f1" or "recall:" and one of `names`.
        predicted: class codes. [S, t]
        labels: class codes. [t]
        names: of the classes. [K]

    Raises:
        ValueError: the metric is none of these.
    """
    if metric == "accuracy":
        return accuracy(predicted, labels)
    if metric == "macro_f1":
        return macro_f1(predicted, labels)
    name = metric.removeprefix(RECALL_PREFIX)
    if name == metric or name not in names:
        raise ValueError(f"Metric '{metric}' was asked for; expected accuracy, macro_f1 or {RECALL_PREFIX}CLASS.")
    return recall(predicted, labels, names.index(name))


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether each row is right. [S, t]"""
    return (predicted == labels).astype(np.float64)


def recall(predicted: np.ndarray, labels: np.ndarray, code: int) -> np.ndarray:
    """Whether each row of this class is right. [S, rows of the class]"""
    return accuracy(predicted[:, labels == code], labels[labels == code])


def precision(predicted: np.ndarray, labels: np.ndarray, code: int) -> np.ndarray:
    """Precision of a class by row; all 0 for a seed that never predicts it. [S, t]"""
    said = predicted == code
    share = _at_least(said.mean(axis=1, keepdims=True), len(labels))
    value = (said & (labels == code)).mean(axis=1, keepdims=True) / share
    return value + said * ((labels == code) - value) / share


def macro_f1(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean F1 of the classes that occur among the labels, by row. [S, t]"""
    present = np.unique(labels)
    result = np.zeros(predicted.shape)
    for code in present:
        result += _f1(predicted == code, labels == code)
    return result / len(present)


def calibration_error(confidence: np.ndarray, predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Expected calibration error over ten equally wide bins of confidence, by row. [S, t]"""
    gap = confidence - (predicted == labels)
    seeds = np.arange(len(predicted))[:, None]
    cells = seeds * BINS + np.minimum((confidence * BINS).astype(int), BINS - 1)
    sums = np.bincount(cells.ravel(), weights=gap.ravel(), minlength=len(predicted) * BINS)
    return gap * np.sign(sums)[cells]


def _f1(said: np.ndarray, true: np.ndarray) -> np.ndarray:
    """F1 = 2 TP / (said + true) plus the influence of each row. [S, t]"""
    both = said & true
    size = said.mean(axis=1, keepdims=True) + true.mean()
    value = 2 * both.mean(axis=1, keepdims=True) / size
    return value + (2 * both - value * (said.astype(np.int8) + true)) / size


def _at_least(shares: np.ndarray, rows: int) -> np.ndarray:
    """Shares, 1 / rows where they are 0, so that they can be divided by."""
    return np.maximum(shares, 1 / rows)
