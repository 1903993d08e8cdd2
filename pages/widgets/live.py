"""The training runs of a project as they go: queue, status, curves that grow by themselves. All of it is on disk."""

import streamlit as st

from pages.widgets.preparation import REFRESH_SECONDS
from pages.widgets.queue_panel import in_queue, queue_panel
from pages.widgets.run_card import run_card
from pages.widgets.run_charts import curve_choice, evaluation_chart, measure_choice, smoothing_choice, training_chart
from pages.widgets.run_words import run_titles
from synweight_core import device, runs
from synweight_core.projects import Project
from synweight_core.runs import Run

MAX_WATCHED = 8  # at first; a person may watch more
_WATCH = "watch"  # of the URL: the ids of the watched runs, so that a reload and a colleague see the same


def live_runs(project: Project) -> None:
    """The chosen runs; they refresh themselves while one of the project is active."""
    found = runs.list_runs(project_id=project.id, kind="train")
    if not found:
        st.info("No run yet. Choose a loss on this page and press Start training; the curves appear here.")
        return
    watched = _watched(project, found)
    active = any(run.is_active for run in found)
    panel = st.fragment(_panel, run_every=REFRESH_SECONDS if active else None)
    panel(project, watched, was_active=active)


def watch_newest(project: Project) -> None:
    """Forget the choice of runs, so that those that were just started are shown."""
    st.session_state.pop(_key(project), None)
    st.query_params.pop(_WATCH, None)


def _watched(project: Project, found: list[Run]) -> list[str]:
    """The runs that a person watches: those of the URL, else the active ones, else the newest."""
    titles, key = run_titles(found), _key(project)
    if key not in st.session_state:
        linked = [run_id for run_id in st.query_params.get(_WATCH, "").split(",") if run_id in titles]
        active = [run.id for run in found if run.is_active][-MAX_WATCHED:]
        st.session_state[key] = linked or active or [found[0].id]
    st.session_state[key] = [run_id for run_id in st.session_state[key] if run_id in titles]

    def keep() -> None:
        st.query_params[_WATCH] = ",".join(st.session_state[key])

    return st.multiselect("Runs to watch", list(titles), key=key, format_func=titles.__getitem__, on_change=keep)


def _panel(project: Project, watched: list[str], *, was_active: bool) -> None:
    """Buttons stand above charts, which grow: nothing moves below a pointer that is about to press Stop."""
    found = runs.list_runs(project_id=project.id, kind="train")
    if was_active and not any(run.is_active for run in found):
        st.rerun()  # the timer ends with a last full run
    waiting = in_queue(device.waiting())
    queue_panel(project, waiting)
    queued = {run.id for run in waiting}
    shown = [run for run in found if run.id in watched]
    for run in sorted(shown, key=lambda run: not run.is_active):
        if run.id not in queued:
            run_card(run)
    if shown:
        _charts(project, shown)
    else:
        st.caption("No run is watched. Choose one above.")


def _charts(project: Project, shown: list[Run]) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        evaluation_chart(shown, measure_choice(project, "live_measure"), key="live_accuracy")
    with right:
        curve_place, smoothing_place = st.columns([3, 2])
        with curve_place:
            curve = curve_choice(project)
        with smoothing_place:
            smooth_over = smoothing_choice(project)
        training_chart(shown, curve, key="live_training", smooth_over=smooth_over)


def _key(project: Project) -> str:
    return f"watched:{project.id}"
