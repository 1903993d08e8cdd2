"""Map: look at synthetic and real rows together, coloured by what they are worth."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pages.widgets import embedding_map, shell
from pages.widgets.row_table import row_table
from pages.widgets.weight_controls import quality_help, row_weights, weight_controls
from synweight_core import projects
from synweight_core.map_rows import colours_for, selection_summary, with_weights

shell.page_header(
    "Map",
    "Rows that say similar things lie close together. Find the synthetic rows that your real data would not say.",
)
project = shell.need_project()
prepared = shell.need_prepared(project)
base_rows = shell.load_map_rows(project.id, project.data_hash)
view_key = f"view:{project.id}"
view: dict[str, Any] = st.session_state.setdefault(view_key, projects.load_view(project))


def keep_view(**changes: object) -> None:
    """Remember what the map shows, for this session and the next."""
    view.update(changes)
    projects.save_view(project, view)


def take_selection() -> None:
    """The lasso, box or click just made, as row positions."""
    points = st.session_state["map"]["selection"]["points"]
    chosen = {int(np.ravel(point["customdata"])[0]) for point in points if point.get("customdata") is not None}
    keep_view(selected=sorted(chosen))


def selection_table(rows: pd.DataFrame, selected: np.ndarray) -> None:
    """Counts and rows of the selection; without one, how to make one."""
    if not len(selected):
        st.caption(
            "Three things to try: drag a lasso around points to read them here; move alpha and watch the "
            "colours; then press Train with these weights."
        )
        return
    figures = selection_summary(rows, selected)
    shares = (
        f", mean weight {figures['mean_weight']:.2f}, {100 * figures['share_of_weight']:.1f} % of all weight, "
        f"{100 * figures['disagree']:.0f} % disagree with their label"
        if figures["synthetic"]
        else ""
    )
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.markdown(f"**{figures['rows']:,} of {len(rows):,} rows selected**{shares}")
    right.button("Clear", icon=":material/close:", on_click=keep_view, kwargs={"selected": []}, width="stretch")
    row_table(rows.iloc[selected].sort_values("weight"), key="selection_table")


@st.fragment
def workbench() -> None:
    """Controls, map and selection: they move together."""
    instruments, canvas = shell.instruments_and_canvas()
    colours = colours_for(base_rows)
    with instruments:
        name = view.get("colour") if view.get("colour") in colours else "weight"
        chosen = st.selectbox(
            "Colour by", list(colours), index=list(colours).index(name), key=f"colour:{project.id}",
            format_func=lambda c: colours[c].label, help=quality_help(project, prepared),
        )  # fmt: skip
        if chosen != view.get("colour", "weight"):
            keep_view(colour=chosen)
        st.caption(colours[chosen].help)
        settings = weight_controls(project)
        st.page_link(
            "pages/train.py", label="Train with these weights", icon=":material/model_training:",
            query_params={"project": project.id, "loss": "tuned"},
        )  # fmt: skip
    rows = with_weights(base_rows, row_weights(prepared, settings, shell.load_curation(project)))
    selected = np.asarray([i for i in view.get("selected", []) if i < len(rows)], dtype=int)
    drawn = rows
    with canvas:
        if len(rows) > embedding_map.MAX_MAP_POINTS:
            drawn = rows.sample(embedding_map.MAX_MAP_POINTS, random_state=0).sort_index()
            st.caption(f"The map shows a random sample of {len(drawn):,} of {len(rows):,} rows.")
        st.plotly_chart(
            embedding_map.figure(drawn, colours[chosen], selected, labels=project.labels),
            key="map", on_select=take_selection, selection_mode=("lasso", "box", "points"),
            config={"displaylogo": False, "scrollZoom": True},
            alt=f"Map of {len(rows):,} rows coloured by {colours[chosen].label}. The table below lists a selection.",
        )  # fmt: skip
    selection_table(rows, selected)


workbench()
