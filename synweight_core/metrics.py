"""Figures of merit of predictions, on plain arrays. Shares from 0 to 1; pages show them in per cent."""

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score, recall_score

from synweight_core.calibration import expected_calibration_error, of_label


def score(log_probs: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy, macro-F1 over the classes that occur, mean cross-entropy (nats), calibration error.

    Args:
        log_probs: [n, K].
        labels: [n] int.
    """
    predicted = log_probs.argmax(axis=1)
    present = np.unique(labels)
    return {
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": float(f1_score(labels, predicted, labels=present, average="macro", zero_division=0)),
        "loss": float(-of_label(log_probs, labels).mean()),
        "calibration_error": expected_calibration_error(log_probs, labels),
    }


def recall_by_class(predicted: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Recall of each class that occurs."""
    present = np.unique(labels)
    recalls = recall_score(labels, predicted, labels=present, average=None, zero_division=0)
    return {names[c]: float(recall) for c, recall in zip(present, recalls, strict=True)}


def confusion(predicted: np.ndarray, labels: np.ndarray, *, n_classes: int) -> list[list[int]]:
    """Rows: true class; columns: predicted class; counts."""
    return confusion_matrix(labels, predicted, labels=np.arange(n_classes)).tolist()


def chosen(metric: str, scores: Mapping[str, float], recalls: Mapping[str, float]) -> float:
    """The project's metric: 'accuracy', 'macro_f1' or 'recall:CLASS' (0 for a class that does not occur)."""
    if metric in scores:
        return scores[metric]
    return recalls.get(metric.removeprefix("recall:"), 0.0)
