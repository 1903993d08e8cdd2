"""One k-nearest-neighbour graph over unit vectors: for the map, near-duplicates and "nearest rows"."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

EXACT_UP_TO = 20_000  # exact search is faster below this: approximate search compiles for 20 s first
NEAR_DUPLICATE_COSINE = 0.95


def nearest(vectors: np.ndarray, *, k: int = 15, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other rows of each row: indices [n, k] int32, Euclidean distances [n, k] float32.

    k is at most n - 1. Exact up to EXACT_UP_TO rows, then by pynndescent.
    """
    k = min(k, len(vectors) - 1)
    search = _exact if len(vectors) <= EXACT_UP_TO else _approximate
    indices, distances = search(vectors, k + 1, seed)
    return _without_self(indices, k), _without_self(indices, k, values=distances)


def cosine(distances: np.ndarray) -> np.ndarray:
    """Cosine similarity of unit vectors at these Euclidean distances."""
    return 1 - np.square(distances) / 2


def near_duplicate_groups(
    indices: np.ndarray, distances: np.ndarray, *, at_least: float = NEAR_DUPLICATE_COSINE
) -> np.ndarray:
    """A group number per row; rows that are joined by links of at least this cosine share one. [n] int32"""
    n, k = indices.shape
    close = cosine(distances) >= at_least
    rows = np.repeat(np.arange(n), k)[close.ravel()]
    columns = indices.ravel()[close.ravel()]
    links = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(n, n))
    return connected_components(links, directed=False)[1].astype(np.int32)


def _exact(vectors: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.neighbors import NearestNeighbors

    distances, indices = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(vectors).kneighbors(vectors)
    return indices.astype(np.int32), distances.astype(np.float32)


def _approximate(vectors: np.ndarray, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from pynndescent import NNDescent

    indices, distances = NNDescent(vectors, n_neighbors=k, random_state=seed).neighbor_graph
    return indices.astype(np.int32), distances.astype(np.float32)


def _without_self(indices: np.ndarray, k: int, *, values: np.ndarray | None = None) -> np.ndarray:
    """Drop each row's own entry, or its last one where copies of it crowded it out. [n, k]"""
    own = indices == np.arange(len(indices))[:, None]
    own[~own.any(axis=1), -1] = True
    return (indices if values is None else values)[~own].reshape(len(indices), k)
