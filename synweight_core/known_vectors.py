"""Vectors that an earlier version of a project has already: of equal texts they are not computed again.

It reads the cache and encodes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class KnownVectors:
    """Texts with their vectors: `places` says in which row of `vectors` [n, d] that of a text stands."""

    places: Mapping[str, int]
    vectors: np.ndarray


def known_vectors(texts: Sequence[str], vectors: np.ndarray) -> KnownVectors:
    """The vectors [n, d] of these n texts, to be found by text."""
    return KnownVectors({text: place for place, text in enumerate(texts)}, vectors)


def completed(texts: Sequence[str], known: KnownVectors, compute: Callable[[list[str]], np.ndarray]) -> np.ndarray:
    """The vectors of the texts, those that are not known by `compute`, whose type is that of all. [n, d]"""
    places = np.array([known.places.get(text, -1) for text in texts], dtype=np.int64)
    fresh = np.flatnonzero(places < 0)
    if not len(fresh):
        return np.asarray(known.vectors[places])
    computed = compute([texts[place] for place in fresh.tolist()])
    vectors = known.vectors[places].astype(computed.dtype)
    vectors[fresh] = computed
    return vectors
