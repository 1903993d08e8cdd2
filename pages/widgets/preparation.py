"""The preparation of a project as people see it: started once, its progress, Cancel."""

import time
from collections.abc import Callable

import streamlit as st

from pages.widgets.plain import plain
from synweight_core import runs
from synweight_core.prepare import STAGES, is_prepared
from synweight_core.projects import Project
from synweight_core.tuning import DURATIONS
from synweight_core.units import share

REFRESH_SECONDS = 1.0


def active(project: Project) -> runs.Run | None:
    """The preparation that is going on, if any."""
    return runs.active_run(project.id, "prepare")


def start_once(project: Project, *, done: Callable[[Project], bool] = is_prepared) -> None:
    """Start the preparation unless it is done or going on."""
    if not done(project) and active(project) is None:
        runs.start("prepare", project.id, {}, name=f"prepare {project.name}")


def show(project: Project, *, done: Callable[[Project], bool] = is_prepared) -> None:
    """Progress of the preparation until `done`, with Cancel, or the button that starts it."""
    if active(project) is not None:
        _progress(project, done)
        return
    last = runs.list_runs(project_id=project.id, kind="prepare")[:1]
    if last and last[0].error:
        st.error(f"The preparation did not end well: {plain(last[0].error)}")
    elif last and last[0].status == "stopped":
        st.info("The preparation was cancelled. What was computed is kept.")
    st.markdown(
        "Not everything is computed yet. The texts are turned into vectors, the two checkers are "
        f"trained, and the map is drawn; {DURATIONS[project.checker]}."
    )
    if st.button("Prepare map and weights", type="primary", icon=":material/play_arrow:"):
        start_once(project, done=done)
        st.rerun()


@st.fragment(run_every=REFRESH_SECONDS)
def _progress(project: Project, done: Callable[[Project], bool]) -> None:
    run = active(project)
    if run is None or done(project):
        st.rerun()
        return
    event = runs.latest_event(run.id)
    names = list(STAGES)
    position = names.index(event["stage"]) if event.get("stage") in names else 0
    of_stage = share(event.get("done", 0), event.get("total", 1))
    title = STAGES[names[position]] if event else "Starting"
    seconds = max(0.0, time.time() - run.created)  # the clock may have been set back
    label = f"Step {position + 1} of {len(names)}: {title} ({seconds:.0f} s so far)"
    st.progress((position + of_stage) / len(names), text=label)
    st.caption("It goes on when this page is closed, and the map appears here when it is done.")
    if st.button("Cancel", icon=":material/close:"):
        runs.request_stop(run.id)
