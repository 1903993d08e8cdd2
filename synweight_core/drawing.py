"""The neighbour graph and the map of a data set's rows: of all rows, or of a sample with the others placed around it.

Imports umap inside: for worker processes.
"""

from collections.abc import Callable

import numpy as np

from synweight_core.cache import Arrays
from synweight_core.placement import place
from synweight_core.sampling import is_many, rows_of_map

Progress = Callable[[int, int], None]  # done, total


def neighbour_graph(positions: np.ndarray, *, n_synthetic: int, seed: int, progress: Progress) -> Arrays:
    """`indices`, `distances` [n + m, k] and `groups` [n + m]; of very many rows `drawn`, too: the sample. [f]

    With `drawn`, the neighbours of a row are its nearest rows of the sample.

    Args:
        positions: unit vectors of synthetic rows (n), then real rows (m), maybe a memory map. [n + m, d]
        n_synthetic: n.
        seed: of search and sample.
        progress: gets done and total rows, where they are very many.
    """
    from synweight_core import neighbors

    if not is_many(len(positions)):
        indices, distances = neighbors.nearest(positions, seed=seed)
        groups = neighbors.near_duplicate_groups(indices, distances)
        return {"indices": indices, "distances": distances, "groups": groups}
    drawn = rows_of_map(n_synthetic, len(positions) - n_synthetic, seed=seed)
    indices, distances = neighbors.nearest_of_sample(positions, drawn, seed=seed, progress=progress)
    groups = neighbors.near_duplicate_groups_of_many(positions, drawn, indices, distances)
    return {"indices": indices, "distances": distances, "groups": groups, "drawn": drawn}


def coordinates(positions: np.ndarray, graph: Arrays, *, seed: int) -> Arrays:
    """`xy` [n + m, 2], and `drawn`, how many rows the map was fitted on, where they are a sample.

    `positions` and `graph` are as `neighbour_graph` has them.
    """
    from synweight_core.projection import project

    indices, distances = graph["indices"], graph["distances"]
    if "drawn" not in graph:
        return {"xy": project(positions, indices, distances, seed=seed)}
    drawn = graph["drawn"]
    own = np.searchsorted(drawn, indices).astype(np.int32)
    fitted = project(np.asarray(positions[drawn], dtype=np.float32), own[drawn], distances[drawn], seed=seed)
    rest = np.setdiff1d(np.arange(len(positions)), drawn)
    xy = np.empty((len(positions), 2), dtype=np.float32)
    xy[drawn], xy[rest] = fitted, place(own[rest], distances[rest], fitted, seed=seed)
    return {"xy": xy, "drawn": np.array(len(drawn))}
