"""Temperature scaling and the expected calibration error, on plain arrays."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

# a few rows that are all easy say nothing about how sure a checker may be: T stays within 1/4 and 4
_LOG_TEMPERATURE_BOUNDS = (-np.log(4), np.log(4))


def of_label(log_probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The log-probability of each row's own label. [n]"""
    return log_probs[np.arange(len(labels)), labels]


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """T that minimises the cross-entropy of softmax(logits / T) (Guo et al. 2017).

    Args:
        logits: out-of-fold, [n, K].
        labels: [n] int.
    """

    def cross_entropy(log_temperature: float) -> float:
        return _cross_entropy(logits / np.exp(log_temperature), labels)

    found = minimize_scalar(cross_entropy, bounds=_LOG_TEMPERATURE_BOUNDS, method="bounded")
    return float(np.exp(found.x))


def calibrated_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The cross-entropy of these rows after their own temperature, nats: what a checker could be worth. [n, K]"""
    return _cross_entropy(logits / fit_temperature(logits, labels), labels)


def tempered(log_probs: np.ndarray, factor: float) -> np.ndarray:
    """Log-probabilities with their temperature multiplied by `factor`; NaN columns stay NaN. [n, K]"""
    known = ~np.isnan(log_probs[:1]).ravel()
    result = np.full(log_probs.shape, np.nan)
    result[:, known] = log_softmax(log_probs[:, known] / factor, axis=1)
    return result


def expected_calibration_error(log_probs: np.ndarray, labels: np.ndarray, *, bins: int = 10) -> float:
    """Mean gap between confidence and accuracy over equally wide confidence bins, 0 to 1."""
    return float(sum(share * abs(conf - acc) for conf, acc, share in reliability(log_probs, labels, bins=bins)))


def reliability(log_probs: np.ndarray, labels: np.ndarray, *, bins: int = 10) -> list[tuple[float, float, float]]:
    """(mean confidence, accuracy, share of rows) of each confidence bin that has rows."""
    confidence = np.exp(log_probs.max(axis=1))
    correct = log_probs.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        (float(confidence[which == b].mean()), float(correct[which == b].mean()), float((which == b).mean()))
        for b in np.unique(which)
    ]


def _cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(-of_label(log_softmax(logits, axis=1), labels).mean())
