"""Values read back from JSON files of a workspace, as far as they are of the kind that others count on.

A file may be damaged, written by another version, or by somebody else: what has another kind is as if it were absent.
It reads no file itself.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

_MOST = 1e15  # beyond any count, size or time of a run, and within what a float counts exactly

# Fields of events and results. Counts are finite and not negative; a measure may be NaN, where training diverged.
_COUNTS = {
    "step", "total_steps", "epoch", "rows", "seconds_left", "memory_bytes", "utilization", "done", "total", "seconds",
    "steps", "best_epoch", "time",
}  # fmt: skip
_MEASURES = {
    "loss", "accuracy", "macro_f1", "metric", "learning_rate", "rows_per_second", "effective_sample_size", "mean",
}  # fmt: skip
_TEXTS = {"event", "device", "precision", "stage", "message"}
_SCORES = {"validation", "test"}
# Fields of a training run's settings.
_SETTING_NUMBERS = {
    "alpha", "beta", "min_weight", "max_weight", "epochs", "batch_size", "learning_rate", "warmup_share",
    "weight_decay", "max_length", "evaluations_per_epoch", "seed", "edits", "relevance", "temperature", "drop_share",
    "real_mass", "soft_share", "processes",
}  # fmt: skip
_SETTING_TEXTS = {"loss", "train_on", "backbone", "device", "precision", "balance", "tracker"}


def is_number(value: object) -> bool:
    """Whether it is a finite number of a size that can be counted, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


def is_text(value: object) -> bool:
    """Whether it is a text that can be shown and written: one without half characters."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value))


def texts(value: object) -> list[str]:
    """The texts in a list; [] for anything else."""
    return [each for each in value if is_text(each)] if isinstance(value, list) else []


def has_kinds(
    record: Mapping[str, Any], *, numbers: Collection[str] = _SETTING_NUMBERS, texts: Collection[str] = _SETTING_TEXTS
) -> bool:
    """Whether those of these fields that are there are of their kind; by default those of a run's settings."""
    return all(is_number(value) for name, value in record.items() if name in numbers) and all(
        is_text(value) for name, value in record.items() if name in texts
    )


def figures(record: Mapping[str, Any]) -> dict[str, Any]:
    """An event or result without the known fields that are of another kind."""
    return {name: value for name, value in record.items() if _fits(name, value)}


def _fits(name: str, value: object) -> bool:
    if name == "metric":  # of a run its value, of a search its name
        return is_text(value) or _is_measure(value)
    if name in _COUNTS:
        return is_number(value) and value >= 0  # type: ignore[operator]
    if name in _MEASURES:
        return _is_measure(value)
    if name in _TEXTS:
        return is_text(value)
    if name in _SCORES:
        return value is None or _are_scores(value)
    return name != "doubts" or isinstance(value, list)


def _is_measure(value: object) -> bool:
    return is_number(value) or (isinstance(value, float) and not math.isfinite(value))


def _are_scores(value: object) -> bool:
    """Whether these are the figures of a split, recall by class among them."""
    if not isinstance(value, dict) or not _is_measure(value.get("accuracy")):
        return False
    recall = value.get("recall", {})
    is_recall = isinstance(recall, dict) and all(map(_is_measure, recall.values()))
    return is_recall and all(_is_measure(value[name]) for name in _MEASURES & value.keys())
