"""Texts that were cut off: judged by how the texts of the set end, not by rules of one language.

A text with an open end has no final mark. It is a strong suspect when its last word practically never ends a text
though it is frequent inside ("the", "of"), when it is the beginning of a word of the set, when it ends in a comma or an
open bracket, or when many texts end at this very length. Weak suspects, with an open end only, count where hardly any
text of the set is complete without a mark: the share of strong ones among texts that were cut on purpose tells how many
of all open ends are cut.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synweight_core.flaws.hits import Hits, found_in, is_unusual, parts, together
from synweight_core.flaws.seen import Seen

OPEN_END = r"(?:\p{L}\p{M}*|[\p{N},;\[{&/–—-]|(?:^|[\p{L}\p{N}\s])\()\s*\z"  # "(" of ":(" ends a text
_NO_WORD = r"(?:(?:^|\s)[#@]\S+|https?://\S+|\bwww\.\S+|[\p{L}\p{N}]@\S+|&#?\w{2,8};)\s*\z"
# tweets end in these, and entities
_STRONG_MARK = r"[,;(\[{&]\s*\z"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
NEVER_LAST = 0.1  # of how often a word would be last if it were as frequent there as inside
EXPECTED_LAST = 4.0  # times that it would be, to say so
KNOWN_WORD = 2  # occurrences that make a word of which another is the beginning
SAME_LENGTH_ROWS, SAME_LENGTH_EXCESS, _NEIGHBOURS = 5, 5.0, 20
ALL_CUT = 0.8  # share of cut texts among open ends from which all of them are suspects
_COUNTED = 50_000  # rows of which words are counted, a seeded sample
_CUT_ON_PURPOSE = 2_000  # complete texts
_FEW = 5
_LONGEST_WORD = 60
_SHOWN = 20  # characters before the end


def truncated(seen: Seen) -> Hits:
    """Synthetic texts that were cut off, with their last characters as the part."""
    return together(_of_side(seen, number, side) for number, side in enumerate(seen.sides))


@dataclass(frozen=True, eq=False)
class _Habits:
    """How the words of a set stand: `inner` counts those that end no text, `final` those that do."""

    inner: Counter[str]
    final: Counter[str]
    vocabulary: Sequence[str]  # sorted, of words that are known well
    last_to_inner: float  # words that end a text, for each one that does not

    def is_strong(self, word: str) -> bool:
        """Whether a text that ends in this word, without a mark, was probably cut."""
        return self.never_ends(word) or self.is_beginning(word)

    def never_ends(self, word: str) -> bool:
        """Whether the word is frequent, and far more so inside texts than at their end."""
        expected = self.last_to_inner * self.inner[word]
        return expected >= EXPECTED_LAST and self.final[word] <= NEVER_LAST * expected

    def is_beginning(self, word: str) -> bool:
        """Whether the word stands nowhere else, and a known word begins with it."""
        if not word.isalpha() or self.inner[word] + self.final[word] > 1:
            return False
        place = bisect_right(self.vocabulary, word)
        return place < len(self.vocabulary) and self.vocabulary[place].startswith(word)


def _of_side(seen: Seen, number: int, side: str) -> Hits:
    texts, real = seen.synthetic[side], seen.real[side]
    is_open, is_open_real = _open(texts), _open(real)
    sample = np.sort(np.random.default_rng(0).permutation(len(texts))[:_COUNTED])
    words = _words(texts.iloc[sample])
    habits = _habits(words, is_open[sample], _words(real))
    strong = _strong(texts, is_open, habits) | (is_open & _same_length(texts, is_open))
    strong_real = _strong(real, is_open_real, habits)
    n_open, n_open_real = int(is_open.sum()), int(is_open_real.sum())
    if not strong.any() or not is_unusual(int(strong.sum()), n_open, int(strong_real.sum()), n_open_real):
        return together([])
    complete = texts.iloc[sample[~is_open[sample]]]
    is_all = strong.sum() >= _FEW and _cut_share(texts[is_open], strong[is_open], complete, habits) >= ALL_CUT
    rows = np.flatnonzero(is_open if is_all else strong)
    ends = texts.iloc[rows].str.len().to_numpy()
    return parts(rows, number, np.maximum(ends - _SHOWN, 0), ends)


def _open(texts: pd.Series) -> np.ndarray:
    """Which texts end without a mark, in a word. bool [n]"""
    return found_in(texts, OPEN_END) & ~found_in(texts, _NO_WORD)


def _words(texts: Iterable[str]) -> list[list[str]]:
    return [_WORD.findall(text.casefold()) for text in texts]


def _habits(words: list[list[str]], is_open: np.ndarray, words_real: list[list[str]]) -> _Habits:
    """Words of all texts. Open ends tell how texts end only where most texts have one."""
    inner: Counter[str] = Counter()
    final: Counter[str] = Counter()
    tells = np.ones(len(words), dtype=bool) if is_open.mean() > 0.5 else ~is_open
    for each, counts in (*zip(words, tells.tolist(), strict=True), *((each, True) for each in words_real)):
        if each:
            inner.update(each[:-1])
            if counts:
                final[each[-1]] += 1
    known = sorted(word for word in inner.keys() | final.keys() if inner[word] + final[word] >= KNOWN_WORD)
    return _Habits(inner, final, known, final.total() / max(inner.total(), 1))


def _strong(texts: pd.Series, is_open: np.ndarray, habits: _Habits) -> np.ndarray:
    strong = is_open & found_in(texts, _STRONG_MARK)
    rows = np.flatnonzero(is_open & ~strong)
    strong[rows] = [habits.is_strong(_last_word(text)) for text in texts.iloc[rows]]
    return strong


def _last_word(text: str) -> str:
    words = _WORD.findall(text[-_LONGEST_WORD:].casefold())
    return words[-1] if words else ""


def _same_length(texts: pd.Series, is_open: np.ndarray) -> np.ndarray:
    """Which texts are as long as the longest open-ended one, if far more are so than a little less long. bool [n]"""
    lengths = texts.str.len().to_numpy()
    if not is_open.any():
        return is_open
    longest = lengths[is_open].max()
    at_end = is_open & (lengths == longest)
    before = is_open & (lengths >= longest - _NEIGHBOURS) & (lengths < longest)
    enough = max(SAME_LENGTH_ROWS, SAME_LENGTH_EXCESS * before.sum() / _NEIGHBOURS)
    return at_end if at_end.sum() >= enough else np.zeros(len(texts), dtype=bool)


def _cut_share(ends: pd.Series, strong: np.ndarray, complete: pd.Series, habits: _Habits) -> float:
    """The share of cut texts among those with open ends, 0 to 1; `strong` [k] are the strong suspects among them.

    Complete texts are cut on purpose, between two words and anywhere, mixed so that as many end in the middle of a word
    as among the open ends: what is strong among these, and among complete texts as they are, are the two shares between
    which the share of strong ones lies.
    """
    random = np.random.default_rng(0)
    texts = [complete.iloc[i] for i in random.permutation(len(complete))[:_CUT_ON_PURPOSE]]
    texts = [text for text in texts if len(text.split()) > 2]
    if len(texts) < _FEW:
        return 0.0
    anywhere = [_last_word(text[: random.integers(2, len(text))].rstrip()) for text in texts]
    between = [_last_word(" ".join(text.split()[: random.integers(1, len(text.split()))])) for text in texts]
    in_word, in_word_cut = (_share(habits.is_beginning, words) for words in (map(_last_word, ends), anywhere))
    mixed = min(in_word / in_word_cut, 1.0) if in_word_cut else 0.0
    cut = mixed * _share(habits.is_strong, anywhere) + (1 - mixed) * _share(habits.is_strong, between)
    whole = _share(habits.is_strong, map(_last_word, texts))
    return float(np.clip((strong.mean() - whole) / (cut - whole), 0, 1)) if cut > whole else 0.0


def _share(is_so: Callable[[str], bool], words: Iterable[str]) -> float:
    return float(np.mean([is_so(word) for word in words]))
