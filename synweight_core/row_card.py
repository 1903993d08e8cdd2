"""What a click on one row of the map shows, as data: predictions, nearest rows, copies.

Pure arithmetic on the computed columns; texts and figures are added by whoever shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synweight_core.errors import DataError
from synweight_core.prepare import Prepared
from synweight_core.search import best, cosines

BEST_LABELS = 5
NEAREST_ROWS = 5

Prediction = tuple[str, float]  # label, probability
Neighbour = tuple[int, float]  # position, cosine similarity


@dataclass(frozen=True)
class RowCard:
    """One row of the map. Lists are best first, and shorter where there is less to tell."""

    row: int
    quality_predictions: list[Prediction]
    diversity_predictions: list[Prediction]
    nearest_real: list[Neighbour]
    nearest_synthetic: list[Neighbour]
    copies: int  # other rows of its near-duplicate group


def row_card(row: int, vectors: np.ndarray, prepared: Prepared, labels: Sequence[str]) -> RowCard:
    """The card of the row at a position of the map.

    `vectors` are those of `prepare.load_positions`, [n + m, d], and `labels` the K names of the classes. The
    nearest rows are exact, and the row itself is none of them.

    Raises:
        DataError: there is no such row.
    """
    if not 0 <= row < len(vectors):
        raise DataError(f"Row {row} was asked for; expected 0 to {len(vectors) - 1}. Choose a row on the map.")
    scores = cosines(vectors, np.asarray(vectors[row]))
    scores[row] = -np.inf
    n = prepared.n_synthetic
    return RowCard(
        row=row,
        quality_predictions=_predictions(prepared.quality[row], labels),
        diversity_predictions=_predictions(prepared.diversity[row], labels),
        nearest_real=_nearest(scores[n:], first=n),
        nearest_synthetic=_nearest(scores[:n], first=0),
        copies=int(np.count_nonzero(prepared.groups == prepared.groups[row])) - 1,
    )


def _predictions(log_probs: np.ndarray, labels: Sequence[str]) -> list[Prediction]:
    """The likeliest labels; those that the checker does not know (NaN) are left out."""
    order = best(np.nan_to_num(log_probs, nan=-np.inf), BEST_LABELS)
    return [(labels[k], float(np.exp(log_probs[k]))) for k in order if not np.isnan(log_probs[k])]


def _nearest(scores: np.ndarray, *, first: int) -> list[Neighbour]:
    """The best of a part of the rows that begins at position `first`, without the row itself (-inf)."""
    rows = best(scores, NEAREST_ROWS)
    return [(int(row) + first, float(scores[row])) for row in rows if np.isfinite(scores[row])]
