"""Where rows lie on a map that others have drawn: among their nearest drawn rows. It draws nothing itself."""

import numpy as np

from synweight_core.sampling import pieces

NEAR = 1.0  # UMAP's unit of distance ("spread"): neighbours that the map draws close together
JITTER = 0.02  # of that unit, so that copies do not hide each other
_PIECE_ROWS = 20_000


def place(indices: np.ndarray, distances: np.ndarray, xy: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Map coordinates of rows that UMAP has not drawn, from those of their nearest drawn rows. [r, 2] float32

    The neighbours of a row may lie in two places of the map, and their mean in the void between them. So a row goes
    to where most of its neighbours are: to the mean of those within NEAR of the most central one (the medoid), near
    ones counting more, by UMAP's kernel exp(-(d - d_1) / sigma). A little noise is added.

    Args:
        indices: rows of `xy`, the nearest first. [r, k] int
        distances: of the vectors. [r, k]
        xy: map coordinates of the drawn rows, [f, 2].
        seed: of the noise.
    """
    parts = [np.empty((0, 2))]
    for piece in pieces(len(indices), size=_PIECE_ROWS):
        far = distances[piece] - distances[piece, :1]
        weights = np.exp(-far / np.maximum(far.mean(axis=1, keepdims=True), 1e-6))
        parts.append(_among(xy[indices[piece]].astype(np.float64), weights))
    noise = np.random.default_rng(seed).normal(scale=JITTER, size=(len(indices), 2))
    return (np.concatenate(parts) + noise).astype(np.float32)


def _among(places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean of the places [r, k, 2] that are within NEAR of their medoid. [r, 2]"""
    apart = np.linalg.norm(places[:, :, None] - places[:, None], axis=3)
    medoid = (apart @ weights[:, :, None])[:, :, 0].argmin(axis=1)
    kept = weights * (np.take_along_axis(apart, medoid[:, None, None], axis=1)[:, 0] <= NEAR)
    return (kept[:, :, None] * places).sum(axis=1) / kept.sum(axis=1, keepdims=True)
