"""Texts in another language than the real rows, and sets in a language that the encoder hardly knows.

Languages are told by py3langid (Lui and Baldwin 2012), whose model comes with the package. It is asked only about texts
that hardly hold a frequent word of the set, and believed only when they are long enough and it is sure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import regex

from synweight_core.flaws.hits import Hits, found_in, whole_rows
from synweight_core.flaws.seen import Seen
from synweight_core.models import MINILM

LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian",
    "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ka": "Georgian", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "mr": "Marathi", "ms": "Malay", "nl": "Dutch",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip
SCRIPTS = {
    "Latin": r"\p{Latin}", "Cyrillic": r"\p{Cyrillic}", "Greek": r"\p{Greek}", "Arabic": r"\p{Arabic}",
    "Hebrew": r"\p{Hebrew}", "Devanagari": r"\p{Devanagari}", "Thai": r"\p{Thai}", "Hangul": r"\p{Hangul}",
    "Chinese or Japanese": r"[\p{Han}\p{Hiragana}\p{Katakana}]", "Bengali": r"\p{Bengali}", "Tamil": r"\p{Tamil}",
}  # fmt: skip
MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
MIN_LETTERS = 20  # fewer tell no language
SURE, FOREIGN = 0.8, 0.05  # the language's probability at least, those of the set's languages together at most
MIN_SHARE = 0.02  # of the real rows in a language that make it one of the set's
_SAMPLE = 1_000
_COMMON_WORDS, _KNOWN = 400, 0.4  # a text with this share of frequent words of the set is of its language
_SCRIPT_SHARE, _SCRIPT_LETTERS = 0.7, 4
_READ = 300  # characters of a text
_NOISE = regex.compile(r"https?://\S+|www\.\S+|[@#]\S+|\S+@\S+|<[^<>]{1,40}>")


def other_language(seen: Seen) -> Hits:
    """Synthetic rows in a language or script that hardly any real row has."""
    texts = pd.Series(seen.joined(seen.synthetic), dtype=str)
    real = pd.Series(seen.joined(seen.real), dtype=str)
    foreign = _foreign_script(texts, real)
    told = dict.fromkeys(np.flatnonzero(foreign >= 0).tolist(), "")
    own = set(set_languages(real))
    names: dict[str, str] = {}  # equal texts are asked about once
    for row in _unfamiliar(texts, real, own):
        text = texts.iloc[row][: 2 * _READ]
        if text not in names:
            names[text] = _other(text, own)
        if names[text]:
            told[row] = names[text]
    rows = np.array(sorted(told), dtype=np.int64)
    scripts = list(SCRIPTS)
    notes = [told[row] or f"{scripts[foreign[row]]} script" for row in rows.tolist()]
    return whole_rows(rows, sentence=_counted(notes), note=lambda i: notes[i])


def encoder_language(seen: Seen) -> Hits:
    """Says so when most real rows are in a language that the built-in encoder was not made for."""
    nothing = np.empty(0, dtype=np.int64)
    if seen.encoder != MINILM:
        return whole_rows(nothing)
    shares = set_languages(pd.Series(seen.joined(seen.real), dtype=str))
    most = max(shares, key=lambda code: shares[code], default="en")
    if most == "en":
        return whole_rows(nothing)
    return whole_rows(
        nothing,
        sentence=f"{100 * shares[most]:.0f} % of the real rows that are long enough to tell are in {LANGUAGES[most]}, "
        f"and the built-in encoder knows English only. Make the project again with a multilingual encoder, such as "
        f"{MULTILINGUAL}.",
    )


def set_languages(texts: pd.Series) -> dict[str, float]:
    """The languages of a sample of texts, with their shares; those below MIN_SHARE are left out."""
    order = np.random.default_rng(0).permutation(len(texts))
    found: Counter[str] = Counter()
    for text in texts.iloc[order[:_SAMPLE]]:
        shares = _probabilities(text)
        if shares and max(shares.values()) >= 0.5:
            found[max(shares, key=lambda code: shares[code])] += 1
    least = max(2, MIN_SHARE * found.total())
    return {code: count / found.total() for code, count in found.items() if count >= least}


def _other(text: str, own: set[str]) -> str:
    """The language of a text when it is surely none of `own`; else nothing."""
    shares = _probabilities(text)
    if not shares or not own:
        return ""
    best = max(shares, key=lambda code: shares[code])
    is_foreign = best not in own and shares[best] >= SURE and sum(shares[code] for code in own) <= FOREIGN
    return LANGUAGES[best] if is_foreign else ""


def _probabilities(text: str) -> dict[str, float]:
    """Of each language; nothing for a text with too few letters."""
    clean = " ".join(_NOISE.sub(" ", text[: 2 * _READ]).split())[:_READ]
    if sum(character.isalpha() for character in clean) < _needed(clean):
        return {}
    return dict(_identifier().rank(clean))


def _needed(text: str) -> int:
    """Letters that tell a language: a word of Chinese has two."""
    return MIN_LETTERS if text.isascii() or regex.search(r"\p{Latin}|\p{Cyrillic}", text) else MIN_LETTERS // 3


@lru_cache(maxsize=1)
def _identifier() -> Any:  # noqa: ANN401 (a library without types)
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGUAGES))
    return identifier


def _unfamiliar(texts: pd.Series, real: pd.Series, own: set[str]) -> Iterable[int]:
    """Rows that hold few of the words that are frequent in real rows, and in synthetic ones that are like these."""
    common = _frequent(real)
    near = [text for text in texts.iloc[:: max(len(texts) // (5 * _SAMPLE), 1)] if _share(text, common) >= _KNOWN]
    common |= _frequent(near)
    return (row for row, text in enumerate(texts) if _share(text, common) < _KNOWN)


def _frequent(texts: Iterable[str]) -> set[str]:
    words: Counter[str] = Counter()
    for text in texts:
        words.update(set(text.casefold().split()))
    return {word for word, count in words.most_common(_COMMON_WORDS) if count >= 3}


def _share(text: str, common: set[str]) -> float:
    words = text[:_READ].casefold().split()
    return sum(word in common for word in words) / len(words) if words else 0.0


def _foreign_script(texts: pd.Series, real: pd.Series) -> np.ndarray:
    """The script that most letters of a text have, where hardly any real row is written so; else -1. int [n]"""
    shares_real, _ = _script_shares(real)
    usual = (shares_real >= _SCRIPT_SHARE / 2).mean(axis=0) >= MIN_SHARE / 2
    unusual = "|".join(pattern for pattern, is_usual in zip(SCRIPTS.values(), usual, strict=True) if not is_usual)
    found = np.full(len(texts), -1)
    rows = np.flatnonzero(found_in(texts, unusual)) if unusual else np.empty(0, dtype=np.int64)
    shares, letters = _script_shares(texts.iloc[rows])
    best = shares.argmax(axis=1)
    foreign = (shares.max(axis=1) >= _SCRIPT_SHARE) & (letters >= _SCRIPT_LETTERS) & ~usual[best]
    found[rows[foreign]] = best[foreign]
    return found


def _script_shares(texts: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The share of each script among the letters of each text [n, scripts], and their number [n]."""
    strings = pa.array(texts, type=pa.large_string(), from_pandas=True)
    counts = np.stack([_count(strings, pattern) for pattern in SCRIPTS.values()], axis=1)
    letters = _count(strings, r"\p{L}")
    return counts / np.maximum(letters, 1)[:, None], letters


def _count(strings: pa.Array, pattern: str) -> np.ndarray:
    return pc.count_substring_regex(strings, pattern).to_numpy(zero_copy_only=False)


def _counted(names: Sequence[str]) -> str:
    return ", ".join(f"{name} ({count:,} rows)" for name, count in Counter(names).most_common(5))
