"""Openings that many synthetic rows share word by word and real rows do not: found by counting, in any language."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from synweight_core.flaws.hits import CHANCE, Hits, parts, together
from synweight_core.flaws.seen import Seen

LENGTHS = (12, 8, 5)  # words of an opening, the longest first
CHARACTERS_A_WORD = 2  # in scripts that set no spaces
SURE = 8  # words that nobody shares with many by chance
MIN_ROWS = 10
MIN_SHARE = 0.002  # of the rows
_SHOWN = 3
_SPACED = 3  # spaces in the median text: fewer, and words cannot be told by them


def openings(seen: Seen) -> Hits:
    """Where the same first words stand in many synthetic rows, and in far fewer real ones."""
    found, told = [], []
    for number, side in enumerate(seen.sides):
        rows, ends, names = _of_side(seen.synthetic[side], seen.real[side])
        found.append(parts(rows, number, np.zeros(len(rows)), ends))
        told += names
    several = sorted(told, key=lambda each: -each[1])[:_SHOWN]
    sentence = "; ".join(f'"{opening}" ({count:,} rows)' for opening, count in several)
    return together(found, sentence=sentence)


def _of_side(texts: pd.Series, real: pd.Series) -> tuple[np.ndarray, np.ndarray, list[tuple[str, int]]]:
    """Rows with such an opening, where it ends, and the openings with their rows."""
    is_spaced = pd.concat([texts, real]).str.count(" ").median() >= _SPACED
    cuts, cuts_real = (_cuts(each.tolist(), is_spaced=bool(is_spaced)) for each in (texts, real))
    ends = np.zeros(len(texts), dtype=np.int64)
    told = []
    for length in LENGTHS:
        openings, openings_real = (_begun(each, at[:, LENGTHS.index(length)]) for each, at in
                                   ((texts, cuts), (real, cuts_real)))  # fmt: skip
        counts = openings[ends == 0].value_counts().drop("", errors="ignore")
        counts = counts[counts >= max(MIN_ROWS, MIN_SHARE * len(texts))]
        in_real = openings_real.value_counts().reindex(counts.index, fill_value=0)
        kept = counts[_is_habit(counts.to_numpy(), len(texts), in_real.to_numpy(), len(real), length)]
        hit = openings.isin(set(kept.index)).to_numpy() & (ends == 0)
        ends[hit] = cuts[hit, LENGTHS.index(length)]
        told += list(zip(kept.index.tolist(), kept.tolist(), strict=True))
    rows = np.flatnonzero(ends)
    return rows, ends[rows], told


def _is_habit(counts: np.ndarray, n: int, in_real: np.ndarray, m: int, length: int) -> np.ndarray:
    """Which openings real rows would hold more often if they were used as freely there. bool [k]

    By the hypergeometric distribution: the chance of as few real rows as these among all rows with the opening.
    """
    from scipy.stats import hypergeom

    chance = hypergeom.cdf(in_real, n + m, counts + in_real, m)
    return (chance < CHANCE) | ((in_real == 0) & (length >= SURE))


def _cuts(texts: Sequence[str], *, is_spaced: bool) -> np.ndarray:
    """Where the first words of each text end, for each of LENGTHS; 0 where it has no more than these. [n, lengths]"""
    if not is_spaced:
        lengths = np.array([len(text) for text in texts], dtype=np.int64)[:, None]
        wanted = np.array(LENGTHS) * CHARACTERS_A_WORD
        return np.where(lengths > wanted, wanted, 0)
    return np.array([_word_ends(text) for text in texts], dtype=np.int64).reshape(-1, len(LENGTHS))


def _word_ends(text: str) -> list[int]:
    pieces = text.split(maxsplit=LENGTHS[0])
    ends = []
    for length in LENGTHS:
        ends.append(len(text) - len(text.split(maxsplit=length)[length]) if len(pieces) > length else 0)
    return ends


def _begun(texts: pd.Series, cuts: np.ndarray) -> pd.Series:
    """The openings as they are compared: lower case, single spaces."""
    begun = [" ".join(text[:cut].casefold().split()) for text, cut in zip(texts, cuts.tolist(), strict=True)]
    return pd.Series(begun, dtype=str)
