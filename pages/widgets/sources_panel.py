"""Scoreboard of sources: which generator or prompt wrote the rows that count, and what leaving one out would change."""

import streamlit as st

from pages.widgets import loaded
from synweight_core import project_settings, sources
from synweight_core.curated import curated_weights
from synweight_core.forecast import project_forecaster
from synweight_core.prepare import has_folds, load_prepared
from synweight_core.presets import settings_words
from synweight_core.projects import Project

_COLUMNS = {
    "share_rows": st.column_config.NumberColumn("of the rows", format="percent"),
    "share_weight": st.column_config.NumberColumn("of the weight", format="percent"),
    "mean_weight": st.column_config.NumberColumn("mean weight", format="%.2f"),
    "effective_sample_size": st.column_config.NumberColumn("effective sample size", format="%.0f"),
    "gain": st.column_config.NumberColumn("gain when left out (points)", format="%+.1f"),
    "low": st.column_config.NumberColumn("low", format="%+.1f"),
    "high": st.column_config.NumberColumn("high", format="%+.1f"),
}


def sources_panel(project: Project) -> None:
    """The scoreboard at the weights in use; the forecasts without each source at a click."""
    prepared = load_prepared(project)
    if prepared is None:
        st.info("The project is not prepared yet: open the Map page to have it prepared.")
        return
    rows = loaded.rows(project).iloc[: prepared.n_synthetic]
    columns = sources.source_columns(rows)
    if not columns:
        st.info("No column tells sources apart. Name the column of the generator or prompt on the Data page.")
        return
    column = st.selectbox(
        "Sources by", columns, format_func=lambda name: name.removeprefix("upload:"), key=f"sources:{project.id}"
    )
    settings, edits = project_settings.load_settings(project), loaded.edits(project)
    board = sources.scoreboard(rows[column], curated_weights(prepared, settings, edits))
    if has_folds(project) and st.button(
        "Forecast each source left out", icon=":material/insights:", key="left_out",
        help=f"A linear probe with and without the rows of each source, the {sources.MAX_SOURCES} largest at most.",
    ):  # fmt: skip
        with st.spinner("Forecasting without each source."):
            board = sources.left_out(
                board, rows[column], settings, edits, lambda other: project_forecaster(project, prepared, other)
            )
    st.dataframe(board, hide_index=True, key="scoreboard", column_config=_COLUMNS)
    st.caption(f"At the weights in use: {settings_words(settings)}. Excluded rows weigh 0.")
