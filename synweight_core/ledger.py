"""Forecasts of weight settings, kept to be put beside what the runs then showed.

    projects/<id>/forecasts.jsonl   {"time", "settings", "edits", "metric", "mean", "low", "high", "method"}

Lines are only appended; the newest of a setting counts. Figures are shares from 0 to 1, in the metric of the
project. It makes no forecast and trains nothing.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synweight_core import storage
from synweight_core.errors import DataError
from synweight_core.outcomes import outcomes
from synweight_core.presets import settings_words
from synweight_core.projects import Project, check_metric
from synweight_core.ranks import spearman
from synweight_core.weighting import WeightSettings

MIN_SETTINGS = 3  # two can only be in the same order or in the other
CONFIDENCE = 0.95
_DAMAGED = (TypeError, KeyError, ValueError, OverflowError, AttributeError)
SHARES = ("forecast", "low", "high", "outcome", "outcome_low", "outcome_high")  # columns of a ledger
_COLUMN_TYPES = {
    "settings": "str", "forecast": "float64", "low": "float64", "high": "float64", "runs": "int64",
    "outcome": "float64", "outcome_low": "float64", "outcome_high": "float64", "inside": "boolean",
}  # fmt: skip


@dataclass(frozen=True)
class Forecast:
    """One line of the file without its time. Raises ValueError or TypeError when a value cannot be right."""

    settings: WeightSettings
    edits: int
    metric: str
    method: str
    mean: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (self.low <= self.high and all(map(math.isfinite, (self.low, self.mean, self.high)))):
            raise ValueError(f"mean {self.mean}, low {self.low}, high {self.high}: expected finite, low <= high")
        if self.edits < 0:
            raise ValueError(f"edits {self.edits}: expected 0 or more")


def record(project: Project, forecast: Mapping[str, Any]) -> None:
    """Append a forecast, unless the newest of the same settings, edits, metric and method says the same.

    `forecast` has the fields of `Forecast`, `settings` as a dict; `edits` as in `launch.project_config`: the
    lines of edits that were replayed, 0 when no row differs from the upload. Further fields are not kept.

    Raises:
        DataError: a field is absent or cannot be right, or the metric is not one of this project's.
    """
    try:
        found = _forecast(forecast)
    except _DAMAGED as error:
        names = ", ".join(field.name for field in fields(Forecast))
        raise DataError(f"This forecast cannot be kept ({error}). Expected {names}.") from error
    check_metric(found.metric, project.labels)
    if _newest(project).get(_key(found)) != found:
        storage.append_line(_path(project), {"time": time.time(), **asdict(found)})


def ledger(project: Project, *, method: str | None = None) -> pd.DataFrame:
    """One row a setting (weights and edits) that was forecast in the project's metric, beside its outcome.

    The newest forecast of a setting counts, of one `method` or of any; the outcome is that of `outcomes`.

    Columns: settings (in words), forecast, low, high, runs (seeds), outcome (mean over seeds), outcome_low and
    outcome_high (95 % t interval of that mean, NaN below two runs), inside (whether the outcome lies within low
    to high, NA without one). Oldest setting first.
    """
    forecasts = {
        (each.settings, each.edits): each
        for each in _read(project)
        if each.metric == project.metric and method in (None, each.method)
    }
    met = outcomes(project, forecasts.keys())
    rows = [_row(forecast, met.get(setting, [])) for setting, forecast in forecasts.items()]
    return pd.DataFrame(rows, columns=list(_COLUMN_TYPES)).astype(_COLUMN_TYPES)


def in_per_cent(frame: pd.DataFrame) -> pd.DataFrame:
    """A `ledger` with its shares in per cent, for people."""
    return frame.assign(**{name: 100 * frame[name] for name in SHARES})


def rank_correlation(frame: pd.DataFrame) -> tuple[float, int]:
    """Spearman's correlation of forecasts and outcomes in a `ledger`, and how many settings have an outcome.

    NaN below MIN_SETTINGS of them, or when all forecasts or all outcomes are the same.
    """
    met = frame.dropna(subset="outcome")
    if len(met) < MIN_SETTINGS:
        return math.nan, len(met)
    return spearman(met["forecast"].to_numpy(), met["outcome"].to_numpy()), len(met)


def track_record(frame: pd.DataFrame) -> str:
    """How far the forecasts in a `ledger` could be trusted so far, in a plain sentence."""
    correlation, n = rank_correlation(frame)
    if not n:
        return "No forecast has met its run yet."
    if n < MIN_SETTINGS:
        return f"Too few to tell ({n} of {MIN_SETTINGS} needed)."
    inside = f"{int(frame['inside'].sum())} of {n} outcomes fell inside the interval."
    if math.isnan(correlation):
        return f"Over {n} settings the forecasts or the outcomes are all the same and rank nothing; {inside}"
    return f"Over {n} settings the forecasts ranked the runs with a rank correlation of {correlation:.2f}; {inside}"


def _forecast(stored: Mapping[str, Any]) -> Forecast:
    """Raises one of _DAMAGED."""
    return Forecast(
        settings=WeightSettings(**stored["settings"]),
        edits=int(stored["edits"]),
        metric=str(stored["metric"]),
        method=str(stored["method"]),
        **{name: float(stored[name]) for name in ("mean", "low", "high")},
    )


def _read(project: Project) -> Iterator[Forecast]:
    """The forecasts of a project, oldest first. Damaged lines and those of another version are left out."""
    for line in storage.read_lines(_path(project))[0]:
        try:
            yield _forecast(line)
        except _DAMAGED:
            continue


def _newest(project: Project) -> dict[tuple[object, ...], Forecast]:
    return {_key(forecast): forecast for forecast in _read(project)}


def _key(forecast: Forecast) -> tuple[object, ...]:
    return forecast.settings, forecast.edits, forecast.metric, forecast.method


def _path(project: Project) -> Path:
    return project.folder / "forecasts.jsonl"


def _row(forecast: Forecast, scores: list[float]) -> dict[str, object]:
    outcome = float(np.mean(scores)) if scores else math.nan
    outcome_low, outcome_high = _interval(scores)
    return {
        "settings": _words(forecast.settings, forecast.edits),
        "forecast": forecast.mean, "low": forecast.low, "high": forecast.high,
        "runs": len(scores), "outcome": outcome, "outcome_low": outcome_low, "outcome_high": outcome_high,
        "inside": forecast.low <= outcome <= forecast.high if scores else pd.NA,
    }  # fmt: skip


def _words(settings: WeightSettings, edits: int) -> str:
    """ "alpha 1, weights 0 to 5, 3 edits"."""
    return settings_words(settings) + (f", {edits:,} edit{'s' if edits > 1 else ''}" if edits else "")


def _interval(scores: list[float]) -> tuple[float, float]:
    """The t interval of the mean, NaN below two values."""
    n = len(scores)
    if n < 2:
        return math.nan, math.nan
    from scipy.stats import t  # slow to import

    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * float(np.std(scores, ddof=1)) / math.sqrt(n)
    return float(np.mean(scores)) - half, float(np.mean(scores)) + half
