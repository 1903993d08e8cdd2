"""Vectors of texts, or of text pairs -> what probes read and where a pair lies on the map."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Features:
    """What linear probes read of rows, made of their vectors when it is asked for. [n, d], or [n, 2d] of pairs

    `sides` are the vectors of the texts, or of both sides of pairs: float32 or float16, maybe memory maps. Indexed
    as an array by rows (positions, a mask or a slice), it gives float32.
    """

    sides: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        """n."""
        return len(self.sides[0])

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        """The features of these rows. float32"""
        read = [np.asarray(side[rows], dtype=np.float32) for side in self.sides]
        return pair_features(*read) if len(read) == 2 else read[0]


def pair_features(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """|u - v| and u * v of pairs of vectors, for linear classifiers. [n, 2d]"""
    return np.concatenate([np.abs(first - second), first * second], axis=1)


def pair_positions(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The unit vector between the two sides of each pair, for the map. [n, d]"""
    middle = first + second
    return middle / np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-12)
