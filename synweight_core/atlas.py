"""The map as a Parquet file that Embedding Atlas opens. It draws nothing.

    embedding-atlas atlas.parquet --text text --x x --y y --neighbors neighbors

Rows are those of the map: synthetic, then known real. Besides what `map_rows` makes, `weight` (NaN for real rows)
and `neighbors`, whose ids are positions in this file: {"ids": [...], "distances": [...]}, as its documentation of
the command line says (apple.github.io/embedding-atlas/tool.html).
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synweight_core import cache
from synweight_core.curated import edit_words, relabelled
from synweight_core.curation import Curation
from synweight_core.map_rows import map_rows, with_edits, with_weights
from synweight_core.prepare import Prepared, cache_key
from synweight_core.projects import Project, load_dataset

COMMAND = "embedding-atlas atlas.parquet --text text --x x --y y --neighbors neighbors"


def write_atlas(
    project: Project, path: Path | BinaryIO, *, prepared: Prepared, curation: Curation, weights: np.ndarray
) -> None:
    """Write the rows of the map with the weights of the synthetic ones [n] to `path`."""
    table = pa.Table.from_pandas(_rows(project, prepared, curation, weights), preserve_index=False)
    graph = cache.load("graph", cache_key(project, "graph"))
    if graph is not None:
        table = table.append_column("neighbors", neighbours(graph["indices"], graph["distances"]))
    pq.write_table(table, path)


def neighbours(indices: np.ndarray, distances: np.ndarray) -> pa.StructArray:
    """{"ids", "distances"} of each row, from arrays [n, k] int and float."""
    n, k = indices.shape
    ends = pa.array(np.arange(n + 1, dtype=np.int64) * k)
    lists = [pa.LargeListArray.from_arrays(ends, pa.array(values.ravel())) for values in (indices, distances)]
    return pa.StructArray.from_arrays(lists, names=["ids", "distances"])


def _rows(project: Project, prepared: Prepared, curation: Curation, weights: np.ndarray) -> pd.DataFrame:
    dataset = load_dataset(project)
    rows = with_weights(map_rows(dataset, prepared), weights)
    if not curation.edited:
        return rows
    return with_edits(rows, relabelled(prepared, curation), dataset.labels, edit_words(curation))
