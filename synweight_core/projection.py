"""Vectors and their neighbour graph -> map coordinates, by UMAP. Imports umap: for worker processes."""

import warnings

import numpy as np
import umap

MIN_ROWS = 12  # fewer rows have no neighbourhoods to draw
# trustworthiness (15 neighbours): on three samples of 8,000 to 10,000 rows, 500 epochs gave 0.001 to 0.002 more than
# 150, and 100 gave 0.002 to 0.011 less; on 1,460 rows 500 gave 0.009 more. Between these sizes nothing was measured.
EPOCHS, EPOCHS_OF_FEW = 150, 500
FEW_ROWS = 3_000


def project(
    vectors: np.ndarray, indices: np.ndarray, distances: np.ndarray, *, seed: int = 0, min_dist: float = 0.1
) -> np.ndarray:
    """Map coordinates [n, 2] float32, the same for the same input and seed.

    `indices` and `distances` are those of `neighbors.nearest`. Below MIN_ROWS rows: the two principal
    components.
    """
    if len(vectors) < MIN_ROWS:
        centred = vectors - vectors.mean(axis=0)
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        return (left[:, :2] * sizes[:2]).astype(np.float32)
    own = np.arange(len(vectors), dtype=np.int32)[:, None]
    graph_indices = np.hstack([own, indices])  # UMAP counts each row as its own first neighbour
    graph_distances = np.hstack([np.zeros_like(distances[:, :1]), distances])
    reducer = umap.UMAP(
        n_neighbors=graph_indices.shape[1],
        min_dist=min_dist,
        init="pca",
        n_epochs=EPOCHS if len(vectors) > FEW_ROWS else EPOCHS_OF_FEW,
        random_state=seed,
        n_jobs=1,
        precomputed_knn=(graph_indices, graph_distances),
    )
    with warnings.catch_warnings():
        # it warns that a precomputed graph without a search index cannot place new rows: none are placed
        warnings.filterwarnings("ignore", message="precomputed_knn", category=UserWarning)
        return reducer.fit_transform(vectors).astype(np.float32)
