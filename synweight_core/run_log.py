"""What a training run has reported so far, read on from where the last look ended. Columns of numbers, no figures.

A run that was resumed goes on from a checkpoint: what it had reported of later steps is replaced by what it reports
now, so that the curves go on on the same axis.
"""

import math
from array import array
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from synweight_core import runs


@dataclass(frozen=True)
class Curve:
    """One row of CURVES: what it is called, its axis, which events tell it, and by what it is multiplied."""

    label: str
    axis: str
    event: Literal["step", "evaluation"]
    factor: float = 1.0


CURVES: Mapping[str, Curve] = {
    "loss": Curve("Training loss", "Weighted cross-entropy (nats)", "step"),
    "learning_rate": Curve("Learning rate", "Learning rate", "step"),
    "effective_sample_size": Curve(
        "Effective sample size", "Effective sample size of the weights (rows)", "evaluation"
    ),
    "rows_per_second": Curve("Throughput", "Rows per second", "step"),
    "memory_bytes": Curve("Device memory", "Device memory (GiB)", "step", 2.0**-30),
}
_COLUMNS = ("step", "epoch", *(name for name, curve in CURVES.items() if curve.event == "step"))


class RunLog:
    """The events of one run, kept as columns: 60 bytes a step. `read_on` takes in what is new.

    `started` is the event of that name ({} before it), `evaluations` are those in force, `now` is the latest step, and
    `notices` are sentences for people.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._offset = 0
        self._forget()

    def read_on(self) -> None:
        """Take in what was reported since the last time; from the start when the file has become shorter."""
        path = runs.folder(self._run_id) / "metrics.jsonl"
        if path.exists() and path.stat().st_size < self._offset:
            self._forget()
        events, self._offset = runs.read_metrics(self._run_id, self._offset)
        for event in events:
            self._take(event)

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Epochs and values of a row of CURVES; only where a value was reported. float64 [n], [n]"""
        curve = CURVES[name]
        if curve.event == "evaluation":
            epochs, values = self.evaluated(name)
        else:
            epochs, values = np.array(self._steps["epoch"]), np.array(self._steps[name])
        told = ~np.isnan(values)
        return epochs[told], values[told] * curve.factor

    def evaluated(self, measure: str) -> tuple[np.ndarray, np.ndarray]:
        """Epochs and values of a figure of the validation rows, as reported; NaN where it was not. float64 [n], [n]"""
        epochs = [_number(event.get("epoch")) for event in self.evaluations]
        return np.array(epochs, dtype=float), np.array([_figure(e, measure) for e in self.evaluations], dtype=float)

    def _forget(self) -> None:
        self._offset = 0
        self._steps = {name: array("d") for name in _COLUMNS}
        self.started: dict[str, Any] = {}
        self.evaluations: list[dict[str, Any]] = []
        self.now: dict[str, Any] = {}
        self.notices: list[str] = []

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("event")
        if kind == "started":
            self.started = event
        elif kind == "step":
            self._take_step(event)
        elif kind == "evaluation":
            self.evaluations.append(event)
        elif kind == "notice":
            self.notices.append(str(event.get("message")))
        elif kind == "resumed":
            self._drop_after(_number(event.get("step")))

    def _take_step(self, event: dict[str, Any]) -> None:
        if math.isnan(_number(event.get("step"))):
            return
        for name, column in self._steps.items():
            column.append(_number(event.get(name)))
        self.now = event

    def _drop_after(self, step: float) -> None:
        if math.isnan(step):
            return
        kept = bisect_right(self._steps["step"], step)
        for column in self._steps.values():
            del column[kept:]
        self.evaluations = [event for event in self.evaluations if _number(event.get("step")) <= step]
        self.now = {}


def _figure(event: Mapping[str, Any], measure: str) -> float:
    """A figure by its name; the project's metric where the event has none of this name."""
    return _number(event.get(measure, event.get("metric")))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
