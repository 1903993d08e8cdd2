"""Two vectors of a text pair -> what probes read and where the pair lies on the map."""

import numpy as np


def pair_features(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """|u - v| and u * v of pairs of vectors, for linear classifiers. [n, 2d]"""
    return np.concatenate([np.abs(first - second), first * second], axis=1)


def pair_positions(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The unit vector between the two sides of each pair, for the map. [n, d]"""
    middle = first + second
    return middle / np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-12)
