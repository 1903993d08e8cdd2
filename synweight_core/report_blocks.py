"""What a report is made of: sections of blocks, and figures as people read them.

Plain values only: the template escapes all texts, so that none of them is ever HTML.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup

from synweight_core.crossed import Interval
from synweight_core.trust_words import percent

MAX_CHARS = 300  # of a text from a file
MAX_NAME_CHARS = 60  # of a name: class, file, setting
MAX_ROWS = 30  # of a table
NOTHING = "–"


@dataclass(frozen=True)
class Words:
    """A paragraph; `style` is "plain", "note", "formula", "verdict" or "lines" (as typed, for commands)."""

    kind: ClassVar[str] = "words"
    text: str
    style: str = "plain"


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    kind: ClassVar[str] = "points"
    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Cells as texts. The columns from `numbers_from` on hold figures."""

    kind: ClassVar[str] = "table"
    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    numbers_from: int = 1


@dataclass(frozen=True, eq=False)
class Matrix:
    """A table of shares with shaded cells: rows are true, columns predicted classes. `counts` are [k, k]."""

    kind: ClassVar[str] = "matrix"
    title: str
    names: tuple[str, ...]
    counts: np.ndarray
    note: str = ""

    @property
    def shares(self) -> np.ndarray:
        """Of each true class, 0 to 1. [k, k]"""
        return self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1e-12)


@dataclass(frozen=True, eq=False)
class Chart:
    """A Plotly figure with what it says in words."""

    kind: ClassVar[str] = "chart"
    figure: go.Figure
    alt: str


@dataclass(frozen=True)
class Picture:
    """A drawing that needs no script, its legend as (colour, name), and what it shows."""

    kind: ClassVar[str] = "picture"
    title: str
    svg: Markup
    legend: tuple[tuple[str, str], ...]
    caption: str


@dataclass(frozen=True)
class Fact:
    """A big figure: what it is, its value, how sure it is."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """Big figures side by side."""

    kind: ClassVar[str] = "facts"
    items: tuple[Fact, ...]


Block = Words | Points | Table | Matrix | Chart | Picture | Facts


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


def table(
    title: str, headers: Sequence[str], rows: Sequence[Sequence[object]], *, which: str = "the first", note: str = "",
    numbers_from: int = 1, chars: int = MAX_NAME_CHARS,
) -> Table:  # fmt: skip
    """A table of at most MAX_ROWS rows with cells of at most `chars` characters; its note says what was cut."""
    shown = tuple(tuple(cut(cell, chars) for cell in row) for row in rows[:MAX_ROWS])
    if len(rows) > MAX_ROWS:
        note = f"{MAX_ROWS} of {len(rows):,} rows are shown: {which}. {note}".strip()
    return Table(title, tuple(headers), shown, note, numbers_from)


def cut(text: object, chars: int = MAX_CHARS) -> str:
    """A text in one line of at most `chars` characters; what was cut is said. Never reads more than is shown."""
    whole = str(text)
    line = " ".join(whole[: 4 * chars].split())
    if len(whole) <= 4 * chars and len(line) <= chars:
        return line
    return f"{line[:chars]}… (cut: {len(whole):,} characters)"


def counted(n: int, name: str) -> str:
    """ "1 seed", "3 seeds"."""
    return f"{n:,} {name}{'' if n == 1 else 's'}"


def points(share: float) -> str:
    """A difference of shares: "+3.1 points"."""
    return f"{100 * share:+.1f} points".replace("-0.0", "+0.0").replace("-", "−")


def sure(found: Interval) -> str:
    """A share with its interval: "84.7 % (82.1 to 87.0)"."""
    return with_span(found.mean, found.low, found.high)


def with_span(mean: float, low: float, high: float) -> str:
    """ "84.7 % (82.1 to 87.0)"; without bounds where they are NaN, NOTHING where there is no mean."""
    if math.isnan(mean):
        return NOTHING
    return percent(mean) if math.isnan(low) else f"{percent(mean)} ({span(low, high)})"


def span(low: float, high: float) -> str:
    """ "82.1 to 87.0", in per cent. No share is below 0 or above 100, whatever a t interval says."""
    return f"{100 * max(low, 0.0):.1f} to {100 * min(high, 1.0):.1f}"
