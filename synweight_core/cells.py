"""The nearest rows of a sample for each row of very many: rows look only into the cells of the sample nearest to them.

An inverted file with exact comparisons ("IVFFlat": Sivic and Zisserman 2003, Jégou et al. 2011). It takes matrix
products alone, where pynndescent's index of 100,000 rows is prepared for longer than all questions take here, and
its memory depends on the size of a piece, not on the rows.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from synweight_core.sampling import pieces

ROWS_PER_CELL = 100  # sampled rows, on average
PROBES = 8  # cells that a row looks into
MAX_CELL = 2_000  # sampled rows that are compared in one cell: more are all alike
STEPS = 3  # of k-means; the cells need not be the best
PIECE_ROWS = 25_000

Progress = Callable[[int, int], None]  # done, total


def nearest_in_cells(
    vectors: np.ndarray,
    rows: np.ndarray,
    sample: np.ndarray,
    *,
    k: int,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Of each of the `rows` the k nearest rows of the sample, nearest first: positions and Euclidean distances. [r, k]

    Where the cells hold fewer than k rows, the nearest one is repeated.

    Args:
        vectors: unit vectors, float16 or float32, maybe a memory map. [n, d]
        rows: positions, none of them in the sample. [r] int
        sample: positions, k or more of them. [f] int
        k: neighbours.
        seed: of the cells.
        progress: gets done and total rows.

    Returns:
        int32 and float32.
    """
    own = np.asarray(vectors[sample], dtype=np.float32)
    centres = cell_centres(own, seed=seed)
    members = cell_members(own, centres)
    indices, distances = np.empty((len(rows), k), dtype=np.int32), np.empty((len(rows), k), dtype=np.float32)
    for piece in pieces(len(rows), size=PIECE_ROWS):
        progress(piece.start, len(rows))
        block = np.asarray(vectors[rows[piece]], dtype=np.float32)
        found, cosines = _nearest(block, own, centres, members, k)
        indices[piece] = sample[found]
        distances[piece] = np.sqrt(np.maximum(2 - 2 * cosines, 0))
    return indices, distances


def cell_centres(own: np.ndarray, *, seed: int) -> np.ndarray:
    """Unit vectors in the middle of cells, by a few steps of spherical k-means. [c, d] float32"""
    n_cells = max(1, len(own) // ROWS_PER_CELL)
    centres = own[np.random.default_rng(seed).choice(len(own), n_cells, replace=False)]
    for _ in range(STEPS):
        sums = np.zeros_like(centres)
        np.add.at(sums, _cell_of(own, centres), own)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres)
    return centres


def cell_members(own: np.ndarray, centres: np.ndarray) -> list[np.ndarray]:
    """The rows of each cell, MAX_CELL at most."""
    cells = _cell_of(own, centres)
    order = np.argsort(cells, kind="stable")
    bounds = np.searchsorted(cells[order], np.arange(len(centres) + 1))
    return [order[start : min(stop, start + MAX_CELL)] for start, stop in pairwise(bounds)]


def _cell_of(own: np.ndarray, centres: np.ndarray) -> np.ndarray:
    parts = [(own[piece] @ centres.T).argmax(axis=1) for piece in pieces(len(own), size=PIECE_ROWS)]
    return np.concatenate(parts)


def _nearest(
    block: np.ndarray, own: np.ndarray, centres: np.ndarray, members: list[np.ndarray], k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of each row of the block, positions in `own` and cosines of its k nearest, nearest first. [b, k]"""
    found = np.full((len(block), k), -1)
    cosines = np.full((len(block), k), -np.inf, dtype=np.float32)
    for cell, asking in _probes(block, centres):
        others = members[cell]
        if not len(others):
            continue
        near = np.hstack([cosines[asking], block[asking] @ own[others].T])
        ids = np.hstack([found[asking], np.broadcast_to(others, (len(asking), len(others)))])
        best = np.argpartition(-near, k - 1, axis=1)[:, :k]
        found[asking], cosines[asking] = (np.take_along_axis(values, best, axis=1) for values in (ids, near))
    order = np.argsort(-cosines, axis=1, kind="stable")
    found, cosines = (np.take_along_axis(values, order, axis=1) for values in (found, cosines))
    missing = found == -1
    return np.where(missing, found[:, :1], found), np.where(missing, cosines[:, :1], cosines)


def _probes(block: np.ndarray, centres: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each cell that rows of the block look into, and the positions of those rows."""
    count = min(PROBES, len(centres))
    cells = np.argpartition(-(block @ centres.T), count - 1, axis=1)[:, :count].ravel()
    order = np.argsort(cells, kind="stable")
    bounds = np.searchsorted(cells[order], np.arange(len(centres) + 1))
    for cell in range(len(centres)):
        if bounds[cell] < bounds[cell + 1]:
            yield cell, order[bounds[cell] : bounds[cell + 1]] // count
