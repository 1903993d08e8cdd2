"""A search over all rows of a project: which texts to look into, and the ways to look.

Positions are those of the map: synthetic rows, then known real rows. Adding a way is one row in WAYS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synweight_core import search
from synweight_core.data import Dataset
from synweight_core.prepare import load_positions
from synweight_core.projects import Project, load_dataset
from synweight_core.query_encoder import QueryEncoder


@dataclass(frozen=True, eq=False)
class Found:
    """Rows that a search found: `text` (both texts of a pair), `label`, `source`, by position on the map."""

    rows: pd.DataFrame
    notice: str = ""  # what the search could not do


Hits = tuple[np.ndarray, str]  # positions, notice
Way = Callable[[Project, list[pd.Series], str], Hits]


def find_rows(project: Project, query: str, *, way: str = "text") -> Found:
    """The rows that a search finds, in order of position; by "similar" the closest first.

    Raises:
        DataError: the query cannot be searched for.
        NotFoundError: "similar" was asked for, and the project is not prepared.
        SynweightError: the encoder did not answer.
    """
    rows = map_texts(load_dataset(project))
    sides = [rows["text"], rows["text_b"]] if project.is_pairs else [rows["text"]]
    positions, notice = WAYS[way](project, sides, query)
    chosen = rows.iloc[positions]
    text = chosen["text"] + " | " + chosen["text_b"] if project.is_pairs else chosen["text"]
    return Found(chosen[["label", "source"]].assign(text=text), notice)


def map_texts(dataset: Dataset) -> pd.DataFrame:
    """text, text_b, label and source ("synthetic", "real") of the rows in the order of the map."""
    names = ["text", "text_b", "label"]
    parts = (("synthetic", dataset.synthetic), ("real", dataset.known_real))
    return pd.concat([rows[names].assign(source=source) for source, rows in parts], ignore_index=True)


def _by_text(project: Project, sides: list[pd.Series], query: str) -> Hits:
    return search.exact(sides, query), ""


def _by_pattern(project: Project, sides: list[pd.Series], query: str) -> Hits:
    hits = search.matching(sides, query)
    if not hits.ran_out:
        return hits.rows, ""
    where = f" Row {hits.stuck_row} took too long: simplify the expression." if hits.stuck_row is not None else ""
    return hits.rows, f"Time ran out after {hits.tried:,} of {len(sides[0]):,} rows.{where}"


def _by_meaning(project: Project, sides: list[pd.Series], query: str) -> Hits:
    vectors = load_positions(project)
    encoder = QueryEncoder(project.encoder)
    try:
        return search.similar(vectors, encoder.encode(query))[0], ""
    finally:
        encoder.close()


WAYS: Mapping[str, Way] = {"text": _by_text, "regex": _by_pattern, "similar": _by_meaning}
