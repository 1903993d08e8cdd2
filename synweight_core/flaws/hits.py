"""Rows that a detector names, with the part of the text that it means; and patterns searched in many texts.

Patterns are RE2's (by pyarrow): their time is linear in the text, whatever the text. `\\b`, `\\w` and `\\W` know ASCII
only there; letters of all scripts are `\\p{L}`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from synweight_core.flaws.seen import Seen

MAX_PARTS = 20  # of one pattern in one text
_ANCHOR = re.compile(r"(?<!\[)\^")  # such a pattern stands at one place only
CHANCE = 0.01  # how often as many synthetic rows as these may be found where real rows do the same


def _no_note(i: int) -> str:
    return ""


@dataclass(frozen=True, eq=False)
class Hits:
    """Rows with a flaw, and where it stands in their text; the columns are [k].

    A row may stand here more than once, with another part or side. `sentence` is what is said of the whole, and all
    that a flaw of no single row has; `note(i)` says more of one hit.
    """

    rows: np.ndarray  # int64, positions on the map: synthetic rows first
    sides: np.ndarray  # int8: 0 text, 1 text_b
    starts: np.ndarray  # int64, characters
    ends: np.ndarray  # int64; equal to the start where no part is meant
    sentence: str = ""
    note: Callable[[int], str] = _no_note


def whole_rows(rows: np.ndarray, *, sentence: str = "", note: Callable[[int], str] = _no_note) -> Hits:
    """Hits of rows of which no part is meant. `rows` is [k] int."""
    nothing = np.zeros(len(rows), dtype=np.int64)
    return Hits(rows.astype(np.int64), nothing.astype(np.int8), nothing, nothing, sentence, note)


def parts(rows: np.ndarray, side: int, starts: np.ndarray, ends: np.ndarray) -> Hits:
    """Hits with a part each, all on one side."""
    return Hits(
        rows.astype(np.int64), np.full(len(rows), side, np.int8), starts.astype(np.int64), ends.astype(np.int64)
    )


def together(found: Iterable[Hits], *, sentence: str = "") -> Hits:
    """Hits of several searches as one, in the order of rows; parts that overlap an earlier one are left out."""
    each = [whole_rows(np.empty(0)), *found]
    rows, sides, starts, ends = (
        np.concatenate([getattr(hits, name) for hits in each]) for name in ("rows", "sides", "starts", "ends")
    )
    order = np.lexsort((-ends, starts, sides, rows))
    rows, sides, starts, ends = rows[order], sides[order], starts[order], ends[order]
    kept = _apart(rows, sides, starts, ends)
    return Hits(rows[kept], sides[kept], starts[kept], ends[kept], sentence)


def found_in(texts: pd.Series, pattern: str) -> np.ndarray:
    """Which texts hold the pattern. bool [n]"""
    return _mask(pc.match_substring_regex(_strings(texts), pattern))


def first_parts(texts: pd.Series, pattern: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The texts that hold the pattern, and where it first stands there: rows, starts, ends, int64 [k] each.

    The pattern may hold no named group.
    """
    strings = _strings(texts)
    rows = np.flatnonzero(_mask(pc.match_substring_regex(strings, pattern)))
    split = pc.extract_regex(strings.take(pa.array(rows)), rf"\A(?P<head>(?s:.*?))(?P<part>{pattern})")
    heads, lengths = (pc.utf8_length(pc.struct_field(split, name)) for name in ("head", "part"))
    starts = heads.to_numpy(zero_copy_only=False).astype(np.int64)
    return rows, starts, starts + lengths.to_numpy(zero_copy_only=False).astype(np.int64)


def all_parts(texts: pd.Series, pattern: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `first_parts`, with each place where the pattern stands, MAX_PARTS of a text at most."""
    rows, starts, ends = first_parts(texts, pattern)
    each = [(rows, starts, ends)]
    while len(rows) and len(each) < MAX_PARTS and not _ANCHOR.search(pattern):
        rest = [text[end:] for text, end in zip(texts.iloc[rows], ends.tolist(), strict=True)]
        again, more_starts, more_ends = first_parts(pd.Series(rest, dtype=str), pattern)
        rows, starts, ends = rows[again], ends[again] + more_starts, ends[again] + more_ends
        each.append((rows, starts, ends))
    rows, starts, ends = (np.concatenate(column) for column in zip(*each, strict=True))
    return rows, starts, ends


def search(seen: Seen, patterns: Sequence[str]) -> Hits:
    """Where these patterns stand in synthetic texts; one that real rows hold as often is no flaw of this set."""
    found = []
    for side, name in enumerate(seen.sides):
        for pattern in patterns:
            rows, starts, ends = all_parts(seen.synthetic[name], pattern)
            in_real = int(found_in(seen.real[name], pattern).sum())
            if len(rows) and is_unusual(len(np.unique(rows)), seen.n, in_real, len(seen.real)):
                found.append(parts(rows, side, starts, ends))
    return together(found)


def is_unusual(count: int, n: int, in_real: int, m: int) -> bool:
    """Whether `count` of n synthetic rows are more than `in_real` of m real rows let expect; any, where that is 0.

    By Fisher's exact test, one-sided, at the level CHANCE.
    """
    from scipy.stats import hypergeom

    if in_real == 0:
        return True
    return bool(hypergeom.sf(count - 1, n + m, count + in_real, n) < CHANCE)


def _apart(rows: np.ndarray, sides: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Which parts, in order, begin after all earlier ones of their text have ended. bool [k]"""
    kept = np.ones(len(rows), dtype=bool)
    repeated = np.flatnonzero((rows[1:] == rows[:-1]) & (sides[1:] == sides[:-1])) + 1
    for i in repeated.tolist():
        last = i - 1
        while not kept[last]:
            last -= 1
        kept[i] = starts[i] >= ends[last] and ends[i] > starts[i]
    return kept


def _strings(texts: pd.Series) -> pa.Array:
    strings = pa.array(texts, type=pa.large_string(), from_pandas=True)
    return strings.combine_chunks() if isinstance(strings, pa.ChunkedArray) else strings


def _mask(found: pa.Array) -> np.ndarray:
    return found.fill_null(False).to_numpy(zero_copy_only=False)
