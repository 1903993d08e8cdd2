"""Rows that hold a text, match a pattern, or lie close to a vector. Pure functions on columns and arrays.

A query comes from outside: a text is only compared, and a pattern has a limit on its time and its size.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import regex

from synweight_core.errors import DataError

MAX_QUERY_CHARS = 1000
_BLOCK_ROWS = 8192
_VECTOR_BLOCK_BYTES = 1 << 19  # a block that lies unaligned in its file is copied: then it stays in the cache
_GLANCE_SECONDS = 0.02  # a match this short may hold the interpreter's lock, a longer one lets others work
_STUCK_SECONDS = 0.2
_MAX_UNROLLED = 1_000_000  # characters; compilation writes repeats out, and has no time limit of its own
_COUNTS = regex.compile(r"\{([0-9]*),?([0-9]*)\}")
_VERBOSE = regex.compile(r"\(\?[A-Za-z0-9]*x")
_CALLS = regex.compile(r"\(\?(?:R|\d|&|P>|P&)")


@dataclass(frozen=True, eq=False)
class RegexHits:
    """What a pattern found in the time that it had."""

    rows: np.ndarray  # [k] int64, ascending
    tried: int  # the first `tried` rows were tried to their end
    ran_out: bool  # time ended before the last row
    stuck_row: int | None  # the row that took the time, where it was one row


def exact(texts: Sequence[pd.Series], query: str) -> np.ndarray:
    """Positions of the rows where any of the texts (strings, [n] each) holds the query. [k] int64, ascending

    Upper and lower case are the same, letter by letter ("ÄPFEL" finds "äpfel"; "ss" does not find "ß").

    Raises:
        DataError: the query is longer than MAX_QUERY_CHARS, or no valid Unicode.
    """
    query = _checked_query(query)
    return np.flatnonzero(np.logical_or.reduce([_holds(each, query) for each in texts]))


def matching(texts: Sequence[pd.Series], pattern: str, *, max_seconds: float = 2.0) -> RegexHits:
    """The rows where any of the texts (strings, [n] each) matches a regular expression somewhere.

    Patterns are those of the package `regex`; upper and lower case differ unless it begins with "(?i)".
    All rows together have `max_seconds`.

    Raises:
        DataError: the pattern is longer than MAX_QUERY_CHARS, is no regular expression, or would take too much
            memory.
    """
    compiled = _compiled(pattern)
    deadline = time.monotonic() + max_seconds
    rows: list[int] = []
    row = -1
    for row, sides in enumerate(_row_texts(texts)):
        started = time.monotonic()
        try:
            if any(_matches(compiled, text, deadline) for text in sides):
                rows.append(row)
        except (TimeoutError, MemoryError):
            is_stuck = time.monotonic() - started >= min(_STUCK_SECONDS, max_seconds / 2)
            return RegexHits(np.array(rows, dtype=np.int64), row, True, row if is_stuck else None)
    return RegexHits(np.array(rows, dtype=np.int64), row + 1, False, None)


def similar(vectors: np.ndarray, query_vector: np.ndarray, *, limit: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """The rows closest to a vector, best first: positions [k] int64 and cosine similarities [k] float32.

    `vectors` [n, d] and `query_vector` [d] have length 1; k is at most `limit` and n.
    """
    scores = cosines(vectors, query_vector)
    rows = best(scores, limit)
    return rows, scores[rows]


def cosines(vectors: np.ndarray, query_vector: np.ndarray) -> np.ndarray:
    """Cosine similarity of unit vectors [n, d], which may be a memory map, to one of them [d]. [n] float32"""
    query = np.asarray(query_vector, dtype=np.float32)
    step = max(1, _VECTOR_BLOCK_BYTES // max(1, vectors.shape[1] * vectors.itemsize))
    scores = np.empty(len(vectors), dtype=np.float32)
    for start in range(0, len(vectors), step):
        scores[start : start + step] = np.asarray(vectors[start : start + step], dtype=np.float32) @ query
    return scores


def best(scores: np.ndarray, limit: int) -> np.ndarray:
    """Positions of the `limit` highest scores, highest first, equal ones in order of position. [k] int64"""
    limit = min(limit, len(scores))
    if limit == 0:
        return np.empty(0, dtype=np.int64)
    least = np.partition(scores, -limit)[-limit]
    candidates = np.flatnonzero(scores >= least)
    return candidates[np.argsort(-scores[candidates], kind="stable")][:limit]


def _holds(texts: pd.Series, query: str) -> np.ndarray:
    return np.asarray(pc.match_substring(pa.array(texts), query, ignore_case=True).fill_null(False), dtype=bool)


def _compiled(pattern: str) -> "regex.Pattern[str]":
    if _VERBOSE.search(pattern):
        raise DataError("The flag x, for patterns with blanks and comments, is not possible here. Leave it out.")
    if _CALLS.search(pattern):  # a group that calls itself fills memory without end
        raise DataError("Calls of groups, such as (?R) or (?1), are not possible here. Write the group out.")
    if len(_checked_query(pattern)) * _repeats(pattern) > _MAX_UNROLLED:
        raise DataError("The repeat counts in {} of this expression are too large together. Use smaller ones, + or *.")
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise DataError(
            f"This is no regular expression: {error}. Correct it, or search for it as plain text."
        ) from error


def _repeats(pattern: str) -> int:
    """How often a part of the pattern is written out at most, when it is compiled: as if all counts were nested."""
    counts = [[int(count or 1) for count in found] for found in _COUNTS.findall(pattern)]
    return math.prod(max(1, *each) for each in counts)


def _matches(compiled: "regex.Pattern[str]", text: str, deadline: float) -> bool:
    """Whether the pattern is in the text. Raises TimeoutError at the deadline."""
    try:
        return compiled.search(text, timeout=min(_GLANCE_SECONDS, _left(deadline))) is not None
    except TimeoutError:
        return compiled.search(text, timeout=_left(deadline), concurrent=True) is not None


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _row_texts(texts: Sequence[pd.Series]) -> Iterator[tuple[str, ...]]:
    """The texts of each row, made into Python's strings block by block."""
    for start in range(0, len(texts[0]), _BLOCK_ROWS):
        yield from zip(*(each.iloc[start : start + _BLOCK_ROWS].tolist() for each in texts), strict=True)


def _checked_query(query: str) -> str:
    """The query. Raises DataError when it is too long, or holds half a character (which no file has)."""
    if len(query) > MAX_QUERY_CHARS:
        raise DataError(
            f"The search has {len(query):,} characters; at most {MAX_QUERY_CHARS:,} are possible. Shorten it."
        )
    try:
        query.encode()
    except UnicodeEncodeError as error:
        raise DataError("The search holds half a character. Type it again.") from error
    return query
