"""What people changed about synthetic rows: an append-only log, and the state that it leads to.

    projects/<id>/edits.jsonl   {"time", "kind", "rows", "value", "reason"}, one edit, undo or redo a line

Nothing in the upload is changed: labels, exclusions and factors lie over it, and replaying the first lines of
the log gives the state at any moment. Real rows are the yardstick and are never edited. It knows no weights
(`curated.py`) and no pages.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synweight_core import storage
from synweight_core.errors import DataError
from synweight_core.findings import listed
from synweight_core.projects import Project, load_label_codes
from synweight_core.rowsets import pack, unpack

MAX_FACTOR = 100.0
MAX_REASON_CHARS = 500
EDITS = {"relabel": "relabelled", "exclude": "excluded", "include": "included again", "factor": "factor"}
STEPS = ("undo", "redo")
_LATEST_TIME = 1e11  # the year 5138

_Record = Mapping[str, Any]


@dataclass(frozen=True)
class Curation:
    """The synthetic rows as they are now, each column [n]. Shared between pages: never changed in place.

    `labels` and `original` (as in the file) are label codes, int64; `log_factor` is the log of the weight
    factor, 0 where nobody set one. `n_edits` counts the lines of the log that led here.
    """

    labels: np.ndarray
    kept: np.ndarray
    log_factor: np.ndarray
    original: np.ndarray
    n_edits: int = 0
    can_undo: bool = False
    can_redo: bool = False

    @property
    def relabelled(self) -> np.ndarray:
        """Which rows have another label than in the file. bool [n]"""
        return self.labels != self.original

    @property
    def edited(self) -> bool:
        """Whether any row differs from the upload."""
        return bool(not self.kept.all() or self.log_factor.any() or self.relabelled.any())


@dataclass(frozen=True)
class EditLine:
    """One line of the log for display: `number` from 1, seconds since 1970, and how many rows it names."""

    number: int
    time: float
    kind: str
    value: str | float | None
    rows: int
    reason: str
    in_force: bool

    @property
    def words(self) -> str:
        """What was done: 'relabelled as refund', 'factor 0.5', 'undo'. Holds a label name as it came."""
        if self.kind == "relabel":
            return f"relabelled as {self.value}"
        return f"factor {self.value:g}" if self.kind == "factor" else EDITS.get(self.kind, self.kind)


def unedited(labels: np.ndarray) -> Curation:
    """The curation of rows that nobody has touched; `labels` are the codes of the file. int64 [n]"""
    return Curation(labels, np.ones(len(labels), dtype=bool), np.zeros(len(labels)), labels)


def load_curation(project: Project, *, lines: int | None = None) -> Curation:
    """The state after the whole log, or after its first `lines` lines.

    It may be cached by project id, `log_size` and `lines`.

    Raises:
        DataError: the log is damaged, or shorter than `lines`.
    """
    records = _read_log(project)
    if lines is not None and lines > len(records):
        raise DataError(
            f"{lines:,} lines of edits.jsonl were used, and only {len(records):,} are left of it. Restore the "
            "file, or train again."
        )
    return replay(records[:lines], load_label_codes(project), label_names=project.labels)


def replay(records: Sequence[_Record], original: np.ndarray, *, label_names: Sequence[str]) -> Curation:
    """The state after these lines of a log, over rows with the label codes `original` [n].

    Raises:
        DataError: the rows of a line are damaged.
    """
    done, undone = _stacks(records)
    labels, kept, log_factor = original.copy(), np.ones(len(original), dtype=bool), np.zeros(len(original))
    for i in done:
        rows, kind, value = _rows_of(records[i], i, n=len(original)), records[i]["kind"], records[i]["value"]
        if kind == "relabel":
            labels[rows] = label_names.index(value)
        elif kind == "factor":
            log_factor[rows] = math.log(value)
        else:
            kept[rows] = kind == "include"
    return Curation(labels, kept, log_factor, original, len(records), bool(done), bool(undone))


def history(project: Project) -> list[EditLine]:
    """Every line of the log, oldest first. Undone and dropped edits are not in force, nor are undo and redo.

    Raises:
        DataError: the log is damaged.
    """
    records = _read_log(project)
    in_force = set(_stacks(records)[0])
    n = project.counts["synthetic"]
    return [
        EditLine(
            number=i + 1,
            time=record["time"],
            kind=record["kind"],
            value=record["value"],
            rows=0 if record["kind"] in STEPS else len(_rows_of(record, i, n=n)),
            reason=record["reason"],
            in_force=i in in_force,
        )
        for i, record in enumerate(records)
    ]


def edits_in_force(project: Project, *, lines: int | None = None) -> list[dict[str, Any]]:
    """The lines of the edits that the log, or its first `lines` lines, leave in force, oldest first.

    Replaying them gives what `load_curation` gives. Raises DataError when the log is damaged.
    """
    records = _read_log(project)[:lines]
    return [records[i] for i in _stacks(records)[0]]


def log_size(project: Project) -> int:
    """Bytes of the log: they grow with each edit, so that a page can cache what it read."""
    path = _log_path(project)
    return path.stat().st_size if path.exists() else 0


def relabel(project: Project, rows: np.ndarray, *, label: str, reason: str = "") -> int:
    """Give the synthetic rows among the positions `rows` this label; how many there are.

    Raises:
        DataError: none of them is synthetic, the label is not the project's, or the reason is too long.
    """
    if label not in project.labels:
        raise DataError(f"Label '{label}' is not one of this project: {listed(project.labels)}. Choose one of them.")
    return _append_edit(project, "relabel", rows, label, reason)


def exclude(project: Project, rows: np.ndarray, *, reason: str = "") -> int:
    """Leave the synthetic rows among these positions out; how many there are. Raises DataError as `relabel`."""
    return _append_edit(project, "exclude", rows, None, reason)


def include(project: Project, rows: np.ndarray, *, reason: str = "") -> int:
    """Take excluded rows in again; how many synthetic rows were named. Raises DataError as `relabel`."""
    return _append_edit(project, "include", rows, None, reason)


def set_factor(project: Project, rows: np.ndarray, *, factor: float, reason: str = "") -> int:
    """Set the weight factor of the synthetic rows among these positions; 1 takes it away. How many there are.

    Raises:
        DataError: none of them is synthetic, the factor is not above 0 and at most MAX_FACTOR, or the reason
            is too long.
    """
    if not _is_factor(factor):
        raise DataError(
            f"The factor is {factor}; expected a number above 0 and at most {MAX_FACTOR:g}. To switch rows off, "
            "exclude them."
        )
    return _append_edit(project, "factor", rows, float(factor), reason)


def undo(project: Project) -> int:
    """Take back the last edit in force; how many rows it named. Raises DataError when there is none."""
    return _append_step(project, "undo", from_stack=0)


def redo(project: Project) -> int:
    """Put the edit that was undone last into force again; how many rows it names. Raises DataError."""
    return _append_step(project, "redo", from_stack=1)


def _append_edit(project: Project, kind: str, rows: np.ndarray, value: str | float | None, reason: str) -> int:
    n = project.counts["synthetic"]
    rows = np.unique(np.asarray(rows, dtype=np.int64))
    touched = rows[(rows >= 0) & (rows < n)]
    if not len(touched):
        raise DataError(
            f"{len(rows):,} rows were chosen, and none of them is synthetic. Real rows are the yardstick and "
            "cannot be edited. Select synthetic rows."
        )
    if len(reason) > MAX_REASON_CHARS:
        raise DataError(f"The reason has {len(reason):,} characters; expected at most {MAX_REASON_CHARS}. Shorten it.")
    _append(project, kind, pack(touched, n), value, reason)
    return len(touched)


def _append_step(project: Project, kind: str, *, from_stack: int) -> int:
    records = _read_log(project)
    stack = _stacks(records)[from_stack]
    if not stack:
        raise DataError(f"There is nothing to {kind}.")
    _append(project, kind, None, None, "")
    return len(_rows_of(records[stack[-1]], stack[-1], n=project.counts["synthetic"]))


def _append(project: Project, kind: str, rows: str | None, value: str | float | None, reason: str) -> None:
    record = {"time": time.time(), "kind": kind, "rows": rows, "value": value, "reason": reason}
    storage.append_line(_log_path(project), record)


def _stacks(records: Sequence[_Record]) -> tuple[list[int], list[int]]:
    """Numbers of the edits in force, in order, and of those that redo would bring back, the next one last.

    Two pages may undo the same edit at once: a step that finds nothing to do changes nothing.
    """
    done: list[int] = []
    undone: list[int] = []
    for i, record in enumerate(records):
        if record["kind"] == "undo":
            undone += [done.pop()] if done else []
        elif record["kind"] == "redo":
            done += [undone.pop()] if undone else []
        else:
            done.append(i)
            undone.clear()
    return done, undone


def _rows_of(record: _Record, i: int, *, n: int) -> np.ndarray:
    """The positions that a line names. [k] int64"""
    try:
        rows = unpack(record["rows"])
    except DataError as error:
        raise _damaged(i) from error
    if len(rows) and rows[-1] >= n:
        raise _damaged(i)
    return rows


def _is_factor(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value <= MAX_FACTOR


def _read_log(project: Project) -> list[dict[str, Any]]:
    """The lines of the log, each with all fields of the right kind. Raises DataError."""
    records, _ = storage.read_lines(_log_path(project))
    for i, record in enumerate(records):
        if not is_whole(record, project.labels):
            raise _damaged(i)
    return records


def is_whole(record: _Record, label_names: Sequence[str]) -> bool:
    """Whether a line of a log has all its fields, each of the right kind; the rows are not looked into."""
    kind, value, when = str(record.get("kind")), record.get("value"), record.get("time")
    fits = {"relabel": value in label_names, "factor": _is_factor(value)}.get(kind, value is None)
    return (
        "value" in record
        and record.get("kind") in (*EDITS, *STEPS)
        and fits
        and isinstance(record.get("rows"), str) == (kind in EDITS)
        and isinstance(when, int | float)
        and 0 <= when < _LATEST_TIME
        and isinstance(record.get("reason"), str)
    )


def _log_path(project: Project) -> Path:
    return project.folder / "edits.jsonl"


def _damaged(i: int) -> DataError:
    return DataError(
        f"Line {i + 1} of the edits in edits.jsonl is damaged: expected one of {', '.join((*EDITS, *STEPS))}, with "
        "time, reason, and rows and value of this project. Restore the file from a copy, or remove that line."
    )
