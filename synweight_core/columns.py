"""Guesses that a person can correct: the roles of columns, and which label names mean the same."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

_NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "sentence", "sentence1", "text_a", "premise", "question1", "content", "message",
             "tweet", "review", "utterance", "question", "body", "input", "prompt_text"),
    "text_b": ("text_b", "sentence2", "text2", "hypothesis", "question2", "second_text"),
    "label": ("label", "labels", "class", "category", "intent", "sentiment", "target", "topic",
              "label_text", "gold", "y", "emotion"),
    "generator": ("generator", "model", "llm", "prompt", "prompt_id", "batch", "source"),
}  # fmt: skip
_SHORT_FORMS = {"pos": "positive", "neg": "negative", "neu": "neutral", "y": "yes", "n": "no"}


@dataclass(frozen=True)
class Columns:
    """Which columns of a file hold what. `text_b` is the second text of a pair."""

    text: str | None
    label: str | None
    text_b: str | None = None
    generator: str | None = None


def guess_columns(frame: pd.DataFrame) -> Columns:
    """The most likely roles of the columns; None where nothing fits."""
    by_name = {name.lower().strip(): name for name in reversed(list(frame.columns))}
    taken: set[str] = set()

    def named(role: str) -> str | None:
        found = (by_name[name] for name in _NAMES[role] if by_name.get(name) not in (None, *taken))
        return next(found, None)

    chosen: dict[str, str | None] = {}
    for role in _NAMES:
        chosen[role] = named(role)
        taken |= {chosen[role] or ""}
    free = frame[[name for name in frame.columns if name not in taken]]
    return Columns(**chosen | {"text": chosen["text"] or _longest_column(free)})


def match_labels(found: Iterable[str], known: Sequence[str]) -> dict[str, str | None]:
    """For each label name of one file the same label of the other, or None when no name is like it."""
    by_plain = {_plain_label(name): name for name in known}
    return {name: name if name in known else by_plain.get(_plain_label(name)) for name in found}


def _longest_column(frame: pd.DataFrame) -> str | None:
    if frame.shape[1] == 0:
        return None
    lengths = frame.head(200).map(len).mean()
    return str(lengths.idxmax())


def _plain_label(name: str) -> str:
    plain = re.sub(r"[\W_]+", " ", name.casefold()).strip()
    return _SHORT_FORMS.get(plain, plain)
