"""What if: every meter and the forecast with and without a change of the selected rows, before anything is trained."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import loaded, map_session
from pages.widgets.plain import plain
from synweight_core import what_if
from synweight_core.alignment import alignment_table
from synweight_core.curated import curated_weights
from synweight_core.curation import Curation
from synweight_core.errors import SynweightError
from synweight_core.forecast import estimate_table, final, project_forecaster, verdict
from synweight_core.launch import project_config, start_training
from synweight_core.prepare import Prepared, has_folds
from synweight_core.projects import Project
from synweight_core.weighting import WeightSettings


def what_if_panel(project: Project, prepared: Prepared, settings: WeightSettings) -> None:
    """The choice of a change, its meters, its forecast, and both trained."""
    selected = map_session.current(project, len(prepared.labels)).selected
    rows = selected[selected < prepared.n_synthetic]
    if not len(rows):
        st.info(
            "Nothing is selected. Draw a lasso around synthetic rows on the Map page, or search there; then come back."
        )
        return
    change = st.segmented_control(
        f"What if, for the {len(rows):,} selected synthetic rows", list(what_if.CHANGES), default="drop", required=True,
        format_func=lambda name: what_if.CHANGES[name].label, key=f"what_if:{project.id}",
    )  # fmt: skip
    before = loaded.edits(project)
    after = what_if.changed(before, change or "drop", rows)
    if not after.kept.any():
        st.warning("No row would be left. Select fewer rows, or choose another change.")
        return
    _meters(project, *(curated_weights(prepared, settings, edits) for edits in (before, after)))
    if not has_folds(project):
        st.caption("A forecast needs the checkers of the folds: open the tab Forecast to have them trained.")
    elif st.button("Forecast the change", icon=":material/insights:", key="forecast_change"):
        _forecast(project, prepared, settings, after)
    st.button(
        "Make the change and train both", icon=":material/model_training:", key="train_both",
        help="Two runs with the same seed: as it is, and with the change. The change joins the log of edits; Undo on "
        "the Map page takes it back.",
        on_click=_train_both, args=(project, before, after, what_if.CHANGES[change or "drop"].label),
    )  # fmt: skip
    if told := st.session_state.pop(f"what_if_told:{project.id}", None):
        show, words = told
        getattr(st, show)(words)


def _meters(project: Project, before: np.ndarray, after: np.ndarray) -> None:
    whole = dict.fromkeys(("before", "after", "difference"), st.column_config.NumberColumn(format="%.0f"))
    table = what_if.before_and_after(before, after)
    st.dataframe(table, hide_index=True, key="what_if_meters", column_config=whole)
    measure = loaded.alignment(project).measure
    tables = [alignment_table(measure(weights), project.labels) for weights in (before, after)]
    distances = pd.DataFrame({
        "class": tables[0]["class"], "MMD² before": tables[0]["mmd2"], "MMD² after": tables[1]["mmd2"],
        "AUC before": tables[0]["auc"], "AUC after": tables[1]["auc"],
    })  # fmt: skip
    st.caption("Distance of weighted synthetic from real rows; MMD² 0 and AUC 0.5 where they are alike.")
    short = dict.fromkeys(distances.columns[1:], st.column_config.NumberColumn(format="%.3f"))
    st.dataframe(distances, hide_index=True, key="what_if_alignment", column_config=short)


def _forecast(project: Project, prepared: Prepared, settings: WeightSettings, after: Curation) -> None:
    with st.spinner("Forecasting with and without the change."):
        forecaster, _ = loaded.forecaster(project)
        said = {
            "As it is": final(forecaster, settings),
            "With the change": final(project_forecaster(project, prepared, after), settings),
        }
    difference = forecaster.estimate(said["With the change"], against=said["As it is"])
    st.markdown(verdict(difference, over="the rows as they are"))
    table = estimate_table(forecaster, said)
    points = dict.fromkeys(table.columns[1:], st.column_config.NumberColumn(format="%.1f %%"))
    st.dataframe(table, hide_index=True, key="what_if_forecast", column_config=points)


def _train_both(project: Project, before: Curation, after: Curation, label: str) -> None:
    told = f"what_if_told:{project.id}"
    try:
        start_training(project, project_config(project, loss="tuned"))
        what_if.keep_change(project, before, after, reason=f"What if: {label.lower()}")
        start_training(project, project_config(project, loss="tuned"))
    except (SynweightError, ValueError) as error:
        st.session_state[told] = "error", plain(error)
    else:
        words = "Two runs were started: as it is, then with the change. Watch them on the Train page."
        st.session_state[told] = "success", words
