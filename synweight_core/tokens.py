"""Token ids of rows, kept on disk by content: runs over the same texts tokenise them once.

What is kept depends on the texts, the tokenizer's own rules and the longest length, not on labels or on the model.
Imports torch: for worker processes.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from synweight_core import cache
from synweight_core.prediction import LabelledTexts, Progress, encode

_VERSION = 1
_OF_THE_ROW = ("labels", "position")


def kept_tokens(
    tokenizer: PreTrainedTokenizerBase,
    rows: LabelledTexts,
    *,
    max_length: int,
    progress: Progress = lambda done, total: None,
) -> list[dict[str, Any]]:
    """As `prediction.encode`, which it calls for texts that it has not seen, and always for tokenizers in Python."""
    rules = _rules(tokenizer)
    if rules is None or not len(rows.texts):
        return encode(tokenizer, rows, max_length=max_length, progress=progress)
    key = cache.content_key(_VERSION, rules, max_length, _digest(rows.texts), _digest(rows.texts_b or ()))
    if (arrays := cache.load("tokens", key)) is not None:
        return unpacked(arrays, rows.labels)
    encoded = encode(tokenizer, rows, max_length=max_length, progress=progress)
    with suppress(OSError):  # a full disk: the next run tokenises again
        cache.store("tokens", key, packed(encoded))
    return encoded


def packed(rows: Sequence[Mapping[str, Any]]) -> cache.Arrays:
    """Each list of numbers of all rows end to end, in the smallest type that holds them, and the `lengths` of rows."""
    names = [name for name in rows[0] if name not in _OF_THE_ROW]
    flat = {name: np.concatenate([np.asarray(row[name], dtype=np.int64) for row in rows]) for name in names}
    found = {name: values.astype(np.min_scalar_type(int(values.max(initial=0)))) for name, values in flat.items()}
    return found | {"lengths": np.array([len(row[names[0]]) for row in rows])}


def unpacked(arrays: cache.Arrays, labels: np.ndarray) -> list[dict[str, Any]]:
    """The inverse of `packed`, with these labels. [n]"""
    ends = np.cumsum(arrays["lengths"]).tolist()
    starts = [0, *ends[:-1]]
    lists = {name: values.tolist() for name, values in arrays.items() if name != "lengths"}
    return [
        {name: values[start:end] for name, values in lists.items()} | {"labels": int(label), "position": i}
        for i, (start, end, label) in enumerate(zip(starts, ends, labels, strict=True))
    ]


def _rules(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """A hash of all that a tokenizer goes by, but for how it cuts and pads, which is said at each call."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    rules = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
    sides = (tokenizer.truncation_side, tokenizer.padding_side, tokenizer.model_input_names)
    return cache.content_key(rules, sides)


def _digest(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()
