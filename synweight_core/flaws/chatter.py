"""Generators that speak for themselves: chat templates, talk to whoever asked, unfilled slots, lists, list marks."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from synweight_core.flaws.hits import Hits, first_parts, found_in, is_unusual, parts, search, together, whole_rows
from synweight_core.flaws.phrases import LISTS, MARKS, PLACEHOLDER, TALK, TEMPLATE
from synweight_core.flaws.seen import Seen

_LIST_MARK, _OPENING_QUOTE, _CLOSING_QUOTE = MARKS
_QUOTES = '["“”„«»]'


def template(seen: Seen) -> Hits:
    """Fragments of chat templates and prompts: `<|eot_id|>`, `[INST]`, "Assistant:"."""
    return search(seen, TEMPLATE)


def talk(seen: Seen) -> Hits:
    """The generator's own talk: "As an AI language model", "Here are ten examples"."""
    return search(seen, [pattern for patterns in TALK.values() for pattern in patterns])


def placeholder(seen: Seen) -> Hits:
    """Slots that were never filled: "[Your Name]", "{product}"."""
    return search(seen, PLACEHOLDER)


def lists(seen: Seen) -> Hits:
    """Several numbered or bulleted items in one row."""
    found = search(seen, LISTS)
    return whole_rows(np.unique(found.rows))


def marks(seen: Seen) -> Hits:
    """A list number, a bullet, or quotation marks around the text, left over from the generator's list."""
    listed = np.zeros(seen.n, dtype=bool)
    listed[lists(seen).rows] = True
    return together(
        hits
        for side, name in enumerate(seen.sides)
        for hits in _marks_of(seen.synthetic[name], seen.real[name], ~listed, side)
    )


def _marks_of(texts: pd.Series, real: pd.Series, free: np.ndarray, side: int) -> list[Hits]:
    """List marks, quotes around a text, and quotes without their partner, each where real rows have fewer."""
    found = []
    quoted, in_real = _quoted(texts), _quoted(real)
    for pattern, mask, count in (
        (_LIST_MARK, found_in(texts, _LIST_MARK), int(found_in(real, _LIST_MARK).sum())),
        *((pattern, quoted[shape], int(in_real[shape].sum())) for shape, pattern in _SHAPES),
    ):
        rows = np.flatnonzero(mask & free)
        if len(rows) and is_unusual(len(rows), len(texts), count, len(real)):
            which, starts, ends = first_parts(texts.iloc[rows], pattern)
            found.append(parts(rows[which], side, starts, ends))
    return found


_SHAPES = (("both", _OPENING_QUOTE), ("both", _CLOSING_QUOTE), ("first", _OPENING_QUOTE), ("last", _CLOSING_QUOTE))


def _quoted(texts: pd.Series) -> dict[str, np.ndarray]:
    """Which texts have quotes around all of them, and which a single one, first or last. bool [n] each"""
    begins, ends = found_in(texts, _OPENING_QUOTE), found_in(texts, _CLOSING_QUOTE)
    count = pc.count_substring_regex(pa.array(texts, type=pa.large_string(), from_pandas=True), _QUOTES)
    count = count.to_numpy(zero_copy_only=False)
    return {"both": begins & ends & (count == 2), "first": begins & (count == 1), "last": ends & (count == 1)}
