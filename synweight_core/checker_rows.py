"""Rows as checkers read them, vectors or texts, each made only when it is read. It judges nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from synweight_core.pairs import Features

if TYPE_CHECKING:
    from synweight_core.prediction import LabelledTexts


@dataclass(frozen=True)
class Rows:
    """What checkers may read of rows: vectors or texts, both made only when they are read.

    The functions give those of all rows of a project; `positions` says which of them are meant. [n] int
    """

    all_features: Callable[[], np.ndarray | Features]
    all_texts: Callable[[], Sequence[str]]
    all_texts_b: Callable[[], Sequence[str]] | None
    positions: np.ndarray

    @classmethod
    def of_features(cls, features: np.ndarray) -> "Rows":
        """Rows without texts. [n, d]"""
        return cls(lambda: features, lambda: [""] * len(features), None, np.arange(len(features)))

    def __len__(self) -> int:
        """n."""
        return len(self.positions)

    def take(self, which: np.ndarray | slice) -> "Rows":
        """Some of these rows, by positions, a mask or a slice."""
        return replace(self, positions=self.positions[which])

    @property
    def features(self) -> np.ndarray:
        """What linear checkers read. [n, d]"""
        return self.all_features()[self.positions]

    def labelled(self, labels: np.ndarray | None = None) -> "LabelledTexts":
        """What fine-tuned checkers read, with these labels, or with none that are meant."""
        from synweight_core.prediction import LabelledTexts  # torch: not for linear checkers

        at, texts, second = (
            self.positions.tolist(),
            self.all_texts(),
            None if self.all_texts_b is None else self.all_texts_b(),
        )
        return LabelledTexts(
            [texts[i] for i in at],
            np.zeros(len(self), dtype=int) if labels is None else labels,
            None if second is None else [second[i] for i in at],
        )
