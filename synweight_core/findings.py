"""What the validation report says about rows: copies, leaks, labels and classes, counted and in words."""

import string
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

FEW_REAL_ROWS = 100  # fewer give rough weights
RARE_CLASS_ROWS = 5
_PUNCTUATION = str.maketrans("", "", string.punctuation + "“”‘’«»…–—¿¡")


@dataclass(frozen=True)
class Finding:
    """One line of the validation report: `count` of `total` rows, and what was done about it."""

    kind: str
    level: Literal["info", "warning"]
    count: int
    total: int
    message: str


def normalised(texts: pd.Series) -> pd.Series:
    """Texts as they are compared: NFKC, lower case, single spaces, no punctuation."""
    return texts.map(_normalised)


def pair_keys(frame: pd.DataFrame) -> pd.Series:
    """What makes two rows the same text (or pair of texts)."""
    first, has_second = normalised(frame["text"]), (frame["text_b"] != "").any()
    return first + "\x1f" + normalised(frame["text_b"]) if has_second else first + "\x1f"


def _normalised(text: str) -> str:
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return " ".join(plain.translate(_PUNCTUATION).split()) or plain


def listed(names: Sequence[str], *, at_most: int = 12) -> str:
    """Names in one line, the last ones counted when there are many."""
    shown = ", ".join(str(name)[:60] for name in names[:at_most])
    return shown + (f" and {len(names) - at_most} more" if len(names) > at_most else "")


_LEFT_OUT = {
    "empty text": "no text",
    "empty label": "no label",
    "duplicate": "the same text stands earlier in the file",
    "unknown label": "a label that no real row has",
    "stands in test": "the same text stands in the test rows, which must stay unseen",
}


def report(
    rows: pd.DataFrame,
    real: pd.DataFrame,
    labels: Sequence[str],
    dropped: pd.DataFrame,
    kept_unjudged: Sequence[str],
) -> Iterable[Finding]:
    """Everything that was found in the rows that are left and in those that were left out."""
    totals = len(rows) + len(real) + len(dropped)
    for (name, reason), group in dropped.groupby(["file", "reason"], sort=True):
        count = len(group)
        rows_word = "row" if count == 1 else "rows"
        message = f"{name}: {count:,} {rows_word} left out: {_LEFT_OUT[str(reason)]}."
        yield Finding(str(reason), "warning", count, totals, message)
    keys = pair_keys(rows)
    copies = int(keys.duplicated().sum())
    if copies:
        yield Finding("synthetic duplicate", "info", copies, len(rows),
                      f"{copies:,} of {len(rows):,} synthetic rows repeat another one. They are kept; the "
                      "diversity checker lowers their weight.")  # fmt: skip
    known = real[real["split"] != "test"]
    shared = int(keys.isin(set(pair_keys(known))).sum())
    if shared:
        yield Finding("copy of real", "info", shared, len(rows),
                      f"{shared:,} synthetic rows are copies of real rows. They are kept.")  # fmt: skip
    if kept_unjudged:
        count = int(rows["label"].isin(kept_unjudged).sum())
        yield Finding("unjudged", "warning", count, len(rows),
                      f"{count:,} synthetic rows have labels that no real row has "
                      f"({listed(kept_unjudged)}). They keep weight 1.")  # fmt: skip
    yield from _class_findings(rows, known, labels)


def _class_findings(rows: pd.DataFrame, known: pd.DataFrame, labels: Sequence[str]) -> Iterable[Finding]:
    if len(known) < FEW_REAL_ROWS:
        yield Finding("few real rows", "warning", len(known), len(known),
                      f"Only {len(known):,} real rows are there to judge by; weights will be rough. 200 to "
                      "400 are a good number.")  # fmt: skip
    lacking = sorted(set(known["label"]) - set(rows["label"]))
    if lacking:
        yield Finding("class without synthetic rows", "warning", len(lacking), len(labels),
                      f"No synthetic row has the label {listed(lacking)}. A model trained on synthetic rows "
                      "alone cannot learn it.")  # fmt: skip
    counts = known["label"].value_counts()
    rare = sorted(str(label) for label in counts.index[counts < RARE_CLASS_ROWS])
    if rare:
        yield Finding("rare class", "warning", len(rare), len(labels),
                      f"Fewer than five real rows have the label {listed(rare)}. These rows always train "
                      "the checker, and per-class figures leave these classes out.")  # fmt: skip
