"""Runs while they are in progress: status, curves that grow by themselves, Stop."""

import pandas as pd
import streamlit as st

from pages.widgets import charts
from pages.widgets.plain import plain
from pages.widgets.preparation import REFRESH_SECONDS
from synweight_core import runs
from synweight_core.projects import METRICS, Project, metric_label
from synweight_core.runtable import setting_label

STATUS_WORDS = {
    "queued": "waiting for the device", "running": "running", "finished": "finished",
    "stopped": "stopped", "failed": "failed",
}  # fmt: skip


def live_runs(project: Project) -> None:
    """Status and curves of the chosen runs; they refresh themselves while one is active."""
    found = runs.list_runs(project_id=project.id, kind="train")
    if not found:
        st.info("No run yet. Choose a loss on this page and press Start training; the curves appear here.")
        return
    by_id = {run.id: run for run in found}
    key = f"watched:{project.id}"
    if key not in st.session_state:
        st.session_state[key] = [run.id for run in found if run.is_active][:8] or [found[0].id]
    st.session_state[key] = [run_id for run_id in st.session_state[key] if run_id in by_id]
    watched = st.multiselect(
        "Runs to watch", list(by_id), key=key, format_func=lambda run_id: run_title(by_id[run_id]),
    )  # fmt: skip
    measure = measure_choice(project, "live_measure")
    active = any(run.is_active for run in found)
    st.fragment(_panel, run_every=REFRESH_SECONDS if active else None)(project, watched, measure, active)


def run_title(run: runs.Run) -> str:
    """A run's name with the time it was created, plain text."""
    return f"{run.name} · {run.id[4:6]}-{run.id[6:8]} {run.id[9:11]}:{run.id[11:13]}:{run.id[13:15]}"


def settings_line(run: runs.Run) -> str:
    """The run's own settings in one line."""
    s = run.settings
    exponents = f" (alpha {s['alpha']:g}, beta {s['beta']:g})" if s["alpha"] or s["beta"] else ""
    setting = setting_label(s["loss"], s["train_on"])
    return (
        f"{setting}{exponents}, weights up to {s['max_weight']:g}, {s['epochs']} epochs, batch "
        f"{s['batch_size']}, learning rate {s['learning_rate']:g}, seed {s['seed']}, backbone {s['backbone']}"
    )


def events_of(run: runs.Run) -> list[dict]:
    """All events of a run; only those since the last look are read from disk."""
    known, offset = st.session_state.get(f"events:{run.id}", ([], 0))
    new, offset = runs.read_metrics(run.id, offset)
    if new:
        known = runs.one_curve([*known, *new])
    st.session_state[f"events:{run.id}"] = (known, offset)
    return known


def evaluation_curves(found: list[runs.Run], measure: str) -> dict[str, tuple[list[float], list[float]]]:
    """Epochs and per cents of `measure` on the validation rows, a line a run."""
    curves = {}
    for run in found:
        points = [event for event in events_of(run) if event["event"] == "evaluation"]
        curves[run_title(run)] = ([p["epoch"] for p in points], [100 * p.get(measure, p["metric"]) for p in points])
    return curves


def loss_curves(found: list[runs.Run]) -> dict[str, tuple[list[float], list[float]]]:
    """Epochs and training loss, a line a run."""
    curves = {}
    for run in found:
        points = charts.thinned([event for event in events_of(run) if event["event"] == "step"])
        curves[run_title(run)] = ([p["epoch"] for p in points], [p["loss"] for p in points])
    return curves


def evaluation_chart(found: list[runs.Run], measure: str, *, key: str) -> None:
    """Validation accuracy or macro-F1 of several runs in one chart, with its table."""
    meaning = charts.safe(f"{metric_label(measure)} on validation rows (%)")
    name = metric_label(measure)[0].lower() + metric_label(measure)[1:]
    curves = evaluation_curves(found, measure)
    table = curve_table(curves, f"validation {name} (%)")
    figure = charts.lines(
        curves, charts.safe(f"Validation {name}"), x="Epoch", y=meaning, x_end=last_epoch(found), markers=True
    )
    charts.show(figure, table, key=key, alt=f"Validation {name} by epoch, {len(table)} points.")


def measure_choice(project: Project, key: str) -> str:
    """The project's metric first, then accuracy and macro-F1."""
    options = list(dict.fromkeys([project.metric, *METRICS]))
    return st.selectbox("Measure", options, format_func=metric_label, key=f"{key}:{project.id}")


def last_epoch(found: list[runs.Run]) -> float:
    """Where the longest of these runs will end."""
    return max((run.settings["epochs"] for run in found), default=1)


def curve_table(curves: dict[str, tuple[list[float], list[float]]], name: str) -> pd.DataFrame:
    """The points of all lines as rows: run, epoch, `name`."""
    rows = [(run, x, y) for run, (across, up) in curves.items() for x, y in zip(across, up, strict=True)]
    return pd.DataFrame(rows, columns=["run", "epoch", name])


def _panel(project: Project, watched: list[str], measure: str, was_active: bool) -> None:
    found = runs.list_runs(project_id=project.id, kind="train")
    if was_active and not any(run.is_active for run in found):
        st.rerun()  # the timer ends with a last full run
    shown = [run for run in found if run.id in watched]
    if not shown:
        st.caption("No run is watched. Choose one above.")
        return
    for run in shown:
        _status(run)
    left, right = st.columns(2, gap="medium")
    with left:
        evaluation_chart(shown, measure, key="live_accuracy")
    with right:
        losses = loss_curves(shown)
        drawn = charts.lines(
            losses, "Training loss", x="Epoch", y="Weighted cross-entropy (nats)", x_end=last_epoch(shown)
        )
        charts.show(drawn, curve_table(losses, "loss"), key="live_loss", alt="Training loss by epoch.")


def _status(run: runs.Run) -> None:
    events = events_of(run)
    started = next((e for e in events if e["event"] == "started"), None)
    step = next((e for e in reversed(events) if e["event"] == "step"), None)
    evaluation = next((e for e in reversed(events) if e["event"] == "evaluation"), None)
    with st.container(border=True):
        left, right = st.columns([5, 1], vertical_alignment="center") if run.is_active else (st, st)
        left.markdown(f"**{plain(run_title(run))}** · {STATUS_WORDS[run.status]}{_outcome(run)}")
        left.caption(plain(settings_line(run)))
        if run.is_active:
            if right.button("Stop", key=f"stop:{run.id}", icon=":material/stop:", width="stretch"):
                runs.request_stop(run.id)
            share = step["step"] / started["total_steps"] if step and started else 0.0
            st.progress(share, text=_progress_text(started, step, evaluation))
        if run.error:
            st.error(plain(run.error))


def _progress_text(started: dict | None, step: dict | None, evaluation: dict | None) -> str:
    if started is None:
        return "Waiting, then loading the model"
    if step is None:
        return "Taking the first step"
    size = (evaluation or started)["effective_sample_size"]
    sample = f", effective sample size {size:,.0f} of {started['rows']:,} rows" if size else ""
    return (
        f"Step {step['step']:,} of {started['total_steps']:,} on {started['device']} in {started['precision']}, "
        f"{step['rows_per_second']:,.0f} rows/s, {step['seconds_left']:,.0f} s left{sample}"
    )


def _outcome(run: runs.Run) -> str:
    result = run.result or {}
    parts = []
    for split in ("validation", "test"):
        scores = result.get(split)
        if scores:
            parts.append(f"{split} accuracy {100 * scores['accuracy']:.1f} %")
    return "".join(f" · {part}" for part in parts)
