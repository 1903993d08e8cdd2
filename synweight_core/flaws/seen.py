"""What the detectors of flaws read: texts, labels, and what the preparation computed. It judges nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from synweight_core import cache
from synweight_core.data import Dataset, label_codes
from synweight_core.findings import pair_keys
from synweight_core.models import MINILM


def no_token_counts(texts: Sequence[str]) -> tuple[np.ndarray, int]:
    """No encoder: every text is short enough."""
    return np.zeros(len(texts), dtype=np.int64), 1


@dataclass(frozen=True, eq=False)
class Seen:
    """A data set as detectors see it; rows in the order synthetic (n), known real (m). Test rows stand apart.

    `indices` and `distances` are the neighbour graph [n + m, k]; `quality` is the quality checker's log-probabilities
    [n + m, K], nats. `token_counts` gives the tokens of texts and how many the encoder reads.
    """

    synthetic: pd.DataFrame
    real: pd.DataFrame
    test: pd.DataFrame
    names: tuple[str, ...]
    indices: np.ndarray
    distances: np.ndarray
    quality: np.ndarray
    encoder: str = MINILM
    token_counts: Callable[[Sequence[str]], tuple[np.ndarray, int]] = field(default=no_token_counts)

    @cached_property
    def sides(self) -> tuple[str, ...]:
        """The columns that hold texts."""
        return ("text", "text_b") if (self.synthetic["text_b"] != "").any() else ("text",)

    @property
    def n(self) -> int:
        """How many rows are synthetic."""
        return len(self.synthetic)

    @cached_property
    def keys(self) -> pd.Series:
        """What makes two synthetic rows the same text."""
        return pair_keys(self.synthetic)

    @cached_property
    def real_keys(self) -> pd.Series:
        """As `keys`, of the known real rows."""
        return pair_keys(self.real)

    def joined(self, frame: pd.DataFrame) -> list[str]:
        """The text of each row, or both of its texts as one."""
        if len(self.sides) == 1:
            return frame["text"].tolist()
        return (frame["text"] + " " + frame["text_b"]).tolist()

    @cached_property
    def label_codes(self) -> np.ndarray:
        """Positions in `names` of the labels of the synthetic rows, int64 [n]."""
        return label_codes(self.synthetic["label"], self.names)


def seen(dataset: Dataset, *, graph: cache.Arrays, quality: np.ndarray, encoder: str) -> Seen:
    """A data set with its graph and its quality checker's log-probabilities, tokens counted by its encoder."""

    def token_counts(texts: Sequence[str]) -> tuple[np.ndarray, int]:
        from synweight_core.embedding import token_counts

        return token_counts(texts, encoder=encoder)

    real = dataset.real
    return Seen(
        synthetic=dataset.synthetic,
        real=dataset.known_real,
        test=real[real["split"] == "test"],
        names=dataset.labels,
        indices=graph["indices"],
        distances=graph["distances"],
        quality=quality,
        encoder=encoder,
        token_counts=token_counts,
    )
