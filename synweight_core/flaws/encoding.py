"""Debris of encodings and formats in texts: letters read in the wrong encoding, entities, escapes, tags, control codes.

`repaired` puts right what can be: mostly by ftfy (Speer), which changes nothing that is no debris.
"""

import html
import re

import numpy as np
import pandas as pd

from synweight_core.flaws.hits import Hits, found_in, is_unusual, parts, search, together
from synweight_core.flaws.seen import Seen

DEBRIS = (
    "\N{REPLACEMENT CHARACTER}",
    r"&(?:#\d{2,6}|#[xX][0-9a-fA-F]{2,5}|amp|lt|gt|quot|apos|nbsp|ndash|mdash|hellip|[lr][sd]quo|euro|[a-zA-Z]uml"
    r"|[a-zA-Z]acute|[a-zA-Z]grave);",
    r"\\+u[0-9a-fA-F]{4}|\\+x[0-9a-fA-F]{2}",
    r"\\+[nrt](?:[\s\\A-Z]|\z)|\\+[\"'](?:\s|\w|\z)",
    r"[\x{00}-\x{08}\x{0B}\x{0C}\x{0E}-\x{1F}\x{7F}-\x{9F}]",
    r"[\x{FEFF}\x{200B}\x{2060}\x{00AD}]",
    r"(?i)<br\s*/?>|</?(?:p|div|span|strong|em|li|ul|ol|h[1-6])(?:\s[^<>]{0,80})?>|<a\s[^<>]{0,200}>|</a>",
)
_MAYBE_WRONG = r"[^\x{00}-\x{7F}]"  # only such texts may have been read in the wrong encoding
_ESCAPES = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_WHITE_ESCAPES = re.compile(r"\\+[nrt](?=[\s\\A-Z]|\Z)")
_QUOTE_ESCAPES = re.compile(r"\\+([\"'])")
_TAGS = re.compile(r"(?i)</?(?:br|p|div|span|strong|em|li|ul|ol|h[1-6]|a)(?:\s[^<>]{0,200})?/?>")
_INVISIBLE = re.compile("[\N{ZERO WIDTH NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\N{WORD JOINER}\N{SOFT HYPHEN}]")


def debris(seen: Seen) -> Hits:
    """Where the first debris stands in synthetic texts; kinds that real rows have as often are no flaw of this set."""
    wrong = [_wrongly_read(seen.synthetic[side], seen.real[side], i) for i, side in enumerate(seen.sides)]
    return together([search(seen, DEBRIS), *wrong])


def repaired(text: str) -> str:
    """A text without its debris; what was lost in the wrong encoding is not found again."""
    import ftfy

    text = _ESCAPES.sub(lambda found: chr(int(found[1] or found[2], 16)), text)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # escapes of two halves of a character
    text = _QUOTE_ESCAPES.sub(r"\1", _WHITE_ESCAPES.sub(" ", text))
    text = _INVISIBLE.sub("", _TAGS.sub(" ", html.unescape(text)))
    found: str = ftfy.fix_text(text, uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False)
    return " ".join(found.replace("\N{REPLACEMENT CHARACTER}", "").split())


def _wrongly_read(texts: pd.Series, real: pd.Series, side: int) -> Hits:
    """Texts that look as if they were read in the wrong encoding, with where they do."""
    rows, starts, ends = _badness(texts)
    if not len(rows) or not is_unusual(len(rows), len(texts), len(_badness(real)[0]), len(real)):
        return together([])
    return parts(rows, side, starts, ends)


def _badness(texts: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, starts and ends of letters that ftfy takes for wrongly read and can put right. int64 [k] each"""
    import ftfy
    from ftfy.badness import BADNESS_RE

    found = []
    for row in np.flatnonzero(found_in(texts, _MAYBE_WRONG)).tolist():
        bad = BADNESS_RE.search(texts.iloc[row])
        if bad and ftfy.fix_encoding(texts.iloc[row]) != texts.iloc[row]:
            found.append((row, bad.start(), bad.end()))
    rows, starts, ends = np.array(found, dtype=np.int64).reshape(-1, 3).T
    return rows, starts, ends
