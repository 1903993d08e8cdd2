"""A weighted multinomial logistic regression that is quick to fit again: float32, few steps, a warm start.

The same model as scikit-learn's LogisticRegression (L2, intercept not penalised). A benchmark holds both against
each other.
"""

import numpy as np
from scipy.optimize import minimize

STRENGTH = 10.0  # inverse regularisation C: texts' unit vectors need a weak one
COLD_STEPS = 60
WARM_STEPS = 8


def fit(
    features: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    n_classes: int,
    start: np.ndarray | None = None,
    steps: int | None = None,
) -> np.ndarray:
    """Coefficients, the intercepts in the last row. [d + 1, K] float32

    Args:
        features: [n, d] float32.
        labels: [n] int.
        weights: [n]; their mean need not be 1, only their ratios count.
        n_classes: K. A class without rows gets a low intercept.
        start: coefficients to start from, those of a similar problem.
        steps: of L-BFGS at most; WARM_STEPS with a `start`, else COLD_STEPS.
    """
    n, d = features.shape
    scaled = (weights / max(weights.mean(), np.finfo(np.float64).tiny)).astype(np.float32) / np.float32(n)
    rows, penalty = np.arange(n), 1 / (STRENGTH * n)
    target = np.zeros((n, n_classes), dtype=np.float32)
    target[rows, labels] = 1

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        coefficients = flat.reshape(d + 1, n_classes).astype(np.float32)
        logits = features @ coefficients[:-1] + coefficients[-1]
        logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        sums = exponentials.sum(axis=1, keepdims=True)
        loss = scaled @ (np.log(sums[:, 0]) - logits[rows, labels])
        residuals = (exponentials / sums - target) * scaled[:, None]
        gradient = np.empty((d + 1, n_classes))
        gradient[:-1] = features.T @ residuals + penalty * coefficients[:-1]
        gradient[-1] = residuals.sum(axis=0)
        return float(loss) + penalty / 2 * float(np.square(coefficients[:-1]).sum()), gradient.ravel()

    begin = np.zeros((d + 1, n_classes)) if start is None else start.astype(np.float64)
    limit = steps or (COLD_STEPS if start is None else WARM_STEPS)
    found = minimize(
        loss_and_gradient, begin.ravel(), jac=True, method="L-BFGS-B",
        options={"maxiter": limit, "maxcor": 20, "gtol": 1e-6, "ftol": 1e-9},
    )  # fmt: skip
    return found.x.reshape(d + 1, n_classes).astype(np.float32)


def predict(coefficients: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The most likely class of each row. [n] int"""
    return (features @ coefficients[:-1] + coefficients[-1]).argmax(axis=1)
