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
from synweight_core.sentence_process import MAX_QUERY_CHARS


@dataclass(frozen=True, eq=False)
class Found:
    """Rows that a search found: `text` (both texts of a pair), `label`, `source`, by position on the map."""

    rows: pd.DataFrame
    notice: str = ""  # what the search could not do


@dataclass(frozen=True, eq=False)
class Hits:
    """Positions of rows; where a way ranks them, the best first and `match` their cosine similarities."""

    rows: np.ndarray  # [k] int64
    match: np.ndarray | None = None
    notice: str = ""


@dataclass(frozen=True)
class Way:
    """One way to search: its name, what to type, and the function. The encoder starts only when it is asked."""

    label: str
    hint: str
    find: Callable[[Project, list[pd.Series], str, QueryEncoder], Hits]


def find_rows(project: Project, query: str, *, way: str = "text") -> Found:
    """The rows that a search finds, in order of position; by "similar" the closest first.

    Raises:
        DataError: the query cannot be searched for.
        NotFoundError: "similar" was asked for, and the project is not prepared.
        SynweightError: the encoder did not answer.
    """
    rows = map_texts(load_dataset(project))
    encoder = QueryEncoder(project.encoder)
    try:
        hits = WAYS[way].find(project, texts_of(project, rows), query, encoder)
    finally:
        encoder.close()
    chosen = rows.iloc[hits.rows]
    text = chosen["text"] + " | " + chosen["text_b"] if project.is_pairs else chosen["text"]
    return Found(chosen[["label", "source"]].assign(text=text), hits.notice)


def closest_rows(project: Project, rows: pd.DataFrame, encoder: QueryEncoder, *, each: int = 5) -> np.ndarray:
    """Positions of the rows of the map that are closest in meaning to these (text, text_b), `each` of every one.

    Texts that are too long to ask about are cut. Raises NotFoundError and SynweightError as `find_rows` does.
    """
    vectors, found = load_positions(project), []
    for text, second in zip(rows["text"], rows["text_b"], strict=True):
        vector = encoder.answer(text[:MAX_QUERY_CHARS], second[:MAX_QUERY_CHARS] if project.is_pairs else None)
        found.append(search.similar(vectors, vector, limit=each)[0])
    return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


def texts_of(project: Project, rows: pd.DataFrame) -> list[pd.Series]:
    """The columns that are searched: one, or both texts of pairs."""
    return [rows["text"], rows["text_b"]] if project.is_pairs else [rows["text"]]


def map_texts(dataset: Dataset) -> pd.DataFrame:
    """text, text_b, label and source ("synthetic", "real") of the rows in the order of the map."""
    names = ["text", "text_b", "label"]
    parts = (("synthetic", dataset.synthetic), ("real", dataset.known_real))
    return pd.concat([rows[names].assign(source=source) for source, rows in parts], ignore_index=True)


def _by_text(project: Project, sides: list[pd.Series], query: str, encoder: QueryEncoder) -> Hits:
    return Hits(search.exact(sides, query))


def _by_pattern(project: Project, sides: list[pd.Series], query: str, encoder: QueryEncoder) -> Hits:
    hits = search.matching(sides, query)
    if not hits.ran_out:
        return Hits(hits.rows)
    where = f" Row {hits.stuck_row} took too long: simplify the expression." if hits.stuck_row is not None else ""
    return Hits(hits.rows, notice=f"Time ran out after {hits.tried:,} of {len(sides[0]):,} rows.{where}")


def _by_meaning(project: Project, sides: list[pd.Series], query: str, encoder: QueryEncoder) -> Hits:
    vector = encoder.answer(query, query if project.is_pairs else None)
    return Hits(*search.similar(load_positions(project), vector))


WAYS: Mapping[str, Way] = {
    "text": Way("Text", "Words as they stand in the text, upper or lower case", _by_text),
    "regex": Way("Pattern", r"A regular expression, for example order \d{5}", _by_pattern),
    "similar": Way("Meaning", "A sentence: the 50 rows most like it", _by_meaning),
}
