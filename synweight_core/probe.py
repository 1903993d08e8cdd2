"""A weighted multinomial logistic regression that is quick to fit again: many sets of weights at once, few steps.

The same model as scikit-learn's LogisticRegression (L2, intercept not penalised). L-BFGS runs in coordinates in which
the curvature of the problem is about the same in all directions, so that a handful of steps is enough. A benchmark
holds both against each other.
"""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

STRENGTH = 0.3  # inverse regularisation C: so strong, it ranks weights as a short fine-tuning does (lab notes)
COLD_STEPS = 20
WARM_STEPS = 12
WARM_TOLERANCE = 1e-5  # of the loss, relative: most settings are near plain training and need four steps
_CURVATURE = 0.1  # p (1 - p) of a class of a row, roughly


def rounding(features: np.ndarray) -> np.ndarray:
    """The change of coordinates M for `fit`: with coefficients M v, the loss curves about equally in all of v. [d, d]

    M is the inverse transposed Cholesky factor of the curvature at equal weights, penalty included. It depends on the
    features only, so that it is made once for many fits. Raises ValueError without rows.
    """
    n, d = features.shape
    if not n:
        raise ValueError("There are 0 rows; expected at least one.")
    with threadpool_limits(1):
        products = (features.T @ features).astype(np.float64)
    curvature = _CURVATURE * products / n + np.eye(d) / (STRENGTH * n)
    return solve_triangular(cholesky(curvature, lower=True), np.eye(d), lower=True).T


def fit(
    features: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    n_classes: int,
    rounded: np.ndarray,
    targets: np.ndarray | None = None,
    start: np.ndarray | None = None,
    steps: int | None = None,
) -> np.ndarray:
    """Coefficients for each of F sets of weights, the intercepts in the last row. [F, d + 1, K] float32

    Args:
        features: [n, d] float32.
        labels: [n] int.
        weights: [F, n], 0 or more; only their ratios within a set count. A row of weight 0 is as if it were not there.
        n_classes: K. A class without rows gets a low intercept.
        rounded: what `rounding` gave for these features.
        targets: what each row teaches instead of its label, in each set: distributions. [F, n, K]
        start: coefficients to start from, those of a similar problem. [d + 1, K]
        steps: of L-BFGS at most; WARM_STEPS with a `start`, else COLD_STEPS.
    """
    (n, d), sets = features.shape, len(weights)
    shape = (n_classes, sets, d + 1)
    totals = np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    shares = (weights / totals).astype(np.float32)
    penalties = 1 / (STRENGTH * np.maximum((weights > 0).sum(axis=1), 1))[:, None]
    rows, of_set = np.arange(n), np.arange(sets)[:, None]
    if targets is None:
        taught = (labels == np.arange(n_classes)[:, None]).astype(np.float32)[:, None]  # [K, 1, n]
    else:
        taught = np.ascontiguousarray(targets.transpose(2, 0, 1), dtype=np.float32)  # [K, F, n]

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        point = flat.reshape(shape)
        coefficients = point[..., :-1] @ rounded.T  # [K, F, d]
        logits = _logits(features, coefficients, point[..., -1])  # [K, F, n]: rows last, so that all is contiguous
        logits -= logits.max(axis=0)
        at_target = logits[labels, of_set, rows] if targets is None else np.einsum("kfn,kfn->fn", logits, taught)
        np.exp(logits, out=logits)
        sums = logits.sum(axis=0)
        loss = float(np.vdot(shares, np.log(sums) - at_target))
        logits /= sums
        residuals = (logits - taught) * shares
        gradient = np.empty(shape)
        down = (residuals.reshape(-1, n) @ features).reshape(n_classes, sets, d)
        gradient[..., :-1] = (down + penalties * coefficients) @ rounded
        gradient[..., -1] = residuals.sum(axis=2)
        return loss + float((penalties * np.square(coefficients)).sum()) / 2, gradient.ravel()

    begin = np.zeros(shape)
    if start is not None:
        begin[...] = np.vstack([np.linalg.solve(rounded, start[:-1]), start[-1:]]).T[:, None]
    limit = steps or (COLD_STEPS if start is None else WARM_STEPS)
    options = {"maxiter": limit, "maxcor": 20, "gtol": 1e-7, "ftol": 1e-10 if start is None else WARM_TOLERANCE}
    with threadpool_limits(1):  # threads that wait for each other make it ten times slower beside a training run
        end = minimize(loss_and_gradient, begin.ravel(), jac=True, method="L-BFGS-B", options=options)
    found = end.x.reshape(shape)
    coefficients = np.concatenate([found[..., :-1] @ rounded.T, found[..., -1:]], axis=2)
    return coefficients.transpose(1, 2, 0).astype(np.float32)


def predict(coefficients: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The most likely class of each row by one set of coefficients [d + 1, K]. [n] int"""
    return (features @ coefficients[:-1] + coefficients[-1]).argmax(axis=1)


def _logits(features: np.ndarray, coefficients: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
    """[K, F, n] float32"""
    classes, sets, d = coefficients.shape
    flat = coefficients.reshape(-1, d).astype(np.float32)
    return (flat @ features.T).reshape(classes, sets, -1) + intercepts[..., None].astype(np.float32)
