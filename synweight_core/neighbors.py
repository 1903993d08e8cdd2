"""One k-nearest-neighbour graph over unit vectors: for the map, near-duplicates and "nearest rows".

Of very many rows it is the graph of a sample, and each other row has its nearest rows of the sample.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synweight_core.cells import nearest_in_cells

EXACT_UP_TO = 20_000  # exact search is faster below this: approximate search compiles for 20 s first
NEAR_DUPLICATE_COSINE = 0.95
ANCHORS = 4  # rows of the sample that a row may share with its near-duplicates
MAX_COMPANY = 1_000  # rows around an anchor that are compared with each other at once
_LINKS = 4_000_000  # gathered before they are joined to groups


def nearest(vectors: np.ndarray, *, k: int = 15, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other rows of each row: indices [n, k] int32, Euclidean distances [n, k] float32.

    k is at most n - 1. Exact up to EXACT_UP_TO rows, then by pynndescent.
    """
    k = min(k, len(vectors) - 1)
    search = _exact if len(vectors) <= EXACT_UP_TO else _approximate
    indices, distances = search(vectors, k + 1, seed)
    return _without_self(indices, k), _without_self(indices, k, values=distances)


def nearest_of_sample(
    vectors: np.ndarray,
    sample: np.ndarray,
    *,
    k: int = 15,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other rows of each row that are in the sample: indices [n, k] int32, distances [n, k] float32.

    Of sampled rows as `nearest` finds them, of the others as `nearest_in_cells` does.

    Args:
        vectors: unit vectors, float16 or float32, maybe a memory map. [n, d]
        sample: positions, ascending, more than k of them. [f] int
        k: neighbours.
        seed: of both searches.
        progress: gets done and total of the rows that are not sampled.
    """
    rest = np.setdiff1d(np.arange(len(vectors)), sample)
    among, far = nearest(np.asarray(vectors[sample], dtype=np.float32), k=k, seed=seed)
    indices, distances = np.empty((len(vectors), k), dtype=np.int32), np.empty((len(vectors), k), dtype=np.float32)
    indices[sample], distances[sample] = sample[among], far
    indices[rest], distances[rest] = nearest_in_cells(vectors, rest, sample, k=k, seed=seed, progress=progress)
    return indices, distances


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


def near_duplicate_groups_of_many(
    vectors: np.ndarray, sample: np.ndarray, indices: np.ndarray, distances: np.ndarray
) -> np.ndarray:
    """`near_duplicate_groups` of rows that know their nearest rows of a sample only. [n] int32

    Besides these, rows are compared that share one of their ANCHORS nearest sampled rows: two rows of a cosine of
    0.95 or more nearly always do. Around an anchor with more than MAX_COMPANY rows, those are compared that are
    about as far from it.

    Args:
        vectors: unit vectors, maybe a memory map. [n, d]
        sample: positions, ascending. [f] int
        indices: of `nearest_of_sample`, [n, k].
        distances: of `nearest_of_sample`, [n, k].
    """
    groups = near_duplicate_groups(indices, distances)
    gathered: list[np.ndarray] = []
    count = 0
    for company in _companies(sample, indices, distances):
        near = np.asarray(vectors[company], dtype=np.float32)
        first, second = np.nonzero(np.triu(near @ near.T >= NEAR_DUPLICATE_COSINE, k=1))
        gathered.append(np.stack([company[first], company[second]]))
        count += len(first)
        if count > _LINKS:
            groups, gathered, count = _joined(groups, gathered), [], 0
    return _joined(groups, gathered)


def _companies(sample: np.ndarray, indices: np.ndarray, distances: np.ndarray) -> Iterator[np.ndarray]:
    """Positions of rows around each anchor, two or more and MAX_COMPANY at most, in order of their distance."""
    anchors = indices[:, :ANCHORS].copy()
    anchors[sample, -1] = sample  # a sampled row is one of its own anchors
    far = distances[:, :ANCHORS].copy()
    far[sample, -1] = 0
    order = np.lexsort((far.ravel(), anchors.ravel()))
    own = anchors.ravel()[order]
    starts = np.flatnonzero(np.append(True, own[1:] != own[:-1]))
    for start, stop in zip(starts, np.append(starts[1:], len(own)), strict=True):
        for first in range(start, stop, MAX_COMPANY):
            company = order[first : min(first + MAX_COMPANY, stop)] // anchors.shape[1]
            if len(company) > 1:
                yield company


def _joined(groups: np.ndarray, links: list[np.ndarray]) -> np.ndarray:
    """The groups after those of linked rows [2, l] have been joined. [n] int32"""
    rows, columns = groups[np.concatenate([np.empty((2, 0), dtype=int), *links], axis=1)]
    count = int(groups.max()) + 1
    graph = coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int32)[groups]


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
