"""What colours the map: the choice, and the codes and legend that follow from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import loaded, map_session
from pages.widgets.map_epochs import with_epoch
from pages.widgets.plain import plain
from pages.widgets.preparation import REFRESH_SECONDS
from pages.widgets.shell import told_apart
from pages.widgets.trouble import told_briefly
from synweight_core import map_wire, runs
from synweight_core.curated import relabelled
from synweight_core.errors import NotFoundError
from synweight_core.map_colours import colouring
from synweight_core.map_rows import COLOURS, EPOCH_COLOUR, RUN_COLOURS, ColourBy, with_run_scores
from synweight_core.map_scores import load_map_scores, start_scoring
from synweight_core.projects import Project
from synweight_core.units import share


@dataclass(frozen=True)
class Painted:
    """The rows with what the chosen colour needs, and how they are coloured."""

    rows: pd.DataFrame
    colour: ColourBy
    name: str
    codes: map_wire.Blob
    legend: dict[str, Any]


def chosen_colour(project: Project, n: int) -> str:
    """The name of the colour of the moment; weight where the one that was chosen is no longer offered."""
    wanted = map_session.current(project, n).colour
    return wanted if wanted in loaded.colours_offered(project) else "weight"


def colour_choice(project: Project, n: int) -> None:
    """The select box "Colour by"."""
    offered, chosen, key = loaded.colours_offered(project), chosen_colour(project, n), f"colour:{project.id}"
    st.session_state[key] = chosen
    st.selectbox(
        "Colour by", list(offered), format_func=lambda name: offered[name].label, key=key, help=_all_help(offered),
        on_change=lambda: map_session.change(project, n, colour=st.session_state[key]),
    )  # fmt: skip
    st.caption(offered[chosen].help)


def painted(project: Project, rows: pd.DataFrame, name: str) -> Painted:
    """Codes and legend of `rows`, which hold the weights of the moment."""
    if name in RUN_COLOURS:
        rows, name = _with_run(project, rows, name)
    elif name == EPOCH_COLOUR:
        played = with_epoch(project, rows)
        rows, name = (rows, "weight") if played is None else (played, name)
    if name in ("weight", EPOCH_COLOUR, *RUN_COLOURS):
        colour = COLOURS[name]
        made = colouring(colour, rows, project.labels)
        return Painted(rows, colour, name, map_wire.blob(made.codes.tobytes()), made.legend)
    codes, legend = loaded.colours(project, name)
    return Painted(rows, loaded.colours_offered(project)[name], name, codes, legend)


def _with_run(project: Project, rows: pd.DataFrame, name: str) -> tuple[pd.DataFrame, str]:
    """The rows with the scores of a chosen run; without scores, what to do for them, and the weight instead."""
    trained = {run.id: run for run in runs.list_runs(project_id=project.id, kind="train") if not run.is_active}
    usable = {run_id: run for run_id, run in trained.items() if (run.folder / "model" / "config.json").exists()}
    if not usable:
        st.info("No run has ended with a model yet. Train one, then come back. Until then: weight.")
        return rows, "weight"
    names = told_apart({run_id: run.name for run_id, run in usable.items()})
    chosen = st.selectbox("Run", list(names), format_func=names.__getitem__, key=f"run:{project.id}")
    scores = load_map_scores(usable[chosen])
    if scores is None or len(scores) != len(rows):
        _score(project, usable[chosen])
        return rows, "weight"
    current = relabelled(loaded.prepared(project.id, project.data_hash), loaded.edits(project))
    return with_run_scores(rows, np.asarray(scores), current.labels), name


def _score(project: Project, run: runs.Run) -> None:
    """The button that lets a run's model read the rows, and how far it is."""
    jobs = runs.list_runs(project_id=project.id, kind="score")
    job = next((job for job in jobs if job.settings.get("run") == run.id), None)
    if job and job.is_active:
        _progress(job.id)
        return
    if job and job.error:
        st.error(plain(job.error))
    st.caption("This model has not read the rows of the map yet. It takes seconds to minutes. Until then: weight.")
    if st.button("Let this model read the rows", icon=":material/play_arrow:", width="stretch"):
        try:
            start_scoring(run)
        except NotFoundError as error:
            st.error(plain(error))
        else:
            st.rerun(scope="fragment")


@st.fragment(run_every=REFRESH_SECONDS)
def _progress(job_id: str) -> None:
    try:
        job = runs.load_run(job_id)
    except NotFoundError:
        st.rerun()
    if not job.is_active:
        st.rerun()
    event = runs.latest_event(job_id)
    st.progress(share(event.get("done", 0), event.get("total", 0)), text=f"Reading the rows: {job.status}")
    st.button("Stop", icon=":material/stop:", on_click=told_briefly(runs.request_stop), args=(job_id,))


def _all_help(offered: dict[str, ColourBy]) -> str:
    return "\n".join(f"- **{plain(colour.label)}**: {plain(colour.help)}" for colour in offered.values())
