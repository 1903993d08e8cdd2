"""Labels that stand in the text that they belong to: "(Hyperbolic)" at its end, "Sentiment: positive" at its beginning.

A form is a place and a shape, such as brackets at the end. A form counts where it names labels in synthetic rows and
practically never in real ones; a form that people use too, such as a last sentence of one word, only where it names
the row's own label far more often than chance would.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from synweight_core.flaws.hits import Hits, found_in, is_unusual, parts, together
from synweight_core.flaws.seen import Seen

WINDOW = 240  # characters at either end in which a tag may stand
_SHORT = 5  # a label word with fewer letters is looked for as it is, a longer one by its beginning
_STEM = 0.75  # of a longer word: "hyperbole" finds "hyperbolic"
MIN_ROWS = 5  # of a form that people use too
MIN_REPEATS = 5
_AGREEMENT = 0.5  # of the labels named beyond chance
_LETTER = r"[^\W\d_]"
_BEFORE, _AFTER = r"(?<![a-zA-Z0-9])", r"(?![a-zA-Z0-9])"  # a label is no part of a longer word of these
_OPEN, _CLOSE, _INSIDE = r"[(\[{<（【「]", r"[)\]}>）】」]", r"[^()\[\]{}<>（）【】「」\n]"


@dataclass(frozen=True)
class Form:
    """A place and a shape of tags; LABEL stands for any label.

    `hint` is what every text with such a tag holds in its window, for RE2, which is quick; `pattern` is the tag.
    """

    at_end: bool
    hint: str
    pattern: str
    needs: Literal["", "agreement", "repeats"] = ""  # what tells it from what people write


_KEY = rf"(?:{_LETTER}[\w -]{{0,23}}?\s*[:：=]|[-–—=]+>)"
_STOP = r"[.!\s]{0,4}\Z"
_END = rf"{_CLOSE}[\s.!,;\"”]{{0,5}}"
FORMS = (
    Form(True, rf"{_OPEN}\W{{0,3}}LABEL\W{{0,3}}{_END}\z", rf"(?:\s*{_OPEN}{{1,3}}\W{{0,3}}LABEL\W{{0,3}}{_END})+\Z"),
    Form(True, rf"{_OPEN}\W{{0,3}}LABEL\s*[:：,–—-].{{0,200}}{_END}\z",
         rf"\s*{_OPEN}{{1,3}}\W{{0,3}}LABEL\s*[:：,–—-]{_INSIDE}{{0,200}}{_END}\Z"),
    Form(True, rf"LABEL.{{0,60}}{_END}\z", rf"\s*{_OPEN}{{1,3}}{_INSIDE}{{0,40}}?LABEL{_INSIDE}{{0,60}}{_END}\Z", "repeats"),
    Form(True, r"[:：=>]\W{0,8}LABEL.{0,5}\z",
         rf"(?:(?<=[\s.!?\"”])|\n|\A)\s*[(\[*]{{0,2}}{_KEY}\s*[\"'(\[*]{{0,2}}LABEL[\"')\]*.!\s]{{0,5}}\Z"),
    Form(True, r"[\n|/>→~•–—-]\s*LABEL.{0,4}\z",
         rf"(?:\s*\n\s*|\s+[-–—|/>→~•]+\s*|\s*[|→]\s*)LABEL{_STOP}"),
    Form(True, r"[.!?…\"”。！？]\s*LABEL.{0,4}\z", rf"(?<=[.!?…\"”。！？])\s*LABEL{_STOP}", "agreement"),
    Form(True, r"#LABEL.{0,4}\z", rf"\s*#LABEL{_STOP}", "agreement"),
    Form(False, rf"\A\s*{_OPEN}\W{{0,3}}LABEL", rf"\A\s*{_OPEN}{{1,3}}\W{{0,3}}LABEL\W{{0,3}}{_CLOSE}{{1,3}}\s*[:：-]?\s*"),
    Form(False, rf"\A\s*{_OPEN}.{{0,42}}LABEL",
         rf"\A\s*{_OPEN}{{1,3}}{_INSIDE}{{0,40}}?LABEL{_INSIDE}{{0,60}}{_CLOSE}{{1,3}}\s*[:：-]?\s*", "repeats"),
    Form(False, r"\A.{0,40}[:：=>]\W{0,8}LABEL",
         rf"\A\W{{0,3}}{_KEY}\s*[\"'(\[*]{{0,2}}LABEL[\"')\]*]{{0,2}}\s*(?:[.,;:|–—-]|\n)\s*"),
    Form(False, r"\A\W{0,3}LABEL\W{0,3}(?:[:：|–—-]|\n)",
         r"\A\W{0,3}LABEL\W{0,3}(?:\s*[:：|]\s+|\s+[-–—]+\s+|\s*\n\s*)", "agreement"),
)  # fmt: skip


def leaked_labels(seen: Seen) -> Hits:
    """Where a tag in synthetic texts names a label."""
    stems = {code: _stem(name) for code, name in enumerate(seen.names) if _words(name)}
    if not stems:
        return together([])
    ends = {side: (_windows(seen.synthetic[side]), _windows(seen.real[side])) for side in seen.sides}
    found = []
    for number, side in enumerate(seen.sides):
        for form in FORMS:
            texts, real = (windows[form.at_end] for windows in ends[side])
            lengths = seen.synthetic[side].str.len().to_numpy() - texts.str.len().to_numpy()
            hits = _of_form(seen, stems, form, texts, real)
            if hits is not None:
                rows, starts, stops = hits
                cut = lengths[rows] if form.at_end else 0
                found.append(parts(rows, number, starts + cut, stops + cut))
    return together(found)


def _windows(texts: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The beginnings and the ends of texts, where tags may stand."""
    return texts.str.slice(0, WINDOW), texts.str.slice(-WINDOW)


def _of_form(
    seen: Seen, stems: Mapping[int, str], form: Form, texts: pd.Series, real: pd.Series
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Rows with such a tag, and where it begins and ends in their window; None when it is no flaw of this set."""
    found, in_real = _searched(form, stems, texts), _searched(form, stems, real)
    if form.needs == "repeats":
        often = _repeated(texts.iloc[found[0]].tolist(), found[1], found[2])
        found = tuple(column[often] for column in found)
    if not is_unusual(len(found[0]), seen.n, len(in_real[0]), len(seen.real)):
        own = _own_keys(_keys(texts, found), set(_keys(real, in_real)))
        found = tuple(column[own] for column in found)
    rows, starts, ends, named, _ = found
    if not len(rows):
        return None
    is_sharp = all(_is_telling(name) for name in seen.names)
    if (form.needs == "agreement" or not is_sharp) and not _agrees(
        named, seen.label_codes[rows], np.bincount(seen.label_codes) / seen.n
    ):
        return None
    return rows, starts, ends


def _searched(form: Form, stems: Mapping[int, str], windows: pd.Series) -> tuple[np.ndarray, ...]:
    """Rows with a tag, where it begins and ends in the window, the label it names and where that begins. int64 [k] each

    The longest name comes first, so that "not hyperbole" is not taken for "hyperbole".
    """
    codes = sorted(stems, key=lambda code: -len(stems[code]))
    any_label = "(?:" + "|".join(f"(?P<l{code}>{_BEFORE}{stems[code]}{_AFTER})" for code in codes) + ")"
    compiled = re.compile(form.pattern.replace("LABEL", any_label), re.IGNORECASE)
    hint = form.hint.replace("LABEL", "(?:" + "|".join(stems.values()) + ")")
    rows = np.flatnonzero(found_in(windows, f"(?is){hint}"))
    found = []
    for row, window in zip(rows.tolist(), windows.iloc[rows], strict=True):
        tag = compiled.search(window)
        if tag is not None and tag.end() > tag.start():
            named = next(code for code in codes if tag.start(f"l{code}") >= 0)
            found.append((row, tag.start(), tag.end(), named, tag.start(f"l{named}")))
    return tuple(np.array(found, dtype=np.int64).reshape(-1, 5).T)


def _keys(windows: pd.Series, found: tuple[np.ndarray, ...]) -> list[str]:
    """What stands in each tag before its label, such as "sentiment: "."""
    rows, starts, _, _, labels = found
    texts = windows.iloc[rows]
    return [text[start:label].strip().casefold() for text, start, label in zip(texts, starts, labels, strict=True)]


def _own_keys(keys: Sequence[str], real: set[str]) -> np.ndarray:
    """Which tags have words before their label that many synthetic rows have there and no real one. bool [k]"""
    counts = Counter(keys)
    own = [counts[key] >= MIN_REPEATS and key not in real and any(map(str.isalpha, key)) for key in keys]
    return np.array(own, dtype=bool)


def _repeated(windows: Sequence[str], starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Which tags stand in MIN_REPEATS rows or more, letter by letter but for the case. bool [k]"""
    tags = pd.Series(
        [text[a:b].strip().casefold() for text, a, b in zip(windows, starts, ends, strict=True)], dtype=str
    )
    return (tags.map(tags.value_counts()) >= MIN_REPEATS).to_numpy(dtype=bool)


def _agrees(named: np.ndarray, labels: np.ndarray, shares: np.ndarray) -> bool:
    """Whether rows name their own labels [k] far more often than labels of these shares would by chance."""
    by_chance = shares[named].mean()
    own = (named == labels).mean()
    return len(named) >= MIN_ROWS and own - by_chance >= _AGREEMENT * (1 - by_chance)


def _words(name: str) -> list[str]:
    """The words and numbers of a label name."""
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))


def _is_telling(name: str) -> bool:
    """Whether a label name is more than a number or a letter, which stand in texts for many reasons."""
    joined = "".join(_words(name))
    return (len(joined) > 1 and not joined.isdigit()) or (not joined.isascii() and not joined.isdigit())


def _stem(name: str) -> str:
    """A pattern for a label's words in a row, each by its beginning; short words as they are. For both engines."""
    return r"[\W_]{1,3}".join(_word(word) for word in _words(name))


def _word(word: str) -> str:
    if not word.isascii():
        return re.escape(word)
    if len(word) < _SHORT:
        return word
    return word[: max(_SHORT - 1, math.ceil(_STEM * len(word)))] + "[a-z]{0,4}"
