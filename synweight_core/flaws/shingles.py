"""How alike texts are letter by letter: signatures of their 5-grams, compared without reading the texts again.

MinHash (Broder 1997): the share of equal entries of two signatures estimates the Jaccard similarity of the sets of
5-grams, with a standard error of at most 0.09 at 32 entries. It knows no words, so that it serves every script.
"""

from collections.abc import Sequence

import numpy as np

SIZE = 5  # bytes of a shingle
HASHES = 32
BANDS = 8  # of four entries: a pair as alike as 0.8 is met in one of them with probability 0.985
MAX_CHARS = 2_000  # of a text that are read
_BLOCK = 4_000  # texts at once: their shingles take a few hundred megabytes at most
_CANDIDATES = 4  # looked at in each band
_RANDOM = np.random.default_rng(20).integers(1, 2**63, HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_MIX = np.uint64(0x9E3779B97F4A7C15)


def signatures(texts: Sequence[str]) -> np.ndarray:
    """The signature of each text, uint32 [n, HASHES]; `texts` as they are compared (`findings.normalised`)."""
    found = np.empty((len(texts), HASHES), dtype=np.uint32)
    for first in range(0, len(texts), _BLOCK):
        found[first : first + _BLOCK] = _signatures(texts[first : first + _BLOCK])
    return found


def likeness(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The estimated Jaccard similarity of texts with these signatures [k, HASHES] each, pair by pair. [k]"""
    return (one == other).mean(axis=1)


def alike(signatures: np.ndarray, known: np.ndarray, *, at_least: float) -> tuple[np.ndarray, np.ndarray]:
    """Which rows have a known one that is at least as alike as that, and which: rows and known rows, int64 [k] each."""
    best, partner = np.zeros(len(signatures)), np.full(len(signatures), -1)
    width = HASHES // BANDS
    for first in range(0, HASHES if len(known) else 0, width):
        keys = _keys(signatures[:, first : first + width])
        known_keys = _keys(known[:, first : first + width])
        order = np.argsort(known_keys, kind="stable")
        place = np.searchsorted(known_keys[order], keys)
        for step in range(_CANDIDATES):
            at = place + step
            met = np.flatnonzero((at < len(known)) & (known_keys[order[np.minimum(at, len(known) - 1)]] == keys))
            candidates = order[at[met]]
            score = likeness(signatures[met], known[candidates])
            better = score > best[met]
            best[met[better]], partner[met[better]] = score[better], candidates[better]
    rows = np.flatnonzero(best >= at_least)
    return rows, partner[rows]


def _keys(bands: np.ndarray) -> np.ndarray:
    """One number for the entries of a band, uint64 [n]."""
    keys = np.zeros(len(bands), dtype=np.uint64)
    for column in bands.T.astype(np.uint64):
        keys = (keys ^ column) * _MIX
        keys ^= keys >> np.uint64(29)
    return keys


def _signatures(texts: Sequence[str]) -> np.ndarray:
    encoded = [text[:MAX_CHARS].encode("utf-8", "surrogatepass").ljust(SIZE) for text in texts]
    lengths = np.array([len(text) for text in encoded])
    letters = np.frombuffer(b"".join(encoded), dtype=np.uint8).astype(np.uint64)
    windows = np.zeros(len(letters) - SIZE + 1, dtype=np.uint64)
    for i in range(SIZE):
        windows = windows << np.uint64(8) | letters[i : i + len(windows)]
    begins = np.cumsum(lengths) - lengths
    inside = np.ones(len(windows), dtype=bool)
    for i in range(1, SIZE):  # the last letters of a text begin no shingle of it
        inside[(begins[1:] - i)] = False
    windows = (windows[inside] ^ (windows[inside] >> np.uint64(17))) * _MIX
    starts = np.cumsum(lengths - SIZE + 1) - (lengths - SIZE + 1)
    hashed = [np.minimum.reduceat((windows * factor) >> np.uint64(32), starts) for factor in _RANDOM]
    return np.stack(hashed, axis=1).astype(np.uint32)
