"""Suggested weight settings: looked for in a worker process, shown, and used at a click."""

import pandas as pd
import streamlit as st

from pages.widgets import charts, loaded, preparation, suggest_charts
from pages.widgets.checker_note import probes_instead
from pages.widgets.plain import plain
from pages.widgets.trouble import told_briefly
from synweight_core import project_settings, runs
from synweight_core.errors import SynweightError
from synweight_core.forecast import Estimate
from synweight_core.prepare import has_folds
from synweight_core.projects import Project
from synweight_core.suggest import GRID, TOTAL, Suggestion, sentence
from synweight_core.suggest_job import is_outdated, start_suggesting, suggestion_of
from synweight_core.units import share


@st.fragment
def suggest_panel(project: Project) -> None:
    """The button "Suggest settings", how far it is, and what it found last."""
    if not loaded.edits(project).kept.any():
        st.warning("All synthetic rows are excluded: there is nothing to weigh. Undo some edits on the Map page.")
        return
    job = next(iter(runs.list_runs(project_id=project.id, kind="suggest")), None)
    if job and job.is_active:
        _progress(job.id)
        return
    st.button(
        "Suggest settings", icon=":material/auto_awesome:", on_click=_start, args=(project,),
        disabled=not has_folds(project), key=f"suggest:{project.id}",
        help=f"Forecasts {TOTAL} settings on the real rows that are not test. It takes seconds to a minute."
    )  # fmt: skip
    probes_instead(project)
    if not has_folds(project):
        going_on = preparation.active(project) is not None
        how = "They are being trained." if going_on else f"Run: synweight prepare {project.id}"
        st.caption(f"Suggestions need checkers that are trained fold by fold. {plain(how)}")
    elif error := st.session_state.pop(_error_key(project), None) or (job and job.error):
        st.error(plain(error), icon=":material/error:")
    elif job:
        _found(project, job)


def _start(project: Project) -> None:
    try:
        start_suggesting(project)
    except SynweightError as error:
        st.session_state[_error_key(project)] = str(error)


@st.fragment(run_every=preparation.REFRESH_SECONDS)
def _progress(job_id: str) -> None:
    try:
        job = runs.load_run(job_id)
    except SynweightError:
        st.rerun()
    if not job.is_active:
        st.rerun()
    event = runs.latest_event(job_id)
    done, total = event.get("done", 0), event.get("total", TOTAL)
    st.progress(share(done, total), text=f"{done} of {total} settings are forecast" if done else "Starting")
    st.button(
        "Stop", icon=":material/stop:", on_click=told_briefly(runs.request_stop), args=(job_id,), key=f"stop:{job_id}"
    )


def _found(project: Project, job: runs.Run) -> None:
    suggestion = suggestion_of(job)
    if suggestion is None:
        st.info("The search was stopped before its first forecast.")
        return
    try:
        outdated = is_outdated(job, project)
    except SynweightError as error:
        st.error(plain(error), icon=":material/error:")
        return
    _verdict(project, suggestion, outdated=outdated)
    if suggestion.candidates[0].forecast.is_known:
        _landscape(suggestion, key=job.id)
        _candidates(suggestion, key=job.id)


def _verdict(project: Project, suggestion: Suggestion, *, outdated: bool) -> None:
    words = plain(sentence(suggestion))
    if outdated:
        st.warning("Outdated: edits, caps or data have changed since. Suggest again.", icon=":material/history:")
        st.caption(f"It was: {words}")
        return
    if not suggestion.is_recommended:
        st.info(words)
        return
    st.success(words, icon=":material/auto_awesome:")
    settings = suggestion.candidates[suggestion.chosen].settings
    in_use = project_settings.load_settings(project) == settings
    if st.button(
        "This setting is in use" if in_use else "Use this setting", icon=":material/check:", disabled=in_use,
        key=f"use:{project.id}",
    ):  # fmt: skip
        project_settings.save_settings(project, settings)
        st.rerun()


def _landscape(suggestion: Suggestion, *, key: str) -> None:
    table = suggest_charts.grid_table(suggestion.candidates)
    top = table.loc[table["points over CE"].idxmax()]
    title = f"Highest at {top['weights']}, {top['taught']}: {top['points over CE']:+.1f} points over CE"
    marked = suggestion.chosen if suggestion.chosen < len(GRID) else None
    figure = suggest_charts.landscape(table, title, chosen=marked)
    alt = f"Forecast points over CE by exponents and by what rows teach. {title}."
    charts.show(figure, table, alt=alt, key=f"landscape:{key}")


def _candidates(suggestion: Suggestion, *, key: str) -> None:
    notes = {suggestion.best: "best", suggestion.chosen: "chosen"}
    table = pd.DataFrame(
        [
            {"setting": each.words, "": notes.get(i, "")} | _columns("forecast %", each.forecast)
            | _columns("points over CE", each.over_ce)
            for i, each in enumerate(suggestion.candidates)
        ]
    )  # fmt: skip
    honest, over = suggestion.nested, suggestion.nested_over_ce
    if honest.is_known:
        st.caption(
            f"Choosing in each fold by the rows of the others is forecast at {100 * honest.mean:.1f} % "
            f"({100 * honest.low:.1f} to {100 * honest.high:.1f}), {100 * over.mean:+.1f} points against CE: the best "
            "of many forecasts is flattered by chance, this figure is not."
        )
    with st.expander("All settings that were forecast"):
        st.dataframe(
            table.sort_values("forecast %", ascending=False, kind="stable"), hide_index=True,
            key=f"candidates:{key}",
            column_config={name: st.column_config.NumberColumn(format="%.1f") for name in table.columns[2:]},
        )  # fmt: skip


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    figures = {name: estimate.mean, f"{name}, low": estimate.low, f"{name}, high": estimate.high}
    return {column: 100 * value for column, value in figures.items()}


def _error_key(project: Project) -> str:
    return f"suggest_error:{project.id}"
