"""Curves of runs, several in one chart: what they said of the validation rows, and how their training went."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.widgets import charts
from pages.widgets.charts import Line
from pages.widgets.plain import plain
from pages.widgets.run_words import run_titles
from synweight_core.curves import thinned
from synweight_core.projects import METRICS, Project, metric_label
from synweight_core.run_log import CURVES, RunLog
from synweight_core.runs import Run

LOSS = "loss"  # of the validation rows: the one measure that is no share
SMOOTHING = (1, 5, 20, 100)  # points


def log_of(run: Run) -> RunLog:
    """What a run has reported; only what came since the last look is read from disk."""
    log: RunLog = st.session_state.setdefault(f"log:{run.id}", RunLog(run.id))
    log.read_on()
    return log


def measure_choice(project: Project, key: str) -> str:
    """The project's metric first, then accuracy, macro-F1 and the loss."""
    options = list(dict.fromkeys([project.metric, *METRICS, LOSS]))
    return st.selectbox("Measure", options, format_func=_measure_label, key=f"{key}:{project.id}")


def curve_choice(project: Project) -> str:
    """What of the training is drawn."""
    return st.selectbox(
        "Training curve", list(CURVES), format_func=lambda name: CURVES[name].label, key=f"curve:{project.id}"
    )


def smoothing_choice(project: Project) -> int:
    """Over how many points the training curve is smoothed."""
    return st.selectbox(
        "Smoothing", SMOOTHING, key=f"smoothing:{project.id}",
        format_func=lambda over: str(over) if over > 1 else "None",
        help="An exponentially weighted mean of the training curve; what was measured stays in pale.",
    )  # fmt: skip


def evaluation_chart(found: Sequence[Run], measure: str, *, key: str) -> None:
    """A figure of the validation rows of several runs in one chart, with its table."""
    label = _measure_label(measure)
    name, unit = label[0].lower() + label[1:], "nats" if measure == LOSS else "%"
    series = {title: _scaled(log_of(run).evaluated(measure), measure) for run, title in _titled(found)}
    table = _table(series, f"validation {name} ({unit})")
    if table.empty:
        st.caption(f"Validation {plain(name)}: nothing was measured yet.")
        return
    figure = charts.lines(
        series, charts.safe(f"Validation {name}"), x="Epoch", x_end=last_epoch(found), markers=True,
        y=charts.safe(f"{label} on validation rows ({unit})"),
    )  # fmt: skip
    charts.show(figure, table, key=key, alt=f"Validation {name} by epoch, {len(table)} points.")


def training_chart(found: Sequence[Run], curve: str, *, key: str, smooth_over: int = 1) -> None:
    """A row of CURVES of several runs in one chart, with its table."""
    shown = CURVES[curve]
    series = {title: log_of(run).curve(curve) for run, title in _titled(found)}
    if not any(len(across) for across, _ in series.values()):
        st.caption(f"{shown.label}: nothing was reported yet.")
        return
    figure = charts.lines(
        series, shown.label, x="Epoch", y=shown.axis, x_end=last_epoch(found), smooth_over=smooth_over,
        markers=shown.event == "evaluation",
    )  # fmt: skip
    table = _table({title: thinned(*line) for title, line in series.items()}, shown.axis)
    charts.show(figure, table, key=key, alt=f"{shown.label} by epoch.")


def last_epoch(found: Sequence[Run]) -> float:
    """Where the longest of these runs will end."""
    return max((run.settings.get("epochs", 1) for run in found), default=1)


def _titled(found: Sequence[Run]) -> list[tuple[Run, str]]:
    titles = run_titles(found)
    return [(run, titles[run.id]) for run in found]


def _scaled(line: Line, measure: str) -> Line:
    return line if measure == LOSS else (line[0], 100 * line[1])


def _measure_label(measure: str) -> str:
    return "Loss" if measure == LOSS else metric_label(measure)


def _table(series: dict[str, Line], name: str) -> pd.DataFrame:
    """The points of all lines as rows: run, epoch, `name`."""
    rows = [(run, x, y) for run, (across, up) in series.items() for x, y in zip(across, up, strict=True)]
    return pd.DataFrame(rows, columns=["run", "epoch", name])
